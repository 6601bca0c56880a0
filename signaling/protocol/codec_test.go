package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// marked lists the structs that carry a marker method, from the source: a new
// message cannot be forgotten by the tests.
func marked(t *testing.T, marker string) []string {
	t.Helper()
	var names []string
	for _, file := range []string{"client.go", "server.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == marker {
				name := fn.Recv.List[0].Type.(*ast.Ident).Name
				names = append(names, strings.ToLower(name[:1])+name[1:])
			}
		}
	}
	if len(names) == 0 {
		t.Fatalf("no struct has %s", marker)
	}
	return names
}

func TestExamplesRoundTrip(t *testing.T) {
	for _, side := range []string{"client", "server"} {
		for _, kind := range marked(t, side+"Message") {
			t.Run(side+"/"+kind, func(t *testing.T) {
				data, err := os.ReadFile(filepath.Join("testdata", side, kind+".json"))
				if err != nil {
					t.Fatal(err)
				}
				var m any
				if side == "client" {
					m, err = DecodeClient(data)
				} else {
					m, err = DecodeServer(data)
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := TypeOf(m); got != kind {
					t.Errorf("type %q, want %q", got, kind)
				}
				again, err := Encode(m)
				if err != nil {
					t.Fatal(err)
				}
				var want, got any
				if json.Unmarshal(data, &want) != nil || json.Unmarshal(again, &got) != nil {
					t.Fatalf("not JSON: %s", again)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("encoded again: %s", again)
				}
			})
		}
	}
}

func TestEmptyListsTravelAsLists(t *testing.T) {
	for _, m := range []any{
		Hello{ICEServers: []ICEServer{{}}},
		Hello{},
		Joined{},
		Joined{Participants: []Participant{{}}},
		Participant{},
		Lobby{},
		Layers{},
		Paused{},
		Speaking{},
		Interpreters{},
		Offer{},
	} {
		data, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("null")) {
			t.Errorf("%s", data)
		}
	}
}

func TestEncodeRefusesOthers(t *testing.T) {
	if _, err := Encode(Limits{}); err == nil {
		t.Error("a struct that is no message was encoded")
	}
}

func TestDecodeClientRefuses(t *testing.T) {
	long := strings.Repeat("x", MaxChatChars+1)
	for name, c := range map[string]struct{ in, field string }{
		"empty":            {``, ""},
		"not JSON":         {`{"type":"ping"`, ""},
		"trailing":         {`{"type":"ping","id":1}{}`, ""},
		"array":            {`[]`, ""},
		"null":             {`null`, ""},
		"no type":          {`{"id":1}`, ""},
		"unknown type":     {`{"type":"sudo"}`, ""},
		"server's type":    {`{"type":"joined"}`, ""},
		"type of type":     {`{"type":7}`, ""},
		"not UTF-8":        {"{\"type\":\"chat\",\"id\":\"1\",\"text\":\"\xff\"}", ""},
		"wrong field type": {`{"type":"ping","id":"x"}`, "id"},
		"huge number":      {`{"type":"view","slot":1e99,"quality":"low"}`, "slot"},
		"no secret":        {`{"type":"join","version":1}`, "token"},
		"two secrets":      {`{"type":"join","version":1,"token":"a","resume":"b"}`, "token"},
		"long secret":      {`{"type":"join","version":1,"token":"` + long + `"}`, "token"},
		"language":         {`{"type":"join","version":1,"token":"a","language":"de"}`, "language"},
		"device":           {`{"type":"join","version":1,"token":"a","device":{"camera":"great"}}`, "device.camera"},
		"seen":             {`{"type":"join","version":1,"resume":"a","seen":-1}`, "seen"},
		"no sdp":           {`{"type":"offer"}`, "sdp"},
		"mid twice":        {`{"type":"offer","sdp":"v","send":{"microphone":"0","camera":"0"}}`, "send"},
		"mid with space":   {`{"type":"offer","sdp":"v","receive":[{"audio":"a b"}]}`, "receive[0]"},
		"many slots":       {`{"type":"offer","sdp":"v","receive":[{}` + strings.Repeat(",{}", MaxSlots) + `]}`, "receive"},
		"source":           {`{"type":"publish","source":"smell","on":true}`, "source"},
		"slot":             {`{"type":"view","slot":-1,"quality":"low"}`, "slot"},
		"quality":          {`{"type":"view","slot":0,"quality":"best"}`, "quality"},
		"chat without id":  {`{"type":"chat","text":"x"}`, "id"},
		"chat id":          {`{"type":"chat","id":"<b>","text":"x"}`, "id"},
		"blank chat":       {`{"type":"chat","id":"1","text":" \n "}`, "text"},
		"long chat":        {`{"type":"chat","id":"1","text":"` + long + `"}`, "text"},
		"control in chat":  {`{"type":"chat","id":"1","text":"a\u0007"}`, "text"},
		"admit nobody":     {`{"type":"admit"}`, "session"},
		"long refusal":     {`{"type":"refuse","session":"s","text":"` + long + `"}`, "text"},
		"empty notice":     {`{"type":"lobbyMessage","session":"s","text":""}`, "text"},
		"interpret nobody": {`{"type":"interpret","on":true}`, "peer"},
		"remove nobody":    {`{"type":"remove"}`, "peer"},
		"path as name":     {`{"type":"offerFile","id":"1","name":"../etc/passwd","size":1}`, "name"},
		"bidi in name":     {`{"type":"offerFile","id":"1","name":"a\u202egpj.exe","size":1}`, "name"},
		"long name":        {`{"type":"offerFile","id":"1","name":"` + long + `","size":1}`, "name"},
		"negative size":    {`{"type":"offerFile","id":"1","name":"a","size":-1}`, "size"},
		"media type":       {`{"type":"offerFile","id":"1","name":"a","size":1,"mediaType":"è"}`, "mediaType"},
		"negative offset":  {`{"type":"acceptFile","id":"1","offset":-1}`, "offset"},
		"upper-case hash":  {`{"type":"fileReceived","transfer":"t","sha256":"` + strings.Repeat("A", 64) + `"}`, "sha256"},
		"short hash":       {`{"type":"fileReceived","transfer":"t","sha256":"ab"}`, "sha256"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeClient([]byte(c.in))
			if !errors.Is(err, ErrBadMessage) {
				t.Fatalf("err = %v, want ErrBadMessage", err)
			}
			var d *DecodeError
			if !errors.As(err, &d) || d.Field != c.field {
				t.Errorf("field %q, want %q (%v)", d.Field, c.field, err)
			}
		})
	}
}

func TestMessagesOfANewerClient(t *testing.T) {
	m, err := DecodeClient([]byte(`{"type":"ping","id":3,"colour":"green"}`))
	if err != nil || m != (Ping{ID: 3}) {
		t.Errorf("got %v, %v", m, err)
	}
}

func TestCloseStatusesDiffer(t *testing.T) {
	seen := map[int]Code{}
	for _, c := range Codes() {
		s := c.CloseStatus()
		if s < 4000 || s > 4999 {
			t.Errorf("%s closes with %d", c, s)
		}
		if other, ok := seen[s]; ok {
			t.Errorf("%s and %s both close with %d", c, other, s)
		}
		seen[s] = c
	}
}

// TestDocumented holds docs/protocol.md to the code: every message and every
// code is explained there.
func TestDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)
	for _, side := range []string{"client", "server"} {
		for _, kind := range marked(t, side+"Message") {
			if !strings.Contains(doc, "### `"+kind+"`") && !strings.Contains(doc, ", `"+kind+"`") {
				t.Errorf("docs/protocol.md has no heading for %s", kind)
			}
		}
	}
	for _, c := range Codes() {
		row := "| `" + string(c) + "` | " + itoa(c.CloseStatus())
		if !strings.Contains(doc, row) {
			t.Errorf("docs/protocol.md has no row %q", row)
		}
	}
	for _, e := range []EndReason{EndByHost, EndRemoved, EndRefused, EndReplaced, EndExpired, EndCancelled, EndShutdown} {
		if !strings.Contains(doc, "| `"+string(e)+"` |") {
			t.Errorf("docs/protocol.md does not explain the end %q", e)
		}
	}
}

func itoa(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := DecodeClient(data)
		if err != nil {
			if !errors.Is(err, ErrBadMessage) {
				t.Fatalf("untyped error %v", err)
			}
		} else {
			// What was accepted must survive being sent on.
			out, err := Encode(m)
			if err != nil {
				t.Fatal(err)
			}
			again, err := DecodeClient(out)
			if err != nil {
				t.Fatalf("%s: %v", out, err)
			}
			if TypeOf(again) != TypeOf(m) {
				t.Fatalf("%T became %T", m, again)
			}
		}
		if m, err := DecodeServer(data); err == nil {
			if _, err := Encode(m); err != nil {
				t.Fatal(err)
			}
		}
	})
}
