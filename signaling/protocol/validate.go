package protocol

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of the fields. docs/protocol.md lists them; the settings' limits (the
// size of a file, the people in a room) are in Hello.
const (
	MaxMessageBytes  = 256 << 10 // one frame; an offer of 5 slots has up to 70 kB
	MaxSecret        = 128
	MaxSDPBytes      = 240 << 10
	MaxMid           = 16
	MaxSlots         = 32
	MaxID            = 64   // of chat lines, files, sessions, peers and transfers
	MaxChatChars     = 2000 // Unicode characters
	MaxNoticeChars   = 500
	MaxFileNameChars = 255
	MaxFileAhead     = 512 << 10 // bytes of a transfer sent beyond what the server has taken
	MaxMediaType     = 127       // RFC 6838, 4.2
)

func (m Join) validate() *DecodeError {
	switch {
	case (m.Token == "") == (m.Resume == ""):
		return bad("token", "exactly one of token and resume")
	case len(m.Token) > MaxSecret:
		return bad("token", "too long")
	case len(m.Resume) > MaxSecret:
		return bad("resume", "too long")
	case m.Language != "" && m.Language != "it" && m.Language != "en":
		return bad("language", "neither it nor en")
	case m.Seen < 0:
		return bad("seen", "negative")
	case !m.Device.Camera.known():
		return bad("device.camera", "not a state")
	case !m.Device.Microphone.known():
		return bad("device.microphone", "not a state")
	}
	return nil
}

// known accepts the empty state too: a client without a device check.
func (d DeviceState) known() bool {
	switch d {
	case "", DeviceOK, DeviceOff, DeviceDenied, DeviceMissing, DeviceUnknown:
		return true
	}
	return false
}

func (m Offer) validate() *DecodeError {
	if m.SDP == "" || len(m.SDP) > MaxSDPBytes {
		return bad("sdp", "empty or too long")
	}
	if len(m.Receive) > MaxSlots {
		return bad("receive", "too many slots")
	}
	seen := map[string]bool{}
	check := func(field string, mids ...string) *DecodeError {
		for _, mid := range mids {
			if mid == "" {
				continue
			}
			// A mid is an SDP token (RFC 8859, 8843); two bytes would do.
			if len(mid) > MaxMid || strings.ContainsFunc(mid, func(r rune) bool { return r <= ' ' || r > '~' }) {
				return bad(field, "not a mid")
			}
			if seen[mid] {
				return bad(field, "a mid named twice")
			}
			seen[mid] = true
		}
		return nil
	}
	if e := check("send", m.Send.Microphone, m.Send.Camera, m.Send.Screen, m.Send.ScreenAudio); e != nil {
		return e
	}
	for i, s := range m.Receive {
		if e := check(fmt.Sprintf("receive[%d]", i), s.Audio, s.Camera, s.Screen, s.ScreenAudio); e != nil {
			return e
		}
	}
	return nil
}

func (m Publish) validate() *DecodeError {
	switch m.Source {
	case SourceMicrophone, SourceCamera, SourceScreen, SourceScreenAudio, SourceText:
		return nil
	}
	return bad("source", "not a source")
}

func (m View) validate() *DecodeError {
	if m.Slot < 0 || m.Slot >= MaxSlots {
		return bad("slot", "out of range")
	}
	switch m.Quality {
	case QualityNone, QualityLow, QualityHigh:
		return nil
	}
	return bad("quality", "not a quality")
}

func (m Chat) validate() *DecodeError {
	if e := checkID("id", m.ID); e != nil {
		return e
	}
	return checkText("text", m.Text, MaxChatChars)
}

func (m Admit) validate() *DecodeError { return checkID("session", m.Session) }

func (m Refuse) validate() *DecodeError {
	if e := checkID("session", m.Session); e != nil {
		return e
	}
	if m.Text == "" {
		return nil
	}
	return checkText("text", m.Text, MaxNoticeChars)
}

func (m LobbyMessage) validate() *DecodeError {
	if e := checkID("session", m.Session); e != nil {
		return e
	}
	return checkText("text", m.Text, MaxNoticeChars)
}

func (m Interpret) validate() *DecodeError { return checkID("peer", m.Peer) }
func (m Remove) validate() *DecodeError    { return checkID("peer", m.Peer) }

func (m OfferFile) validate() *DecodeError {
	if e := checkID("id", m.ID); e != nil {
		return e
	}
	if e := checkFileName(m.Name); e != nil {
		return e
	}
	if m.Size < 0 {
		return bad("size", "negative")
	}
	if len(m.MediaType) > MaxMediaType || strings.ContainsFunc(m.MediaType, func(r rune) bool { return r < ' ' || r > '~' }) {
		return bad("mediaType", "not a media type")
	}
	return nil
}

func (m WithdrawFile) validate() *DecodeError { return checkID("id", m.ID) }

func (m AcceptFile) validate() *DecodeError {
	if m.Offset < 0 {
		return bad("offset", "negative")
	}
	return checkID("id", m.ID)
}

func (m CancelTransfer) validate() *DecodeError { return checkID("transfer", m.Transfer) }

func (m FileReceived) validate() *DecodeError {
	if e := checkID("transfer", m.Transfer); e != nil {
		return e
	}
	if len(m.SHA256) != 64 || strings.Trim(m.SHA256, "0123456789abcdef") != "" {
		return bad("sha256", "not 64 lower-case hex digits")
	}
	return nil
}

func bad(field, why string) *DecodeError { return &DecodeError{Field: field, Why: why} }

// checkID accepts what UUIDs, nanoids and counters are made of, so that an id
// can stand in a log or in a data channel's label.
func checkID(field, id string) *DecodeError {
	if id == "" || len(id) > MaxID {
		return bad(field, "empty or too long")
	}
	for _, r := range id {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '-', r == '_', r == '.', r == ':':
		default:
			return bad(field, "not an id")
		}
	}
	return nil
}

// checkText counts characters as a person does (code points), and refuses
// control characters other than the line break and the tab.
func checkText(field, s string, most int) *DecodeError {
	if strings.TrimSpace(s) == "" {
		return bad(field, "empty")
	}
	if utf8.RuneCountInString(s) > most {
		return bad(field, "too long")
	}
	for _, r := range s {
		if unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			return bad(field, "a control character")
		}
	}
	return nil
}

// checkFileName refuses paths, and the invisible characters that make
// "gpj.exe" look like "exe.jpg" (bidirectional overrides).
func checkFileName(name string) *DecodeError {
	if strings.TrimSpace(name) == "" || name == "." || name == ".." {
		return bad("name", "empty")
	}
	if utf8.RuneCountInString(name) > MaxFileNameChars {
		return bad("name", "too long")
	}
	for _, r := range name {
		if r == '/' || r == '\\' || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return bad("name", "a character that no file name has")
		}
	}
	return nil
}
