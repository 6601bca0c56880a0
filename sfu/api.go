package sfu

import "errors"

// What callers can tell apart with errors.Is.
var (
	ErrClosed           = errors.New("sfu: closed")
	ErrRoomFull         = errors.New("sfu: room is full")
	ErrPeerExists       = errors.New("sfu: peer is in the room already")
	ErrUnknownPeer      = errors.New("sfu: no such peer in the room")
	ErrUnknownSlot      = errors.New("sfu: no such receive slot")
	ErrBadOffer         = errors.New("sfu: offer refused")
	ErrTransferExists   = errors.New("sfu: transfer is announced already")
	ErrTooManyTransfers = errors.New("sfu: too many transfers at once")
	ErrTransferTooBig   = errors.New("sfu: transfer is bigger than announced")
	ErrTransferStopped  = errors.New("sfu: transfer stopped")
	ErrNotText          = errors.New("sfu: not real-time text")
	ErrTextTooLong      = errors.New("sfu: a text message of more than 4 KiB")
)

// Source is what a publication shows.
type Source uint8

// The sources of a peer.
const (
	Microphone Source = iota
	Camera
	Screen
	ScreenAudio
)

// SendSections are the SDP mids on which a peer sends; "" where it offers none.
type SendSections struct{ Microphone, Camera, Screen, ScreenAudio string }

// SlotSections are the SDP mids of one receive slot; "" where it offers none.
type SlotSections struct{ Audio, Camera, Screen, ScreenAudio string }

// Offer is a browser's SDP offer and what its sections are for.
type Offer struct {
	SDP     string
	Send    SendSections
	Receive []SlotSections
}

// Quality is the best camera layer a viewer wants to get in a slot.
type Quality uint8

// The qualities.
const (
	QualityNone Quality = iota
	QualityLow
	QualityHigh
)

// Observer hears what happens to one peer. Its methods are called without any
// lock of the package held and must not block: post and return.
type Observer interface {
	// Assigned says whose media a receive slot carries now; "" frees it.
	Assigned(slot int, peer string)
	// SlotsShort asks for an offer with at least n receive slots.
	SlotsShort(n int)
	// Connected and Disconnected follow the media connection; Failed is final.
	Connected()
	Disconnected()
	Failed()
	// Layers says which camera rids ("l", "h") somebody watches, when that
	// changes; at first the browser sends both. The others may be paused.
	Layers(active []string)
	// Codec says how to pack camera and screen from now on: "h264", "vp9" or
	// "av1" while all of the room can show it, or "vp8", as at first.
	Codec(name string)
	// Voice says whether to send the voice with redundancy (RFC 2198) from now on,
	// since much of it is lost; at first it is sent without.
	Voice(redundant bool)
	// Paused lists the slots whose camera, and those whose screen, is held back for
	// now, since the peer's link has no room for it.
	Paused(cameras, screens []int)
	// Speaking says which peers of the room speak, loudest first.
	Speaking(peers []string)
	// TransferEnded says that a transfer to or from this peer stopped; err is
	// nil when all was passed on.
	TransferEnded(transfer string, err error)
	// TextRefused says that this peer's text channel was closed, with
	// ErrNotText or ErrTextTooLong.
	TextRefused(err error)
}
