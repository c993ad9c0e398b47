package scenario

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// axes fills in the lists that span the matrix. Each must ascend.
func (r *resolver) axes(sc *Scenario) {
	raw := r.raw
	for _, c := range raw.Contexts {
		sc.Contexts = append(sc.Contexts, int64(c))
	}
	for _, h := range raw.HitRates {
		sc.HitRates = append(sc.HitRates, float64(h))
	}
	if raw.HitRates == nil {
		sc.HitRates = []float64{100}
	} else if len(raw.HitRates) == 0 && r.clean("/hit_rates") {
		r.fault("no-value", "/hit_rates", "hit_rates: write at least one value")
	}
	if r.mode != sustained && r.mode != mapped {
		for _, l := range section(raw.Concurrency).Levels {
			sc.Concurrency = append(sc.Concurrency, int(l))
		}
		for _, rate := range raw.Rate {
			sc.Rates = append(sc.Rates, float64(rate))
		}
	}
	ascending(r, "/contexts", sc.Contexts, FormatSize)
	ascending(r, "/hit_rates", sc.HitRates, FormatPercent)
	ascending(r, "/rate", sc.Rates, FormatPercent)
	ascending(r, "/concurrency", sc.Concurrency, func(n int) string { return fmt.Sprint(n) })
}

// ascending notes the first value of a list that does not rise.
func ascending[T cmp.Ordered](r *resolver, path string, list []T, format func(T) string) {
	if !r.clean(path) {
		return
	}
	for i := 1; i < len(list); i++ {
		at := fmt.Sprintf("%s/%d", path, i)
		if list[i] == list[i-1] {
			r.fault("duplicate-value", at, "%s: %s is given twice: remove one", pathName(path), format(list[i]))
			return
		}
		if list[i] < list[i-1] {
			r.fault("not-ascending", at, "%s: %s comes after %s: write the list in ascending order", pathName(path), format(list[i]), format(list[i-1]))
			return
		}
	}
}

func (r *resolver) workingSet(kvBytes float64) WorkingSet {
	raw := section(r.raw.WorkingSet)
	if r.mode == mapped {
		return WorkingSet{} // a map has no sizes, see mapRules
	}
	if !r.given("/working_set") && !r.meant["/working_set"] && r.clean("/mode") {
		r.fault("missing-key", "/working_set", "working_set is missing: write %s", missingHints["/working_set"])
	}
	ws := WorkingSet{Refine: int(def(raw.Refine, 0))}
	if raw.short {
		for i, s := range raw.List {
			ws.Sizes = append(ws.Sizes, r.tokens("/working_set/"+itoa(i), s, kvBytes))
		}
		if len(ws.Sizes) == 0 && r.clean("/working_set") {
			r.fault("no-value", "/working_set", "working_set: write at least one size")
		}
		ascending(r, "/working_set", ws.Sizes, FormatSize)
		return ws
	}
	lo := r.tokens("/working_set/min", section(raw.Min), kvBytes)
	hi := lo
	if raw.Max != nil {
		hi = r.tokens("/working_set/max", *raw.Max, kvBytes)
	}
	if r.raw.WorkingSet != nil && r.clean("/working_set") && r.rangeHolds(raw, lo, hi) {
		n := int(*raw.Steps)
		if ws.Sizes = Linspace(lo, hi, n); def(raw.Spacing, "linear") == "log" {
			ws.Sizes = r.logSizes(lo, hi, n)
		}
	}
	return ws
}

// logSizes gives the geometric sizes; where they are closer together than tokens some are
// the same, and each is asked for once.
func (r *resolver) logSizes(lo, hi int64, n int) []int64 {
	sizes := slices.Compact(Logspace(lo, hi, n))
	if len(sizes) < n {
		r.fault("same-cell", "/working_set/steps", "%d of %d sizes between %s and %s are the same as another once rounded to whole tokens: %d are left", n-len(sizes), n, FormatSize(lo), FormatSize(hi), len(sizes))
		r.problems[len(r.problems)-1].Warning = true
	}
	return sizes
}

// rangeHolds checks min, max (in tokens) and steps against each other.
func (r *resolver) rangeHolds(raw rawWorkingSet, lo, hi int64) bool {
	before := len(r.problems)
	need := func(missing bool, key, hint string) {
		if missing {
			r.fault("missing-key", "/working_set/"+key, "working_set.%s is missing: write %s", key, hint)
		}
	}
	need(raw.Min == nil, "min", "min: 100k")
	need(raw.Steps == nil, "steps", "steps: 10")
	if raw.Steps != nil {
		need(raw.Max == nil && *raw.Steps > 1, "max", "max: 5M")
	}
	if len(r.problems) > before || raw.Max == nil {
		return len(r.problems) == before
	}
	switch {
	case *raw.Steps == 1:
		r.fault("working-set-range", "/working_set/steps", "steps: 1 with max: one size is min alone; remove max, or write steps: 2")
	case lo > hi:
		r.fault("working-set-range", "/working_set/min", "working_set.min %s is above working_set.max %s", raw.Min, raw.Max)
	case lo == hi:
		r.fault("working-set-range", "/working_set/steps", "working_set.min and max are both %s, which is one size: write steps: 1 without max", FormatSize(lo))
	}
	return len(r.problems) == before
}

// Linspace gives n whole numbers from lo to hi, both ends included, exactly as
// the original computes them: numpy.linspace(lo, hi, n) cast to int, that is
// float64(i)*step + lo cut down to a whole number, with the last one set to hi.
func Linspace(lo, hi int64, n int) []int64 {
	out := make([]int64, n)
	if n == 1 {
		out[0] = lo
		return out
	}
	step := float64(hi-lo) / float64(n-1)
	for i := range out {
		// The conversion keeps the compiler from fusing the multiplication and
		// the addition, which would round once instead of twice on some CPUs.
		y := float64(float64(i)*step) + float64(lo)
		out[i] = int64(math.Floor(y))
	}
	out[n-1] = hi
	return out
}

// Logspace gives n whole numbers from lo to hi, both ends included, each the same factor
// above the one before: lo x (hi/lo)^(i/(n-1)), rounded to the nearest. Numbers that are
// closer together than 1 repeat.
func Logspace(lo, hi int64, n int) []int64 {
	out := make([]int64, n)
	factor := float64(hi) / float64(lo)
	for i := range out {
		out[i] = lo
		if i > 0 {
			out[i] = int64(math.Round(float64(lo) * math.Pow(factor, float64(i)/float64(n-1))))
		}
	}
	if n > 1 {
		out[n-1] = hi
	}
	return out
}
