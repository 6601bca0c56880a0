package protocol

// Version is the protocol's version; a client that speaks another one gets
// the error CodeVersion. It is raised when an old client would misunderstand.
const Version = 1

// ClientMessage is what a browser may send.
type ClientMessage interface{ clientMessage() }

// Join opens the conversation; it must be the first message. Exactly one of
// Token (the booking secret of the link) and Resume (the secret that joined
// or waiting gave, for a socket that dropped) is set.
type Join struct {
	Version int    `json:"version"`
	Token   string `json:"token,omitempty"`
	Resume  string `json:"resume,omitempty"`
	// Language of texts that a person reads: "it" or "en".
	Language string `json:"language,omitempty"`
	// Device says how the device check went; the clerk sees it in the lobby.
	Device DeviceCheck `json:"device"`
	// Seen is the Seq of the last event received, when resuming; events after
	// it are replayed.
	Seen int64 `json:"seen,omitempty"`
}

// DeviceCheck is the outcome of the preview before the lobby.
type DeviceCheck struct {
	Camera     DeviceState `json:"camera"`
	Microphone DeviceState `json:"microphone"`
}

// DeviceState is one device in the preview.
type DeviceState string

// The states of a device.
const (
	DeviceOK      DeviceState = "ok"
	DeviceOff     DeviceState = "off"     // present, switched off by its owner
	DeviceDenied  DeviceState = "denied"  // permission refused
	DeviceMissing DeviceState = "missing" // none found
	DeviceUnknown DeviceState = "unknown" // not checked
)

// Offer carries the browser's SDP offer. Sent once after joined; again for an
// ICE restart or for more receive slots. The browser is the only offerer.
type Offer struct {
	SDP string `json:"sdp"`
	// Send names the mids of the sections that this peer sends on.
	Send SendSections `json:"send"`
	// Receive lists the mids of each receive slot, in slot order.
	Receive []SlotSections `json:"receive"`
}

// SendSections are SDP mids; an empty string is a section that is not offered.
type SendSections struct {
	Microphone  string `json:"microphone"`
	Camera      string `json:"camera"`
	Screen      string `json:"screen"`
	ScreenAudio string `json:"screenAudio"`
}

// SlotSections are the SDP mids of one receive slot.
type SlotSections struct {
	Audio       string `json:"audio"`
	Camera      string `json:"camera"`
	Screen      string `json:"screen"`
	ScreenAudio string `json:"screenAudio"`
}

// Source is what a publication shows.
type Source string

// The sources of a participant.
const (
	SourceMicrophone  Source = "microphone"
	SourceCamera      Source = "camera"
	SourceScreen      Source = "screen"
	SourceScreenAudio Source = "screenAudio"
	SourceText        Source = "text" // real-time text, on a data channel (docs/protocol.md)
)

// Publish says that a source starts or stops. Tracks come and go by
// replaceTrack, without SDP, so this message is what the others see.
type Publish struct {
	Source Source `json:"source"`
	On     bool   `json:"on"`
}

// View says how large a slot's camera is shown, so that no more is sent than
// is seen.
type View struct {
	Slot    int     `json:"slot"`
	Quality Quality `json:"quality"`
}

// Quality is the best camera layer a viewer wants.
type Quality string

// The qualities of a view.
const (
	QualityNone Quality = "none"
	QualityLow  Quality = "low"
	QualityHigh Quality = "high"
)

// Chat is a line of text to the room. ID is the client's own (at most 64
// characters), so that a line sent again after a resume is shown once.
type Chat struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Away says that a waiting citizen stepped away from the screen, or is back.
type Away struct {
	Away bool `json:"away"`
}

// Admit lets a waiting person in. Hosts only.
type Admit struct {
	Session string `json:"session"`
}

// Refuse sends a waiting person away with a text. Hosts only.
type Refuse struct {
	Session string `json:"session"`
	Text    string `json:"text,omitempty"`
}

// LobbyMessage writes to a waiting person. Hosts only.
type LobbyMessage struct {
	Session string `json:"session"`
	Text    string `json:"text"`
}

// Interpret says whether a participant interprets. Hosts only; it may be
// oneself. It holds for the person, also when they come back.
type Interpret struct {
	Peer string `json:"peer"`
	On   bool   `json:"on"`
}

// Remove takes a participant out of the room. Hosts only.
type Remove struct {
	Peer string `json:"peer"`
}

// End ends the session for everybody. Hosts only.
type End struct{}

// Leave gives up the seat; the socket closes after it.
type Leave struct{}

// OfferFile tells the room that a file can be had. ID is the client's own,
// unique in the room (a UUID).
type OfferFile struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Size      int64  `json:"size"` // bytes
	MediaType string `json:"mediaType,omitempty"`
}

// WithdrawFile takes an offered file back; running transfers of it stop.
type WithdrawFile struct {
	ID string `json:"id"`
}

// AcceptFile asks for a file from Offset on; the server answers with a
// transfer to both ends.
type AcceptFile struct {
	ID     string `json:"id"`
	Offset int64  `json:"offset"` // bytes already held
}

// CancelTransfer stops one transfer, by either end.
type CancelTransfer struct {
	Transfer string `json:"transfer"`
}

// FileReceived is the receiver's word at the end of a transfer: the fingerprint
// (lower-case hex, see [Transfer]) of what it holds. The server tells the sender.
type FileReceived struct {
	Transfer string `json:"transfer"`
	SHA256   string `json:"sha256"`
}

// Ping asks for a pong; browsers cannot send WebSocket pings themselves.
type Ping struct {
	ID int64 `json:"id"`
}

func (Join) clientMessage()           {}
func (Offer) clientMessage()          {}
func (Publish) clientMessage()        {}
func (View) clientMessage()           {}
func (Chat) clientMessage()           {}
func (Away) clientMessage()           {}
func (Admit) clientMessage()          {}
func (Refuse) clientMessage()         {}
func (LobbyMessage) clientMessage()   {}
func (Interpret) clientMessage()      {}
func (Remove) clientMessage()         {}
func (End) clientMessage()            {}
func (Leave) clientMessage()          {}
func (OfferFile) clientMessage()      {}
func (WithdrawFile) clientMessage()   {}
func (AcceptFile) clientMessage()     {}
func (CancelTransfer) clientMessage() {}
func (FileReceived) clientMessage()   {}
func (Ping) clientMessage()           {}
