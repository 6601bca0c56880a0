package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"unicode"
	"unicode/utf8"
)

// ErrBadMessage is what every refusal of a message wraps.
var ErrBadMessage = errors.New("protocol: bad message")

// DecodeError says what is wrong with a message. It never repeats what the
// message held, so that it can be logged.
type DecodeError struct {
	Type  string // of the message, or empty where it could not be told
	Field string // the JSON path of the field, or empty
	Why   string
}

// Error implements error.
func (e *DecodeError) Error() string {
	at := e.Type
	if e.Field != "" {
		at += "." + e.Field
	}
	if at == "" {
		return "protocol: bad message: " + e.Why
	}
	return fmt.Sprintf("protocol: bad message: %s: %s", at, e.Why)
}

// Unwrap makes errors.Is(err, ErrBadMessage) hold.
func (e *DecodeError) Unwrap() error { return ErrBadMessage }

// validator is a client message that can check its own fields.
type validator interface{ validate() *DecodeError }

// DecodeClient reads what a browser sent and checks every field against its
// limit. Fields that the protocol does not know are ignored, so that a client
// may be newer than the server; a type that it does not know is refused.
func DecodeClient(data []byte) (ClientMessage, error) {
	kind, err := typeOf(data)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "join":
		return client[Join](kind, data)
	case "offer":
		return client[Offer](kind, data)
	case "publish":
		return client[Publish](kind, data)
	case "view":
		return client[View](kind, data)
	case "chat":
		return client[Chat](kind, data)
	case "away":
		return client[Away](kind, data)
	case "admit":
		return client[Admit](kind, data)
	case "refuse":
		return client[Refuse](kind, data)
	case "lobbyMessage":
		return client[LobbyMessage](kind, data)
	case "interpret":
		return client[Interpret](kind, data)
	case "remove":
		return client[Remove](kind, data)
	case "end":
		return client[End](kind, data)
	case "leave":
		return client[Leave](kind, data)
	case "offerFile":
		return client[OfferFile](kind, data)
	case "withdrawFile":
		return client[WithdrawFile](kind, data)
	case "acceptFile":
		return client[AcceptFile](kind, data)
	case "cancelTransfer":
		return client[CancelTransfer](kind, data)
	case "fileReceived":
		return client[FileReceived](kind, data)
	case "ping":
		return client[Ping](kind, data)
	}
	return nil, &DecodeError{Type: printable(kind), Why: "unknown type"}
}

// DecodeServer reads what the counter sent. Go clients (tests, load
// generators) use it; the server's word is not validated again.
func DecodeServer(data []byte) (ServerMessage, error) {
	kind, err := typeOf(data)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "hello":
		return server[Hello](kind, data)
	case "waiting":
		return server[Waiting](kind, data)
	case "joined":
		return server[Joined](kind, data)
	case "participant":
		return server[Participant](kind, data)
	case "left":
		return server[Left](kind, data)
	case "lobby":
		return server[Lobby](kind, data)
	case "lobbyNotice":
		return server[LobbyNotice](kind, data)
	case "answer":
		return server[Answer](kind, data)
	case "assign":
		return server[Assign](kind, data)
	case "moreSlots":
		return server[MoreSlots](kind, data)
	case "layers":
		return server[Layers](kind, data)
	case "codec":
		return server[Codec](kind, data)
	case "paused":
		return server[Paused](kind, data)
	case "chatLine":
		return server[ChatLine](kind, data)
	case "fileOffered":
		return server[FileOffered](kind, data)
	case "fileWithdrawn":
		return server[FileWithdrawn](kind, data)
	case "transfer":
		return server[Transfer](kind, data)
	case "transferEnded":
		return server[TransferEnded](kind, data)
	case "fileDelivered":
		return server[FileDelivered](kind, data)
	case "speaking":
		return server[Speaking](kind, data)
	case "interpreters":
		return server[Interpreters](kind, data)
	case "connection":
		return server[Connection](kind, data)
	case "statistics":
		return server[Statistics](kind, data)
	case "ended":
		return server[Ended](kind, data)
	case "pong":
		return server[Pong](kind, data)
	case "error":
		return server[Error](kind, data)
	}
	return nil, &DecodeError{Type: printable(kind), Why: "unknown type"}
}

// Encode writes a ClientMessage or a ServerMessage as the JSON of one text
// frame. Lists that are nil travel as [], never as null.
func Encode(m any) ([]byte, error) {
	switch m.(type) {
	case ClientMessage, ServerMessage:
	default:
		return nil, fmt.Errorf("protocol: encode %T: not a message", m)
	}
	body, err := json.Marshal(withLists(m))
	if err != nil {
		return nil, fmt.Errorf("protocol: encode %s: %w", TypeOf(m), err)
	}
	out := make([]byte, 0, len(body)+len(`{"type":"",`)+16)
	out = append(out, `{"type":"`...)
	out = append(out, TypeOf(m)...)
	out = append(out, '"')
	if !bytes.Equal(body, []byte("{}")) {
		out = append(out, ',')
	}
	return append(out, body[1:]...), nil
}

// TypeOf is the "type" of a message: its struct's name in lowerCamel.
func TypeOf(m any) string {
	name := reflect.TypeOf(m).Name()
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[n:]
}

func typeOf(data []byte) (string, error) {
	// Frames are text, but neither the library nor encoding/json insists on
	// UTF-8; a broken sequence would come back to others as U+FFFD.
	if !utf8.Valid(data) {
		return "", &DecodeError{Why: "not UTF-8"}
	}
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return "", &DecodeError{Why: "not a JSON object with a type"}
	}
	if head.Type == "" {
		return "", &DecodeError{Why: "no type"}
	}
	return head.Type, nil
}

func client[T ClientMessage](kind string, data []byte) (ClientMessage, error) {
	m, err := unmarshal[T](kind, data)
	if err != nil {
		return nil, err
	}
	if v, ok := any(m).(validator); ok {
		if bad := v.validate(); bad != nil {
			bad.Type = kind
			return nil, bad
		}
	}
	return m, nil
}

func server[T ServerMessage](kind string, data []byte) (ServerMessage, error) {
	return unmarshal[T](kind, data)
}

func unmarshal[T any](kind string, data []byte) (T, error) {
	var m T
	if err := json.Unmarshal(data, &m); err != nil {
		bad := &DecodeError{Type: kind, Why: "a field of the wrong type"}
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			bad.Field = wrong.Field
		}
		return m, bad
	}
	return m, nil
}

// printable keeps a type that a stranger sent from spoiling a log line.
func printable(kind string) string {
	if len(kind) > 32 {
		return "?"
	}
	for _, r := range kind {
		if r < 'A' || r > 'z' {
			return "?"
		}
	}
	return kind
}

// withLists replaces nil lists by empty ones: a client reads them as arrays.
func withLists(m any) any {
	switch m := m.(type) {
	case Hello:
		m.ICEServers, m.VideoCodecs = list(m.ICEServers), list(m.VideoCodecs)
		for i, s := range m.ICEServers {
			if s.URLs == nil {
				m.ICEServers[i].URLs = []string{}
			}
		}
		return m
	case Joined:
		m.Participants = append([]Participant{}, m.Participants...)
		for i, p := range m.Participants {
			m.Participants[i].Publications = list(p.Publications)
		}
		m.Lobby, m.Chat, m.Files = list(m.Lobby), list(m.Chat), list(m.Files)
		return m
	case Participant:
		m.Publications = list(m.Publications)
		return m
	case Lobby:
		m.Waiting = list(m.Waiting)
		return m
	case Layers:
		m.Active = list(m.Active)
		return m
	case Paused:
		m.Cameras, m.Screens = list(m.Cameras), list(m.Screens)
		return m
	case Speaking:
		m.Peers = list(m.Peers)
		return m
	case Interpreters:
		m.Peers = list(m.Peers)
		return m
	case Offer:
		m.Receive = list(m.Receive)
		return m
	}
	return m
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
