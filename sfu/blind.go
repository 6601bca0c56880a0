package sfu

import "time"

// blindEvery is how often a blind estimate moves: receivers report about once a
// second (RFC 3550, section 6.2).
const blindEvery = 900 * time.Millisecond

// guess is for a viewer whose browser gives no transport-wide feedback: nothing is
// known of the path but what is lost on it. It is the loss-based half of
// draft-ietf-rmcat-gcc-02 (section 6) alone: down with what is lost, up while
// little is, and what does not last is tried more rarely by the allocation
// (share.settle). No probes: padding needs numbers of its own.
func (e *estimator) guess(loss, sent float64, now time.Time) {
	if now.Sub(e.lossAt) < blindEvery {
		return
	}
	e.lossAt, e.heard = now, true
	e.loss += (loss - e.loss) / 2
	switch {
	case e.loss > 0.10:
		floor := 0.0
		if e.loss < 0.3 {
			floor = min(lossFloor, e.rate)
		}
		e.set(max(min(e.rate, sent)*(1-0.5*e.loss), floor))
	case e.loss < 0.02:
		e.set(1.08*e.rate + 1000)
	}
	if e.most > 0 {
		e.set(min(e.rate, e.most))
	}
}

// told takes the viewer's own estimate, where it sends one
// (draft-alvestrand-rmcat-remb-03). It measures what comes to it, so it says hardly
// more than that: only where it says less than was sent does the path hold back. A
// viewer whose pictures are paused would else never get them back.
func (e *estimator) told(rate, sent float64) {
	e.heard, e.most = true, 0
	if rate < sent {
		e.most = rate
		e.set(min(e.rate, rate))
	}
}
