package sfu

import (
	"math"
	"time"

	"github.com/pion/rtcp"
)

const (
	// blindEvery is how often a blind estimate moves: receivers report about once a
	// second of a picture, and every few seconds of a voice (RFC 3550, section 6.2).
	blindEvery   = 900 * time.Millisecond
	blindLongest = 5 * time.Second // of good news counts, at most
	blindBack    = 1.5             // a second, up to what the path has carried, or lossFloor
	blindUp      = 1.08            // and further
	blindFade    = 0.99            // a second; what was carried long ago says less
)

// hearsay is what a viewer's own words add to what is lost on the way to it.
type hearsay struct {
	said    float64 // bit/s; 0: nothing yet
	most    float64 // that it leaves for all; 0: it does not hold back
	carried float64 // bit/s that lately arrived whole
}

// guess is for a viewer whose browser gives no transport-wide feedback: nothing is
// known of the path but what is lost on it. It is the loss-based half of
// draft-ietf-rmcat-gcc-02 (section 6) alone: down with what is lost, up while
// little is. Up to what the path has carried before it goes fast, further on
// slowly, and what does not last is tried more rarely by the allocation
// (share.settle). No probes: padding needs numbers of its own.
//
// Reports come one by one, each of one stream, and many of none: what they tell
// is gathered (expected, missing) until it is enough.
func (e *estimator) guess(sent float64, now time.Time) {
	if e.expected == 0 || now.Sub(e.lossAt) < blindEvery {
		return
	}
	passed := min(now.Sub(e.lossAt), blindLongest).Seconds()
	e.loss += (float64(e.missing)/float64(e.expected) - e.loss) / 2
	e.expected, e.missing, e.lossAt, e.heard = 0, 0, now, true
	e.carried *= math.Pow(blindFade, passed)
	switch {
	case e.loss > 0.10:
		floor := 0.0
		if e.loss < 0.3 {
			floor = min(lossFloor, e.rate)
		}
		e.set(max(min(e.rate, sent)*(1-0.5*e.loss), floor))
		e.carried = min(e.carried, e.rate)
	case e.loss < 0.02:
		e.carried = max(e.carried, min(sent, e.rate))
		up := blindUp
		if e.rate < max(e.carried, lossFloor) {
			up = blindBack
		}
		e.set(e.rate*math.Pow(up, passed) + 1000)
	}
	if e.most > 0 {
		e.set(min(e.rate, e.most))
	}
}

// told takes the viewer's own estimate, where it sends one
// (draft-alvestrand-rmcat-remb-03), of the streams that it names: browsers leave
// voices out. It measures what comes, so it says hardly more than that and follows
// it slowly when it grows. Only where it says less than comes, and does not rise,
// does the path hold back; of what does not come at all it says nothing.
func (e *estimator) told(rate, named, rest float64) {
	rises := rate > e.said && e.said > 0
	e.said = rate
	if named < rateLeast || rate >= named || rises {
		e.most = 0
		return
	}
	e.heard, e.most = true, rate+rest
	e.set(min(e.rate, e.most))
}

// remb finds what now goes out of that which a viewer's estimate is about: all,
// where it names nothing.
func (p *mediaPeer) remb(r *rtcp.ReceiverEstimatedMaximumBitrate) {
	named, known := 0.0, false
	for _, ssrc := range r.SSRCs {
		if t := p.tracks[ssrc]; t != nil {
			named, known = named+float64(t.health.meter.rate), true
		}
	}
	sent := p.sent()
	if !known {
		named = sent
	}
	p.path.told(float64(r.Bitrate), named, sent-named)
}

// missed gathers what a report tells of a track since the one before.
func (t *outTrack) missed(lost uint8) {
	expected := t.packets - t.reported
	t.reported = t.packets
	if e := t.to.path; e != nil && e.blind && expected > 0 {
		e.expected += int(expected)
		e.missing += int(expected) * int(lost) / 256
	}
}

// sent is what now goes to a viewer, in bits a second.
func (p *mediaPeer) sent() float64 {
	sum := 0.0
	for _, t := range p.tracks {
		sum += float64(t.health.meter.rate)
	}
	return sum
}
