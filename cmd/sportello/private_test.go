package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"sportello/booking/token"
	"sportello/internal/testenv"
	"sportello/sfu"
	"sportello/sfu/sfutest"
	"sportello/signaling"
)

// nobody has booked.
type nobody struct{}

func (nobody) Lookup(context.Context, string, time.Time) (token.Grant, error) {
	return token.Grant{}, token.ErrUnknown
}

func (nobody) Watch(context.Context) <-chan token.Hash { return nil }

func (nobody) Revoked(context.Context, token.Hash) (bool, error) { return false, nil }

func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // nothing was written
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestPrivatePort(t *testing.T) {
	t.Parallel()
	vars := serveVars(testenv.PostgresURL(t), testenv.RedisServer(t, shortDir(t)).URL())
	vars["SPORTELLO_PRIVATE_ADDR"] = ":0"
	c := start(t, vars, "serve")
	tcp, ok := c.Private.(*net.TCPAddr)
	if !ok || !tcp.IP.IsLoopback() {
		t.Fatalf("serves metrics on %v", c.Private)
	}
	private := "http://" + c.Private.String()
	status, body := fetch(t, private+"/metrics")
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	for _, want := range []string{"sportello_sfu_srtp_writes_blocked_total 0\n", "sportello_signaling_waiting 0\n", "sportello_notices_overdue_seconds 0\n", "go_goroutines "} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	if status, body = fetch(t, private+"/debug/pprof/goroutine?debug=1"); status != http.StatusOK || !strings.Contains(body, "goroutine profile") {
		t.Errorf("pprof: %d %.80q", status, body)
	}
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		if status, _ := c.get(t, http.DefaultClient, "http", path); status != http.StatusNotFound {
			t.Errorf("%s on the public port: %d", path, status)
		}
	}
}

func TestPrivatePortIsOffByDefault(t *testing.T) {
	t.Parallel()
	l, err := listenPrivate(t.Context(), settings{})
	if l != nil || err != nil {
		t.Errorf("%v %v", l, err)
	}
}

func TestMetricsNameNobody(t *testing.T) {
	t.Parallel()
	m, err := sfu.New(sfu.Config{Announce: sfutest.Addrs("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close() //nolint:errcheck // nothing is under way
	rooms, err := signaling.New(signaling.Config{Media: media{m}, Tokens: nobody{}})
	if err != nil {
		t.Fatal(err)
	}
	defer rooms.Close(t.Context()) //nolint:errcheck // nobody is there
	for _, name := range []string{"Ada Rossi", "Bruno Bianchi"} {
		p, err := m.Join("secret-room", name, sfutest.NewObserver())
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
	}
	want := strings.NewReader(`# HELP sportello_sfu_rooms_by_size Media rooms by the number of people in them.
# TYPE sportello_sfu_rooms_by_size gauge
sportello_sfu_rooms_by_size{peers="2"} 1
`)
	registry := newRegistry(m, rooms, nil)
	if err := testutil.GatherAndCompare(registry, want, "sportello_sfu_rooms_by_size"); err != nil {
		t.Error(err)
	}
	l, err := listenPrivate(t.Context(), settings{PrivateAddr: ":0"})
	if err != nil {
		t.Fatal(err)
	}
	p := servePrivate(t.Context(), l, registry, m, settings{Log: "text"}.logger(t.Output()))
	_, body := fetch(t, "http://"+p.addr().String()+"/metrics")
	for _, name := range []string{"Rossi", "Bianchi", "secret-room"} {
		if strings.Contains(body, name) {
			t.Errorf("%s is in the metrics", name)
		}
	}
	if status, file := fetch(t, "http://"+p.addr().String()+"/debug/capture?seconds=1"); status != http.StatusOK || file != "SVCAP2\n" {
		t.Errorf("capture: %d %q", status, file)
	}
	if status, _ := fetch(t, "http://"+p.addr().String()+"/debug/capture?seconds=61"); status != http.StatusBadRequest {
		t.Errorf("too long a capture: %d", status)
	}
	labels := regexp.MustCompile(`(?m)^sportello_\S*?\{(\w+)=`).FindAllStringSubmatch(body, -1)
	for _, l := range labels {
		if !slices.Contains([]string{"peers", "quantile", "as", "source"}, l[1]) { // "as" says how pictures are shown
			t.Errorf("label %q", l[1])
		}
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
}

func TestQuantilesOverPeers(t *testing.T) {
	t.Parallel()
	m := newMetrics(nil, nil, nil)
	peers := make([]sfu.PeerSurvey, 101)
	for i := range peers {
		peers[i].RTT = time.Duration(100-i) * time.Millisecond
	}
	out := make(chan prometheus.Metric, 8)
	quantiles(out, m.rtt, peers, []quantile{{"0.5", 0.5}, {"0.95", 0.95}, {"1", 1}}, func(p sfu.PeerSurvey) float64 { return p.RTT.Seconds() })
	quantiles(out, m.rtt, nil, nil, func(sfu.PeerSurvey) float64 { return 1 })
	close(out)
	want := map[string]float64{"0.5": 0.05, "0.95": 0.095, "1": 0.1}
	got := map[string]float64{}
	for x := range out {
		var d dto.Metric
		if err := x.Write(&d); err != nil {
			t.Fatal(err)
		}
		got[d.GetLabel()[0].GetValue()] = d.GetGauge().GetValue()
	}
	for q, v := range want {
		if got[q] != v {
			t.Errorf("quantile %s: %v, want %v", q, got[q], v)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
}

func TestSlotsAreToldBySource(t *testing.T) {
	t.Parallel()
	m := newMetrics(nil, nil, nil)
	out := make(chan prometheus.Metric, 32)
	m.slots(out, []sfu.SlotSurvey{
		{Source: sfu.Camera, Bitrate: 150_000, Loss: 0.5, Jitter: 8 * time.Millisecond},
		{Source: sfu.Microphone, Bitrate: 32_000},
		{Source: sfu.Camera, Bitrate: 900_000, Loss: 0.25, Jitter: 4 * time.Millisecond},
	})
	close(out)
	got := map[string]float64{}
	for x := range out {
		var d dto.Metric
		if err := x.Write(&d); err != nil {
			t.Fatal(err)
		}
		key := regexp.MustCompile(`fqName: "sportello_sfu_slot_(\w+)"`).FindStringSubmatch(x.Desc().String())[1]
		for _, l := range d.GetLabel() {
			key += " " + l.GetValue()
		}
		got[key] = d.GetGauge().GetValue()
	}
	for key, want := range map[string]float64{
		"bitrate_bits 0 camera": 150_000, "bitrate_bits 0.5 camera": 150_000, "bitrate_bits 0 microphone": 32_000,
		"loss_ratio 1 camera": 0.5, "loss_ratio 0.5 camera": 0.25, "jitter_seconds 1 camera": 0.008, "loss_ratio 1 microphone": 0,
	} {
		if v, ok := got[key]; !ok || v != want {
			t.Errorf("%s: %v, want %v of %v", key, v, want, got)
		}
	}
	if len(got) != 18 {
		t.Errorf("%d figures: %v", len(got), got)
	}
}
