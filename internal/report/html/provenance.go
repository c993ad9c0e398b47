package html

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// provenance says where the figures of a page come from. Nothing of it is a secret:
// header values, keys and what stands in a URL beside scheme, host and path stay out.
func (r *Run) provenance() []Fact {
	run := r.Rec.Run
	facts := []Fact{
		{Key: "Scenario", Value: r.name()},
		{Key: "Digest", Value: short(run.Digest), Title: run.Digest},
		{Key: "Run", Value: r.id()},
		{Key: "Started", Value: utc(run.Epoch)},
		{Key: "Ended", Value: utc(r.ended())},
	}
	if n := len(r.Rec.Sessions); n > 1 {
		facts = append(facts, Fact{Key: "Sessions", Value: strconv.Itoa(n)})
	}
	facts = append(facts, Fact{Key: "wsrun", Value: run.Version})
	facts = append(facts, r.serverFacts()...)
	facts = append(facts, Fact{Key: "Load from", Value: hostText(run.Host)})
	if sc := run.Scenario; sc != nil {
		facts = append(facts, Fact{Key: "Seed", Value: strconv.FormatInt(sc.Seed, 10)}, Fact{Key: "Order", Value: sc.Order}, Fact{Key: "Labels", Value: labelText(sc.Labels)})
	}
	return withoutEmpty(facts)
}

// serverFacts is what was found out about the server, and where it is.
func (r *Run) serverFacts() (facts []Fact) {
	p := r.Sum.Probe
	if p != nil {
		facts = append(facts, Fact{Key: "Server", Value: words(p.Engine + " " + p.Version)}, Fact{Key: "Model", Value: words(p.Model)})
	}
	if sc := r.Rec.Run.Scenario; sc != nil {
		facts = append(facts, Fact{Key: "Endpoints", Value: endpointText(&sc.Target)})
		if sc.Target.GPUs > 0 {
			facts = append(facts, Fact{Key: "GPUs", Value: strconv.Itoa(sc.Target.GPUs)})
		}
	}
	if p == nil {
		return facts
	}
	facts = append(facts, Fact{Key: "API", Value: apiText(&p.Probe)})
	if p.Block > 0 {
		facts = append(facts, Fact{Key: "Block", Value: fmt.Sprintf("%d tokens (%s)", p.Block, cmp.Or(p.BlockFrom, "not told"))})
	}
	if p.MaxModelLen > 0 {
		facts = append(facts, Fact{Key: "Longest request", Value: metric.Size(p.MaxModelLen) + " tokens"})
	}
	var told []string
	for _, c := range p.Capacity {
		told = append(told, fmt.Sprintf("%s %s tokens (%s)", c.Tier, metric.Size(c.Tokens), c.Source))
	}
	facts = append(facts, Fact{Key: "Capacities told", Value: strings.Join(told, ", ")})
	if bytes := r.Rec.KVBytesPerToken(); bytes > 0 {
		facts = append(facts, Fact{Key: "KV per token", Value: metric.Text(metric.Number, bytes) + " bytes"})
	}
	return facts
}

// apiText says how prompts were sent.
func apiText(p *sample.Probe) string {
	switch {
	case p.API == "":
		return ""
	case p.TokenIDs:
		return p.API + ", token ids"
	case p.Fitted:
		return p.API + ", text fitted by usage"
	}
	return p.API + ", text"
}

// endpointText names the servers, without what a URL may carry in secret.
func endpointText(t *scenario.Target) string {
	if t.Simulator != nil {
		return "simulator, profile " + t.Simulator.Profile
	}
	var out []string
	for _, e := range t.Endpoints {
		out = append(out, scenario.PublicURL(e))
	}
	return strings.Join(out, ", ")
}

// hostText is the machine that made the load.
func hostText(h result.Host) string {
	parts := []string{strings.TrimSpace(h.Name + " " + strings.Trim(h.OS+"/"+h.Arch, "/"))}
	if h.CPUs > 0 {
		cores := fmt.Sprintf("%d cores", h.CPUs)
		if h.CPULimit > 0 && h.CPULimit != float64(h.CPUs) {
			cores += fmt.Sprintf(", limited to %s", strconv.FormatFloat(h.CPULimit, 'g', 3, 64))
		}
		parts = append(parts, cores)
	}
	if h.Governor != "" {
		parts = append(parts, "governor "+h.Governor)
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// labelText lists labels by key.
func labelText(labels map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		out = append(out, k+"="+labels[k])
	}
	return words(strings.Join(out, ", "))
}

// line is the provenance in one line, for pictures: who made it, of what, when, on what.
func (r *Run) line() string {
	run := r.Rec.Run
	parts := []string{strings.TrimSpace("wsrun " + run.Version), r.name(), r.id(), short(run.Digest)}
	if p := r.Sum.Probe; p != nil {
		parts = append(parts, words(p.Engine+" "+p.Version), words(p.Model))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

// name is that of the scenario, or of the run where there is none.
func (r *Run) name() string {
	if sc := r.Rec.Run.Scenario; sc != nil {
		return sc.Name
	}
	return r.id()
}

// id names the run as its directory is: {stamp}-{id}.
func (r *Run) id() string { return strings.Trim(r.Rec.Run.Stamp+"-"+r.Rec.Run.ID, "-") }

// short is the beginning of a digest that tells it from others.
func short(digest string) string { return digest[:min(len(digest), 8)] }

// utc is a time as people and programs read it; a time that is not known is nothing.
func utc(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// ended is when the last thing happened that the record has, zero where nothing did.
func (r *Run) ended() time.Time {
	rec, last := r.Rec, int64(0)
	for _, n := range rec.Notes {
		last = max(last, n.At)
	}
	if rec.Probe != nil {
		last = max(last, rec.Probe.At)
	}
	for _, u := range rec.Units {
		last = max(last, u.End)
		for _, ph := range u.Phases {
			last = max(last, ph.End)
		}
		for _, p := range u.Periods {
			last = max(last, p.End)
		}
		if n := len(u.Requests); n > 0 {
			last = max(last, u.Requests[n-1].End)
		}
	}
	if last <= 0 || rec.Run.Epoch.IsZero() {
		return time.Time{}
	}
	return rec.Run.Epoch.Add(time.Duration(last))
}

// withoutEmpty leaves out what is not known.
func withoutEmpty(facts []Fact) []Fact {
	return slices.DeleteFunc(facts, func(f Fact) bool { return f.Value == "" })
}
