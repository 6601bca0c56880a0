package sfu

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/netip"
	"sync"

	"github.com/pion/webrtc/v4"
	"golang.org/x/time/rate"
)

// SFU forwards the media of many rooms over one UDP port.
type SFU struct {
	cfg   Config
	conn  batchConn
	dir   *directory
	loop  *loop
	cert  webrtc.Certificate
	count counters

	mu     sync.Mutex
	rooms  map[string]*Room
	closed bool
	wg     sync.WaitGroup

	closing sync.Once
	failure error // of closing
}

// New opens the media port and starts to serve it. Close ends that.
func New(cfg Config) (*SFU, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	// One certificate for all connections, new with each start: browsers learn
	// its fingerprint from the answer.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("sfu: key: %w", err)
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("sfu: certificate: %w", err)
	}
	conn, err := openSocket(&cfg)
	if err != nil {
		return nil, err
	}
	s := &SFU{cfg: cfg, conn: conn, dir: newDirectory(), cert: *cert, rooms: map[string]*Room{}}
	s.loop = newLoop(conn, s.dir, &s.count, cfg.Logger)
	go s.loop.run() // ends with the socket; Close waits on loop.done
	return s, nil
}

// Port is the UDP port of all media.
func (s *SFU) Port() int { return int(s.conn.localAddr().Port()) }

// Addresses are those that browsers are told for media, the best ones first.
func (s *SFU) Addresses() []netip.AddrPort {
	all := make([]netip.AddrPort, len(s.cfg.Announce))
	for i, a := range s.cfg.Announce {
		all[i] = netip.AddrPortFrom(a, s.conn.localAddr().Port())
	}
	return all
}

// Stats counts what has happened so far.
func (s *SFU) Stats() Stats {
	st := s.count.snapshot()
	s.mu.Lock()
	rooms := make([]*Room, 0, len(s.rooms))
	for _, r := range s.rooms {
		rooms = append(rooms, r)
	}
	s.mu.Unlock()
	st.Rooms = len(rooms)
	for _, r := range rooms {
		r.mu.Lock()
		st.Peers += len(r.peers)
		r.mu.Unlock()
	}
	return st
}

// Join brings a peer into a room, which is made for the first one. Media comes
// with Negotiate. It fails with ErrRoomFull, ErrPeerExists or ErrClosed.
func (s *SFU) Join(room, peer string, o Observer) (*Peer, error) {
	ctx, cancel := context.WithCancel(context.Background())
	events := newMailbox(o)
	p := &Peer{
		id: peer, sfu: s, events: events, log: s.cfg.Logger.With("room", room, "peer", peer),
		media: newMediaPeer(peer, events, s.cfg.MaxStreams),
		ctx:   ctx, cancel: cancel, gone: make(chan struct{}), transfers: map[string]*transfer{},
		following: map[*textStream]bool{}, deaf: map[string]bool{},
		typed: rate.NewLimiter(rate.Limit(s.cfg.TextRate), textBurst),
	}
	if err := s.enter(room, p); err != nil {
		cancel()
		return nil, err
	}
	return p, nil
}

func (s *SFU) enter(room string, p *Peer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	r := s.rooms[room]
	if r == nil {
		r = &Room{name: room, media: &mediaRoom{}, loop: s.loop, max: s.cfg.MaxSlots, text: textRoom{most: s.cfg.MaxPeers}}
	}
	p.room = r
	if err := r.enter(p, s.cfg.MaxPeers); err != nil {
		return err
	}
	s.rooms[room] = r
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		p.events.run()
	}()
	return nil
}

func (s *SFU) dropRoom(r *Room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[r.name] == r && r.empty() {
		delete(s.rooms, r.name)
	}
}

// Close ends all rooms and waits for every goroutine of the package. It must
// not be called from an Observer's method. It is idempotent.
func (s *SFU) Close() error {
	s.closing.Do(func() { s.failure = s.shut() })
	return s.failure
}

func (s *SFU) shut() error {
	s.mu.Lock()
	s.closed = true
	var peers []*Peer
	for _, r := range s.rooms {
		r.mu.Lock()
		peers = append(peers, r.peers...)
		r.mu.Unlock()
	}
	s.mu.Unlock()
	var leaving sync.WaitGroup
	for _, p := range peers {
		leaving.Go(p.Close)
	}
	leaving.Wait()
	err := s.conn.close()
	<-s.loop.done
	s.wg.Wait()
	if err != nil {
		return fmt.Errorf("sfu: close the media port: %w", err)
	}
	return nil
}
