// Package signaling is the room's front door and its order of business: the
// WebSocket on which a browser and the counter talk, the token gate, the lobby,
// the room, and what happens when a connection breaks.
//
// # The journey of a message
//
// ServeHTTP upgrades, says hello, and waits for one join (gate.go). A booking
// secret gives a grant; a grant gives a session: a seat, in the lobby or in the
// room, that outlives its socket by a minute. The goroutine that upgraded goes
// on to read frames, decodes them and delivers them to the session's mailbox.
// One goroutine owns each session (session.go, handle.go, media.go): it alone handles the client's
// messages, speaks to the media server for this person, and writes to the
// socket's outbox, which a writer goroutine empties (conn.go).
//
// What several sessions share (rooms, lobbies, files) is kept in the Server
// under one mutex: the counter's books. A change is made, and its consequences
// are posted to the mailboxes, while the mutex is held. Posting never blocks, so
// this is safe; and it gives everybody the same order of events, and makes a
// snapshot (joined) exact: what was posted before it is in it, what comes after
// it is not. Nothing under the mutex calls the media server, Redis or a socket.
//
// A mailbox or an outbox that is full is never relieved by dropping an event.
// A full outbox closes the socket, and the seat waits for the client to come
// back; a full mailbox ends the session.
//
// # Continuity
//
// joined and waiting carry a resume secret, sealed with a key of this process
// (resume.go). A client whose socket dropped joins with it and gets the state as
// it is now; the media connection was never touched. A second join with the
// booking secret, from another device or a reloaded page, takes the seat over.
//
// A grant that is taken back ends its session (revoke.go): the token store
// tells of it over Redis, and the session knows the hash of its secret. After
// a time without Redis the source is asked after every live grant.
//
// A room that is joined in another process is given up here (elsewhere.go), so
// that its people meet where the proxy leads them now.
//
// Redis holds nothing that a running call needs: presence (presence.go) is
// written for the consoles and given up quietly when Redis is away.
package signaling
