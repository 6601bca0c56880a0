// Package relay is the TURN server (RFC 8656) for browsers whose network lets
// no UDP out to the media ports. It relays to those and to nothing else: it
// opens no way into any network, and its own relay sockets are on loopback,
// where nobody outside can reach them.
//
// A browser asks over UDP, TCP or TLS, all on one port. Its credentials are made
// for one socket of the signalling and are of no use until that socket's bearer
// was let in (Admit); then they last as long as the grant. What allocations a
// person may hold at once is limited, and so are all together.
package relay
