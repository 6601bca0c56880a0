// Package sfu forwards media: rooms, peers, their publications, and the
// receive slots that carry them to the others. It knows no HTTP, Redis or SQL
// and imports nothing of the project.
//
// # The journey of a packet
//
// All media of a room comes in on one UDP port. One goroutine, its [loop], reads
// it in batches and tells packets apart by their first byte. STUN and DTLS go to the
// queue of the pion/webrtc connection they belong to (directory, muxConn): pion
// does SDP, ICE, DTLS, SCTP and data channels. What it sends of DTLS leaves in
// batches, too (dtlsQueue). RTP and RTCP never enter pion:
// the loop decrypts a packet with the keys of that connection (keyring), finds
// the stream by SSRC, or by mid and rid (inStream), keeps it in the ring, and
// lets every outTrack that carries this stream, and whose viewer has its codec,
// rewrite (rewriter), encrypt and queue it. What one read brought goes out with
// one write. A viewer who comes soon after a keyframe begins with what the ring
// has kept of it (replay). Where no UDP gets out, the same packets come and go
// in frames over TCP (tcpPort, tcpStream).
//
// What a viewer's link carries is estimated from its feedback (estimator) and
// divided among its tracks (allocate): voices first, then pictures by importance.
// Where a picture does not fit whole, frames are left out (thinning) before it
// gets small.
//
// # Who owns what
//
// There may be several loops, each with a port of its own; a room lives on one
// of them, and loops share nothing. All media state belongs to its loop's
// goroutine, so a packet takes no lock and fan-out is a plain slice. The control
// plane posts closures to it and does not wait, but for Close. Locks are taken in
// the order SFU, Room, then any one of Peer, the TCP port (and under
// it a stream's queue), a loop's directory, its
// queue or a mailbox; under the first two nothing is called but the posting to loop and
// mailboxes, no pion, no Observer. An Observer is called by its peer's mailbox
// goroutine, in order, with no lock held.
//
// Every goroutine has someone who waits: Close of a Peer for its transfers, its
// connection and its readers; Close of the SFU for all peers, the loops and the
// mailboxes.
//
// docs/media.md tells more, and why.
package sfu
