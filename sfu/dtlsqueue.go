package sfu

import (
	"net/netip"
	"runtime"
	"sync"
)

const dtlsMax = 64 // packets of pion's that wait for the socket at once

// dtlsQueue has pion's DTLS packets on their way to the socket. A file is
// thousands of them in a second, which pion writes one by one; what is written
// before whatever else can run now has had its turn leaves together. Nothing
// waits for a timer (ADR 52).
type dtlsQueue struct {
	conn  batchWriter
	count *counters

	mu      sync.Mutex
	change  sync.Cond // of n or closed
	filling []datagram
	n       int
	closed  bool
	sending []datagram // run's own
	done    chan struct{}
}

func newDTLSQueue(conn batchWriter, count *counters) *dtlsQueue {
	q := &dtlsQueue{
		conn: conn, count: count,
		filling: make([]datagram, dtlsMax), sending: make([]datagram, dtlsMax),
		done: make(chan struct{}),
	}
	q.change.L = &q.mu
	return q
}

// post takes a packet of at most mtu bytes. Where too many wait it waits for
// the socket, as a packet sent alone would. What is posted after the end is lost.
func (q *dtlsQueue) post(b []byte, to netip.AddrPort) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.n == len(q.filling) && !q.closed {
		q.change.Wait()
	}
	if q.closed {
		return
	}
	d := &q.filling[q.n]
	d.n, d.addr = copy(d.buf[:], b), to
	if q.n++; q.n == 1 {
		q.change.Broadcast()
	}
}

// run sends what is posted until the end, and what waits then.
func (q *dtlsQueue) run() {
	defer close(q.done)
	for {
		ds := q.take()
		if len(ds) == 0 {
			return
		}
		if refused, err := q.conn.writeBatch(ds); err != nil {
			q.count.sendErrors.Add(uint64(len(ds)))
		} else if refused > 0 {
			q.count.sendErrors.Add(uint64(refused))
		}
	}
}

// take waits for packets; there are none any more at the end.
func (q *dtlsQueue) take() []datagram {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.n == 0 && !q.closed {
		q.change.Wait()
	}
	q.mu.Unlock()
	runtime.Gosched() // pion's writers go first: else each packet would leave alone
	q.mu.Lock()
	n := q.n
	q.filling, q.sending, q.n = q.sending, q.filling, 0
	if n == len(q.filling) {
		q.change.Broadcast() // writers wait for room
	}
	return q.sending[:n]
}

// close ends run once everything is sent.
func (q *dtlsQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.change.Broadcast()
	q.mu.Unlock()
	<-q.done
}
