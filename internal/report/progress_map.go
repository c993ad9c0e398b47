package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario/metric"
)

// surveyed is what progress knows of a map under way.
type surveyed struct {
	prompts int              // sent for the first time
	looks   int              // answers
	last    sample.Request   // the last look
	known   string           // what is known so far, in words
	doing   result.PhaseKind // ingest or look; empty before the first request
}

func (s *state) mapping() bool { return s.scenario != nil && s.scenario.Mode == "map" }

// mapRequest takes in a request of a map.
func (s *state) mapRequest(r *sample.Request) {
	m := &s.surveyed
	switch r.Phase {
	case sample.PhaseIngest:
		m.doing = result.PhaseIngest
		if r.Attempt <= 1 {
			m.prompts++
		}
	case sample.PhaseTouch:
		m.doing, m.last = result.PhaseLook, *r
	case sample.PhaseLook:
		m.doing, m.last = result.PhaseLook, *r
		m.looks++
	}
}

// mapPhase takes in what is known of a map, or the end of an ingest.
func (s *state) mapPhase(f *result.Phase, opt ProgressOptions) []string {
	switch {
	case f.Phase == result.PhaseLook && len(f.Notes) > 0:
		s.surveyed.known = term.Clean(f.Notes[0])
		if opt.Verbose {
			return []string{fmt.Sprintf("  %s, %s: %s", Plural(f.Sent, "prompt"), Plural(f.Looks, "look"), s.surveyed.known)}
		}
	case f.Phase == result.PhaseIngest && opt.Verbose:
		line := fmt.Sprintf("  ingest of %s in %s", Plural(f.Sent, "new prompt"), clock(time.Duration(f.End-f.Start)))
		if f.Failed > 0 {
			line += fmt.Sprintf(", %d failed", f.Failed)
		}
		return []string{line}
	}
	return nil
}

// mapDoing says what a map is at: prompts sent once, looks, and where the last one went.
func (s *state) mapDoing() string {
	m := &s.surveyed
	if m.doing == "" {
		return string(s.phase)
	}
	line := string(m.doing)
	if m.looks > 0 {
		line = "look " + fmt.Sprint(m.looks)
		if m.doing == result.PhaseIngest {
			line = string(m.doing) + "  " + Plural(m.looks, "look")
		} else if m.last.Depth > 0 {
			line += fmt.Sprintf(" at depth %d", m.last.Depth)
			if d := m.last.ReuseDistance; d > 0 {
				line += fmt.Sprintf(" (%s tokens)", metric.Text(metric.Tokens, float64(d)))
			}
		}
	}
	line += "  " + Plural(m.prompts, "prompt") + " sent"
	if s.current >= 0 {
		line += fmt.Sprintf(" (%s tokens)", metric.Text(metric.Tokens, float64(m.prompts)*float64(s.planned[s.current].spec.R+s.scenario.OutputTokens)))
	}
	return line
}

// knownLines gives the block's lines of what a map knows.
func (s *state) knownLines(width int) []string {
	if s.surveyed.known == "" {
		return nil
	}
	lines := strings.Split(term.Wrap("known  "+s.surveyed.known, "       ", width-1), "\n")
	return lines[:min(len(lines), mostDecision)]
}
