package sfu

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

// fates reads reports as a browser does: when each packet came, or 0 where it
// is reported as missing.
func fates(t *testing.T, pkts []rtcp.Packet) map[uint16]int64 {
	t.Helper()
	got := map[uint16]int64{}
	for _, p := range pkts {
		f, ok := p.(*rtcp.TransportLayerCC)
		if !ok {
			t.Fatalf("%T", p)
		}
		seq, left, delta := f.BaseSequenceNumber, int(f.PacketStatusCount), 0
		at := int64(f.ReferenceTime) * tccRefTick
		each := func(symbol uint16) {
			if left == 0 {
				return
			}
			left--
			got[seq] = 0
			if symbol != rtcp.TypeTCCPacketNotReceived {
				at += f.RecvDeltas[delta].Delta
				got[seq] = at
				delta++
			}
			seq++
		}
		for _, c := range f.PacketChunks {
			switch c := c.(type) {
			case *rtcp.RunLengthChunk:
				for range c.RunLength {
					each(c.PacketStatusSymbol)
				}
			case *rtcp.StatusVectorChunk:
				for _, s := range c.SymbolList {
					each(s)
				}
			}
		}
		if left != 0 || delta != len(f.RecvDeltas) {
			t.Fatalf("%d packets and %d times are missing in %+v", left, len(f.RecvDeltas)-delta, f)
		}
	}
	return got
}

// reports takes all that is to be said, as it is on the wire.
func (a *arrivals) told(t *testing.T) (all []rtcp.Packet) {
	t.Helper()
	for {
		b := a.report(nil)
		if len(b) == 0 {
			return all
		}
		if len(b) > rtcpMax {
			t.Errorf("a report of %d bytes", len(b))
		}
		pkts, err := rtcp.Unmarshal(b)
		if err != nil {
			t.Fatalf("% x: %v", b, err)
		}
		all = append(all, pkts...)
	}
}

// Whatever order and pace packets come in, the reports say of each what pion's
// recorder says, across the wrap-around of the numbers.
func TestArrivalsSayWhatPionSays(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // chance, not secrets
		var a arrivals
		pion := twcc.NewRecorder(ourSSRC)
		seq, now := uint16(65000+rnd.IntN(500)), int64(1_000_000_000_000) //nolint:gosec // the wrap-around is the point
		loss, swap := rnd.Float64()*0.5, rnd.Float64()*0.3
		var held []uint16
		for range 20 {
			for range 1 + rnd.IntN(60) {
				now += int64(rnd.ExpFloat64() * 2000)
				if rnd.IntN(200) == 0 {
					now += 200_000 // beyond what one byte says
				}
				seq++
				come := []uint16{seq}
				switch {
				case rnd.Float64() < loss:
					come = nil
				case rnd.Float64() < swap:
					held, come = append(held, seq), nil
				case len(held) > 0:
					come, held = append(come, held...), nil
				}
				for _, s := range come {
					a.note(7, s, now)
					pion.Record(7, s, now)
				}
			}
			got, want := fates(t, a.told(t)), fates(t, pion.BuildFeedbackPacket())
			for s, at := range want {
				if d := got[s] - at; d < -tccTick || d > tccTick {
					t.Fatalf("seed %d: packet %d came at %d, pion says %d", seed, s, got[s], at)
				}
			}
			for s, at := range got {
				if want[s] == 0 && at != 0 {
					t.Fatalf("seed %d: packet %d at %d is not in pion's report", seed, s, at)
				}
			}
		}
	}
}

func TestArrivalsAreBounded(t *testing.T) {
	var a arrivals
	if b := a.report(nil); b != nil {
		t.Errorf("% x of nothing", b)
	}
	for i := range 3 * arrivalsKept {
		a.note(1, uint16(i), 1_000_000+int64(i))
	}
	if n := len(fates(t, a.told(t))); n != arrivalsKept {
		t.Errorf("%d packets reported", n)
	}
	a.note(1, 20000, 20_000_000) // a new start
	a.note(1, 20001, 40_000_000) // too late for one report
	if got := fates(t, a.told(t)); len(got) != 2 || got[20001]-got[20000] != 20_000_000 {
		t.Errorf("%v", got)
	}
	if got := a.told(t); got != nil {
		t.Errorf("%v told twice", got)
	}
	buf := make([]byte, 0, mtu)
	seq := uint16(20001)
	if n := testing.AllocsPerRun(100, func() {
		for range 30 {
			seq++
			a.note(1, seq, 40_000_000+int64(seq))
		}
		a.report(buf)
	}); n > 0 {
		t.Errorf("%v allocations for a report", n)
	}
}

// The estimator reads of a report what pion wrote into it, and makes no garbage.
func TestEstimatorReadsWhatPionWrites(t *testing.T) {
	now := time.Unix(1000, 0)
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // chance, not secrets
		e := newEstimator(now)
		e.next = 1<<16 + 65400
		first := e.next
		pion := twcc.NewRecorder(ourSSRC)
		came := map[int64]bool{}
		at := now.UnixMicro()
		last := first
		for range 250 {
			seq := e.next
			e.number(1000, now)
			at += int64(rnd.ExpFloat64() * 3000)
			if rnd.IntN(100) == 0 {
				at += 150_000
			}
			if rnd.Float64() < 0.8 {
				pion.Record(7, uint16(seq), at) //nolint:gosec // modulo 2^16
				came[seq], last = true, seq
			}
		}
		for _, p := range pion.BuildFeedbackPacket() {
			raw, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			e.read(raw)
		}
		begun := false // the first report begins with what came
		for seq := first; seq <= last; seq++ {
			begun = begun || came[seq]
			if p := &e.sent[seq%sentKept]; p.acked != came[seq] || p.lost != (begun && !came[seq]) {
				t.Fatalf("seed %d: packet %d, came %v: %+v", seed, seq-first, came[seq], p)
			}
		}
	}
	var a arrivals
	e := newEstimator(now)
	e.next = 1 << 16
	report := make([]byte, 0, mtu)
	if n := testing.AllocsPerRun(100, func() {
		for range 30 {
			a.note(1, e.number(1000, now), now.UnixMicro())
			now = now.Add(3 * time.Millisecond)
		}
		e.feedback(a.report(report), defaultRTT, now)
	}); n > 0 {
		t.Errorf("%v allocations for a report", n)
	}
}
