package sfu

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pion/webrtc/v4"
	"golang.org/x/time/rate"
)

// SFU forwards the media of many rooms. A room lives wholly on one of its loops.
type SFU struct {
	cfg   Config
	loops []*loop
	tcp   *tcpPort // nil where the settings want none
	cert  webrtc.Certificate
	relay relayNames

	mu     sync.Mutex
	rooms  map[string]*Room
	closed bool
	wg     sync.WaitGroup

	capturing atomic.Bool

	closing sync.Once
	failure error // of closing
}

// New opens the media ports and starts to serve them. Close ends that.
func New(cfg Config) (*SFU, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	pictures, err := codecsOf(cfg.Codecs)
	if err != nil {
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
	s := &SFU{cfg: cfg, cert: *cert, rooms: map[string]*Room{}}
	for i := range cfg.Loops {
		conn, err := openSocket(&cfg, i)
		if err != nil {
			return nil, errors.Join(err, s.closePorts())
		}
		l := newLoop(conn, cfg.Logger, &s.relay)
		l.prefer = pictures
		s.loops = append(s.loops, l)
	}
	if s.tcp, err = openTCP(&s.cfg, s.loops); err != nil {
		return nil, errors.Join(err, s.closePorts())
	}
	for _, l := range s.loops {
		go l.dtls.run() // until Close has no peers any more
		go l.run()      // ends with its socket; Close waits on loop.done
	}
	if s.tcp != nil {
		s.wg.Go(s.tcp.run)
	}
	return s, nil
}

// Ports are the UDP ports of all media, one for each loop.
func (s *SFU) Ports() []int {
	all := make([]int, len(s.loops))
	for i, l := range s.loops {
		all[i] = int(l.port())
	}
	return all
}

// TCPPort is the port of media over TCP; 0 where there is none.
func (s *SFU) TCPPort() int { return int(s.tcp.port()) }

// Addresses are those that browsers are told for media, the best ones first,
// each with all ports. A browser hears of its room's port alone.
func (s *SFU) Addresses() []netip.AddrPort {
	var all []netip.AddrPort
	for _, a := range s.cfg.Announce {
		for _, l := range s.loops {
			all = append(all, netip.AddrPortFrom(a, l.port()))
		}
	}
	return all
}

// Stats counts what has happened so far.
func (s *SFU) Stats() Stats {
	var st Stats
	for _, l := range s.loops {
		l.count.addTo(&st)
	}
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
		r = &Room{name: room, media: &mediaRoom{}, loop: s.idlest(), max: s.cfg.MaxSlots, text: textRoom{most: s.cfg.MaxPeers}}
	}
	p.room = r
	if err := r.enter(p, s.cfg.MaxPeers); err != nil {
		return err
	}
	s.rooms[room] = r
	r.loop.seats++
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		p.events.run()
	}()
	return nil
}

// idlest is the loop with the fewest peers.
func (s *SFU) idlest() *loop {
	return slices.MinFunc(s.loops, func(a, b *loop) int { return a.seats - b.seats })
}

// left takes a peer that has gone off the books, and its room with the last one.
func (s *SFU) left(r *Room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.loop.seats--
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
	for _, l := range s.loops {
		l.dtls.close()
	}
	err := s.closePorts()
	for _, l := range s.loops {
		<-l.done
	}
	s.wg.Wait()
	if err != nil {
		return fmt.Errorf("sfu: close the media ports: %w", err)
	}
	return nil
}

func (s *SFU) closePorts() error {
	err := s.tcp.close()
	for _, l := range s.loops {
		err = errors.Join(err, l.conn.close())
	}
	return err
}
