package html

// heldComparison are the charts of a run whose sets grow, beside those that all runs
// have: at each size it is the level that came out, and what it served well.
func (s *sheet) heldComparison() []sketch {
	return []sketch{
		{id: "held", title: "Concurrency held", axes: []string{"Requests in flight"}, bind: s.byContext(Y{Key: "concurrency", Lo: "concurrency_lo", Hi: "concurrency_hi"}),
			text: "The most requests in flight that kept the slo at each size; the band reaches to the level that did not, where the search had not converged."},
		{id: "goodput", title: "Goodput", axes: []string{"Goodput"}, bind: s.byContext(Y{Key: "goodput"}), text: "Requests per second that kept the slo, at the level held.",
			absent: "No goodput: the slo has no percentile line that one request could be held against."},
	}
}
