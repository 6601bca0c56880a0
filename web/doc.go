// Package web is what people see: the citizens' booking pages, the staff's
// consoles and the page of the room.
//
// A request goes through the middleware of server.go (request id, log line,
// security headers, body limit, cross-origin check), reaches one handler by
// the list in routes.go, and ends in a template. Handlers return an error
// where they cannot answer; errors.go turns it into a page that says what to
// do. Everything works without JavaScript: a page is HTML, a step is a form,
// and every POST ends in a redirect, so that reload and the back button never
// do a thing twice.
//
// Pages live under /it and /en. Texts come from locales/*.json, through the
// Language bound to the request. Secrets of citizens never stand in a path or
// a query: they travel in the link's fragment, in a POST body or in an
// HttpOnly cookie.
//
// The staff's side is the list in staff_routes.go: each line names the roles
// that may have the page. Who is signed in lies in a session in PostgreSQL
// and is read anew from the agenda at every request. The boards are pages
// like the others; a script asks for their part of the page again when a
// stream of events (staff_events.go) says that something changed. The events
// name no person: what a reader may see is decided by the request that follows.
// The screens in the halls (hall.go) follow the same events with a right of
// their own: a link, no account.
//
// Who comes too often is told so (limit.go): counted together with the other
// processes where something is shared (web/tally), alone where it cannot be asked.
//
// The municipality's own programs come by the API (api*.go): the same agenda, in
// JSON, for who has a token. openapi.json describes it, api_page.go shows that to
// people; errors are RFC 9457.
//
// The administrator's pages (staff_admin_*.go) show first whom a change
// affects, and make it when asked for after that. A new office is led through
// the steps it needs by a guide (staff_admin_guide.go), which looks at what is
// there instead of remembering where somebody was. Appointments leave and come in as
// CSV (appointments_csv.go, import_*.go).
package web
