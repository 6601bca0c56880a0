package sfu

import "sync"

// mailbox calls an Observer from one goroutine, in order, with no lock held.
// post never waits; what is not delivered by close is dropped.
type mailbox struct {
	o      Observer
	mu     sync.Mutex
	queue  []func(Observer)
	closed bool
	wake   chan struct{}
}

func newMailbox(o Observer) *mailbox {
	return &mailbox{o: o, wake: make(chan struct{}, 1)}
}

func (m *mailbox) post(f func(Observer)) {
	m.mu.Lock()
	if !m.closed {
		m.queue = append(m.queue, f)
	}
	m.mu.Unlock()
	m.nudge()
}

func (m *mailbox) nudge() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *mailbox) close() {
	m.mu.Lock()
	m.closed, m.queue = true, nil
	m.mu.Unlock()
	m.nudge()
}

// run delivers until close.
func (m *mailbox) run() {
	for range m.wake {
		for {
			m.mu.Lock()
			fs, closed := m.queue, m.closed
			m.queue = nil
			m.mu.Unlock()
			if closed {
				return
			}
			if len(fs) == 0 {
				break
			}
			for _, f := range fs {
				f(m.o)
			}
		}
	}
}
