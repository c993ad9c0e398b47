package tier

import "math"

// Penalties of the segmentation, in points of share x points of the series. A
// further plateau must explain more than the least change that counts. A
// plateau that is faster than the one before must explain more than one
// completely different point could: a single disturbed point is no tier, but a
// tier that loads slower than recomputing exists.
const (
	risePenalty = sharePoints
	fallPenalty = 100 + sharePoints
)

// segment cuts the series into plateaus: the exact optimum over all labellings
// of points with a prototype (one of the points) of
//
//	sum of weight x change(point, prototype) + a penalty for each new prototype
//
// where a change of TTFT counts from half the ratio on (in logs), so that two
// points near one prototype are within the ratio of each other. Solved by dynamic
// programming over (point, prototype), O(n^3). It returns the index of each
// point's prototype.
func segment(s []signal) []int {
	n := len(s)
	dist, rise := compareAll(s)
	cost := make([]float64, n) // of the best labelling up to i that ends with prototype m
	from := make([][]int, n)
	for m := range cost {
		cost[m] = s[0].weight() * dist[0][m]
	}
	for i := 1; i < n; i++ {
		cost, from[i] = step(cost, rise)
		for m := range cost {
			cost[m] += s[i].weight() * dist[i][m]
		}
	}
	labels := make([]int, n)
	labels[n-1] = least(cost)
	for i := n - 1; i > 0; i-- {
		labels[i-1] = from[i][labels[i]]
	}
	return labels
}

// step extends every labelling by one point: stay, or change the prototype. Ties
// stay.
func step(cost []float64, rise [][]bool) (next []float64, from []int) {
	n := len(cost)
	next, from = make([]float64, n), make([]int, n)
	for m := range n {
		next[m], from[m] = cost[m], m
		for k := range n {
			c := cost[k] + fallPenalty
			if rise[k][m] {
				c = cost[k] + risePenalty
			}
			if k != m && c < next[m] {
				next[m], from[m] = c, k
			}
		}
	}
	return next, from
}

func compareAll(s []signal) (dist [][]float64, rise [][]bool) {
	dist, rise = make([][]float64, len(s)), make([][]bool, len(s))
	for i := range s {
		dist[i], rise[i] = make([]float64, len(s)), make([]bool, len(s))
		for j := range s {
			rise[i][j] = rises(s[i], s[j])
			if j < i {
				dist[i][j] = dist[j][i]
			} else if j > i {
				dist[i][j] = changeBy(s[i], s[j], mixRatio)
			}
		}
	}
	return dist, rise
}

func least(cost []float64) int {
	best, at := math.Inf(1), 0
	for m, c := range cost {
		if c < best {
			best, at = c, m
		}
	}
	return at
}
