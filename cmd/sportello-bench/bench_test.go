package main

import (
	"bytes"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test's binary be the servers' processes too.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// Every server carries calls, with and without losses, and the table tells.
func TestAllServersCarryCalls(t *testing.T) {
	p := plan{servers: serverNames(), repeat: 1, warm: 200 * time.Millisecond, measure: time.Second, errOut: t.Output()}
	calls := scenario{name: "1x2", rooms: 1, people: 2}
	for _, name := range p.servers {
		r, err := p.turn(t.Context(), calls, name, "")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.packets <= 0 || r.cpuPerPacket <= 0 || r.p50 <= 0 || r.p95 < r.p50 || r.p99 < r.p95 {
			t.Errorf("%s: %+v", name, r)
		}
		// The plain servers ask for a keyframe once; where it is lost, none comes.
		if name == ourServer && r.failed > 0 || name != floorServer && r.failed == 0 && (r.frame50 < r.packet50 || r.packet50 <= 0 || r.live <= 0) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	lossy := scenario{name: "mixed", rooms: 1, people: 3, simulcast: true, lossy: 0.02}
	var with, without result
	var err error
	if with, err = p.turn(t.Context(), lossy, ourServer, ""); err != nil {
		t.Fatal(err)
	}
	if without, err = p.turn(t.Context(), lossy, emptyServer, ""); err != nil {
		t.Fatal(err)
	}
	// A voice is not sent again; 2 % each way are lost.
	if with.audio == 0 || without.video == 0 || with.video > without.video/2 {
		t.Errorf("lost after repair: %+v, without %+v", with, without)
	}
}

// What was encrypted beforehand is forwarded as what is live, and counted whole.
func TestTapesAreForwarded(t *testing.T) {
	p := plan{warm: 200 * time.Millisecond, measure: time.Second, errOut: t.Output()}
	sc, err := scenarioNamed("2x3-taped")
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.turn(t.Context(), sc, ourServer, "")
	if err != nil {
		t.Fatal(err)
	}
	if due := sc.due(); r.packets < due/2 || r.packets > due*1.5 || r.video > 0 {
		t.Errorf("%.0f packets of %.0f in a second, %v lost", r.packets, due, r.video)
	}
	b := newBurst(0, [][]byte{{1, 1}, {2, 2}, {3}, {4}, {5, 5, 5}}, nil)
	if runtime.GOOS == "linux" && (b.packets != 5 || len(b.messages) != 3 || len(b.messages[0].Buffers) != 2 || b.messages[0].OOB == nil || b.messages[2].OOB != nil) {
		t.Errorf("packets of 2, 2, 1, 1 and 3 bytes are %+v", b)
	}
	play := player{tapes: []*tape{{}}, sent: 10}
	play.tapes[0].came.Store(19)
	if got := play.lost(2); got < 0.049 || got > 0.051 {
		t.Errorf("%v lost, where one of 20 did not come", got)
	}
}

func TestTableHasRatios(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := plan{servers: []string{ourServer, ourTwo, emptyServer}, repeat: 3, measure: time.Second}
	at := func(us ...int) (rs []result) {
		for _, n := range us {
			rs = append(rs, result{cpuPerPacket: time.Duration(n) * time.Microsecond})
		}
		return rs
	}
	printScenario(&out, scenario{name: "1x2", rooms: 1, people: 2}, &p, map[string][]result{ourServer: at(90, 10, 12), ourTwo: at(15, 15, 15), emptyServer: at(150, 50, 24)})
	if s := out.String(); !strings.Contains(s, "0.50 of pion-empty") || !strings.Contains(s, "12.0") || !strings.Contains(s, "1.60 times") {
		t.Errorf("%s", s)
	}
}

func TestScenariosAreBounded(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "x", "20", "0x2", "1x1", "1x13", "1000x2", "-1x2", "axb"} {
		if s, err := scenarioNamed(bad); err == nil {
			t.Errorf("%q is %+v", bad, s)
		}
	}
	if s, err := scenarioNamed("60x2"); err != nil || s.rooms != 60 || s.people != 2 {
		t.Errorf("%+v %v", s, err)
	}
	if err := run(t.Context(), []string{"-servers", "nothing"}, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
		t.Error("an unknown server was taken")
	}
}

func TestArrivalsCountWhatIsMissing(t *testing.T) {
	t.Parallel()
	var a arrivals
	seqs := []uint16{65533, 65534, 0, 65535, 0, 3, 2} // 1 is missing, 0 came twice
	for _, s := range seqs {
		a.note(s)
	}
	if lost, expected := a.tally(); lost != 1 || expected != 7 {
		t.Errorf("%d of %d lost", lost, expected)
	}
	if lost, expected := (&arrivals{}).tally(); lost != 0 || expected != 0 {
		t.Errorf("nothing came: %d of %d", lost, expected)
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	var d []time.Duration
	for i := range 101 {
		d = append(d, time.Duration(100-i))
	}
	if q := []time.Duration{quantile(d, 0), quantile(d, 0.5), quantile(d, 0.95), quantile(d, 1)}; !slices.Equal(q, []time.Duration{0, 50, 95, 100}) {
		t.Errorf("%v", q)
	}
	if quantile([]time.Duration(nil), 0.5) != 0 {
		t.Error("of nothing")
	}
}
