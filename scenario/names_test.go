package scenario

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/scenario/metric"
)

// standing is where a condition of the test stands.
type standing string

const (
	inStop      standing = "stop"
	inExpect    standing = "expect"
	inWhere     standing = "where"
	inEdgeWhere standing = "where of an edge"
)

// placedAt is a scenario of a mode with a place for a condition.
func placedAt(mode string, at standing) string {
	s := "name: n\ntarget: {endpoints: [http://localhost:8000], tiers: [{name: hbm, capacity: 1M}]}\ncontexts: [8k]\nmode: " + mode + "\n"
	switch mode {
	case "fixed":
		s += "working_set: [100k, 1M]\nconcurrency: [4, 8]\nslo: {ttft: {p95: 5s}}\n"
	case "sustained":
		s += "working_set: [100k, 1M]\nslo: {ttft: {p95: 5s}}\n"
	}
	return s + map[standing]string{
		inStop:      "stop:\n  - '%s'\n",
		inExpect:    "thresholds:\n  - expect: '%s'\n",
		inWhere:     "thresholds:\n  - {expect: ttft.p50 < 1s, where: '%s'}\n",
		inEdgeWhere: "thresholds:\n  - {expect: edge1 > 1k, where: '%s'}\n",
	}[at]
}

// mayStand is design's list of names, written out: which may stand where.
func mayStand(mode string, at standing, prefix, name string) bool {
	axis := slices.Contains([]string{"context", "working_set", "reuse_distance", "hit_rate", "concurrency"}, name)
	edge := strings.HasPrefix(name, "edge")
	share := strings.HasPrefix(name, "tier_share.")
	mapped := mode == "map"
	row := slices.Contains([]string{"context", "reuse_distance", "hit_rate_observed", "completed"}, name) || strings.HasPrefix(name, "ttft.") || share
	if prefix != "" && (at != inStop || name == "elapsed") {
		return false
	}
	switch at {
	case inStop:
		return !mapped && !edge
	case inExpect:
		return name != "elapsed" && (!mapped || edge || row)
	case inWhere:
		return axis && (!mapped || name == "context" || name == "reuse_distance")
	}
	return name == "context" || name == "hit_rate" && !mapped || name == "concurrency" && mode == "fixed"
}

// TestEveryNameEverywhere: each name of the catalogue, with each prefix, in each place
// of each mode, is read or refused as design says, and what is refused says why.
func TestEveryNameEverywhere(t *testing.T) {
	var names []string
	for _, d := range append(metric.All(), metric.Telemetry()...) {
		if !strings.HasSuffix(d.Name, ".") {
			names = append(names, d.Name)
		}
	}
	names = append(names, "server.some_other", "tier_share.hbm", "edge.hbm")
	literal := map[metric.Unit]string{metric.Seconds: "1s", metric.Percent: "1%"}
	read, refused := 0, 0
	for _, mode := range []string{"fixed", "sustained", "map"} {
		for _, at := range []standing{inStop, inExpect, inWhere, inEdgeWhere} {
			form := placedAt(mode, at)
			for _, prefix := range []string{"", "total.", "prev.", "best."} {
				for i, name := range names {
					if prefix != "" && (at != inStop || mode != "fixed") && i%10 != 0 {
						continue // they are all refused alike, or read alike
					}
					d, _ := metric.Find(name)
					number := literal[d.Unit]
					if number == "" {
						number = "1"
					}
					plan, problems := Load("n.yaml", fmt.Appendf(nil, form, prefix+name+" > "+number), Options{})
					if want := mayStand(mode, at, prefix, name); want != (plan != nil) {
						t.Errorf("%s in %s of mode %s: read %v, want %v\n%s", prefix+name, at, mode, plan != nil, want, Render(problems, false))
					}
					if plan != nil {
						read++
						continue
					}
					refused++
					for _, p := range problems {
						if !p.Warning && p.Code != "condition-scope" && !(mode == "map" && at == inStop && p.Code == "other-mode") {
							t.Errorf("%s in %s of mode %s: %s", prefix+name, at, mode, Render([]Problem{p}, false))
						}
					}
				}
			}
		}
	}
	if read < 400 || refused < 300 {
		t.Errorf("%d read, %d refused: the table is not walked", read, refused)
	}
}

// TestNamesOfDesign: the list of names as design writes it is the catalogue, so that
// neither grows without the other.
func TestNamesOfDesign(t *testing.T) {
	want := []string{"context", "working_set", "reuse_distance", "hit_rate", "hit_rate_observed", "concurrency", "concurrency_achieved",
		"input_throughput", "prefill_throughput", "reuse_throughput", "reuse_bandwidth", "output_throughput", "output_rate.avg", "output_rate.p5", "output_rate.p10",
		"goodput", "goodput_share", "error_rate", "attempts", "completed", "elapsed"}
	for _, family := range []string{"ttft", "ttlt", "tpot", "itl", "icl"} {
		for _, stat := range []string{"avg", "p50", "p90", "p95", "p99", "max"} {
			want = append(want, family+"."+stat)
		}
	}
	for n := 1; n <= 9; n++ {
		want = append(want, fmt.Sprintf("edge%d", n))
	}
	slices.Sort(want)
	if got := metric.Names(); !slices.Equal(got, want) {
		t.Errorf("the catalogue has\n%v\nwant\n%v", got, want)
	}
}
