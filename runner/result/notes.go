package result

import (
	"cmp"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// onceOnly are the codes that mean the same whatever their text: said once.
var onceOnly = map[string]bool{"hit-rate-unverified": true, "reset-unverified": true, "fitted": true, "no-usage": true}

// inTheTable are the codes of notes that points carry by themselves: why levels and
// sizes were skipped.
var inTheTable = map[string]bool{"stop-level": true, "stop-cell": true, "stop-sweep": true}

// notes gathers what a reader should know of the whole run: what the runner noted,
// then what the record shows by itself. Each is said once.
func (s *summariser) notes() []RunNote {
	var out []RunNote
	said := map[RunNote]bool{}
	add := func(n RunNote) {
		key := n
		if onceOnly[n.Code] {
			key = RunNote{Code: n.Code}
		}
		if key.Fail = false; !said[key] && !saidBetter(n, out) {
			said[key] = true
			out = append(out, n)
		}
	}
	for _, w := range s.rec.Run.Warnings {
		add(RunNote{Code: "warning", Text: w})
	}
	for _, n := range s.rec.Notes {
		if inTheTable[n.Code] && !n.Fail || s.resumed(n) {
			continue
		}
		text := n.Text
		if n.Cell != "" && !onceOnly[n.Code] {
			text = n.Cell + ": " + text
		}
		add(RunNote{n.Code, text, n.Fail})
	}
	for _, n := range s.seen() {
		add(n)
	}
	return out
}

// saidBy are the beginnings of notes of the probe that a note of another code says
// as well, with what follows from it.
var saidBy = map[string]string{
	"the server tells no usage":              "no-usage",
	"the server tells cached tokens neither": "hit-rate-unverified",
	"the server's cache cannot be emptied":   "reset-unverified",
}

// saidBetter reports whether a note of the probe is among the notes already, under a
// code of its own.
func saidBetter(n RunNote, notes []RunNote) bool {
	if n.Code != "probe" {
		return false
	}
	for begin, code := range saidBy {
		if strings.HasPrefix(n.Text, begin) && slices.ContainsFunc(notes, func(o RunNote) bool { return o.Code == code }) {
			return true
		}
	}
	return false
}

// resumed reports whether a note says how an earlier session ended: a later one has
// gone on since, and its own end is what counts.
func (s *summariser) resumed(n *Note) bool {
	if n.Code != "interrupted" && n.Code != "failed" {
		return false
	}
	for _, later := range s.rec.Sessions {
		if later.At > n.At {
			return true
		}
	}
	return false
}

// seen gives the notes that the record shows by itself.
func (s *summariser) seen() (out []RunNote) {
	if s.unverified() && !s.mapped() {
		out = append(out, RunNote{Code: "hit-rate-unverified", Text: "the server tells no cached tokens: the hit rate is the one asked for, not one that was seen"})
	}
	if p := s.rec.Probe; p != nil {
		if s.sc.Warmup.Reset.Auto && !p.ResetVerified {
			out = append(out, RunNote{Code: "reset-unverified", Text: "the server's cache could not be seen to be emptied: only salts keep cells apart"})
		}
		if p.Fitted {
			out = append(out, RunNote{Code: "fitted", Text: "prompt lengths are fitted by the server's usage (within 1 %), not exact to the token"})
		}
		for _, text := range p.Notes {
			out = append(out, RunNote{Code: "probe", Text: text})
		}
	}
	for _, p := range s.sum.Points {
		if s.counts[p].noUsage > 0 {
			out = append(out, RunNote{Code: "no-usage", Text: "the server tells no usage: output tokens are counted events, prompt tokens as sent"})
			break
		}
	}
	if s.rec.Torn {
		out = append(out, RunNote{Code: "torn", Text: cmp.Or(s.rec.Loss, "the record was cut off: its last, unfinished frame was dropped")})
	}
	return out
}

// unverified reports whether a point that was to hit the cache has no observed hit
// rate although it has prompts that could have told it, or has one that says nothing:
// with least-loaded balance no endpoint knows which prompts it will see.
func (s *summariser) unverified() bool {
	for _, p := range s.sum.Points {
		if p.Measured() && p.Spec.HitRate > 0 && p.InputTokens > 0 && !p.Row.Get("hit_rate_observed").Known() && !s.tells(p.Unit) {
			return true
		}
	}
	return leastLoaded(s.sc)
}

// tells reports whether any request of the unit was told its cached tokens: a point
// without it is then too short, not a server that is silent.
func (s *summariser) tells(id Unit) bool {
	return slices.ContainsFunc(s.rec.Units, func(u *UnitRecord) bool {
		return u.Unit == id && slices.ContainsFunc(u.Requests, func(q *sample.Request) bool { return q.CachedTokens >= 0 })
	})
}

func leastLoaded(sc *scenario.Scenario) bool {
	return sc.Target.Balance == "least-loaded" && len(sc.Target.Endpoints) > 1
}
