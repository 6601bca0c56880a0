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
package web
