// Package protocol is the wire language of the room: every message that a
// browser and the counter exchange over the WebSocket, as Go structs.
//
// It is the one source. The TypeScript side (web/src/protocol.gen.ts) is
// generated from these structs, and docs/protocol.md explains them to whoever
// writes a client in another language. Messages are JSON text frames: an
// object whose "type" names the struct. The conversation is
//
//	server: hello                                       version, limits
//	client: join (token or resume secret)
//	server: waiting … waiting                           the lobby, citizens and guests
//	server: joined                                      the room as it is now
//	client: offer      server: answer                   once; again for an ICE restart or more slots
//	server: assign, participant, left, chat, …          as things happen
//	client: publish, view, chat, acceptFile, admit, …
//	server: ended, or error with fatal set; then the socket closes
//
// The package imports nothing of the project.
package protocol

//go:generate go run ./gen -o ../../web/src/protocol.gen.ts
