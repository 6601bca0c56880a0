package protocol

import "time"

// ServerMessage is what the counter may send.
type ServerMessage interface{ serverMessage() }

// Hello is the server's first message.
type Hello struct {
	Version int    `json:"version"`
	Limits  Limits `json:"limits"`
	// ICEServers go into the browser's RTCPeerConnection as they are.
	ICEServers []ICEServer `json:"iceServers"`
	// VideoCodecs are to be offered after VP8: "h264", "vp9", "av1".
	VideoCodecs []string `json:"videoCodecs"`
}

// Limits are what the server accepts; a client checks them before it sends.
type Limits struct {
	FileBytes    int64 `json:"fileBytes"`
	ChatChars    int   `json:"chatChars"`
	MessageBytes int   `json:"messageBytes"`
	Participants int   `json:"participants"`
}

// ICEServer is an RTCIceServer (W3C WebRTC).
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// RoomInfo says what the room is about.
type RoomInfo struct {
	Office   string    `json:"office"`
	Service  string    `json:"service"`
	StartsAt time.Time `json:"startsAt"`
	EndsAt   time.Time `json:"endsAt"`
}

// Role is what a person may do in the room.
type Role string

// The roles: hosts admit, remove and end; citizens and guests wait in the lobby.
const (
	RoleHost    Role = "host"
	RoleCitizen Role = "citizen"
	RoleGuest   Role = "guest"
)

// Waiting says that the person is in the lobby; sent again when it changes.
type Waiting struct {
	Session string `json:"session"`
	Name    string `json:"name"`
	Role    Role   `json:"role"`
	// Position in the counter's queue; 1 is next.
	Position int `json:"position"`
	// ExpectedWait in seconds; 0 when nothing can be said.
	ExpectedWait int  `json:"expectedWait"`
	HostPresent  bool `json:"hostPresent"`
	// Resume is the secret that takes this seat up again after a drop.
	Resume string   `json:"resume"`
	Room   RoomInfo `json:"room"`
}

// Joined says that the person is in the room, and what it holds now.
type Joined struct {
	Peer         string        `json:"peer"` // one's own
	Name         string        `json:"name"`
	Role         Role          `json:"role"`
	Resume       string        `json:"resume"`
	Resumed      bool          `json:"resumed"`
	Room         RoomInfo      `json:"room"`
	Participants []Participant `json:"participants"` // the others
	Lobby        []LobbyEntry  `json:"lobby"`        // hosts only
	Chat         []ChatLine    `json:"chat"`         // when resumed, those after Join.Seen
	Files        []FileOffered `json:"files"`        // all that can be had now
}

// Participant is somebody in the room; sent whenever one arrives or changes.
type Participant struct {
	Peer         string           `json:"peer"`
	Name         string           `json:"name"`
	Role         Role             `json:"role"`
	State        ParticipantState `json:"state"`
	Publications []Source         `json:"publications"` // those that are on
}

// ParticipantState is a participant's connection.
type ParticipantState string

// The states of a participant.
const (
	StateConnected    ParticipantState = "connected"
	StateReconnecting ParticipantState = "reconnecting"
)

// Left says that a participant is gone for good.
type Left struct {
	Peer string `json:"peer"`
}

// Lobby is the queue before this room, oldest appointment first. Hosts only.
type Lobby struct {
	Waiting []LobbyEntry `json:"waiting"`
}

// LobbyEntry is somebody who waits.
type LobbyEntry struct {
	Session string      `json:"session"`
	Name    string      `json:"name"`
	Role    Role        `json:"role"`
	Since   time.Time   `json:"since"`
	Away    bool        `json:"away"`
	Online  bool        `json:"online"` // false while the socket is down
	Device  DeviceCheck `json:"device"`
}

// LobbyNotice is what a host wrote to a waiting person.
type LobbyNotice struct {
	From string    `json:"from"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// Answer carries the SDP answer, candidates included; there is no trickle.
type Answer struct {
	SDP string `json:"sdp"`
}

// Assign says whose media a receive slot carries from now on; an empty Peer
// frees the slot.
type Assign struct {
	Slot int    `json:"slot"`
	Peer string `json:"peer"`
}

// MoreSlots asks the browser to offer again with at least Slots receive slots.
type MoreSlots struct {
	Slots int `json:"slots"`
}

// Layers tells a publisher which camera layers somebody watches; it may pause
// the others. Rids are "l" and "h".
type Layers struct {
	Active []string `json:"active"`
}

// Codec tells a publisher how to pack camera and screen from now on: "h264",
// "vp9" or "av1" while everybody in the room can show it, else "vp8", as at first.
// A browser that cannot change it goes on with VP8. Redundant asks for the voice
// with redundancy (RFC 2198, audio/red), since much of it is lost: the browser
// offers that first in a new offer; and asks for it without again.
type Codec struct {
	Video     string `json:"video"`
	Redundant bool   `json:"redundant"`
}

// Paused tells a viewer in which slots the camera or the screen is held back for
// now, since the viewer's own link has no room for it. Voices go on.
type Paused struct {
	Cameras []int `json:"cameras"`
	Screens []int `json:"screens"`
}

// ChatLine is a line of text in the room. Seq orders the room's events.
type ChatLine struct {
	Seq  int64     `json:"seq"`
	ID   string    `json:"id"`
	Peer string    `json:"peer"`
	Name string    `json:"name"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// FileOffered says that a file can be had.
type FileOffered struct {
	Seq       int64  `json:"seq"`
	ID        string `json:"id"`
	Peer      string `json:"peer"`
	Name      string `json:"name"` // of the file
	Size      int64  `json:"size"`
	MediaType string `json:"mediaType,omitempty"`
}

// FileWithdrawn says that a file is no longer to be had.
type FileWithdrawn struct {
	ID string `json:"id"`
}

// Direction is an end of a transfer.
type Direction string

// The ends of a transfer.
const (
	DirectionSend    Direction = "send"
	DirectionReceive Direction = "receive"
)

// Transfer starts the passing of one file to one receiver. The sender opens
// an ordered, reliable data channel labelled "file/" + Transfer, sends the
// bytes from Offset on in binary messages of at most 64 KiB and then one text
// message with the fingerprint of the whole file: the lower-case hex SHA-256 of
// the SHA-256s of its pieces of 1 MiB. The receiver gets a channel with the same
// label and the same messages.
type Transfer struct {
	Transfer  string    `json:"transfer"`
	File      string    `json:"file"`
	Peer      string    `json:"peer"` // the other end
	Direction Direction `json:"direction"`
	Offset    int64     `json:"offset"`
}

// TransferEnded says that a transfer stopped before its end.
type TransferEnded struct {
	Transfer string `json:"transfer"`
	Code     Code   `json:"code"`
}

// FileDelivered tells the sender what the receiver holds.
type FileDelivered struct {
	Transfer string `json:"transfer"`
	SHA256   string `json:"sha256"`
}

// Connection says how the way between a participant and the server fares. It
// is sent to everybody in the room when that changes.
type Connection struct {
	Peer  string          `json:"peer"`
	Level ConnectionLevel `json:"level"`
	// Sending is how what comes from the participant fares alone: it reaches all
	// others as it reaches the server.
	Sending ConnectionLevel `json:"sending"`
	// Reduced says that the others' cameras come smaller than they are shown,
	// since no more gets through.
	Reduced bool `json:"reduced"`
}

// ConnectionLevel is how good a connection is.
type ConnectionLevel string

// The levels of a connection; at first one is good.
const (
	ConnectionGood ConnectionLevel = "good"
	ConnectionWeak ConnectionLevel = "weak" // heard with gaps or late now and then
	ConnectionBad  ConnectionLevel = "bad"  // hard to understand: sound alone is worth a try
)

// Statistics says to a participant how their own media fares, section by section.
// It names the others by slot only. It comes about every five seconds while
// something flows.
type Statistics struct {
	RTT int64 `json:"rtt"` // ms there and back; 0 where no report told it
	// Estimate is what the way to the page is thought to carry, in bit/s; 0 where
	// nothing is known of it.
	Estimate int `json:"estimate"`
	// Sends are the streams that come from the page, Slots what goes to it.
	Sends []SendStatistics `json:"sends"`
	Slots []SlotStatistics `json:"slots"`
}

// SendStatistics is one stream from the page: a camera has one for each layer
// that it sends.
type SendStatistics struct {
	Source    Source  `json:"source"`
	Layer     Quality `json:"layer"`
	Bitrate   int     `json:"bitrate"` // of payload, in the last second
	Loss      float64 `json:"loss"`    // the fraction lost in the last second, before repair
	Jitter    int64   `json:"jitter"`  // ms
	Keyframes int     `json:"keyframes"`
}

// SlotStatistics is one section of a receive slot.
type SlotStatistics struct {
	Slot   int    `json:"slot"`
	Source Source `json:"source"`
	// Layer is what flows, Wanted what the page asked for.
	Layer   Quality `json:"layer"`
	Wanted  Quality `json:"wanted"`
	Bitrate int     `json:"bitrate"`
	Loss    float64 `json:"loss"` // as the browser last reported, before repair
	Jitter  int64   `json:"jitter"`
	// Keyframes that the browser asked for, and gaps of 600 ms and more, since the
	// slot got its person.
	Keyframes int `json:"keyframes"`
	Freezes   int `json:"freezes"`
}

// Interpreters says who interprets, the reader perhaps among them: in signs or
// in another language. A page keeps their picture in view.
type Interpreters struct {
	Peers []string `json:"peers"`
}

// Speaking says which peers speak now, loudest first.
type Speaking struct {
	Peers []string `json:"peers"`
}

// EndReason says why a session is over.
type EndReason string

// The reasons of an end.
const (
	EndByHost    EndReason = "host"      // the clerk ended the session
	EndRemoved   EndReason = "removed"   // the clerk took this person out
	EndRefused   EndReason = "refused"   // the clerk did not let this person in
	EndReplaced  EndReason = "replaced"  // the same link was opened elsewhere
	EndExpired   EndReason = "expired"   // the time of the grant is over
	EndCancelled EndReason = "cancelled" // the appointment was cancelled, or the guest's link revoked
	EndShutdown  EndReason = "shutdown"  // the server stops
)

// Ended is the last message of a session that somebody ended.
type Ended struct {
	Reason EndReason `json:"reason"`
	Text   string    `json:"text,omitempty"`
}

// Pong answers a Ping.
type Pong struct {
	ID int64 `json:"id"`
}

// Error says that a message could not be served. Fatal errors are followed by
// the socket's close with the code's status (docs/protocol.md lists them).
type Error struct {
	Code Code `json:"code"`
	// Message is a text for a person, in the session's language.
	Message string `json:"message"`
	Fatal   bool   `json:"fatal"`
	// Ref is the type of the message that failed, or empty.
	Ref string `json:"ref,omitempty"`
	// NotBefore is set with CodeTooEarly: when the link starts to work.
	NotBefore *time.Time `json:"notBefore,omitempty"`
}

func (Hello) serverMessage()         {}
func (Waiting) serverMessage()       {}
func (Joined) serverMessage()        {}
func (Participant) serverMessage()   {}
func (Left) serverMessage()          {}
func (Lobby) serverMessage()         {}
func (LobbyNotice) serverMessage()   {}
func (Answer) serverMessage()        {}
func (Assign) serverMessage()        {}
func (MoreSlots) serverMessage()     {}
func (Layers) serverMessage()        {}
func (Codec) serverMessage()         {}
func (Paused) serverMessage()        {}
func (ChatLine) serverMessage()      {}
func (FileOffered) serverMessage()   {}
func (FileWithdrawn) serverMessage() {}
func (Transfer) serverMessage()      {}
func (TransferEnded) serverMessage() {}
func (FileDelivered) serverMessage() {}
func (Speaking) serverMessage()      {}
func (Statistics) serverMessage()    {}
func (Interpreters) serverMessage()  {}
func (Connection) serverMessage()    {}
func (Ended) serverMessage()         {}
func (Pong) serverMessage()          {}
func (Error) serverMessage()         {}
