package sfutest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sctp"
	"github.com/pion/sdp/v3"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"sportello/sfu"
)

// Media is a packet that arrived in a receive slot.
type Media struct {
	Slot   int
	Source sfu.Source
	Packet *rtp.Packet
}

// Options shape a Client.
type Options struct {
	Slots int
	// Setting changes pion's settings, for example its network.
	Setting func(*webrtc.SettingEngine)
	// Connection is pion's configuration, for example its ICE servers.
	Connection webrtc.Configuration
	// Offer changes what is offered, on its way to the SFU.
	Offer func(sdp string) string
	// Answer changes the SFU's answer before it is taken.
	Answer func(sdp string) string
	// Codecs of pictures beside VP8.
	Codecs []webrtc.RTPCodecCapability
	// Sends is the MIME type of what camera and screen are sent in; VP8.
	Sends string
	// Redundancy has the voice sent as RFC 2198 has it, by whoever writes it so.
	Redundancy bool
	// Repairs turns pion's NACKs on, both ways.
	Repairs bool
	// RTX lets repairs come as RFC 4588 has it.
	RTX bool
	// MediaOnly leaves out the data channels.
	MediaOnly bool
	// Feedback reports the arrival of what carries transport-wide numbers.
	Feedback bool
}

// Client is a participant: it offers the sections that the room's page offers.
type Client struct {
	PC *webrtc.PeerConnection
	// Media gets what arrives; a full channel loses packets, so read it.
	Media chan Media
	// Asked counts the keyframe requests that arrived, by rid or "".
	Keyframes chan string

	opt               Options
	mic               *webrtc.TrackLocalStaticRTP
	low, high, screen *webrtc.TrackLocalStaticRTP
	sendT             [3]*webrtc.RTPTransceiver
	recv              [][4]*webrtc.RTPTransceiver
	slotOf            sync.Map // transceiver → [2]int
	ctx               context.Context
	cancel            context.CancelFunc
	wg                sync.WaitGroup
}

const red = "audio/red"

// NewClient makes a participant with a microphone, a camera of two layers and
// a screen, and some receive slots.
func NewClient(opt Options) (*Client, error) {
	m := &webrtc.MediaEngine{}
	errs := []error{
		m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
		}, PayloadType: 109}, webrtc.RTPCodecTypeAudio),
		m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeVP8, ClockRate: 90000,
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "transport-cc"}},
		}, PayloadType: 120}, webrtc.RTPCodecTypeVideo),
	}
	for i, c := range opt.Codecs {
		errs = append(errs, m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: c, PayloadType: webrtc.PayloadType(40 + i),
		}, webrtc.RTPCodecTypeVideo))
	}
	if opt.Redundancy {
		errs = append(errs, m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: red, ClockRate: 48000, Channels: 2, SDPFmtpLine: "109/109",
		}, PayloadType: 63}, webrtc.RTPCodecTypeAudio))
	}
	if opt.RTX {
		errs = append(errs, m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: "apt=120",
		}, PayloadType: 121}, webrtc.RTPCodecTypeVideo))
	}
	for _, u := range []string{sdp.SDESMidURI, sdp.SDESRTPStreamIDURI} {
		errs = append(errs, m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: u}, webrtc.RTPCodecTypeVideo))
	}
	errs = append(errs, m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: sdp.SDESMidURI}, webrtc.RTPCodecTypeAudio))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.DetachDataChannels()
	if opt.Setting != nil {
		opt.Setting(&s)
	}
	chain := &interceptor.Registry{}
	if opt.Repairs {
		if err := webrtc.ConfigureNack(m, chain); err != nil {
			return nil, err
		}
	}
	if opt.Feedback {
		if err := webrtc.ConfigureTWCCSender(m, chain); err != nil {
			return nil, err
		}
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(s),
		webrtc.WithInterceptorRegistry(chain)).NewPeerConnection(opt.Connection)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Client{
		PC: pc, opt: opt, Media: make(chan Media, 4096), Keyframes: make(chan string, 256), ctx: ctx, cancel: cancel,
	}
	if err := c.sections(); err != nil {
		return nil, errors.Join(err, pc.Close())
	}
	pc.OnTrack(c.read)
	return c, nil
}

func (c *Client) sections() error {
	if !c.opt.MediaOnly {
		negotiated, zero := true, uint16(0)
		if _, err := c.PC.CreateDataChannel("ctl", &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &zero}); err != nil {
			return err
		}
	}
	track := func(mime, id, rid string) (*webrtc.TrackLocalStaticRTP, error) {
		var opt []func(*webrtc.TrackLocalStaticRTP)
		if rid != "" {
			opt = append(opt, webrtc.WithRTPStreamID(rid))
		}
		codec := webrtc.RTPCodecCapability{MimeType: mime}
		if mime == red { // pion knows no defaults of it
			codec.ClockRate, codec.Channels = 48000, 2
		}
		return webrtc.NewTrackLocalStaticRTP(codec, id, id, opt...)
	}
	var errs [4]error
	picture := cmp.Or(c.opt.Sends, webrtc.MimeTypeVP8)
	voice := webrtc.MimeTypeOpus
	if c.opt.Redundancy {
		voice = red
	}
	c.mic, errs[0] = track(voice, "mic", "")
	c.low, errs[1] = track(picture, "cam", "l")
	c.high, errs[2] = track(picture, "cam", "h")
	c.screen, errs[3] = track(picture, "screen", "")
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	for i, t := range []*webrtc.TrackLocalStaticRTP{c.mic, c.low, c.screen} {
		tr, err := c.PC.AddTransceiverFromTrack(t, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return err
		}
		c.sendT[i] = tr
	}
	if err := c.sendT[1].Sender().AddEncoding(c.high); err != nil {
		return err
	}
	for i, rid := range []string{"", "l", ""} {
		c.readRTCP(c.sendT[i].Sender(), rid)
	}
	c.wg.Go(func() {
		c.rtcpOf(func() ([]rtcp.Packet, error) { p, _, err := c.sendT[1].Sender().ReadSimulcastRTCP("h"); return p, err }, "h")
	})
	return c.AddSlots(c.opt.Slots)
}

// AddSlots adds receive slots to the next offer.
func (c *Client) AddSlots(n int) error {
	for range n {
		var slot [4]*webrtc.RTPTransceiver
		for src, kind := range map[sfu.Source]webrtc.RTPCodecType{
			sfu.Microphone: webrtc.RTPCodecTypeAudio, sfu.Camera: webrtc.RTPCodecTypeVideo, sfu.Screen: webrtc.RTPCodecTypeVideo,
		} {
			t, err := c.PC.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
			if err != nil {
				return err
			}
			slot[src] = t
			c.slotOf.Store(t, [2]int{len(c.recv), int(src)})
		}
		c.recv = append(c.recv, slot)
	}
	return nil
}

func (c *Client) readRTCP(s *webrtc.RTPSender, rid string) {
	c.wg.Go(func() { c.rtcpOf(func() ([]rtcp.Packet, error) { p, _, err := s.ReadRTCP(); return p, err }, rid) })
}

func (c *Client) rtcpOf(read func() ([]rtcp.Packet, error), rid string) {
	for {
		pkts, err := read()
		if err != nil {
			return
		}
		for _, p := range pkts {
			if _, ok := p.(*rtcp.PictureLossIndication); !ok {
				continue
			}
			select {
			case c.Keyframes <- rid:
			default:
			}
		}
	}
}

func (c *Client) read(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	at, ok := c.slotOf.Load(r.RTPTransceiver())
	if !ok {
		return
	}
	slot, _ := at.([2]int)
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		m := Media{Slot: slot[0], Source: sfu.Source(slot[1]), Packet: p} //nolint:gosec // 0..3
		select {
		case c.Media <- m:
		case <-c.ctx.Done():
			return
		}
	}
}

// Offer makes an offer and says what its sections are for.
func (c *Client) Offer(restart bool) (sfu.Offer, error) {
	o, err := c.PC.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		return sfu.Offer{}, err
	}
	if err := c.PC.SetLocalDescription(o); err != nil {
		return sfu.Offer{}, err
	}
	out := sfu.Offer{SDP: o.SDP, Send: sfu.SendSections{
		Microphone: c.sendT[0].Mid(), Camera: c.sendT[1].Mid(), Screen: c.sendT[2].Mid(),
	}}
	if c.opt.Offer != nil {
		out.SDP = c.opt.Offer(out.SDP)
	}
	for _, s := range c.recv {
		out.Receive = append(out.Receive, sfu.SlotSections{
			Audio: s[sfu.Microphone].Mid(), Camera: s[sfu.Camera].Mid(), Screen: s[sfu.Screen].Mid(),
		})
	}
	return out, nil
}

// Answer takes the SFU's answer.
func (c *Client) Answer(answer string) error {
	if c.opt.Answer != nil {
		answer = c.opt.Answer(answer)
	}
	return c.PC.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
}

// Connect offers, takes the answer and waits for the connection.
func (c *Client) Connect(ctx context.Context, p *sfu.Peer) error {
	connected := make(chan struct{})
	var once sync.Once
	c.PC.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(connected) })
		}
	})
	o, err := c.Offer(false)
	if err != nil {
		return err
	}
	a, err := p.Negotiate(ctx, o)
	if err != nil {
		return err
	}
	if err := c.Answer(a); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	select {
	case <-connected:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("connect: %w", ctx.Err())
	}
}

// SendAudio sends one packet of speech.
func (c *Client) SendAudio(seq uint16, ts uint32, payload []byte) error {
	return c.mic.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: ts}, Payload: payload})
}

// SendVideo sends one VP8 frame of one packet, on "l", "h" or "screen".
func (c *Client) SendVideo(layer string, seq, picture uint16, ts uint32, key bool, mark byte) error {
	frame := byte(1)
	if key {
		frame = 0
	}
	return c.SendPicture(layer, rtp.Header{SequenceNumber: seq, Timestamp: ts, Marker: true},
		[]byte{0x90, 0xc0, 0x80 | byte(picture>>8)&0x7f, byte(picture & 0xff), byte(picture & 0xff), frame, mark, 0, 0, 0})
}

// SendPicture sends one packet with a payload of one's own on "l", "h" or
// "screen", whatever the codec.
func (c *Client) SendPicture(layer string, h rtp.Header, payload []byte) error {
	t := map[string]*webrtc.TrackLocalStaticRTP{"l": c.low, "h": c.high, "screen": c.screen}[layer]
	h.Version = 2
	pkt := &rtp.Packet{Header: h, Payload: payload}
	ids := []string{sdp.SDESMidURI, sdp.SDESRTPStreamIDURI}
	values := []string{c.sendT[1].Mid(), layer}
	if layer == "screen" {
		ids, values = ids[:1], []string{c.sendT[2].Mid()}
	}
	for _, e := range c.sendT[1].Sender().GetParameters().HeaderExtensions {
		for i, uri := range ids {
			if e.URI != uri {
				continue
			}
			if err := pkt.SetExtension(uint8(e.ID), []byte(values[i])); err != nil { //nolint:gosec // below 15
				return err
			}
		}
	}
	return t.WriteRTP(pkt)
}

// Stream sends 50 audio packets and 25 frames of each layer a second until
// ctx ends, with a keyframe whenever one is asked for.
func (c *Client) Stream(ctx context.Context, mark byte, layers ...string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	want := map[string]bool{"l": true, "h": true, "screen": true}
	for n := uint32(0); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-c.ctx.Done():
			return nil
		case rid := <-c.Keyframes:
			if rid == "" {
				rid = "screen"
			}
			want[rid] = true
			continue
		case <-tick.C:
		}
		if err := c.SendAudio(uint16(65500+n), 960*n, []byte{mark, 1, 2, 3}); err != nil {
			return err
		}
		if n%2 == 1 {
			n++
			continue
		}
		for i, l := range layers {
			at := uint32(i*1000) + n/2
			if err := c.SendVideo(l, uint16((65500+at)&0xffff), uint16((32700+at)&0x7fff), 90000/25*n/2, want[l], mark); err != nil {
				return err
			}
			want[l] = false
		}
		n++
	}
}

// Close ends the participant.
func (c *Client) Close() error {
	c.cancel()
	err := c.PC.GracefulClose()
	c.wg.Wait()
	// pion/webrtc calls its channels closed, and one that opens in that moment is
	// open again: it is closed once more when the association has ended.
	if errors.Is(err, sctp.ErrResetPacketInStateNotExist) {
		return nil
	}
	return err
}

// Check is an ICE check (RFC 8445) as this client's browser would send it, from
// wherever it is sent.
func (c *Client) Check() (*stun.Message, error) {
	ufrag := func(sdp string) string { return attribute(sdp, "ice-ufrag") }
	theirs, ours := c.PC.RemoteDescription().SDP, c.PC.LocalDescription().SDP
	return stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(ufrag(theirs)+":"+ufrag(ours)),
		ice.AttrControlling(1), ice.PriorityAttr(1), stun.NewShortTermIntegrity(attribute(theirs, "ice-pwd")), stun.Fingerprint)
}

// attribute is the first value of an attribute in a description; "" for none.
func attribute(sdp, name string) string {
	_, after, _ := strings.Cut(sdp, "\na="+name+":")
	value, _, _ := strings.Cut(after, "\r\n")
	return value
}
