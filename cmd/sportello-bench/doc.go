// Command sportello-bench puts calls on the media server and tells what they
// cost. The server runs in a process of its own, so that its CPU time can be
// read apart; this process is the participants, made with pion/webrtc. For
// comparison the same calls go through a plain pion/webrtc forwarder, with stock
// interceptors and with none, and the floor is what a packet costs that is only
// received, decrypted, encrypted and sent. All of them take turns in one run, so
// that a busy machine is busy for all.
//
// Everything stays on loopback and ends by itself. It prints, and judges nothing.
package main
