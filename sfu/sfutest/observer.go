package sfutest

import (
	"sync"
)

// Ended is one TransferEnded.
type Ended struct {
	Transfer string
	Err      error
}

// Observer is an sfu.Observer that remembers. Every change wakes Changed.
type Observer struct {
	mu           sync.Mutex
	changed      chan struct{}
	assigned     map[int]string
	short        int
	connected    int
	disconnected int
	failed       int
	layers       [][]string
	speaking     [][]string
	paused       [][2][]int
	codecs       []string
	redundant    bool
	ended        []Ended
	refused      []error
}

// NewObserver makes one.
func NewObserver() *Observer {
	return &Observer{changed: make(chan struct{}), assigned: map[int]string{}}
}

func (o *Observer) note(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
	close(o.changed)
	o.changed = make(chan struct{})
}

// Assigned is part of sfu.Observer.
func (o *Observer) Assigned(slot int, peer string) { o.note(func() { o.assigned[slot] = peer }) }

// SlotsShort is part of sfu.Observer.
func (o *Observer) SlotsShort(n int) { o.note(func() { o.short = n }) }

// Connected is part of sfu.Observer.
func (o *Observer) Connected() { o.note(func() { o.connected++ }) }

// Disconnected is part of sfu.Observer.
func (o *Observer) Disconnected() { o.note(func() { o.disconnected++ }) }

// Failed is part of sfu.Observer.
func (o *Observer) Failed() { o.note(func() { o.failed++ }) }

// Layers is part of sfu.Observer.
func (o *Observer) Layers(active []string) { o.note(func() { o.layers = append(o.layers, active) }) }

// Speaking is part of sfu.Observer.
func (o *Observer) Speaking(peers []string) {
	o.note(func() { o.speaking = append(o.speaking, peers) })
}

// Paused is part of sfu.Observer.
func (o *Observer) Paused(cameras, screens []int) {
	o.note(func() { o.paused = append(o.paused, [2][]int{cameras, screens}) })
}

// Voice is part of sfu.Observer.
func (o *Observer) Voice(redundant bool) { o.note(func() { o.redundant = redundant }) }

// Codec is part of sfu.Observer.
func (o *Observer) Codec(name string) { o.note(func() { o.codecs = append(o.codecs, name) }) }

// TransferEnded is part of sfu.Observer.
func (o *Observer) TransferEnded(id string, err error) {
	o.note(func() { o.ended = append(o.ended, Ended{id, err}) })
}

// TextRefused is part of sfu.Observer.
func (o *Observer) TextRefused(err error) {
	o.note(func() { o.refused = append(o.refused, err) })
}

// State is what an Observer has heard so far.
type State struct {
	Assigned                        map[int]string
	SlotsShort                      int
	Connected, Disconnected, Failed int
	Layers, Speaking                [][]string
	Paused                          [][2][]int // cameras, screens
	Codecs                          []string
	Redundant                       bool
	Ended                           []Ended
	TextRefused                     []error
}

// State returns a copy, and a channel closed at the next change.
func (o *Observer) State() (State, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := State{
		Assigned: make(map[int]string, len(o.assigned)), SlotsShort: o.short,
		Connected: o.connected, Disconnected: o.disconnected, Failed: o.failed,
		Layers: append([][]string(nil), o.layers...), Speaking: append([][]string(nil), o.speaking...),
		Ended: append([]Ended(nil), o.ended...), TextRefused: append([]error(nil), o.refused...),
		Paused: append([][2][]int(nil), o.paused...), Codecs: append([]string(nil), o.codecs...),
		Redundant: o.redundant,
	}
	for k, v := range o.assigned {
		s.Assigned[k] = v
	}
	return s, o.changed
}
