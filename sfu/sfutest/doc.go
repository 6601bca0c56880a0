// Package sfutest has participants for tests: a client over pion/webrtc that
// offers what the room's page offers, and an observer that remembers.
package sfutest
