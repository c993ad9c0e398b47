package stats

import (
	"math"
	"slices"
	"sort"
)

// Life is one waiting that was watched: from age Entry (0 when from its
// beginning) until age Age, at which it ended (Event) or was lost from view.
type Life struct {
	Entry float64
	Age   float64
	Event bool
}

// Curve is a Kaplan-Meier estimate with late entry, made to be read as a
// quantile function.
type Curve struct {
	x, p   []float64 // ages of events, ascending, and the quantile each stands for
	open   bool      // lives outlast the last event: the curve ends above zero
	end    float64   // the largest age that was seen
	endAtP float64   // the quantile of the first life beyond the last event
}

// KaplanMeier estimates the distribution of the waiting from lives that were not
// all watched from the beginning (left truncation: at risk from Entry on) nor all
// to the end (right censoring).
//
// The product limit (Kaplan and Meier, JASA 53, 1958; late entry: Lynden-Bell,
// MNRAS 155, 1971) gives each event i the weight w_i by which the curve falls. A
// step function is no match for interpolated quantiles, so event i stands for the
// quantile p_i = (sum of the weights before it) / (1 - w_last), linear between:
// with nothing truncated or censored all weights are 1/n, p_i = (i-1)/(n-1), and
// the result is type 7, as Quantile gives. When lives outlast the last event,
// w_last is the weight left over, shared by those lives, as if they were the
// upper order statistics.
//
// An event that would take the curve to zero while later lives were still to
// enter is left out: with one life at risk the estimate would end there whatever
// the others say (the remedy of Lai and Ying, Annals of Statistics 19, 1991).
func KaplanMeier(lives []Life) *Curve {
	c := &Curve{end: math.Inf(-1)}
	entries := make([]float64, 0, len(lives))
	ages := make([]float64, 0, len(lives))
	for _, l := range lives {
		entries = append(entries, min(l.Entry, l.Age))
		ages = append(ages, l.Age)
		c.end = max(c.end, l.Age)
		if l.Event {
			c.x = append(c.x, l.Age)
		}
	}
	slices.Sort(entries)
	slices.Sort(ages)
	slices.Sort(c.x)
	left, last := c.fall(entries, ages)
	c.open = left > 0
	if k := len(c.x); k > 0 && c.open {
		outlast := 0
		for _, l := range lives {
			if !l.Event && l.Age >= c.x[k-1] {
				outlast++
			}
		}
		last = left / float64(max(outlast, 1))
	}
	scale := 1 - last
	for i := range c.p {
		c.p[i] = share(c.p[i], scale)
	}
	c.endAtP = share(1-left, scale)
	return c
}

func share(mass, scale float64) float64 {
	if scale <= 0 {
		return 0
	}
	return min(mass/scale, 1)
}

// fall walks down the curve. It leaves in c.p the mass before each event that
// counts, drops the others from c.x, and gives what is left after the last one
// and the last one's weight.
func (c *Curve) fall(entries, ages []float64) (left, last float64) {
	events := c.x
	c.x, c.p = make([]float64, 0, len(events)), make([]float64, 0, len(events))
	left = 1
	entered, gone, tied := 0, 0, 0
	for i, t := range events {
		for entered < len(entries) && entries[entered] <= t {
			entered++
		}
		for gone < len(ages) && ages[gone] < t {
			gone++
		}
		if tied++; i == 0 || events[i-1] != t {
			tied = 0
		}
		risk := entered - gone - tied // ties fall one after the other
		if risk <= 1 && t < c.end {
			continue
		}
		c.x, c.p = append(c.x, t), append(c.p, 1-left)
		before := left
		left *= 1 - 1/float64(risk)
		last = before - left
	}
	return left, last
}

// Quantile gives the q quantile. exact is false where the curve does not reach
// it: then v is a lower bound, the largest age seen, or between the last event
// and the next life a point on the line to it. NaN when there are no lives.
func (c *Curve) Quantile(q float64) (v float64, exact bool) {
	k := len(c.x)
	switch {
	case k == 0 && math.IsInf(c.end, -1):
		return math.NaN(), false
	case k == 0 || c.open && q >= c.endAtP:
		return c.end, false
	}
	i := sort.Search(k, func(i int) bool { return c.p[i] > q }) - 1
	if i < 0 {
		i = 0
	}
	if i < k-1 {
		return between(c.x[i], c.x[i+1], c.p[i], c.p[i+1], q), true
	}
	if c.open && q > c.p[k-1] {
		return between(c.x[k-1], c.end, c.p[k-1], c.endAtP, q), false
	}
	return c.x[k-1], true
}

func between(x0, x1, p0, p1, q float64) float64 {
	if p1 <= p0 {
		return x1
	}
	return lerp(x0, x1, (q-p0)/(p1-p0))
}
