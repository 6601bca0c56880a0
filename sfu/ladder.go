package sfu

import "time"

// rung is one of the ways to carry a picture: a layer of it, and of that the
// temporal layers up to one. Higher is better; 0 is no picture.
type rung uint8

const rungAll = rung(QualityHigh)<<2 | topAll

func rungOf(q Quality, top uint8) rung { return rung(q)<<2 | rung(top) }

func (r rung) quality() Quality { return Quality(r >> 2) }
func (r rung) top() uint8       { return uint8(r & topAll) }

// ladder holds the rungs worth choosing among, worst first.
type ladder struct {
	rungs [6]rung
	n     int
	small rung // the smallest picture at its full rate
}

func (d *ladder) add(q Quality, tops ...uint8) {
	for _, top := range tops {
		d.rungs[d.n] = rungOf(q, top)
		d.n++
	}
}

// climb finds the rungs of a track, up to what its viewer wants. Temporal layers
// go before the picture gets small, but the large one loses only the uppermost,
// half of its frames: with fewer than 12 a second lips cannot be read (ITU-T
// H-series Supplement 1), so below that the small picture at its full rate is
// better, and has its own frames to lose.
func (t *outTrack) climb(now time.Time) {
	d := &t.steps
	d.n = 0
	if t.pub == nil || !t.pub.on {
		return
	}
	low, high := t.pub.layers[layerLow], t.pub.layers[layerHigh]
	wish := QualityHigh
	if t.source == Camera {
		wish = t.quality
		if now.Before(t.lowUntil) {
			wish = min(wish, QualityLow)
		}
	}
	switch {
	case wish == QualityNone || low == nil && high == nil:
		return
	case low == nil || t.source != Camera:
		low = high
	}
	least := wish
	if low != high {
		least = min(wish, QualityLow)
	}
	if low != nil && low.top > 0 {
		d.add(least, 0)
		if low.top > 1 {
			d.add(least, low.top-1)
		}
	}
	d.add(least, topAll)
	d.small = rungOf(least, topAll)
	if least == wish {
		return
	}
	if high != nil && high.top > 0 {
		d.add(wish, high.top-1)
	}
	d.add(wish, topAll)
}

// carrier is the stream that a quality comes from.
func (t *outTrack) carrier(q Quality) *inStream {
	low, high := t.pub.layers[layerLow], t.pub.layers[layerHigh]
	if q == QualityLow && low != nil || high == nil {
		return low
	}
	return high
}

func (t *outTrack) costOf(r rung) float64 {
	if r == 0 {
		return 0
	}
	return t.carrier(r.quality()).cost(r.top())
}

// cut is the temporal layer of a stream from which on nothing goes out; 0: all
// of it does.
func (t *outTrack) cut(s *inStream) uint8 {
	if !s.video || t.to.path == nil || t.share.level == rungAll {
		return 0
	}
	switch q := t.share.level.quality(); {
	case t.carrier(q) == s && t.share.level.top() < topAll:
		return t.share.level.top() + 1
	case s.layer == layerHigh && q == QualityLow && t.carrier(q) != s:
		return 1 // on its way to the small picture: the large one at its least
	}
	return 0
}

// measure follows what a stream takes, once every slowEvery.
func (s *inStream) measure(now time.Time) {
	taken := s.taken
	s.taken = [topAll + 1]int{}
	if !s.flows(now) {
		return // what it will take when it comes back is what it took
	}
	sum := 0.0
	for i := range taken {
		s.parts[i] += (float64(taken[i])*8/slowEvery.Seconds() - s.parts[i]) * rateWeight
		sum += s.parts[i]
		s.need[i] = max(s.need[i]*needFade, sum)
		if s.parts[i] > partLeast {
			s.top = uint8(i)
		}
	}
	for s.top > 0 && s.parts[s.top] <= partLeast {
		s.top--
	}
	s.rate = sum
}

// cost is what a stream takes up to a temporal layer.
func (s *inStream) cost(top uint8) float64 {
	switch {
	case s == nil:
		return 0
	case s.need[topAll] == 0 && s.layer == layerLow:
		return needLow
	case s.need[topAll] == 0:
		return needHigh
	}
	return s.need[top]
}
