package sfu

import (
	"sync"
	"unicode/utf8"
)

// textStream is what one person has typed in this room: the end of it, for
// whoever comes or comes back, and how long it is in all. Places in it are
// counted in bytes of UTF-8 from the first character on.
type textStream struct {
	author string

	mu      sync.Mutex
	kept    []byte        // whole characters
	end     int64         // place behind the last of kept
	source  any           // the channel that adds to it; an older one may not
	here    bool          // the author is in the room
	changed chan struct{} // closed at the next change
}

func newTextStream(author string) *textStream {
	return &textStream{author: author, changed: make(chan struct{})}
}

// wake tells followers; the caller holds the lock.
func (s *textStream) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// start is the place of the first byte that is kept.
func (s *textStream) start() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end - int64(len(s.kept))
}

// begin lets source add from a place on (below 0: from the end), and returns
// how many bytes of what comes are here already. Where it begins later than
// the stream ends, text is missing: nothing from before is kept, so that
// followers, too, meet the gap.
func (s *textStream) begin(source any, at int64) (skip int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at < 0 {
		at = s.end
	}
	if at > s.end {
		s.kept, s.end = nil, at
	}
	s.source, s.here = source, true
	s.wake()
	return s.end - at
}

func (s *textStream) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source, s.here = nil, false
	s.wake()
}

func (s *textStream) present() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.here
}

// add appends whole characters, if source still is the one that may.
func (s *textStream) add(source any, text []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.source != source {
		return false
	}
	s.kept = append(s.kept, text...)
	s.end += int64(len(text))
	if len(s.kept) > 2*textKept { // seldom, so that adding stays cheap
		cut := len(s.kept) - textKept
		for !utf8.RuneStart(s.kept[cut]) {
			cut++
		}
		s.kept = append(s.kept[:0], s.kept[cut:]...)
	}
	s.wake()
	return true
}

// textNews is what a follower finds at its place.
type textNews uint8

const (
	textNone textNews = iota // nothing yet: wait for the change
	textSome                 // text
	textGap                  // what stood there is not kept any more
	textOver                 // the author has left, and all was said
)

// read copies whole characters from a place on into buf.
func (s *textStream) read(at int64, buf []byte) (n int, news textNews, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	behind := s.end - at
	switch {
	case behind > int64(len(s.kept)):
		return 0, textGap, nil
	case behind > 0:
		n = copy(buf, s.kept[int64(len(s.kept))-behind:])
		return wholeCharacters(buf[:n]), textSome, nil
	case !s.here:
		return 0, textOver, nil
	}
	return 0, textNone, s.changed
}

// wholeCharacters is the length of b without a character that is cut off at
// its end, or -1 where b is not UTF-8.
func wholeCharacters(b []byte) int {
	n := len(b)
	for i := 1; i < utf8.UTFMax && i <= n; i++ {
		if c := b[n-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[n-i:]) {
				n -= i
			}
			break
		}
	}
	if !utf8.Valid(b[:n]) {
		return -1
	}
	return n
}

// textRoom holds the streams of a room, and who can follow them. Its lock
// and then a stream's are the last ones taken.
type textRoom struct {
	most int // streams of people who have left; the oldest go

	mu      sync.Mutex
	streams []*textStream // in the order of their first word
	peers   map[*Peer]bool
}

// begin finds or makes the stream of a peer who types. It is nil where the
// peer has left.
func (r *textRoom) begin(p *Peer, source any, at int64) (s *textStream, skip int64) {
	r.mu.Lock()
	if p.ctx.Err() != nil {
		r.mu.Unlock()
		return nil, 0
	}
	for _, o := range r.streams {
		if o.author == p.id {
			s = o
		}
	}
	if s == nil {
		s = newTextStream(p.id)
		r.streams = append(r.streams, s)
	}
	skip = s.begin(source, at)
	followers := make([]*Peer, 0, len(r.peers))
	for o := range r.peers {
		if o != p {
			followers = append(followers, o)
		}
	}
	r.mu.Unlock()
	for _, o := range followers {
		o.follow(s)
	}
	return s, skip
}

// ready lets a peer, to whom channels can be opened now, follow the others.
func (r *textRoom) ready(p *Peer) {
	r.mu.Lock()
	if p.ctx.Err() != nil {
		r.mu.Unlock()
		return
	}
	if r.peers == nil {
		r.peers = map[*Peer]bool{}
	}
	r.peers[p] = true
	var others []*textStream
	for _, s := range r.streams {
		if s.author != p.id && s.present() {
			others = append(others, s)
		}
	}
	r.mu.Unlock()
	for _, s := range others {
		p.follow(s)
	}
}

// leave ends a peer's stream for now: who comes back under the same name goes
// on with it.
func (r *textRoom) leave(p *Peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.peers, p)
	for _, s := range r.streams {
		if s.author == p.id {
			s.leave()
		}
	}
	gone := 0
	for i := len(r.streams) - 1; i >= 0; i-- {
		if r.streams[i].present() {
			continue
		}
		if gone++; gone > r.most {
			r.streams = append(r.streams[:i], r.streams[i+1:]...)
		}
	}
}
