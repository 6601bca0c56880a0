package sfu

const (
	topAll     = 3  // the highest temporal layer there can be (RFC 7741, section 4.2)
	keptRuns   = 64 // stretches left out, some seconds
	keptFrames = 64 // pictures whose fate is known, two seconds
)

// thinning leaves the upper temporal layers out of one outgoing stream, and
// remembers what it has left out: the numbers of the others close up, and a
// packet that comes late or is asked for again still finds its own. It is made
// when the first layered picture comes.
type thinning struct {
	gen     uint32 // of the segment that is written now, from 1
	top     uint8  // the highest layer that goes out
	rose    int64  // incoming number at which top last rose, 0: it did not,
	under   uint8  // and the least that it was before
	packets int64  // left out of this segment,
	pics    uint16 // and of how many pictures
	lastPic int32  // incoming, the last left out; -1: none
	runs    [keptRuns]run
	next    int
	frames  [keptFrames]fate
}

// run is a stretch of incoming numbers that was left out.
type run struct {
	gen         uint32
	pics        uint16 // with this run, all in its segment
	first, last int64  // incoming
	packets     int64  // likewise
}

// fate says whether a picture goes out. All its packets share it, whenever they
// come.
type fate struct {
	gen  uint32
	pic  uint16 // incoming
	sent bool
}

// anew begins a segment.
func (th *thinning) anew(top uint8) {
	th.gen++
	th.top, th.rose, th.under = top, 0, top
	th.packets, th.pics, th.lastPic = 0, 0, -1
}

// keeps decides whether a packet goes out. A layer is left out from any picture
// on; it comes back with a picture that needs no other of the layer, so that a
// decoder never meets a reference it was not given.
func (th *thinning) keeps(p *packet, most uint8, late bool) bool {
	if p.desc.key && !late && most > th.top {
		th.rise(p, most)
	}
	if p.desc.tid <= 0 || p.desc.pic < 0 {
		return true
	}
	tid, pic := uint8(p.desc.tid), p.desc.picture(p.payload)
	f := &th.frames[pic%keptFrames]
	if f.gen == th.gen && f.pic == pic {
		return f.sent
	}
	top := th.top
	switch {
	case late: // a whole picture was missing, and what followed has been numbered
		if p.seq < th.rose {
			top = min(top, th.under)
		}
	case most < th.top:
		th.top, top = most, most
	case most > th.top && tid == th.top+1 && p.desc.sync:
		th.rise(p, tid)
		top = tid
	}
	*f = fate{gen: th.gen, pic: pic, sent: tid <= top}
	return f.sent
}

// rise lets more layers out, and remembers how few there were while packets
// may still come that were sent before.
func (th *thinning) rise(p *packet, top uint8) {
	if th.rose == 0 || p.seq-th.rose > ringHigh || th.top < th.under {
		th.under = th.top
	}
	th.rose, th.top = p.seq, top
}

// leave takes note that a packet newer than all before it does not go out; high
// is the newest before it. What is missing between two packets of one picture
// belongs to that picture.
func (th *thinning) leave(p *packet, high int64) {
	pic := int32(p.desc.picture(p.payload))
	last := &th.runs[(th.next+keptRuns-1)%keptRuns]
	follows := last.gen == th.gen && last.last == high && (p.seq == high+1 || pic == th.lastPic)
	if !follows {
		last = &th.runs[th.next]
		*last = run{gen: th.gen, first: p.seq, last: p.seq - 1}
		th.next = (th.next + 1) % keptRuns
	}
	if pic != th.lastPic {
		th.pics++
		th.lastPic = pic
	}
	th.packets += p.seq - last.last
	last.last, last.packets, last.pics = p.seq, th.packets, th.pics
}

// back finds the last run of a segment for which is holds. known is false where
// it may have been forgotten.
func (th *thinning) back(gen uint32, is func(*run) bool) (r *run, known bool) {
	for i := range keptRuns {
		r := &th.runs[(th.next+2*keptRuns-1-i)%keptRuns]
		switch {
		case r.gen < gen:
			return nil, true
		case r.gen == gen && is(r):
			return r, true
		}
	}
	return nil, false
}

// at tells what was left out of a segment before an incoming number; ok is false
// for one that was itself left out, or is too old to tell.
func (th *thinning) at(gen uint32, in int64) (packets int64, pics uint16, ok bool) {
	r, known := th.back(gen, func(r *run) bool { return in >= r.first })
	switch {
	case r == nil:
		return 0, 0, known
	case in <= r.last:
		return 0, 0, false
	}
	return r.packets, r.pics, true
}

// from tells what was left out of a segment before the packet that would be
// number in, had nothing been.
func (th *thinning) from(gen uint32, in int64) (packets int64, pics uint16, ok bool) {
	r, known := th.back(gen, func(r *run) bool { return in+r.packets > r.last })
	if r == nil {
		return 0, 0, known
	}
	return r.packets, r.pics, true
}

// emptied says whether the number of a packet went out without it, since its
// picture was left out when the number was taken already; ok is false where that
// is no longer known.
func (th *thinning) emptied(gen uint32, p *packet) (empty, ok bool) {
	if p.desc.tid <= 0 || p.desc.pic < 0 {
		return false, true
	}
	pic := p.desc.picture(p.payload)
	f := &th.frames[pic%keptFrames]
	return !f.sent, f.gen == gen && f.pic == pic
}
