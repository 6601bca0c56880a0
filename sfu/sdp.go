package sfu

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

const audioLevelURI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level" // RFC 6464

// section is what was agreed for one m-line on which a peer sends.
type section struct {
	source    Source
	pts       payloads
	video     bool
	simulcast bool
	exts      extensions
}

// extensions are the ids of the header extensions the loop reads; 0: absent.
type extensions struct{ mid, rid, repaired, twcc, level uint8 }

const (
	formatsMost    = 128  // of a section: payload types have seven bits
	attributesMost = 1024 // of a section; browsers write some 400 where they offer all they have
)

func badOffer(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrBadOffer, fmt.Sprintf(format, a...))
}

// sendMids lists the sections of o by source.
func (o *Offer) sendMids() [sources]string {
	return [sources]string{
		Microphone: o.Send.Microphone, Camera: o.Send.Camera,
		Screen: o.Send.Screen, ScreenAudio: o.Send.ScreenAudio,
	}
}

func (s *SlotSections) mids() [sources]string {
	return [sources]string{Microphone: s.Audio, Camera: s.Camera, Screen: s.Screen, ScreenAudio: s.ScreenAudio}
}

func (s Source) kind() string {
	if s == Camera || s == Screen {
		return "video"
	}
	return "audio"
}

// checkOffer refuses what the rest would stumble over, before pion sees it.
func checkOffer(o *Offer, cfg *Config, have []SlotSections) (*sdp.SessionDescription, error) {
	if len(o.SDP) > cfg.MaxOfferBytes {
		return nil, badOffer("%d bytes of SDP", len(o.SDP))
	}
	if len(o.Receive) > cfg.MaxSlots {
		return nil, badOffer("%d receive slots", len(o.Receive))
	}
	if len(o.Receive) < len(have) || !slices.Equal(o.Receive[:len(have)], have) {
		return nil, badOffer("receive slots may only be added")
	}
	d := &sdp.SessionDescription{}
	if err := d.UnmarshalString(o.SDP); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadOffer, err)
	}
	if most := 1 + sources*(1+cfg.MaxSlots); len(d.MediaDescriptions) > most || len(d.MediaDescriptions) == 0 {
		return nil, badOffer("%d sections", len(d.MediaDescriptions))
	}
	byMid := map[string]*sdp.MediaDescription{}
	for _, m := range d.MediaDescriptions {
		// pion makes for each format a list of the attributes about it.
		if len(m.MediaName.Formats) > formatsMost || len(m.Attributes) > attributesMost {
			return nil, badOffer("a section of %d formats and %d attributes", len(m.MediaName.Formats), len(m.Attributes))
		}
		mid, ok := m.Attribute("mid")
		if !ok || mid == "" || len(mid) > 16 || byMid[mid] != nil {
			return nil, badOffer("section without a mid of its own")
		}
		byMid[mid] = m
	}
	used := map[string]bool{}
	claim := func(mid, kind string, ways ...string) error {
		if mid == "" {
			return nil
		}
		m := byMid[mid]
		if m == nil || used[mid] || m.MediaName.Media != kind {
			return badOffer("mid %q is no %s section, or has two uses", mid, kind)
		}
		used[mid] = true
		for _, w := range ways {
			if _, ok := m.Attribute(w); ok {
				return nil
			}
		}
		return badOffer("mid %q has another direction", mid)
	}
	for src, mid := range o.sendMids() {
		if err := claim(mid, Source(src).kind(), "sendonly", "sendrecv", "inactive"); err != nil {
			return nil, err
		}
	}
	for i := range o.Receive {
		for src, mid := range o.Receive[i].mids() {
			if err := claim(mid, Source(src).kind(), "recvonly"); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

// declaredSSRCs reads which mid an SSRC belongs to, where the offer says so.
func declaredSSRCs(d *sdp.SessionDescription, most int) map[uint32]string {
	found := map[uint32]string{}
	for _, m := range d.MediaDescriptions {
		mid, _ := m.Attribute("mid")
		for _, a := range m.Attributes {
			if a.Key != "ssrc" || len(found) >= most {
				continue
			}
			id, _, _ := strings.Cut(a.Value, " ")
			if n, err := strconv.ParseUint(id, 10, 32); err == nil {
				found[uint32(n)] = mid
			}
		}
	}
	return found
}

// agreed reads from our own answer what each section came to.
func agreed(answer string) (map[string]section, error) {
	d := &sdp.SessionDescription{}
	if err := d.UnmarshalString(answer); err != nil {
		return nil, fmt.Errorf("read own answer: %w", err)
	}
	all := map[string]section{}
	for _, m := range d.MediaDescriptions {
		mid, _ := m.Attribute("mid")
		s := section{video: m.MediaName.Media == "video"}
		_, s.simulcast = m.Attribute("simulcast")
		s.read(m)
		if s.pts[codecVP8].pt != 0 && m.MediaName.Port.Value != 0 {
			all[mid] = s
		}
	}
	return all, nil
}

// read takes payload types and extensions from the attributes.
func (s *section) read(m *sdp.MediaDescription) {
	for _, a := range m.Attributes {
		id, value, _ := strings.Cut(a.Value, " ")
		id, _, _ = strings.Cut(id, "/")
		n, err := strconv.ParseUint(id, 10, 8)
		switch {
		case err != nil:
		case a.Key == "rtpmap":
			for c := codecVP8; c < codecCount; c++ {
				if strings.EqualFold(value, c.rtpmap(s.video)) && s.pts[c].pt == 0 {
					s.pts[c].pt = uint8(n)
				}
			}
		case a.Key == "fmtp" && s.video:
			apt, _ := strings.CutPrefix(value, "apt=")
			of, _ := strconv.ParseUint(apt, 10, 8)
			if c, rtx, ok := s.pts.find(uint8(of)); ok && !rtx {
				s.pts[c].rtx = uint8(n)
			}
		case a.Key == "extmap":
			s.exts.set(value, uint8(n))
		}
	}
	s.pts.even()
}

func (e *extensions) set(uri string, id uint8) {
	switch strings.TrimSpace(uri) {
	case sdp.SDESMidURI:
		e.mid = id
	case sdp.SDESRTPStreamIDURI:
		e.rid = id
	case sdp.SDESRepairRTPStreamIDURI:
		e.repaired = id
	case sdp.TransportCCURI:
		e.twcc = id
	case audioLevelURI:
		e.level = id
	}
}

// withoutCandidates takes out of an offer the addresses that it names. Where the
// browser is, its own checks show; to those that it names, pion would send checks
// too, whosever they are.
func withoutCandidates(offer string) string {
	var b strings.Builder
	b.Grow(len(offer))
	for line := range strings.Lines(offer) {
		if !strings.HasPrefix(line, "a=candidate:") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// withCandidates puts a host candidate for each announced address where pion
// wrote its own: the socket listens on all of them, and only we know which
// ones lead to it from outside. TCP (RFC 6544) is for where UDP does not get
// through, and not offered with tcp 0.
func withCandidates(answer string, announce []netip.Addr, port, tcp uint16) string {
	var b strings.Builder
	b.Grow(len(answer) + 1024)
	written := false
	for line := range strings.Lines(answer) {
		switch {
		case strings.HasPrefix(line, "m="):
			written = false
			b.WriteString(line)
		case !strings.HasPrefix(line, "a=candidate:"):
			b.WriteString(line)
		case !written:
			written = true
			for i, a := range announce {
				// RFC 8445, section 5.1.2: type preference 126 for host.
				priority := 126<<24 | (65535-i)<<8 | 255
				fmt.Fprintf(&b, "a=candidate:%d 1 udp %d %s %d typ host\r\n", i+1, priority, a, port)
			}
			for i, a := range announce {
				if tcp == 0 {
					break
				}
				// RFC 6544, section 4.2: below UDP; local preference with direction 4 of 7.
				priority := 90<<24 | (4<<13|(8191-i))<<8 | 255
				fmt.Fprintf(&b, "a=candidate:%d 1 tcp %d %s %d typ host tcptype passive\r\n", len(announce)+i+1, priority, a, tcp)
			}
		}
	}
	return b.String()
}
