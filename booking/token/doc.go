// Package token holds the booking tokens that open a room: the Grant, the
// secret that stands for it in a person's link, and the Redis store that
// signalling asks before it lets anybody in.
//
// A secret is 256 random bits with a short checksum, so that a link copied
// badly can be told from one that never existed. Only the SHA-256 of a secret
// is stored, here (key "token:{sha256}") and in PostgreSQL. PostgreSQL is the
// truth: when Redis has lost a grant, the store asks its Source once and
// keeps the answer. Losing Redis loses nothing.
//
// A grant that is deleted is told on a channel (watch.go), so that signalling
// ends the sessions it opened.
//
// The package imports nothing of the project.
package token
