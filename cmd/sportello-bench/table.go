package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// tell writes for a person; a terminal that is gone is no error of ours.
func tell(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }

func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	f := strings.Fields(string(b))
	return strings.Join(f[:min(3, len(f))], " ")
}

func machine() string {
	return fmt.Sprintf("%d processors, %s, load of the machine before: %s", runtime.NumCPU(), runtime.Version(), load())
}

// median is the middle of many turns' figures.
func median(all []result, of func(result) float64) float64 {
	v := make([]float64, len(all))
	for i, r := range all {
		v[i] = of(r)
	}
	return quantile(v, 0.5)
}

// column is one figure of the table.
type column struct {
	head, format string
	of           func(result) float64
	seen         seenBy
}

// seenBy says which turns can see a figure.
type seenBy int

const (
	byAll   seenBy = iota
	byLive         // where packets are decrypted as they come: not by tapes
	byCalls        // where people join and speak: not by the floor either
)

func (s seenBy) turn(sc scenario, server string) bool {
	return s == byAll || !sc.taped && (s == byLive || server != floorServer)
}

func columns() []column {
	ms := func(d time.Duration) float64 { return d.Seconds() * 1e3 }
	return []column{
		{"CPU µs/packet", "%.1f", func(r result) float64 { return r.cpuPerPacket.Seconds() * 1e6 }, byAll},
		{"packets/s", "%.0f", func(r result) float64 { return r.packets }, byAll},
		{"p50 ms", "%.2f", func(r result) float64 { return ms(r.p50) }, byLive},
		{"p95", "%.2f", func(r result) float64 { return ms(r.p95) }, byLive},
		{"p99", "%.2f", func(r result) float64 { return ms(r.p99) }, byLive},
		{"lost video %", "%.3f", func(r result) float64 { return 100 * r.video }, byAll},
		{"audio %", "%.3f", func(r result) float64 { return 100 * r.audio }, byCalls},
		{"MiB/room live", "%.2f", func(r result) float64 { return r.live }, byAll},
		{"resident", "%.2f", func(r result) float64 { return r.resident }, byAll},
		{"join→packet ms p50", "%.0f", func(r result) float64 { return ms(r.packet50) }, byCalls},
		{"p95", "%.0f", func(r result) float64 { return ms(r.pack95) }, byCalls},
		{"join→frame ms p50", "%.0f", func(r result) float64 { return ms(r.frame50) }, byCalls},
		{"p95", "%.0f", func(r result) float64 { return ms(r.frame95) }, byCalls},
		{"allocs/packet", "%.2f", func(r result) float64 { return r.allocs }, byAll},
		{"load's cores", "%.2f", func(r result) float64 { return r.generator }, byAll},
	}
}

// nearly is how much of a figure counts as all of it.
const nearly = 0.95

func cpuOf(r result) float64 { return r.cpuPerPacket.Seconds() }

// timesCPU is what a packet takes of one server's CPU beside another's: the median
// of the rounds, since the turns of one round found the machine most alike. 0
// where there is nothing to compare.
func timesCPU(a, b []result) float64 {
	var v []float64
	for i := range min(len(a), len(b)) {
		if a[i].cpuPerPacket > 0 && b[i].cpuPerPacket > 0 {
			v = append(v, cpuOf(a[i])/cpuOf(b[i]))
		}
	}
	return quantile(v, 0.5)
}

// limit says what a load that did not get through ran against: the one core of
// the server or those of the participants, by the cores each used.
func limit(server, participants float64) string {
	used := fmt.Sprintf("server %.2f cores, participants %.2f", server, participants)
	switch others := float64(max(1, runtime.NumCPU()-1)); {
	case server >= nearly:
		return "the server was the limit: " + used
	case participants >= nearly*others:
		return "the participants were the limit: " + used
	default:
		return "other programs were the limit: " + used
	}
}

func printScenario(out io.Writer, sc scenario, p *plan, rounds map[string][]result) {
	tell(out, "\n%s (%s), %d × %v each, median", sc.name, sc.describe(), p.repeat, p.measure)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	cols := columns()
	head := "\t"
	for _, c := range cols {
		head += c.head + "\t"
	}
	tell(t, "%s", head)
	failed := 0
	var full []string
	for _, name := range p.servers {
		all := rounds[name]
		if len(all) == 0 {
			continue
		}
		line := name + "\t"
		for _, c := range cols {
			if !c.seen.turn(sc, name) {
				line += "–\t"
				continue
			}
			line += fmt.Sprintf(c.format, median(all, c.of)) + "\t"
		}
		tell(t, "%s", line)
		got, due := median(all, func(r result) float64 { return r.packets }), sc.due()
		if cores := median(all, func(r result) float64 { return r.generator }); name != floorServer && got < nearly*due {
			full = append(full, fmt.Sprintf("%s: %.0f of %.0f packets/s; %s", name, got, due, limit(got*median(all, cpuOf), cores)))
		}
		for _, r := range all {
			failed += r.failed
			if r.missing > 0 {
				full = append(full, fmt.Sprintf("%s was full: %d people could not connect", name, r.missing))
			}
		}
	}
	_ = t.Flush()
	var ratios []string
	for _, name := range p.servers {
		if times := timesCPU(rounds[ourServer], rounds[name]); name != ourServer && name != ourTwo && times > 0 {
			ratios = append(ratios, fmt.Sprintf("%.2f of %s", times, name))
		}
	}
	if len(ratios) > 0 {
		tell(out, "our CPU per packet, median of the rounds: %s", strings.Join(ratios, ", "))
	}
	if times := timesCPU(rounds[ourServer], rounds[ourTwo]); times > 0 {
		tell(out, "by the CPU that a packet takes, two loops on two cores carry %.2f times as much as one on one", 2*times)
	}
	for _, f := range full {
		tell(out, "%s", f)
	}
	if failed > 0 {
		tell(out, "%d first frames did not come within %v", failed, frameTime)
	}
}
