package sfu_test

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

// pair are two people in a room, and what is opened to the second.
func pair(t *testing.T, change ...func(*sfu.Config)) (s *sfu.SFU, a, b *member, toB <-chan *webrtc.DataChannel) {
	t.Helper()
	s = start(t, change...)
	a = join(t, s, "room", "a", sfutest.Options{Slots: 2})
	b = join(t, s, "room", "b", sfutest.Options{Slots: 2})
	return s, a, b, b.offered()
}

// types opens the channel on which a member types.
func (m *member) types(t *testing.T, label string) *channel {
	t.Helper()
	protocol := "t140"
	d, err := m.PC.CreateDataChannel(label, &webrtc.DataChannelInit{Protocol: &protocol})
	if err != nil {
		t.Fatal(err)
	}
	return await(t, d)
}

func (c *channel) say(t *testing.T, text ...string) {
	t.Helper()
	for _, s := range text {
		if _, err := c.WriteDataChannel([]byte(s), true); err != nil {
			t.Fatal(err)
		}
	}
}

// reads waits for the next channel of somebody's text.
func reads(t *testing.T, offered <-chan *webrtc.DataChannel, label string) *channel {
	t.Helper()
	select {
	case d := <-offered:
		if d.Label() != label || d.Protocol() != "t140" || !d.Ordered() {
			t.Fatalf("channel %q, protocol %q, ordered %t; want %q", d.Label(), d.Protocol(), d.Ordered(), label)
		}
		return await(t, d)
	case <-deadline(t).Done():
		t.Fatalf("%s did not come", label)
		return nil
	}
}

// hears reads until as much has come as is wanted.
func (c *channel) hears(t *testing.T, want string) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	got := ""
	buf := make([]byte, 64<<10)
	for len(got) < len(want) {
		n, isText, err := c.ReadDataChannel(buf)
		if err != nil || !isText {
			t.Fatalf("after %q: text %t, %v", got, isText, err)
		}
		got += string(buf[:n])
	}
	if got != want {
		t.Fatalf("heard %q, want %q", got, want)
	}
}

func (c *channel) closes(t *testing.T) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 64<<10)); !errors.Is(err, io.EOF) {
		t.Fatalf("not closed: %d bytes, %v", n, err)
	}
}

// Everybody gets what each one types, as it is typed, on a channel that says
// whose it is; who comes later gets it, too.
func TestTextGoesToAllOthers(t *testing.T) {
	s, a, b, toB := pair(t)
	toA := a.offered()
	elsewhere := join(t, s, "other", "c", sfutest.Options{Slots: 2}).offered()

	fromA := a.types(t, "text")
	fromA.say(t, "B", "uon", "giorni", "\b", "o")
	atB := reads(t, toB, "text/a/0")
	atB.hears(t, "Buongiorni\bo")
	fromA.say(t, "\u2028")
	atB.hears(t, "\u2028")

	b.types(t, "text/0").say(t, "😀 perché")
	reads(t, toA, "text/b/0").hears(t, "😀 perché")

	c := join(t, s, "room", "c", sfutest.Options{Slots: 2})
	toC := c.offered()
	seen := map[string]string{}
	for range 2 {
		ch := await(t, <-toC)
		want := map[string]string{"text/a/0": "Buongiorni\bo\u2028", "text/b/0": "😀 perché"}[ch.dc.Label()]
		ch.hears(t, want)
		seen[ch.dc.Label()] = want
	}
	if len(seen) != 2 {
		t.Errorf("the newcomer got %v", seen)
	}
	select {
	case d := <-elsewhere:
		t.Errorf("another room got %s", d.Label())
	default:
	}
}

// A character may be cut in two by whoever sends: readers get it whole.
func TestTextKeepsCharactersWhole(t *testing.T) {
	_, a, _, toB := pair(t)
	from := a.types(t, "text")
	from.say(t, "x\xf0\x9f", "\x98", "\x80y")
	at := reads(t, toB, "text/a/0")
	if err := at.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	for got := ""; got != "x😀y"; {
		n, err := at.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got += string(buf[:n])
		if !strings.HasPrefix("x😀y", got) || strings.ToValidUTF8(string(buf[:n]), "?") != string(buf[:n]) {
			t.Fatalf("a piece is %q", buf[:n])
		}
	}
}

func TestTextThatIsRefused(t *testing.T) {
	unordered, once, protocol := false, uint16(1), "t140"
	for name, c := range map[string]struct {
		init webrtc.DataChannelInit
		send []byte
		text bool
		want error
	}{
		"binary":     {send: []byte("x"), want: sfu.ErrNotText},
		"not UTF-8":  {send: []byte("a\xff\xfeb"), text: true, want: sfu.ErrNotText},
		"oversize":   {send: make([]byte, 4<<10+1), text: true, want: sfu.ErrTextTooLong},
		"huge":       {send: make([]byte, 60<<10), text: true, want: sfu.ErrTextTooLong},
		"unordered":  {init: webrtc.DataChannelInit{Ordered: &unordered}, want: sfu.ErrNotText},
		"unreliable": {init: webrtc.DataChannelInit{MaxRetransmits: &once}, want: sfu.ErrNotText},
	} {
		t.Run(name, func(t *testing.T) {
			_, a, _, toB := pair(t)
			c.init.Protocol = &protocol
			d, err := a.PC.CreateDataChannel("text", &c.init)
			if err != nil {
				t.Fatal(err)
			}
			ch := await(t, d)
			if c.send != nil {
				if _, err := ch.WriteDataChannel(c.send, c.text); err != nil {
					t.Fatal(err)
				}
			}
			ch.closes(t)
			a.until(t, "the refusal", func(st sfutest.State) bool {
				return len(st.TextRefused) == 1 && errors.Is(st.TextRefused[0], c.want)
			})
			// The next one is as good as any.
			a.types(t, "text").say(t, "ok")
			reads(t, toB, "text/a/0").hears(t, "ok")
		})
	}
}

// Who floods is slowed, not cut: the others get all of it, in order and not
// faster than the rate; meanwhile another person's text goes through.
func TestTextFlood(t *testing.T) {
	const pieces, piece = 20, 1000
	s, a, _, toB := pair(t, func(c *sfu.Config) { c.TextRate = 8 << 10 })
	c := join(t, s, "room", "c", sfutest.Options{Slots: 2})
	from := a.types(t, "text")
	want := ""
	began := time.Now()
	for i := range pieces {
		p := strings.Repeat(strconv.Itoa(i%10), piece)
		want += p
		from.say(t, p)
	}
	at := reads(t, toB, "text/a/0")
	c.types(t, "text").say(t, "?")
	reads(t, toB, "text/c/0").hears(t, "?")
	at.hears(t, want)
	// 20 kB and the opening, less the burst of 8 KiB, at 8 KiB/s.
	if took := time.Since(began); took < 1400*time.Millisecond {
		t.Errorf("%d bytes were through after %v", len(want), took)
	}
}

// A reader who does not read holds nobody up; what the room has not kept for
// it meanwhile is a gap that its next channel tells of.
func TestTextMarksWhatASlowReaderMissed(t *testing.T) {
	const size = 2 << 20
	s, a, _, toB := pair(t, func(c *sfu.Config) { c.TextRate = 1 << 30 })
	c := join(t, s, "room", "c", sfutest.Options{Slots: 2, Setting: func(e *webrtc.SettingEngine) {
		e.SetSCTPMaxReceiveBufferSize(256 << 10)
	}})
	toC := c.offered()
	from := a.types(t, "text")
	go func() {
		piece := []byte(strings.Repeat("€", 1300))
		for range size / len(piece) {
			if _, err := from.WriteDataChannel(piece, true); err != nil {
				t.Error(err)
				return
			}
		}
		if _, err := from.WriteDataChannel([]byte("end"), true); err != nil {
			t.Error(err)
		}
	}()
	for _, reader := range []<-chan *webrtc.DataChannel{toB, toC} {
		total, gaps := int64(0), 0
		for last := ""; !strings.HasSuffix(last, "end"); {
			d := <-reader
			from, err := strconv.ParseInt(strings.TrimPrefix(d.Label(), "text/a/"), 10, 64)
			if err != nil || from < total {
				t.Fatalf("%s after %d bytes", d.Label(), total)
			}
			if from > total {
				gaps++
			}
			total = from
			ch := await(t, d)
			buf := make([]byte, 64<<10)
			for {
				n, err := ch.Read(buf)
				if err != nil {
					break
				}
				total += int64(n)
				last = string(buf[:n])
				if strings.ContainsRune(last, '\uFFFD') {
					t.Fatal("half a character")
				}
				if strings.HasSuffix(last, "end") {
					break
				}
			}
		}
		if want := int64(size/3900*3900 + 3); total != want {
			t.Errorf("ended at %d of %d", total, want)
		}
		if reader == toC && gaps == 0 {
			t.Error("a reader who slept missed nothing: the room kept too much")
		}
	}
}

// The line of somebody who leaves in the middle is passed on to its last
// letter, and then the channel ends.
func TestTextOfSomebodyWhoLeaves(t *testing.T) {
	_, a, _, toB := pair(t)
	a.types(t, "text").say(t, "mezza ri")
	at := reads(t, toB, "text/a/0")
	at.hears(t, "mezza ri")
	a.peer.Close()
	at.closes(t)
}

// A connection that is made anew goes on where the text was: what the writer
// sends again is not doubled, what is lost shows as a later place, and the
// reader is given again what the room has kept.
func TestTextGoesOnAfterABreak(t *testing.T) {
	s, a, b, toB := pair(t)
	a.types(t, "text/0").say(t, "uno due ")
	at := reads(t, toB, "text/a/0")
	at.hears(t, "uno due ")

	a.peer.Close() // as when a page makes a new connection in the same seat
	at.closes(t)
	a2 := join(t, s, "room", "a", sfutest.Options{Slots: 1})
	again := a2.types(t, "text/4")
	again.say(t, "due tre")
	at = reads(t, toB, "text/a/0")
	at.hears(t, "uno due tre")

	b.peer.Close()
	b2 := join(t, s, "room", "b", sfutest.Options{Slots: 1})
	toB = b2.offered()
	at = reads(t, toB, "text/a/0")
	at.hears(t, "uno due tre")

	// What the writer does not have any more either.
	a2.types(t, "text/100").say(t, "cento")
	at.closes(t)
	at = reads(t, toB, "text/a/100")
	at.hears(t, "cento")

	// An older channel of the same person has no say any more.
	if _, err := again.WriteDataChannel([]byte("vecchio"), true); err == nil {
		again.closes(t)
	}

	// A reader who closes a channel is not asked again; others go on.
	if err := at.Close(); err != nil {
		t.Fatal(err)
	}
}

// Somebody who opens channel after channel waits no longer than for one of them,
// and what the older ones would have waited for does not pile up.
func TestTextChannelsWithoutEnd(t *testing.T) {
	_, a, _, toB := pair(t)
	last := a.types(t, "text")
	for range 40 {
		before := last
		last = a.types(t, "text")
		if err := before.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := before.ReadDataChannel(make([]byte, 10)); !errors.Is(err, io.EOF) {
			t.Fatalf("an older channel: %v", err)
		}
	}
	last.say(t, "after all")
	reads(t, toB, "text/a/0").hears(t, "after all")
	n := 0
	for _, stack := range goroutines() {
		n += strings.Count(stack, ".takeText(")
	}
	if n > 1 {
		t.Errorf("%d channels are read", n)
	}
}
