package sfu_test

import (
	"testing"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

func TestSurveyCountsWithoutNames(t *testing.T) {
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{Slots: 1})
	b := join(t, s, "room", "b", sfutest.Options{Slots: 1})
	alone := join(t, s, "other", "c", sfutest.Options{Slots: 1})
	_ = alone
	a.stream(t, 1, "l", "h")
	b.next(t, "a's voice", func(m sfutest.Media) bool { return m.Source == sfu.Microphone })
	b.next(t, "a's picture", func(m sfutest.Media) bool { return m.Source == sfu.Camera })
	sv := s.Survey()
	if sv.RoomSizes[2] != 1 || sv.RoomSizes[1] != 1 || len(sv.RoomSizes) != 2 {
		t.Errorf("room sizes: %v", sv.RoomSizes)
	}
	if len(sv.Peers) != 3 || sv.Streams < 2 || sv.Tracks != 2 {
		t.Errorf("%d peers, %d streams, %d tracks", len(sv.Peers), sv.Streams, sv.Tracks)
	}
	for _, p := range sv.Peers {
		if p.RTT <= 0 || p.Loss != 0 {
			t.Errorf("%+v", p)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if sv := s.Survey(); len(sv.Peers) != 0 {
		t.Errorf("closed: %+v", sv)
	}
}
