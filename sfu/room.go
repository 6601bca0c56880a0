package sfu

import "sync"

// Room is where peers see each other. Under its lock nothing is called but the
// posting of work to the loop and to the peers' mailboxes; both keep the order
// in which the room changed.
type Room struct {
	name  string
	media *mediaRoom
	loop  *loop
	max   int // slots of one peer
	text  textRoom

	mu    sync.Mutex
	peers []*Peer // in order of arrival
}

// enter adds a peer; it has no media yet.
func (r *Room) enter(p *Peer, most int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range r.peers {
		if o.id == p.id {
			return ErrPeerExists
		}
	}
	if len(r.peers) >= most {
		return ErrRoomFull
	}
	r.peers = append(r.peers, p)
	r.loop.post(func() { r.loop.add(r.media, p.media) })
	return nil
}

func (r *Room) leave(p *Peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, o := range r.peers {
		if o == p {
			r.peers = append(r.peers[:i:i], r.peers[i+1:]...)
			break
		}
	}
	r.fill()
}

func (r *Room) empty() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.peers) == 0
}

func (r *Room) find(id string) *Peer {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.peers {
		if p.id == id {
			return p
		}
	}
	return nil
}

func (r *Room) negotiated(p *Peer, slots int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.has = true
	for len(p.slots) < slots {
		p.slots = append(p.slots, "")
	}
	r.fill()
}

// fill gives every peer with media a slot at every other one, keeps those that
// are given, and asks for more slots where they run out.
func (r *Room) fill() {
	media := map[string]*Peer{}
	for _, p := range r.peers {
		if p.has {
			media[p.id] = p
		}
	}
	for _, p := range r.peers {
		if !p.has {
			continue
		}
		shown := map[string]bool{p.id: true}
		for i, id := range p.slots {
			if id != "" && media[id] == nil {
				r.assign(p, i, nil)
			}
			shown[p.slots[i]] = true
		}
		short := 0
		for _, o := range r.peers {
			if !o.has || shown[o.id] {
				continue
			}
			if i := p.free(); i >= 0 {
				r.assign(p, i, o)
			} else {
				short++
			}
		}
		if n := min(len(p.slots)+short, r.max); short > 0 && n > len(p.slots) && n != p.asked {
			p.asked = n
			p.events.post(func(o Observer) { o.SlotsShort(n) })
		}
	}
}

func (p *Peer) free() int {
	for i, id := range p.slots {
		if id == "" {
			return i
		}
	}
	return -1
}

func (r *Room) assign(p *Peer, slot int, from *Peer) {
	id := ""
	var m *mediaPeer
	if from != nil {
		id, m = from.id, from.media
	}
	p.slots[slot] = id
	l, to := r.loop, p.media
	l.post(func() {
		if slot >= len(to.slots) {
			return
		}
		s := to.slots[slot]
		s.assign(m)
		for _, t := range s.tracks {
			if t != nil {
				l.retarget(t, l.now)
			}
		}
	})
	p.events.post(func(o Observer) { o.Assigned(slot, id) })
}
