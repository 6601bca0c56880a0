package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"sportello/sfu"
)

const audioLevelURI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level" // RFC 6464

// client is one participant.
type client struct {
	sc        scenario
	pc        *webrtc.PeerConnection
	socket    net.PacketConn // where packets are lost on purpose, or taped; else nil
	tape      *tape          // nil where it plays live
	mic       *webrtc.TrackLocalStaticRTP
	cam       []*webrtc.TrackLocalStaticRTP // "h", or "l" and "h"
	micT      *webrtc.RTPTransceiver
	camT      *webrtc.RTPTransceiver
	recv      [][3]*webrtc.RTPTransceiver
	rnd       *rand.Rand
	measuring *atomic.Bool
	clock     clock
	key       [2]atomic.Bool
	began     time.Time

	ctx    context.Context //nolint:containedctx // the participant's own life
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu          sync.Mutex
	tracks      []*arrivals
	delays      []time.Duration
	firstPacket time.Duration
	firstImage  time.Duration
	imageCame   chan struct{}
}

// codecs are those of a browser that talks to us. pion's asking for lost packets
// does not see the repairs that come on another SSRC and would ask again and
// again; so where packets are lost, repairs come as they were.
func codecs(rtx bool) (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	errs := []error{
		m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "transport-cc"}},
		}, PayloadType: 111}, webrtc.RTPCodecTypeAudio),
		m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeVP8, ClockRate: 90000,
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "transport-cc"}},
		}, PayloadType: 96}, webrtc.RTPCodecTypeVideo),
	}
	if rtx {
		errs = append(errs, m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: "apt=96",
		}, PayloadType: 97}, webrtc.RTPCodecTypeVideo))
	}
	for _, u := range []string{sdp.SDESMidURI, sdp.SDESRTPStreamIDURI, sdp.TransportCCURI} {
		errs = append(errs, m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: u}, webrtc.RTPCodecTypeVideo))
	}
	for _, u := range []string{sdp.SDESMidURI, sdp.TransportCCURI, audioLevelURI} {
		errs = append(errs, m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: u}, webrtc.RTPCodecTypeAudio))
	}
	return m, errors.Join(errs...)
}

// onLoopback keeps pion off every other network, and quiet.
func onLoopback(s *webrtc.SettingEngine) {
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	s.LoggerFactory = quiet
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(net.IP.IsLoopback)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
}

func newClient(sc scenario, seed uint64, clock clock, measuring *atomic.Bool) (*client, error) {
	m, err := codecs(sc.lossy == 0)
	if err != nil {
		return nil, err
	}
	c := &client{
		sc: sc, rnd: rand.New(rand.NewPCG(seed, 1)), measuring: measuring, //nolint:gosec // chance, not secrets
		clock: clock, imageCame: make(chan struct{}),
	}
	var s webrtc.SettingEngine
	onLoopback(&s)
	chain := &interceptor.Registry{}
	if err := errors.Join(webrtc.ConfigureRTCPReports(chain), webrtc.ConfigureTWCCSender(m, chain)); err != nil {
		return nil, err
	}
	if sc.lossy > 0 {
		if err := webrtc.ConfigureNack(m, chain); err != nil {
			return nil, err
		}
		if c.socket, err = listenLossy(sc.lossy, seed); err != nil {
			return nil, err
		}
	}
	if sc.taped {
		if c.tape, err = newTape(); err != nil {
			return nil, err
		}
		c.socket = c.tape
	}
	if c.socket != nil {
		s.SetICEUDPMux(webrtc.NewICEUDPMux(s.LoggerFactory.NewLogger("mux"), c.socket))
	}
	c.pc, err = webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(s),
		webrtc.WithInterceptorRegistry(chain)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if err := c.sections(); err != nil {
		return nil, errors.Join(err, c.close())
	}
	c.pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { c.receive(t) })
	return c, nil
}

func (c *client) sections() error {
	negotiated, zero := true, uint16(0)
	if _, err := c.pc.CreateDataChannel("ctl", &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &zero}); err != nil {
		return err
	}
	var err error
	if c.mic, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "mic", "mic"); err != nil {
		return err
	}
	rids := []string{""}
	if c.sc.simulcast {
		rids = []string{"l", "h"}
	}
	for _, rid := range rids {
		var opt []func(*webrtc.TrackLocalStaticRTP)
		if rid != "" {
			opt = append(opt, webrtc.WithRTPStreamID(rid))
		}
		t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "cam", "cam", opt...)
		if err != nil {
			return err
		}
		c.cam = append(c.cam, t)
	}
	send := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}
	if c.micT, err = c.pc.AddTransceiverFromTrack(c.mic, send); err != nil {
		return err
	}
	if c.camT, err = c.pc.AddTransceiverFromTrack(c.cam[0], send); err != nil {
		return err
	}
	if c.sc.simulcast {
		if err := c.camT.Sender().AddEncoding(c.cam[1]); err != nil {
			return err
		}
		c.hear(1, func() ([]rtcp.Packet, interceptor.Attributes, error) { return c.camT.Sender().ReadSimulcastRTCP("h") })
		c.hear(0, func() ([]rtcp.Packet, interceptor.Attributes, error) { return c.camT.Sender().ReadSimulcastRTCP("l") })
	} else {
		c.hear(0, c.camT.Sender().ReadRTCP)
	}
	c.hear(-1, c.micT.Sender().ReadRTCP)
	for range c.sc.people - 1 {
		var slot [3]*webrtc.RTPTransceiver
		for i, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeVideo} {
			if slot[i], err = c.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
				return err
			}
		}
		c.recv = append(c.recv, slot)
	}
	return nil
}

// keyframeRest is how long a browser is deaf after a keyframe request: libwebrtc
// drops what comes sooner (kMinKeyframeSendIntervalMs, encoder_rtcp_feedback.cc).
const keyframeRest = 300 * time.Millisecond

// hear follows the keyframe requests for one layer.
func (c *client) hear(layer int, read func() ([]rtcp.Packet, interceptor.Attributes, error)) {
	c.wg.Go(func() {
		var heard time.Time
		for {
			pkts, _, err := read()
			if err != nil {
				return
			}
			for _, p := range pkts {
				if _, ok := p.(*rtcp.PictureLossIndication); ok && layer >= 0 && time.Since(heard) >= keyframeRest {
					heard = time.Now()
					c.key[layer].Store(true)
				}
			}
		}
	})
}

// join offers, takes the answer, waits for the connection and begins to send.
func (c *client) join(ctx context.Context, srv *server, room, name string) error {
	connected := make(chan struct{})
	var once sync.Once
	c.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(connected) })
		}
	})
	c.began = time.Now()
	offer, err := c.pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := c.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	o := sfu.Offer{SDP: offer.SDP, Send: sfu.SendSections{Microphone: c.micT.Mid(), Camera: c.camT.Mid()}}
	for _, s := range c.recv {
		o.Receive = append(o.Receive, sfu.SlotSections{Audio: s[0].Mid(), Camera: s[1].Mid(), Screen: s[2].Mid()})
	}
	answer, err := srv.join(room, name, o)
	if err != nil {
		return err
	}
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return err
	}
	select {
	case <-connected:
	case <-ctx.Done():
		return fmt.Errorf("connect: %w", ctx.Err())
	}
	if c.tape == nil {
		c.wg.Go(c.send)
	}
	return nil
}

// extensions are what a browser puts into its headers.
type extensions struct {
	mid, rid, twcc, level uint8
	midValue              []byte
}

func extensionsOf(t *webrtc.RTPTransceiver) extensions {
	e := extensions{midValue: []byte(t.Mid())}
	for _, h := range t.Sender().GetParameters().HeaderExtensions {
		id := uint8(h.ID) //nolint:gosec // below 15
		switch h.URI {
		case sdp.SDESMidURI:
			e.mid = id
		case sdp.SDESRTPStreamIDURI:
			e.rid = id
		case sdp.TransportCCURI:
			e.twcc = id
		case audioLevelURI:
			e.level = id
		}
	}
	return e
}

// sender makes what a participant sends, packet by packet.
type sender struct {
	c              *client
	micExt, camExt extensions
	number         uint16 // transport-wide
	numberBytes    [2]byte
	spoken         uint32
	speech         []byte
	streams        []vp8Stream
	seqs           []uint16
}

func (c *client) newSender() *sender {
	for i := range c.key {
		c.key[i].Store(true)
	}
	return &sender{
		c: c, micExt: extensionsOf(c.micT), camExt: extensionsOf(c.camT),
		speech: make([]byte, audioBytes), streams: make([]vp8Stream, len(c.cam)), seqs: make([]uint16, len(c.cam)),
	}
}

// count gives a packet its transport-wide number.
func (s *sender) count(h *rtp.Header, e *extensions) error {
	if e.twcc == 0 {
		return nil
	}
	s.number++
	binary.BigEndian.PutUint16(s.numberBytes[:], s.number)
	return h.SetExtension(e.twcc, s.numberBytes[:])
}

// speak sends the next packet of the voice.
func (s *sender) speak() error {
	s.spoken++
	s.c.clock.stamp(s.speech)
	p := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(s.spoken & 0xffff), Timestamp: 960 * s.spoken}, Payload: s.speech}
	err := s.count(&p.Header, &s.micExt)
	if err == nil && s.micExt.level != 0 {
		err = p.SetExtension(s.micExt.level, []byte{0x80 | 40})
	}
	if err != nil {
		return err
	}
	return s.c.mic.WriteRTP(&p)
}

// show sends the next frame of each layer.
func (s *sender) show() error {
	c := s.c
	for i, t := range c.cam {
		key := c.key[i].Swap(false)
		pieces, size := framePieces, videoBytes
		if c.sc.simulcast && i == 0 {
			pieces, size = lowPieces, lowBytes
		}
		if key {
			pieces *= keyPieces / framePieces
		}
		err := s.streams[i].frame(key, pieces, size, func(ts uint32, payload []byte, marker bool) error {
			s.seqs[i]++
			c.clock.stamp(payload)
			p := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: s.seqs[i], Timestamp: ts, Marker: marker}, Payload: payload}
			if err := s.count(&p.Header, &s.camExt); err != nil {
				return err
			}
			if c.sc.simulcast {
				if err := errors.Join(p.SetExtension(s.camExt.mid, s.camExt.midValue), p.SetExtension(s.camExt.rid, []byte(t.RID()))); err != nil {
					return err
				}
			}
			return t.WriteRTP(&p)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// send plays until the participant is quiet.
func (c *client) send() {
	s := c.newSender()
	now := time.Now()
	// Not all at the same moment.
	nextAudio := now.Add(time.Duration(c.rnd.Int64N(int64(audioEvery))))
	nextFrame := now.Add(time.Duration(c.rnd.Int64N(int64(frameEvery))))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case now = <-timer.C:
		}
		for ; !now.Before(nextAudio); nextAudio = nextAudio.Add(audioEvery) {
			if s.speak() != nil {
				return
			}
		}
		for ; !now.Before(nextFrame); nextFrame = nextFrame.Add(frameEvery) {
			if s.show() != nil {
				return
			}
		}
		next := nextAudio
		if nextFrame.Before(next) {
			next = nextFrame
		}
		timer.Reset(time.Until(next))
	}
}

// receive reads one section of a slot until the connection ends.
func (c *client) receive(t *webrtc.TrackRemote) {
	video := strings.EqualFold(t.Codec().MimeType, webrtc.MimeTypeVP8)
	a := &arrivals{video: video}
	c.mu.Lock()
	c.tracks = append(c.tracks, a)
	c.mu.Unlock()
	buf := make([]byte, 1600)
	var p rtp.Packet
	var key bool
	for {
		n, _, err := t.Read(buf)
		if err != nil {
			return
		}
		if p.Unmarshal(buf[:n]) != nil {
			continue
		}
		if len(p.Payload) < 16 {
			continue
		}
		delay := c.clock.since(p.Payload)
		key = video && (key || p.Payload[0]&0x10 != 0 && p.Payload[5]&1 == 0)
		c.mu.Lock()
		a.note(p.SequenceNumber)
		if c.firstPacket == 0 {
			c.firstPacket = time.Since(c.began)
		}
		if key && p.Marker && c.firstImage == 0 {
			c.firstImage = time.Since(c.began)
			close(c.imageCame)
		}
		if c.measuring.Load() {
			c.delays = append(c.delays, delay)
		}
		c.mu.Unlock()
	}
}

func (c *client) firstFrame(ctx context.Context, most time.Duration) bool {
	select {
	case <-c.imageCame:
		return true
	case <-time.After(most):
		return false
	case <-ctx.Done():
		return false
	}
}

func (c *client) firsts() (packet, frame time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.firstPacket, c.firstImage
}

// tally adds what was lost for good and what was expected, and gives the delays.
func (c *client) tally(video, audio *losses) []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.tracks {
		if a.video {
			video.add(a)
		} else {
			audio.add(a)
		}
	}
	return c.delays
}

// quiet stops sending.
func (c *client) quiet() { c.cancel() }

func (c *client) close() error {
	c.cancel()
	err := c.pc.Close()
	c.wg.Wait()
	if c.socket != nil {
		_ = c.socket.Close() // the mux has closed it, mostly
	}
	return err
}
