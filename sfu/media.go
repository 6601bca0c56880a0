package sfu

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/srtp/v3"
)

const (
	sources     = 4
	layers      = 2
	layerLow    = 0
	layerHigh   = 1 // also the only layer of what has no rids
	layerQuiet  = 600 * time.Millisecond
	ringLow     = 256 // packets; some seconds of a layer
	ringHigh    = 512
	voiceMost   = 2 * 510_000 // bit/s: the most of Opus (RFC 6716, section 2.1.1), with redundancy
	voiceBurst  = 64 << 10    // bytes; browsers send what was held up at once
	keyThrottle = 500 * time.Millisecond
	keyAgain    = 50 * time.Millisecond
)

// mediaPeer is a peer as the loop knows it. All fields but the atomic ones
// belong to the loop's goroutine.
type mediaPeer struct {
	id     string
	room   *mediaRoom
	events *mailbox
	alive  atomic.Int64 // of the last authenticated packet: see loop.heardFrom

	in, out *srtp.Context // nil until DTLS is done
	addr    netip.AddrPort
	overTCP bool
	stream  *tcpStream // where overTCP; nil while the browser makes another one

	sections map[string]section // what it may send, by mid
	declared map[uint32]string  // SSRCs that the offer ties to a mid
	codec    codec              // which it was told to send
	maxSSRC  int
	heard    ssrcs // of RTP
	reports  ssrcs // of RTCP
	streams  map[uint32]*inStream
	repairs  map[uint32]*inStream // by the SSRC of the RTX stream that repairs it
	pubs     [sources]*publication

	slots  []*outSlot
	tracks map[uint32]*outTrack // by outgoing SSRC

	twccID   uint8 // of the header extension; 0 where it was not agreed
	arrived  arrivals
	rtt      time.Duration
	rttKnown bool

	repair     repairBudget
	sought     int        // numbers, for requests of this slowEvery
	path       *estimator // nil where no feedback was agreed
	probed     bool       // the last probe was not judged yet
	probeAt    time.Time  // not before
	probePause time.Duration
	saidPaused [2][]int // slots: cameras, screens

	interprets bool // its picture is speech to who needs it

	guard voiceGuard

	told, calc Layers // which layers the publisher was told to send
	calcSince  time.Time
	level      float64 // smoothed loudness of the microphone, 0..127
	levelAt    time.Time
}

// Layers counts watched camera layers: 0 none, 1 "l", 2 both.
type Layers uint8

func (n Layers) rids() []string { return []string{"l", "h"}[:n] }

// mediaRoom is a room as the loop knows it.
type mediaRoom struct {
	peers    []*mediaPeer
	speaking []string
}

// publication is one source of a peer: its layers and who gets it.
type publication struct {
	peer    *mediaPeer
	source  Source
	on      bool // SetPublishing; off forwards nothing
	layers  [layers]*inStream
	viewers []*outTrack
}

// inStream is one SSRC that a peer sends.
type inStream struct {
	pub     *publication
	ssrc    uint32
	layer   int
	pts     payloads
	exts    extensions
	video   bool
	codec   codec // of the newest packet
	sets    bool  // H.264: its keyframes come with their parameter sets
	log     receiveLog
	ring    *ring // video only
	lastAt  time.Time
	sr      senderReport
	keyAt   time.Time // of the last PLI
	keyWant bool
	keySoon bool // a newcomer is among those who want it
	keyCame bool // a keyframe came since the last PLI
	key     lastKey
	octets  uint32 // of payload
	meter   meter

	credit   float64 // bytes that a voice may send now
	creditAt time.Time
	asks     int // keyframes asked of the publisher

	taken [topAll + 1]int // bytes a viewer's path would have had to carry since the last measure, by temporal layer
	parts [topAll + 1]float64
	rate  float64             // of all of them, bit/s
	need  [topAll + 1]float64 // with those below
	top   uint8               // the highest that is there
}

type senderReport struct {
	known bool
	ntp   uint64
	rtp   uint32
	at    time.Time
}

func (s *inStream) flows(now time.Time) bool {
	return s != nil && now.Sub(s.lastAt) < layerQuiet
}

// outSlot is one receive slot of a viewer.
type outSlot struct {
	from   *mediaPeer
	tracks [sources]*outTrack // nil where the offer had no section
}

// outTrack is one section of a slot: one SSRC for ever, whatever it carries.
type outTrack struct {
	to      *mediaPeer
	source  Source
	ssrc    uint32
	pts     payloads
	codec   codec // of what flows now
	rtx     repairStream
	twcc    uint8 // id of the transport-wide number's extension; 0: without
	quality Quality
	share   share
	steps   ladder
	pub     *publication
	cur     *inStream // what flows now
	target  *inStream // what should; video gets there at its next keyframe
	rw      rewriter

	packets, octets uint32
	reported        uint32 // packets, when the viewer last reported
	srAt            time.Time
	srs             [4]sentReport
	srNext          int

	lost     uint8 // of 256, as the viewer last reported
	jitter   uint32
	lossy    int // receiver reports with heavy loss in a row
	lowUntil time.Time
	lowFor   time.Duration
	resends  int     // in this slowEvery
	resent   *lately // nil until something was
	health   health
}

type sentReport struct {
	mid uint32
	at  time.Time
}

func newMediaPeer(id string, events *mailbox, maxSSRC int) *mediaPeer {
	p := &mediaPeer{
		id: id, events: events, maxSSRC: maxSSRC, heard: ssrcs{}, reports: ssrcs{},
		streams: map[uint32]*inStream{}, repairs: map[uint32]*inStream{}, tracks: map[uint32]*outTrack{},
		rtt: defaultRTT, told: layers, calc: layers,
	}
	for s := range p.pubs {
		p.pubs[s] = &publication{peer: p, source: Source(s)}
	}
	return p
}

func (p *mediaPeer) ready() bool {
	return p.out != nil && p.addr.IsValid() && (!p.overTCP || p.stream != nil)
}

// assign ties a slot to a peer, or to nobody.
func (s *outSlot) assign(from *mediaPeer) {
	if s.from == from {
		return
	}
	s.from = from
	for src, t := range s.tracks {
		if t == nil {
			continue
		}
		t.detach()
		if from != nil {
			t.pub = from.pubs[src]
			t.pub.viewers = append(t.pub.viewers, t)
		}
	}
}

func (t *outTrack) detach() {
	if t.pub != nil {
		t.pub.viewers = slices.DeleteFunc(t.pub.viewers, func(v *outTrack) bool { return v == t })
	}
	t.pub, t.cur, t.target = nil, nil, nil
	t.rw.forget()
	t.lost, t.jitter, t.health, t.share = 0, 0, health{}, share{level: rungAll}
	t.lossy, t.lowUntil, t.lowFor = 0, time.Time{}, 0
}

// shown is a layer of the publication, if the viewer can show its codec.
func (t *outTrack) shown(layer int) *inStream {
	if s := t.pub.layers[layer]; s != nil && t.pts[s.codec].pt != 0 {
		return s
	}
	return nil
}

// choose decides which layer a track should carry.
func (t *outTrack) choose(now time.Time) *inStream {
	most := t.limit(now)
	if t.pub == nil || !t.pub.on || most == QualityNone {
		return nil
	}
	low, high := t.shown(layerLow), t.shown(layerHigh)
	best, other := high, low
	if low != nil && most == QualityLow {
		best, other = low, high
	}
	switch {
	case best == nil:
		return other
	case best.flows(now) || !other.flows(now):
		return best
	default:
		return other
	}
}

// limit is the best the track may carry: what the viewer wants, and what its
// path leaves.
func (t *outTrack) limit(now time.Time) Quality {
	q := QualityHigh
	if t.source == Camera {
		q = t.quality
		if now.Before(t.lowUntil) {
			q = min(q, QualityLow)
		}
	}
	if t.source.kind() == "video" && t.to != nil && t.to.path != nil {
		q = min(q, t.share.level.quality())
	}
	return q
}

// retarget follows choose. Audio moves at once, video at the next keyframe; a
// track that should show nothing stops at once.
func (l *loop) retarget(t *outTrack, now time.Time) {
	want := t.choose(now)
	t.target = want
	if want == nil {
		t.cur, t.health.sentAt = nil, time.Time{} // a pause, no freeze
		return
	}
	if t.cur != nil {
		t.rw.cut = t.cut(t.cur)
	}
	if want.video && t.cur != want && t.to.ready() {
		if t.cur == nil && l.replay(t, want) {
			return
		}
		l.wantKeyframe(want, t.cur == nil)
	}
}

// layersWatched says how many camera layers of a peer somebody wants.
func (p *mediaPeer) layersWatched(now time.Time) Layers {
	n := Layers(0)
	for _, t := range p.pubs[Camera].viewers {
		switch t.limit(now) {
		case QualityHigh:
			return 2
		case QualityLow:
			n = 1
		case QualityNone:
		}
	}
	return n
}
