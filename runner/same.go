package runner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
)

// sameServer sees that a resumed run goes on with what its earlier sessions measured:
// points of two models in one record would be read as one system's. A change that may be
// meant, of a version or a capacity, is a note.
func (r *run) sameServer(now sample.Probe) error {
	p := r.opt.Prior
	if p == nil {
		return nil
	}
	if was := p.Run.Version; was != r.opt.Version {
		r.note("wsrun-changed", fmt.Sprintf("wsrun %s began this run, wsrun %s goes on with it", was, r.opt.Version))
	}
	if p.Probe == nil {
		return nil // no session came so far
	}
	was := p.Probe.Probe
	for _, c := range []struct{ what, was, now string }{
		{"model", was.Model, now.Model}, {"engine", was.Engine, now.Engine}, {"api", was.API, now.API},
	} {
		if c.was != c.now {
			return fmt.Errorf("%s: the %s is %q now and was %q when this run began: what is measured now would not belong to it; run the scenario anew", r.opt.Endpoints[0], c.what, c.now, c.was)
		}
	}
	var changed []string
	for _, c := range []struct{ what, was, now string }{
		{"version", was.Version, now.Version}, {"cache block", fmt.Sprint(was.Block), fmt.Sprint(now.Block)},
		{"capacity", capacities(was), capacities(now)}, {"longest request", fmt.Sprint(was.MaxModelLen), fmt.Sprint(now.MaxModelLen)},
	} {
		if c.was != c.now {
			changed = append(changed, fmt.Sprintf("its %s was %s and is %s", c.what, c.was, c.now))
		}
	}
	if len(changed) > 0 {
		r.emit(&result.Note{At: r.now(), Code: "server-changed", Text: fmt.Sprintf("the server changed before session %d: %s; points from before and after may differ for it", r.session, strings.Join(changed, ", "))})
	}
	return nil
}

// capacities gives what the tiers hold in words, in an order of its own.
func capacities(p sample.Probe) string {
	var out []string
	for _, c := range p.Capacity {
		out = append(out, fmt.Sprintf("%s %d tokens", c.Tier, c.Tokens))
	}
	if len(out) == 0 {
		return "not told"
	}
	slices.Sort(out)
	return strings.Join(out, " + ")
}
