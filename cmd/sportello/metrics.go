package main

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"sportello/sfu"
	"sportello/sfu/relay"
	"sportello/signaling"
)

// metrics reads the parts' own counters when Prometheus asks; the parts know
// nothing of it. No label tells who, where or which room: their values are
// numbers known beforehand.
type metrics struct {
	media  *sfu.SFU
	rooms  *signaling.Server
	way    *turn // nil without a relay
	counts []figure
	// of all peers or rooms at one moment
	sizes, pictures                       *prometheus.Desc
	rtt, loss, upstream, jitter, estimate *prometheus.Desc
	slotRate, slotLoss, slotJitter        *prometheus.Desc
}

// figure is one number of the parts' Stats.
type figure struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*reading) float64
}

// reading is what one scrape reads, once.
type reading struct {
	media  sfu.Stats
	rooms  signaling.Stats
	way    relay.Stats
	survey sfu.Survey
}

func newRegistry(media *sfu.SFU, rooms *signaling.Server, way *turn) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newMetrics(media, rooms, way),
	)
	return r
}

func newMetrics(media *sfu.SFU, rooms *signaling.Server, way *turn) *metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("sportello_"+name, help, labels, nil)
	}
	m := &metrics{
		media: media, rooms: rooms, way: way,
		sizes:  desc("sfu_rooms_by_size", "Media rooms by the number of people in them.", "peers"),
		rtt:    desc("sfu_peer_rtt_seconds", "Round-trip time over all people now connected; quantile 1 is the worst.", "quantile"),
		loss:   desc("sfu_peer_loss_ratio", "Packets lost on the way to people, before repair, over all now connected; quantile 1 is the worst.", "quantile"),
		jitter: desc("sfu_peer_jitter_seconds", "Jitter at people's browsers, over all now connected; quantile 1 is the worst.", "quantile"),

		upstream:   desc("sfu_peer_upstream_loss_ratio", "Packets lost on the way from people in the last second, before repair, over all now connected; quantile 1 is the worst.", "quantile"),
		estimate:   desc("sfu_peer_estimate_bits", "What people's links are thought to carry to them, in bit/s, over those who report it; quantile 0 is the worst.", "quantile"),
		slotRate:   desc("sfu_slot_bitrate_bits", "Payload on its way to people, in bit/s, over the sections of their slots that carry such a source; quantile 0 is the least.", "source", "quantile"),
		slotLoss:   desc("sfu_slot_loss_ratio", "Packets lost on the way to people, before repair, over the sections of their slots that carry such a source; quantile 1 is the worst.", "source", "quantile"),
		slotJitter: desc("sfu_slot_jitter_seconds", "Jitter at people's browsers, over the sections of their slots that carry such a source; quantile 1 is the worst.", "source", "quantile"),

		pictures: desc("sfu_pictures", "Cameras and screens that viewers want, by how they come to them.", "as"),
	}
	gauge := func(name, help string, value func(*reading) float64) {
		m.counts = append(m.counts, figure{desc(name, help), prometheus.GaugeValue, value})
	}
	total := func(name, help string, value func(*reading) float64) {
		m.counts = append(m.counts, figure{desc(name+"_total", help), prometheus.CounterValue, value})
	}
	gauge("sfu_rooms", "Media rooms.", func(r *reading) float64 { return float64(r.media.Rooms) })
	gauge("sfu_peers", "People in media rooms.", func(r *reading) float64 { return float64(r.media.Peers) })
	gauge("sfu_peers_connected", "People whose media connection has come up.", func(r *reading) float64 { return float64(len(r.survey.Peers)) })
	gauge("sfu_peers_tcp", "People whose media goes over TCP, since their network lets no UDP out.", func(r *reading) float64 { return float64(r.media.OverTCP) })
	gauge("sfu_streams", "Streams that publishers send.", func(r *reading) float64 { return float64(r.survey.Streams) })
	gauge("sfu_tracks", "Sections of receive slots that carry something now.", func(r *reading) float64 { return float64(r.survey.Tracks) })
	gauge("sfu_tracks_low", "Cameras shown on the lower layer though the higher is wanted.", func(r *reading) float64 { return float64(r.survey.Low) })
	total("sfu_packets_received", "RTP packets taken in.", func(r *reading) float64 { return float64(r.media.Received) })
	total("sfu_packets_forwarded", "RTP packets forwarded to viewers.", func(r *reading) float64 { return float64(r.media.Forwarded) })
	total("sfu_packets_resent", "RTP packets sent again for a viewer's NACK.", func(r *reading) float64 { return float64(r.media.Resent) })
	total("sfu_packets_unrepaired", "Packets a viewer asked for that were no longer there.", func(r *reading) float64 { return float64(r.media.Unrepaired) })
	total("sfu_nacks_sent", "Packets asked of publishers again.", func(r *reading) float64 { return float64(r.media.NACKsSent) })
	total("sfu_packets_lost", "Packets of publishers given up.", func(r *reading) float64 { return float64(r.media.Lost) })
	total("sfu_keyframes_asked", "Keyframes asked of publishers.", func(r *reading) float64 { return float64(r.media.KeyframesAsked) })
	total("sfu_keyframes_wanted", "Keyframes that viewers asked for.", func(r *reading) float64 { return float64(r.media.KeyframesWanted) })
	total("sfu_freezes", "Gaps of 600 ms and more in a camera that was on, at a viewer.", func(r *reading) float64 { return float64(r.media.Freezes) })
	total("sfu_switches", "Changes of layer or source inside a slot.", func(r *reading) float64 { return float64(r.media.Switches) })
	total("sfu_thinned", "Packets of upper temporal layers that a viewer's path had no room for.", func(r *reading) float64 { return float64(r.media.Thinned) })
	total("sfu_voice_mended", "Lost packets of voices that later ones held again (RFC 2198).", func(r *reading) float64 { return float64(r.media.Mended) })
	total("sfu_unshown", "Packets not forwarded, since the viewer does not have their codec.", func(r *reading) float64 { return float64(r.media.Unshown) })
	total("sfu_padded", "Packets of padding sent to find out what a viewer's path carries.", func(r *reading) float64 { return float64(r.media.Padded) })
	total("sfu_replayed", "Viewers who began with a keyframe that was kept.", func(r *reading) float64 { return float64(r.media.Replayed) })
	total("sfu_packets_unknown", "Packets from addresses that nobody has proved to be theirs.", func(r *reading) float64 { return float64(r.media.Unknown) })
	total("sfu_packets_refused", "Packets that failed authentication, were seen before or made no sense.", func(r *reading) float64 { return float64(r.media.Refused) })
	total("sfu_control_dropped", "STUN and DTLS packets for which a queue had no room.", func(r *reading) float64 { return float64(r.media.ControlDropped) })
	total("sfu_send_errors", "Packets the socket did not take.", func(r *reading) float64 { return float64(r.media.SendErrors) })
	total("sfu_tcp_dropped", "Packets dropped because a TCP connection was too slow for them.", func(r *reading) float64 { return float64(r.media.StreamDropped) })
	total("sfu_tcp_refused", "TCP connections to the media port that were nobody's, or too many.", func(r *reading) float64 { return float64(r.media.StreamsRefused) })
	total("sfu_srtp_writes_blocked", "SRTP packets that the control plane tried to send with the media keys; must stay 0.",
		func(r *reading) float64 { return float64(r.media.Blocked) })
	total("sfu_text_bytes", "Bytes of real-time text relayed.", func(r *reading) float64 { return float64(r.media.TextBytes) })
	total("sfu_transfer_bytes", "Bytes of files relayed.", func(r *reading) float64 { return float64(r.media.TransferBytes) })

	gauge("signaling_rooms", "Appointments with somebody in the room or in its lobby.", func(r *reading) float64 { return float64(r.rooms.Rooms) })
	gauge("signaling_waiting", "People in lobbies.", func(r *reading) float64 { return float64(r.rooms.Waiting) })
	gauge("signaling_in_room", "People in rooms.", func(r *reading) float64 { return float64(r.rooms.InRoom) })
	total("signaling_connections", "Sockets accepted.", func(r *reading) float64 { return float64(r.rooms.Connections) })
	total("signaling_joins", "Sessions seated by a booking secret.", func(r *reading) float64 { return float64(r.rooms.Joined) })
	total("signaling_joins_refused", "Joins that the gate refused.", func(r *reading) float64 { return float64(r.rooms.Refused) })
	total("signaling_resumes", "Sockets that took their seat up again.", func(r *reading) float64 { return float64(r.rooms.Resumed) })
	total("signaling_replaced", "Seats taken over by a newer join.", func(r *reading) float64 { return float64(r.rooms.Replaced) })
	total("signaling_overflowed", "Sessions ended because their mailbox was full.", func(r *reading) float64 { return float64(r.rooms.Overflowed) })
	if way == nil {
		return m
	}
	gauge("relay_allocations", "Relayed connections.", func(r *reading) float64 { return float64(r.way.Allocations) })
	total("relay_refused", "Allocations over a limit, and permissions for other addresses than the media server's.",
		func(r *reading) float64 { return float64(r.way.Refused) })
	total("relay_stray_packets", "Packets to or from other ports than the media port, not relayed.", func(r *reading) float64 { return float64(r.way.Stray) })
	return m
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for i := range m.counts {
		out <- m.counts[i].desc
	}
	for _, d := range []*prometheus.Desc{m.sizes, m.pictures, m.rtt, m.loss, m.upstream, m.jitter, m.estimate, m.slotRate, m.slotLoss, m.slotJitter} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	r := &reading{media: m.media.Stats(), rooms: m.rooms.Stats(), survey: m.media.Survey()}
	if m.way != nil {
		r.way = m.way.Stats()
	}
	for i := range m.counts {
		c := &m.counts[i]
		out <- prometheus.MustNewConstMetric(c.desc, c.kind, c.value(r))
	}
	for n, rooms := range r.survey.RoomSizes {
		out <- prometheus.MustNewConstMetric(m.sizes, prometheus.GaugeValue, float64(rooms), strconv.Itoa(n))
	}
	shown := r.survey.Pictures
	for as, n := range map[string]int{
		"large": shown.Large, "large_thinned": shown.LargeThinned, "small": shown.Small, "small_thinned": shown.SmallThinned,
		"paused": shown.Paused,
	} {
		out <- prometheus.MustNewConstMetric(m.pictures, prometheus.GaugeValue, float64(n), as)
	}
	peers := r.survey.Peers
	quantiles(out, m.rtt, peers, worst(), func(p sfu.PeerSurvey) float64 { return p.RTT.Seconds() })
	quantiles(out, m.loss, peers, worst(), func(p sfu.PeerSurvey) float64 { return p.Loss })
	quantiles(out, m.upstream, peers, worst(), func(p sfu.PeerSurvey) float64 { return p.Upstream })
	quantiles(out, m.jitter, peers, worst(), func(p sfu.PeerSurvey) float64 { return p.Jitter.Seconds() })
	known := slices.DeleteFunc(peers, func(p sfu.PeerSurvey) bool { return p.Estimate == 0 })
	quantiles(out, m.estimate, known, least(), func(p sfu.PeerSurvey) float64 { return p.Estimate })
	m.slots(out, r.survey.Slots)
}

// slots tells how the sections of all slots fare, apart for each source.
func (m *metrics) slots(out chan<- prometheus.Metric, slots []sfu.SlotSurvey) {
	by := map[sfu.Source][]sfu.SlotSurvey{}
	for _, x := range slots {
		by[x.Source] = append(by[x.Source], x)
	}
	for source, all := range by {
		of := sourceName(source)
		quantiles(out, m.slotRate, all, least(), func(x sfu.SlotSurvey) float64 { return float64(x.Bitrate) }, of)
		quantiles(out, m.slotLoss, all, worst(), func(x sfu.SlotSurvey) float64 { return x.Loss }, of)
		quantiles(out, m.slotJitter, all, worst(), func(x sfu.SlotSurvey) float64 { return x.Jitter.Seconds() }, of)
	}
}

func sourceName(s sfu.Source) string {
	switch s {
	case sfu.Camera:
		return "camera"
	case sfu.Screen:
		return "screen"
	case sfu.ScreenAudio:
		return "screen_audio"
	case sfu.Microphone:
	}
	return "microphone"
}

type quantile struct {
	label string
	at    float64
}

// worst are those of what is bad when it is much, least those of what is bad when it is little.
func worst() []quantile { return []quantile{{"0.5", 0.5}, {"0.95", 0.95}, {"1", 1}} }
func least() []quantile { return []quantile{{"0", 0}, {"0.05", 0.05}, {"0.5", 0.5}} }

// quantiles tells the spread over all peers or slots; where there are none, nothing.
func quantiles[T any](out chan<- prometheus.Metric, d *prometheus.Desc, all []T, at []quantile, of func(T) float64, labels ...string) {
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(of(a), of(b)) })
	for _, q := range at {
		v := of(all[int(q.at*float64(len(all)-1))])
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append(labels, q.label)...)
	}
}
