package sfu

import (
	"slices"
	"time"
)

const (
	upMargin = 1.2                    // more than it takes, before something is added
	upFor    = time.Second            // so long
	downFor  = 300 * time.Millisecond // what does not fit for so long is reduced
	offFor   = 1500 * time.Millisecond
	// One cut of the estimate is to 0.85 of what arrives: no reason yet to
	// reduce anything, if it recovers.
	mildCut   = 0.75
	mildFor   = 4 * time.Second
	thinFor   = time.Second     // to leave out temporal layers shows less, and is soon undone
	upAgain   = 2 * time.Second // after a reduction, twice as long each time
	upLongest = 32 * time.Second
	upLeast   = 8 * time.Second  // where nothing at all is shown
	upTrial   = 10 * time.Second // reduced so soon after, an addition was a mistake

	needLow, needHigh = 150_000, 1_200_000 // bit/s, of a layer that was never seen
	rateWeight        = 0.1                // of the last tenth of a second
	needFade          = 0.99               // a tenth of a second forgets so much of a peak
	partLeast         = 1_000              // bit/s, of a temporal layer that is there
	packetCost        = 28 + rtpHeader + extHeader + 16
)

// share is what the viewer's path leaves for one track.
type share struct {
	level rung // what it may carry; rungAll where nothing limits it
	asks  rung // what the last look found to fit
	since time.Time
	up    time.Time     // of the last addition
	again time.Time     // before this nothing is added
	pause time.Duration // the next wait
}

// importance orders the pictures a viewer gets: lower is kept longer. An
// interpreter's comes right after the voices, since to who needs it it is one.
func (t *outTrack) importance() int {
	switch {
	case t.vital():
		return 0
	case t.source == Screen:
		return 1
	case t.pub.peer.speaks():
		return 2
	default:
		return 3
	}
}

func (t *outTrack) vital() bool { return t.source == Camera && t.pub.peer.interprets }

func (p *mediaPeer) speaks() bool {
	return p.room != nil && slices.Contains(p.room.speaking, p.id)
}

// share keeps a viewer within what its path carries.
func (l *loop) share(p *mediaPeer, slow bool) {
	if p.path == nil || !p.path.heard {
		return
	}
	p.repair.refill(p.path.rate)
	if slow {
		p.repair.measure()
		l.probe(p, l.allocate(p))
		cameras, screens := p.paused(Camera, l.now), p.paused(Screen, l.now)
		if was := &p.saidPaused; !slices.Equal(cameras, was[0]) || !slices.Equal(screens, was[1]) {
			*was = [2][]int{cameras, screens}
			p.events.post(func(o Observer) { o.Paused(slices.Clone(cameras), slices.Clone(screens)) })
		}
	}
	l.pad(p)
}

// allocate divides what a viewer's path carries: voices always, then the
// pictures by importance. Each gets first the least that shows something, then
// the small picture at its full rate, then the large one: at half its rate where
// it does not fit whole. It returns the rate at which the next thing would fit; 0
// where all do.
func (l *loop) allocate(p *mediaPeer) (missing float64) {
	left := p.path.rate - p.repair.rate
	seen := l.pictures[:0]
	for _, t := range p.tracks {
		switch t.source {
		case Microphone, ScreenAudio:
			if t.cur != nil {
				left -= t.cur.rate
			}
		case Camera, Screen:
			if t.climb(l.now); t.steps.n > 0 {
				seen = append(seen, t)
			}
		}
	}
	l.pictures = seen
	slices.SortFunc(seen, func(a, b *outTrack) int {
		if d := a.importance() - b.importance(); d != 0 {
			return d
		}
		return int(int64(a.ssrc) - int64(b.ssrc)) // any order, but always the same
	})
	used := p.path.rate - left
	have := used
	for _, t := range seen {
		have += t.costOf(t.share.level)
	}
	mild := p.path.rate >= mildCut*have
	// take gives a track the best of its steps up to one that fits.
	take := func(t *outTrack, upTo rung) {
		next := 0.0 // the rate at which one step more would fit
		for i := t.steps.n - 1; i >= 0; i-- {
			r := t.steps.rungs[i]
			if r <= t.share.asks {
				break
			}
			if r > upTo {
				continue
			}
			more := t.costOf(r) - t.costOf(t.share.asks)
			margin := 1.0
			if r > t.share.level {
				margin = upMargin
			}
			if more*margin <= left {
				left, used, t.share.asks = left-more, used+more, r
				break
			}
			next = used + more*margin
		}
		if next > 0 && missing == 0 && !l.now.Before(t.share.again) {
			missing = next
		}
	}
	for _, t := range seen {
		t.share.asks = 0
		if take(t, t.steps.rungs[0]); t.vital() { // signs need all frames
			take(t, t.steps.small)
		}
	}
	for _, t := range seen {
		take(t, t.steps.small)
	}
	for _, t := range seen {
		if t.share.asks >= t.steps.small {
			take(t, rungAll)
		}
	}
	for _, t := range seen {
		more := t.share.asks > t.share.level
		if t.share.settle(l.now, mild) {
			l.retarget(t, l.now)
		}
		if more { // one thing at a time: first this, then whether more would fit
			missing, p.probeAt = 0, later(p.probeAt, l.now.Add(probeAfter))
		}
	}
	return missing
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// settle moves a share to what fits, once that has held for a while: longer
// where little is missing.
func (s *share) settle(now time.Time, mild bool) bool {
	wait := upFor
	switch {
	case s.asks == s.level:
		s.since = time.Time{}
		return false
	case s.asks < s.level && mild && s.asks.quality() == s.level.quality():
		wait = thinFor
	case s.asks < s.level && mild:
		wait = mildFor
	case s.asks == 0:
		wait = offFor
	case s.asks < s.level:
		wait = downFor
	case now.Before(s.again):
		return false
	}
	if s.since.IsZero() {
		s.since = now
	}
	if now.Sub(s.since) < wait {
		return false
	}
	if s.asks > s.level {
		s.up = now
	} else {
		if now.Sub(s.up) > upTrial {
			s.pause = 0
		}
		longest := upLongest
		if s.asks == 0 {
			longest = upLeast
		}
		s.pause = min(max(2*s.pause, upAgain), longest)
		s.again = now.Add(s.pause)
	}
	s.level, s.since = s.asks, time.Time{}
	return true
}

// paused lists the slots of which a camera or screen has no room at all.
func (p *mediaPeer) paused(of Source, now time.Time) []int {
	var slots []int
	for i, s := range p.slots {
		t := s.tracks[of]
		if t == nil || t.share.level > 0 {
			continue
		}
		if t.climb(now); t.steps.n > 0 {
			slots = append(slots, i)
		}
	}
	return slots
}
