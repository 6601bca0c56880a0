package sfu

// packet is a publisher's packet as the forwarder sees it: authenticated,
// decrypted, without header extensions and padding.
type packet struct {
	seq     int64 // extended
	ts      uint32
	marker  bool
	codec   codec
	desc    descriptor
	payload []byte
	opus    []byte // of codecRED: the voice of now within the payload
}

// ringGrain rounds buffers up: to the allocator's own steps, and so that one
// serves most packets of its stream. A whole mtu for each is a third too much.
const ringGrain = 128

// ring keeps a publisher's last packets; every viewer's NACK is answered from
// this one copy. Its buffers are made as they are first needed and then reused.
type ring struct {
	slots []packet
}

func newRing(size int) *ring {
	r := &ring{slots: make([]packet, size)}
	for i := range r.slots {
		r.slots[i].seq = -1
	}
	return r
}

func (r *ring) at(seq int64) *packet {
	n := int64(len(r.slots))
	return &r.slots[((seq%n)+n)%n]
}

func (r *ring) put(p *packet) {
	s := r.at(p.seq)
	buf := s.payload[:0]
	if cap(buf) < len(p.payload) {
		buf = make([]byte, 0, (len(p.payload)+ringGrain-1)/ringGrain*ringGrain)
	}
	*s = *p
	s.payload = append(buf, p.payload...)
}

func (r *ring) get(seq int64) *packet {
	if s := r.at(seq); s.seq == seq && seq >= 0 {
		return s
	}
	return nil
}
