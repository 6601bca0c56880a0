package sfu

import (
	"slices"
	"testing"
	"time"
)

func TestReceiveLogAsksAndGivesUp(t *testing.T) {
	now := time.Unix(1000, 0)
	l := receiveLog{clock: 90000, repairs: true}
	for _, s := range []uint16{65533, 65534, 1, 2} { // 65535 and 0 are missing
		l.note(s, 0, now)
	}
	if due, _ := l.ask(nil, 50*time.Millisecond, now); due != nil {
		t.Errorf("asked at once for what may be reordered: %v", due)
	}
	now = now.Add(nackFirst)
	due, _ := l.ask(nil, 50*time.Millisecond, now)
	if !slices.Equal(due, []uint16{65535, 0}) {
		t.Fatalf("asked for %v", due)
	}
	if due, _ = l.ask(nil, 50*time.Millisecond, now.Add(30*time.Millisecond)); due != nil {
		t.Errorf("asked again within a round trip: %v", due)
	}
	if got, fresh := l.note(65535, 0, now); got != 1<<16+65535 || !fresh {
		t.Errorf("the repair is number %d, fresh %v", got, fresh)
	}
	if _, fresh := l.note(65535, 0, now); fresh {
		t.Error("the same packet counts twice")
	}
	if _, fresh := l.mend(65535); fresh {
		t.Error("the same packet, as a repair, counts again")
	}
	asked, lost := 0, 0
	for range 200 {
		now = now.Add(10 * time.Millisecond)
		d, n := l.ask(nil, 50*time.Millisecond, now)
		asked += len(d)
		lost += n
		for _, s := range d {
			if s != 0 {
				t.Fatalf("asked for %d, which is there", s)
			}
		}
	}
	if asked != nackTries-1 || lost != 1 || !l.gaveUp {
		t.Errorf("asked %d more times, lost %d, gave up %v", asked, lost, l.gaveUp)
	}
	if r := l.report(9, now); r.TotalLost != 1 || r.LastSequenceNumber != 1<<16+2 || r.FractionLost == 0 {
		t.Errorf("report: %+v", r)
	}
}

// A jump is a new start: asking for thousands of packets would help nobody.
func TestReceiveLogDoesNotAskAcrossAJump(t *testing.T) {
	now := time.Unix(1000, 0)
	l := receiveLog{clock: 90000, repairs: true}
	l.note(10, 0, now)
	l.note(5000, 0, now)
	if due, _ := l.ask(nil, 0, now.Add(time.Second/2)); due != nil || !l.gaveUp {
		t.Errorf("asked for %d packets, gave up %v", len(due), l.gaveUp)
	}
	for s := uint16(5002); s < 5002+2*2*missingMax; s += 2 { // every second one is lost
		l.note(s, 0, now)
	}
	if len(l.holes) > missingMax {
		t.Errorf("%d holes are kept", len(l.holes))
	}
}

func TestRingAnswersOnlyWhatItHolds(t *testing.T) {
	r := newRing(8)
	for s := int64(65530); s < 65550; s++ {
		r.put(&packet{seq: s, payload: []byte{byte(s & 0xff)}})
	}
	for s := int64(65500); s < 65600; s++ {
		p := r.get(s)
		if held := s >= 65542 && s < 65550; held != (p != nil) || held && p.payload[0] != byte(s&0xff) {
			t.Errorf("packet %d: %+v", s, p)
		}
	}
}

func TestHeavyLossTurnsToTheLowLayer(t *testing.T) {
	now := time.Unix(1000, 0)
	low, high := &inStream{layer: layerLow, lastAt: now}, &inStream{layer: layerHigh, lastAt: now}
	pub := &publication{on: true, layers: [layers]*inStream{low, high}}
	tr := &outTrack{source: Camera, pub: pub, pts: payloads{{pt: 96}}, quality: QualityHigh, cur: high}
	if tr.choose(now) != high {
		t.Fatal("the high layer is not the first choice")
	}
	tr.relieve(100, now)
	if tr.choose(now) != high {
		t.Error("one bad report was enough")
	}
	tr.relieve(100, now)
	if tr.choose(now) != low {
		t.Error("two bad reports change nothing")
	}
	later := now.Add(lowFirst)
	low.lastAt, high.lastAt = later, later
	if tr.choose(later) != high {
		t.Error("the low layer stays for ever")
	}
}

func TestChooseFallsBackToWhatFlows(t *testing.T) {
	now := time.Unix(1000, 0)
	low, high := &inStream{layer: layerLow, lastAt: now}, &inStream{layer: layerHigh, lastAt: now.Add(-layerQuiet)}
	pub := &publication{on: true, layers: [layers]*inStream{low, high}}
	tr := &outTrack{source: Camera, pub: pub, pts: payloads{{pt: 96}}, quality: QualityHigh}
	if tr.choose(now) != low {
		t.Error("a silent layer was preferred")
	}
	low.lastAt = high.lastAt
	if tr.choose(now) != high {
		t.Error("with nothing alive the wish should count")
	}
	tr.quality = QualityLow
	low.lastAt, high.lastAt = now, now
	if tr.choose(now) != low {
		t.Error("the wish for little was not heard")
	}
	tr.quality = QualityNone
	if tr.choose(now) != nil {
		t.Error("the wish for nothing was not heard")
	}
	tr.quality, pub.on = QualityHigh, false
	if tr.choose(now) != nil {
		t.Error("what is switched off was chosen")
	}
}
