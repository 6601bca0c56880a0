package sfu

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// slotTrack is what pion knows of a slot's section: enough to write it into the
// answer. It never gets a packet.
type slotTrack struct {
	id, stream string
	codec      webrtc.RTPCodecCapability
	kind       webrtc.RTPCodecType
}

func newSlotTrack(slot int, s Source) *slotTrack {
	names := [sources]string{Microphone: "microphone", Camera: "camera", Screen: "screen", ScreenAudio: "screen-audio"}
	t := &slotTrack{id: fmt.Sprintf("slot%d-%s", slot, names[s]), stream: fmt.Sprintf("slot%d", slot)}
	if s == Screen || s == ScreenAudio {
		// The browser keeps the audio and video of one msid in step: a shared
		// tab's sound goes with the tab, not with the face.
		t.stream += "-screen"
	}
	t.codec, t.kind = opus(), webrtc.RTPCodecTypeAudio
	if s.kind() == "video" {
		t.codec, t.kind = codecVP8.capability(), webrtc.RTPCodecTypeVideo
	}
	return t
}

// Bind is part of webrtc.TrackLocal.
func (t *slotTrack) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	for _, p := range c.CodecParameters() {
		if strings.EqualFold(p.MimeType, t.codec.MimeType) {
			return p, nil
		}
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

// Unbind is part of webrtc.TrackLocal.
func (t *slotTrack) Unbind(webrtc.TrackLocalContext) error { return nil }

// ID is part of webrtc.TrackLocal.
func (t *slotTrack) ID() string { return t.id }

// RID is part of webrtc.TrackLocal.
func (t *slotTrack) RID() string { return "" }

// StreamID is part of webrtc.TrackLocal.
func (t *slotTrack) StreamID() string { return t.stream }

// Kind is part of webrtc.TrackLocal.
func (t *slotTrack) Kind() webrtc.RTPCodecType { return t.kind }

func opus() webrtc.RTPCodecCapability {
	return webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2,
		SDPFmtpLine:  "minptime=10;useinbandfec=1",
		RTCPFeedback: []webrtc.RTCPFeedback{{Type: "transport-cc"}},
	}
}

// newMediaEngine offers Opus, VP8 and what else the settings name, and nothing
// more. RTX (RFC 4588) is for both ways:
// without it a publisher's padding goes into the media's own numbers, where a
// lost one can never be had again, and a repair to a viewer must be the same
// packet to the byte.
func newMediaEngine(pictures []codec) (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	errs := []error{
		m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: opus(), PayloadType: 111}, webrtc.RTPCodecTypeAudio),
		m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: "audio/red", ClockRate: 48000, Channels: 2, SDPFmtpLine: "111/111", RTCPFeedback: opus().RTCPFeedback,
		}, PayloadType: 63}, webrtc.RTPCodecTypeAudio),
	}
	for _, c := range slices.Sorted(slices.Values(pictures)) { // VP8 is sent until the browser is told otherwise
		pt := webrtc.PayloadType(96 + 2*c)
		errs = append(errs,
			m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: c.capability(), PayloadType: pt}, webrtc.RTPCodecTypeVideo),
			m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: fmt.Sprintf("apt=%d", pt),
			}, PayloadType: pt + 1}, webrtc.RTPCodecTypeVideo))
	}
	for uri, kinds := range map[string][]webrtc.RTPCodecType{
		sdp.SDESMidURI:         {webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo},
		sdp.TransportCCURI:     {webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo},
		sdp.SDESRTPStreamIDURI: {webrtc.RTPCodecTypeVideo},

		sdp.SDESRepairRTPStreamIDURI: {webrtc.RTPCodecTypeVideo},
		audioLevelURI:                {webrtc.RTPCodecTypeAudio},
	} {
		for _, k := range kinds {
			errs = append(errs, m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, k))
		}
	}
	return m, errors.Join(errs...)
}

// newConnection makes the control plane of one peer: SDP, ICE, DTLS and SCTP.
func (p *Peer) newConnection() (*webrtc.PeerConnection, error) {
	m, err := newMediaEngine(p.room.loop.prefer)
	if err != nil {
		return nil, fmt.Errorf("codecs: %w", err)
	}
	cfg := &p.sfu.cfg
	var s webrtc.SettingEngine
	s.SetICEUDPMux(&peerMux{loop: p.room.loop, media: p.media, listen: p.listenAddrs()})
	networks := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	if p.sfu.tcp != nil {
		s.SetICETCPMux(&peerTCP{port: p.sfu.tcp, loop: p.room.loop, media: p.media})
		s.SetNet(p.sfu.tcp.net)
		networks = append(networks, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	s.SetNetworkTypes(networks)
	s.SetIncludeLoopbackCandidate(true)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetICETimeouts(cfg.DisconnectAfter, cfg.FailAfter, 2*time.Second)
	s.DisableActiveTCP(true)
	s.SetDTLSKeyLogWriter(&p.keys)
	s.SetDTLSServerHelloMessageHook(p.keys.serverHello)
	s.SetDTLSExtendedMasterSecret(dtls.RequireExtendedMasterSecret)
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	s.DetachDataChannels()
	s.SetSCTPMaxReceiveBufferSize(sctpBuffer)
	s.SetSCTPMaxMessageSize(messageMax)
	s.LoggerFactory = pionLogs{p.log}
	// The hook of the ServerHello runs on the server's side only.
	if err := s.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return nil, fmt.Errorf("DTLS role: %w", err)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(s),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	pc, err := api.NewPeerConnection(webrtc.Configuration{
		Certificates:              []webrtc.Certificate{p.sfu.cert},
		RTPHeaderEncryptionPolicy: webrtc.RTPHeaderEncryptionPolicyDisable,
	})
	if err != nil {
		return nil, fmt.Errorf("new connection: %w", err)
	}
	p.listen(pc)
	// The browser's control channel is negotiated, so nothing announces it: pion
	// must know it, or its first message would end the accepting of channels.
	negotiated, zero := true, uint16(0)
	ctl, err := pc.CreateDataChannel("ctl", &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &zero})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("control channel: %w", err), pc.Close())
	}
	ctl.OnOpen(func() { p.controlOpened(ctl) })
	return pc, nil
}

// listenAddrs shows pion one address of each announced family.
func (p *Peer) listenAddrs() []net.Addr {
	var out []net.Addr
	for _, v4 := range []bool{true, false} {
		for _, a := range p.sfu.cfg.Announce {
			if a.Is4() == v4 {
				out = append(out, net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, p.room.loop.port())))
				break
			}
		}
	}
	return out
}

// Negotiate answers the browser's offer: the first one, an ICE restart, one with
// more receive slots, or one for a voice with redundancy or again without. The answer holds all candidates; nothing trickles.
// It fails with ErrBadOffer where the offer is at fault, and then what was
// agreed before stays in force.
func (p *Peer) Negotiate(ctx context.Context, o Offer) (answer string, err error) {
	p.negotiating.Lock()
	defer p.negotiating.Unlock()
	desc, err := checkOffer(&o, &p.sfu.cfg, p.agreedSlots)
	if err != nil {
		return "", err
	}
	pc, err := p.connection() //nolint:contextcheck // the connection outlives the offer
	if err != nil {
		return "", err
	}
	offer := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: withoutCandidates(o.SDP)}
	if err := pc.SetRemoteDescription(offer); err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadOffer, err)
	}
	if err := orderVoice(pc, desc, o.Send.Microphone); err != nil {
		return "", err
	}
	senders, err := addSlots(pc, o.Receive, len(p.agreedSlots))
	if err != nil {
		return "", err
	}
	a, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadOffer, err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(a); err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadOffer, err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", fmt.Errorf("gather candidates: %w", ctx.Err())
	case <-p.ctx.Done():
		return "", ErrClosed
	}
	answer = pc.LocalDescription().SDP
	if err := p.settle(&o, desc, answer, senders); err != nil {
		return "", err
	}
	return withCandidates(answer, p.sfu.cfg.Announce, p.room.loop.port(), p.sfu.tcp.port()), nil
}

// orderVoice has the microphone's codecs answered in the order of this offer, by
// which the browser chooses between Opus and Opus with redundancy; pion would keep
// the order of the first one.
func orderVoice(pc *webrtc.PeerConnection, offer *sdp.SessionDescription, mid string) error {
	var formats []string
	for _, m := range offer.MediaDescriptions {
		if is, _ := m.Attribute("mid"); is == mid {
			formats = m.MediaName.Formats
		}
	}
	at := func(c webrtc.RTPCodecParameters) int { return slices.Index(formats, strconv.Itoa(int(c.PayloadType))) }
	for _, t := range pc.GetTransceivers() {
		if t.Mid() != mid || mid == "" {
			continue
		}
		codecs := slices.DeleteFunc(t.Receiver().GetParameters().Codecs, func(c webrtc.RTPCodecParameters) bool { return at(c) < 0 })
		slices.SortFunc(codecs, func(a, b webrtc.RTPCodecParameters) int { return at(a) - at(b) })
		if err := t.SetCodecPreferences(codecs); err != nil {
			return fmt.Errorf("%w: voice: %w", ErrBadOffer, err)
		}
	}
	return nil
}

// addSlots gives each new slot's section a sender. AddTrack takes the first
// section without one, so they go in the order of the m-lines, and the mid is
// checked.
func addSlots(pc *webrtc.PeerConnection, slots []SlotSections, have int) (map[string]*webrtc.RTPSender, error) {
	want := map[string]*slotTrack{}
	for i := have; i < len(slots); i++ {
		for src, mid := range slots[i].mids() {
			if mid != "" {
				want[mid] = newSlotTrack(i, Source(src))
			}
		}
	}
	senders := map[string]*webrtc.RTPSender{}
	for _, t := range pc.GetTransceivers() {
		track := want[t.Mid()]
		if track == nil {
			continue
		}
		s, err := pc.AddTrack(track)
		if err != nil {
			return nil, fmt.Errorf("%w: slot section %q: %w", ErrBadOffer, t.Mid(), err)
		}
		if t.Sender() != s {
			return nil, badOffer("slot section %q cannot be sent on", t.Mid())
		}
		senders[t.Mid()] = s
	}
	if len(senders) != len(want) {
		return nil, badOffer("%d of %d slot sections are there", len(senders), len(want))
	}
	return senders, nil
}

// settle hands what was agreed to the loop and to the room.
func (p *Peer) settle(o *Offer, desc *sdp.SessionDescription, answer string, senders map[string]*webrtc.RTPSender) error {
	all, err := agreed(answer)
	if err != nil {
		return err
	}
	sections := map[string]section{}
	for src, mid := range o.sendMids() {
		if s, ok := all[mid]; ok && mid != "" {
			s.source = Source(src)
			sections[mid] = s
		}
	}
	var added []*outSlot
	for i := len(p.agreedSlots); i < len(o.Receive); i++ {
		slot := &outSlot{}
		for src, mid := range o.Receive[i].mids() {
			s, ok := all[mid]
			if mid == "" || !ok {
				continue
			}
			enc := senders[mid].GetParameters().Encodings
			if len(enc) != 1 {
				return badOffer("slot section %q has %d encodings", mid, len(enc))
			}
			t := &outTrack{
				to: p.media, source: Source(src), ssrc: uint32(enc[0].SSRC), pts: s.pts, quality: QualityHigh,
				rtx: newRepairStream(uint32(enc[0].RTX.SSRC), s.pts[codecVP8].rtx),
			}
			if s.exts.twcc <= 14 && (t.rtx.ssrc != 0 || !s.video) { // one byte holds no other id (RFC 8285)
				t.twcc = s.exts.twcc
			}
			t.rw.clock = 48000
			if s.video {
				t.rw.clock = 90000
			}
			slot.tracks[src] = t
		}
		added = append(added, slot)
	}
	p.agreedSlots = append(p.agreedSlots[:0:0], o.Receive...)
	declared := declaredSSRCs(desc, p.sfu.cfg.MaxStreams)
	p.room.loop.post(func() {
		m := p.media
		m.sections, m.declared = sections, declared
		for _, s := range sections { // one bundle, one id
			m.twccID = max(m.twccID, s.exts.twcc)
		}
		for _, s := range added {
			m.slots = append(m.slots, s)
			for _, t := range s.tracks {
				if t != nil {
					m.tracks[t.ssrc] = t
					if t.twcc != 0 && t.rtx.ssrc != 0 && (m.path == nil || m.path.blind) {
						m.path = newEstimator(p.room.loop.now)
					}
				}
			}
		}
		if m.path == nil && len(m.tracks) > 0 {
			m.path = newEstimator(p.room.loop.now)
			m.path.blind = true
		}
		if m.room != nil {
			p.room.loop.agreeCodec(m.room)
		}
	})
	p.room.negotiated(p, len(o.Receive))
	return nil
}
