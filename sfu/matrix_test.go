package sfu_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/transport/v5/vnet"
	"github.com/pion/webrtc/v4"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

// TestBadLines holds a call over lines that lose, double, delay and reorder
// packets both ways. Counts are asserted, and printed with -v: pictures that
// were still missing once repairs had their time, and voices, which are not
// repaired.
func TestBadLines(t *testing.T) {
	for i, f := range []faults{
		{},
		{loss: 0.01},
		{loss: 0.05},
		{loss: 0.10},
		{loss: 0.20},
		{held: 0.10},
		{twice: 0.10},
		{delay: 40 * time.Millisecond, jitter: 30 * time.Millisecond},
		{loss: 0.05, twice: 0.05, held: 0.05, delay: 20 * time.Millisecond, jitter: 10 * time.Millisecond},
	} {
		name := fmt.Sprintf("loss %g %%, doubled %g %%, overtaken %g %%, %v and up to %v more",
			100*f.loss, 100*f.twice, 100*f.held, f.delay, f.jitter)
		t.Run(name, func(t *testing.T) {
			hosts := network(t, "10.0.0.1", "10.0.0.2", "10.0.0.3") // one after another: vnet counts its addresses without a lock
			t.Parallel()
			overBadLine(t, hosts, f, uint64(i+1)) //nolint:gosec // small
		})
	}
}

func overBadLine(t *testing.T, hosts map[string]*vnet.Net, f faults, seed uint64) {
	t.Helper()
	conn, err := hosts["10.0.0.1"].ListenPacket("udp4", "10.0.0.1:7882")
	if err != nil {
		t.Fatal(err)
	}
	l := newLine(conn, f, seed)
	s := start(t, func(c *sfu.Config) { c.Conn, c.Announce = l, sfutest.Addrs("10.0.0.1") })
	on := func(ip string) sfutest.Options {
		return sfutest.Options{Slots: 1, Repairs: true, Setting: func(e *webrtc.SettingEngine) { e.SetNet(hosts[ip]) }}
	}
	a := join(t, s, "room", "a", on("10.0.0.2"))
	b := join(t, s, "room", "b", on("10.0.0.3"))
	a.stream(t, 7, "screen")
	b.next(t, "screen", func(p sfutest.Media) bool { return p.Source == sfu.Screen })
	l.bad.Store(true)

	const pictures, grace = 100, 25 // packets; repairs get so many packets' time
	sound, picture := tally{}, tally{}
	b.next(t, "the pictures", func(p sfutest.Media) bool {
		switch p.Source { //nolint:exhaustive // no other source is on
		case sfu.Microphone:
			sound.note(p.Packet.SequenceNumber)
		case sfu.Screen:
			picture.note(p.Packet.SequenceNumber)
		}
		return picture.span() >= pictures+grace
	})
	lost, gaps := picture.missing(pictures)
	voices := sound.span()
	mute, _ := sound.missing(voices)
	st := s.Stats()
	t.Logf("pictures: %d of %d missing after repair, in %d gaps; voices: %d of %d; asked %d, resent %d, keyframes asked %d",
		lost, pictures, gaps, mute, voices, st.NACKsSent, st.Resent, st.KeyframesAsked)
	if f.loss == 0 && lost > 0 {
		t.Errorf("%d pictures are missing though nothing was lost", lost)
	}
	if lost > pictures/50 {
		t.Errorf("%d of %d pictures are missing after repair", lost, pictures)
	}
	// A voice crosses two lossy legs.
	if share, most := float64(mute)/float64(voices), 3*f.loss+0.02; share > most {
		t.Errorf("%.1f %% of the voice is missing, more than %.1f", 100*share, 100*most)
	}
	if f.loss >= 0.05 && (st.NACKsSent == 0 || st.Resent == 0) {
		t.Errorf("repaired by magic: %+v", st)
	}
}

// tally remembers which sequence numbers came; its streams stay below 2^15 packets.
type tally struct {
	begun       bool
	first, last uint16
	came        map[uint16]bool
}

func (y *tally) note(seq uint16) {
	if !y.begun {
		*y = tally{begun: true, first: seq, last: seq, came: map[uint16]bool{}}
	}
	if seq-y.first >= 1<<15 {
		return // from before the first
	}
	y.came[seq] = true
	if seq-y.first > y.last-y.first {
		y.last = seq
	}
}

func (y *tally) span() int { return int(y.last-y.first) + 1 }

// missing counts what did not come among the first n, and the gaps they make.
func (y *tally) missing(n int) (lost, gaps int) {
	whole := true
	for i := range n {
		here := y.came[y.first+uint16(i)]
		if !here {
			lost++
			if whole {
				gaps++
			}
		}
		whole = here
	}
	return lost, gaps
}

// network is a simulated one, with a host at each address.
func network(t *testing.T, ips ...string) map[string]*vnet.Net {
	t.Helper()
	return networkBehind(t, nil, "", ips...)
}

// networkBehind is one that has another host, at the address behind: what goes to
// it passes q.
func networkBehind(t *testing.T, q vnet.Discipline, behind string, ips ...string) map[string]*vnet.Net {
	t.Helper()
	wan, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "10.0.0.0/24", LoggerFactory: sfutest.NoLogs()})
	if err != nil {
		t.Fatal(err)
	}
	hosts := map[string]*vnet.Net{}
	if q != nil {
		ips = append(ips, behind)
	}
	for _, ip := range ips {
		n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip}})
		if err != nil {
			t.Fatal(err)
		}
		var nic vnet.NIC = n
		if ip == behind {
			queue, err := vnet.NewQueue(n, q)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := queue.Close(); err != nil {
					t.Error(err)
				}
			})
			nic = queue
		}
		if err := wan.AddNet(nic); err != nil {
			t.Fatal(err)
		}
		hosts[ip] = n
	}
	if err := wan.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := wan.Stop(); err != nil {
			t.Error(err)
		}
	})
	return hosts
}
