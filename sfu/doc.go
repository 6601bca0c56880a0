// Package sfu forwards media: rooms, peers, their publications, and the
// receive slots that carry them to the others. It knows no HTTP, Redis or SQL
// and imports nothing of the project.
package sfu
