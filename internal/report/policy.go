package report

import (
	"fmt"
	"strings"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/survey"
)

// Observation is what one experiment on a cache's policy came to.
type Observation struct {
	Key      string // renewed, sharp, first_use, head_kept
	Text     string // what is said of the cache
	Seen     string // what was seen
	Requests int    // sent for it
}

// questions are the experiments, in their order, with what each answer says of the cache.
var questions = []struct {
	key             string
	of              func(*survey.Policy) survey.Experiment
	yes, no, unsure string
}{
	{"sharp", func(p *survey.Policy) survey.Experiment { return p.Sharp }, "the last tier ends at an edge", "the share found falls gradually, as under random eviction", "edge or gradual: not known"},
	{"renewed", func(p *survey.Policy) survey.Experiment { return p.Renewed }, "a hit renews a prompt's place (LRU)", "a hit does not renew a prompt's place (FIFO)", "renewed on use or not: not known"},
	{"first_use", func(p *survey.Policy) survey.Experiment { return p.First }, "prompts are kept from their first use on", "prompts are kept only from their second use on", "kept from the first or the second use on: not known"},
	{"head_kept", func(p *survey.Policy) survey.Experiment { return p.HeadKept }, "a prompt's tail goes first, its head is still found", "a prompt's head goes first", "head or tail kept: not known"},
}

// Policy gives what the experiments of a map saw of its cache, in the order of asking; nil
// where none were asked for.
func Policy(m *result.Map) (out []Observation) {
	p := m.Found.Policy
	if p == nil {
		return nil
	}
	for _, q := range questions {
		e := q.of(p)
		if e.Seen == "" {
			continue // it was not come to
		}
		text := map[survey.Answer]string{survey.Yes: q.yes, survey.No: q.no, survey.Unclear: q.unsure}[e.Answer]
		out = append(out, Observation{Key: q.key, Text: text, Seen: term.Clean(e.Seen), Requests: e.Requests})
	}
	return out
}

// PolicyLines gives the observations of every map, or of those of one cell, in sentences:
// what is said of the cache, what was seen, and in how many requests.
func PolicyLines(sum *result.Summary, cell string) (out []string) {
	for _, m := range sum.Maps {
		if cell != "" && m.Cell != cell {
			continue
		}
		for _, o := range Policy(m) {
			s := o.Text + ": " + o.Seen
			if o.Requests > 0 {
				s += fmt.Sprintf(" (%s)", Plural(o.Requests, "request"))
			}
			contexts := len(sum.Run.Scenario.Contexts)
			if cell != "" {
				contexts = 1
			}
			out = append(out, ofMap(m, contexts, sum.Run.Scenario.Trials)+s)
		}
	}
	return out
}

// policyText is the observations of one map as one field, key=answer joined by ;
func policyText(m *result.Map) string {
	var parts []string
	if p := m.Found.Policy; p != nil {
		for _, q := range questions {
			if e := q.of(p); e.Seen != "" {
				parts = append(parts, q.key+"="+e.Answer.String())
			}
		}
	}
	return strings.Join(parts, ";")
}
