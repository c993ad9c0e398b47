package html

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/internal/report"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario/metric"
)

// lines are sentences, of which some are folded away under a head.
type lines struct {
	Shown, More []clause
	Head        string
	Twice       bool // More is what Shown says, at length: not for paper
}

// clause is a sentence, or several below what they are about.
type clause struct {
	About string
	Parts []string
}

// clauses takes sentences as they are, and one that says more than two things apart: what a
// map found is one, for the console to be copied from, and nobody reads it in one piece.
func (r *Run) clauses(sentences []string) (out []clause) {
	for _, sentence := range sentences {
		parts := strings.Split(sentence, "; ")
		of, first, ok := strings.Cut(parts[0], ": ")
		if !r.mapped() || len(parts) < 3 || !ok {
			out = append(out, clause{About: sentence})
			continue
		}
		parts[0] = first
		out = append(out, clause{of + ":", parts})
	}
	return out
}

// cut folds away what is more than most, if that is more than one line.
func cut(all []clause, most int) lines {
	if len(all) <= most+1 {
		return lines{Shown: all}
	}
	return lines{Shown: all[:most], More: all[most:], Head: strconv.Itoa(len(all)-most) + " more"}
}

// shortened shows what is said in short of many sentences, and folds all of them away.
func (r *Run) shortened(sentences []string, short []clause, most int) lines {
	all := r.clauses(sentences)
	if len(all) <= most+1 || len(short) == 0 || r.mapped() {
		return cut(all, most)
	}
	return lines{short, all, fmt.Sprintf("All %d, of every hit rate and level", len(all)), true}
}

// transitionsInShort says for each context where its tiers end at the level that its page
// opens with and the highest hit rate, and at how many others they end there too: a sweep
// has a sentence for each edge, hit rate and level, and nobody reads fifty for three edges.
func (r *Run) transitionsInShort() (out []clause) {
	edges := r.edges()
	for _, context := range r.contexts() {
		k := r.nearest(context, defaultLevel(r.ofContext(context)))
		of := clause{About: r.seriesName(k), Parts: r.seriesLines(func(s result.SeriesKey) (string, bool) { return "", s == k })}
		i := 0
		for _, c := range edges {
			if c.SeriesKey == k && i < len(of.Parts) { // after them stand the reasons why there is none
				of.Parts[i] += elsewhere(c, edges)
				i++
			}
		}
		if len(of.Parts) > 0 {
			out = append(out, of)
		}
	}
	return out
}

// seriesName is a series before what is said of it, with what a reader chooses by.
func (r *Run) seriesName(k result.SeriesKey) string {
	name := "At hit rate " + ratePercent(k.HitRate)
	if len(r.contexts()) > 1 {
		name = "Context " + metric.Size(k.Context) + ", hit rate " + ratePercent(k.HitRate)
	}
	if k.Level > 0 {
		name += ", " + strconv.Itoa(k.Level) + " in flight"
	}
	return name + ":"
}

// elsewhere says at how many of the hit rates and levels of a context an edge lies in the same
// bracket, and between what it lies at the others.
func elsewhere(c crossing, edges []crossing) string {
	same, others, lo, hi := 0, 0, c.t.Lo, c.t.Hi
	for _, o := range edges {
		switch {
		case o.Context != c.Context || o.t.From != c.t.From || o.t.To != c.t.To:
		case o.t.Lo == c.t.Lo && o.t.Hi == c.t.Hi:
			same++
		default:
			others++
			lo, hi = min(lo, o.t.Lo), max(hi, o.t.Hi)
		}
	}
	of := "pairs of hit rate and level"
	if c.sustains {
		of = "hit rates"
	}
	switch {
	case same+others < 2:
		return ""
	case others == 0:
		return fmt.Sprintf("; the same for all %d %s that found it", same, of)
	}
	return fmt.Sprintf("; the same for %d of %d %s that found it, for the others within %s to %s", same, same+others, of, metric.Size(lo), metric.Size(hi))
}

// capacitiesInShort is what stated and told capacities come to where transitionsInShort
// looks: it has the least private KV, so that its edges lie nearest to what the tiers hold.
func (r *Run) capacitiesInShort() (out []clause) {
	for _, context := range r.contexts() {
		k := r.nearest(context, defaultLevel(r.ofContext(context)))
		of := clause{About: r.seriesName(k)}
		for _, f := range r.Sum.Capacity {
			if f.SeriesKey != k {
				continue
			}
			of.Parts = append(of.Parts, report.Clean(f.Text))
			if f.Cost != "" {
				of.Parts = append(of.Parts, report.Clean(f.Cost))
			}
		}
		if len(of.Parts) > 0 {
			out = append(out, of)
		}
	}
	return out
}
