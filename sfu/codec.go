package sfu

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/webrtc/v4"
)

// codec is how a picture or a voice is packed. Sound is Opus, which takes the
// place of codecVP8 where both are meant, or codecRED.
type codec uint8

// The codecs. Everybody has VP8; the others of pictures are sent where the
// settings name them and all of a room have them.
const (
	codecVP8 codec = iota
	codecH264
	codecVP9
	codecAV1
	codecRED // Opus with redundancy (RFC 2198), of voices
	codecCount
)

// payloads are the payload types of one section, by codec; 0: not agreed.
type payloads [codecCount]struct{ pt, rtx uint8 }

// find says what a payload type is for.
func (p *payloads) find(pt uint8) (c codec, rtx, ok bool) {
	for c := range p {
		switch {
		case pt == 0:
		case p[c].pt == pt:
			return codec(c), false, true
		case p[c].rtx == pt:
			return codec(c), true, true
		}
	}
	return 0, false, false
}

// even makes all codecs alike in whether they are repaired by RTX, as VP8 is: a
// stream has one way of repairs, whatever it carries.
func (p *payloads) even() {
	for c := codecVP8 + 1; c <= codecAV1; c++ {
		if p[codecVP8].rtx == 0 {
			p[c].rtx = 0
		} else if p[c].rtx == 0 {
			p[c].pt = 0
		}
	}
}

// String is the name in the settings and in the signalling.
func (c codec) String() string {
	return [...]string{"vp8", "h264", "vp9", "av1", "red"}[c]
}

// codecsOf reads the names of the settings; VP8 is added where it is missing.
func codecsOf(names []string) ([]codec, error) {
	var all []codec
	for _, n := range names {
		i := slices.IndexFunc([]codec{codecVP8, codecH264, codecVP9, codecAV1}, func(c codec) bool { return c.String() == n })
		if i < 0 {
			return nil, fmt.Errorf("sfu: %q is no codec of pictures: vp8, h264, vp9 and av1 are", n)
		}
		if c := codec(i); !slices.Contains(all, c) { //nolint:gosec // one of four
			all = append(all, c)
		}
	}
	if !slices.Contains(all, codecVP8) {
		all = append(all, codecVP8)
	}
	return all, nil
}

// CheckCodecs says what is wrong with Config.Codecs.
func CheckCodecs(names []string) error {
	_, err := codecsOf(names)
	return err
}

// rtpmap is the codec's encoding name and clock rate in SDP; "" where a section
// of that kind has none.
func (c codec) rtpmap(video bool) string {
	switch {
	case video && c != codecRED:
		return strings.ToUpper(c.String()) + "/90000"
	case !video && c == codecRED:
		return "red/48000/2"
	case !video && c == codecVP8:
		return "opus/48000/2"
	default:
		return ""
	}
}

// capability is what pion offers. One profile of each is enough: that which all
// browsers have.
func (c codec) capability() webrtc.RTPCodecCapability {
	return webrtc.RTPCodecCapability{
		MimeType: "video/" + strings.ToUpper(c.String()), ClockRate: 90000,
		SDPFmtpLine: [...]string{
			codecVP8:  "",
			codecH264: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
			codecVP9:  "profile-id=0",
			codecAV1:  "level-idx=5;profile=0;tier=0",
		}[c],
		RTCPFeedback: []webrtc.RTCPFeedback{
			{Type: "ccm", Parameter: "fir"},
			{Type: "nack"},
			{Type: "nack", Parameter: "pli"},
			{Type: "transport-cc"},
			{Type: "goog-remb"},
		},
	}
}

// parse reads what the loop wants to know of a packet; ok is false where it is
// cut short.
func (c codec) parse(b []byte) (d descriptor, ok bool) {
	switch c {
	case codecH264:
		return parseH264(b)
	case codecVP9:
		return parseVP9(b)
	case codecAV1:
		return parseAV1(b)
	case codecVP8, codecRED, codecCount:
	}
	return parseVP8(b)
}

// agreeCodec finds out what the people of a room should send: the first codec of
// the settings that every one of them can show in all slots, and the sender has;
// else VP8. Slots are negotiated once, so this changes only with who is there.
func (l *loop) agreeCodec(r *mediaRoom) {
	var shown [codecCount]bool
	for c := range shown {
		shown[c] = !slices.ContainsFunc(r.peers, func(p *mediaPeer) bool { return !p.shows(codec(c)) }) //nolint:gosec // one of four
	}
	for _, p := range r.peers {
		want := codecVP8
		for _, c := range l.prefer {
			if shown[c] && p.sends(c) {
				want = c
				break
			}
		}
		if want != p.codec {
			p.codec = want
			p.events.post(func(o Observer) { o.Codec(want.String()) })
		}
	}
}

// shows says whether all of a peer's slots can show a codec.
func (p *mediaPeer) shows(c codec) bool {
	for _, s := range p.slots {
		for _, t := range s.tracks {
			if t != nil && t.source.kind() == "video" && t.pts[c].pt == 0 {
				return false
			}
		}
	}
	return true
}

// sends says whether a peer may send a codec on its camera and its screen.
func (p *mediaPeer) sends(c codec) bool {
	some := false
	for _, s := range p.sections {
		if s.video && s.pts[c].pt == 0 {
			return false
		}
		some = some || s.video
	}
	return some
}
