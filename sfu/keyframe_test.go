package sfu

import (
	"testing"
	"time"
)

// A newcomer takes the keyframe that is on its way, and asks for another at once
// where that has passed; a decoder in trouble always waits for the throttle.
func TestWhenAKeyframeMayBeAskedFor(t *testing.T) {
	asked := time.Unix(1_000, 0)
	for _, x := range []struct {
		name             string
		newcomer, came   bool
		notYet, straight time.Duration // since the last time
	}{
		{"newcomer, the last one is on its way", true, false, keyThrottle - time.Millisecond, keyThrottle},
		{"newcomer, the last one came", true, true, keyAgain - time.Millisecond, keyAgain},
		{"decoder, the last one is on its way", false, false, keyThrottle - time.Millisecond, keyThrottle},
		{"decoder, the last one came", false, true, keyThrottle - time.Millisecond, keyThrottle},
	} {
		s := &inStream{keyAt: asked, keyWant: true, keySoon: x.newcomer, keyCame: x.came}
		due := func(after time.Duration) bool {
			s.lastAt = asked.Add(after) // the stream flows
			return s.keyDue(asked.Add(after))
		}
		if due(x.notYet) {
			t.Errorf("%s: asked for after %v", x.name, x.notYet)
		}
		if !due(x.straight) {
			t.Errorf("%s: not asked for after %v", x.name, x.straight)
		}
		if s.lastAt = asked; s.keyDue(asked.Add(layerQuiet)) {
			t.Errorf("%s: asked of a stream that has fallen silent", x.name)
		}
		if s.keyWant = false; due(time.Hour) {
			t.Errorf("%s: asked for though nobody wants it", x.name)
		}
	}
}
