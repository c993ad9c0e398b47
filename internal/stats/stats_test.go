package stats

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func near(a, b float64) bool {
	return a == b || math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b))
}

// The expected values are numpy.quantile's (default method).
func TestQuantileAsNumpy(t *testing.T) {
	x := []float64{0.02, 0.31, 1.1, 2.7, 3.3, 5.5, 9.4}
	for q, want := range map[float64]float64{0: 0.02, .05: .107, .1: .194, .5: 2.7, .9: 7.06, .95: 8.23, .99: 9.166, 1: 9.4} {
		if got := Quantile(x, q); !near(got, want) {
			t.Errorf("Quantile(%v) = %v, want %v", q, got, want)
		}
	}
	if got := Quantile([]int64{1, 2}, .5); got != 1.5 {
		t.Errorf("of integers: %v", got)
	}
	for _, v := range []float64{Quantile[float64](nil, .5), Quantile(x, -0.1), Quantile(x, 1.1), Quantile(x, math.NaN())} {
		if !math.IsNaN(v) {
			t.Errorf("want NaN, got %v", v)
		}
	}
}

func TestMeans(t *testing.T) {
	in := []float64{3, 1, 2, 4.5}
	if Median(in) != 2.5 || in[0] != 3 {
		t.Errorf("Median = %v, input now %v", Median(in), in)
	}
	if got := Mean(in); !near(got, 2.625) {
		t.Errorf("Mean = %v", got)
	}
	for _, v := range []float64{Mean(nil), Median(nil)} {
		if !math.IsNaN(v) {
			t.Errorf("want NaN, got %v", v)
		}
	}
}

// rho is scipy.stats.spearmanr's; exact p values were counted over all
// permutations with numpy, the others are scipy's.
func TestSpearman(t *testing.T) {
	upTo := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(i + 1)
		}
		return x
	}
	for _, c := range []struct {
		y      []float64
		rho, p float64
	}{
		{[]float64{1.0, 1.2, 1.1, 1.4, 1.3, 1.6, 1.9, 1.5, 1.7, 2.0}, 0.9151515151515152, 0.0005329585537918872},
		{[]float64{5, 3, 8, 1, 9, 2, 10, 4, 7, 6}, 0.22424242424242422, 0.5366606040564373},
		{[]float64{2, 1, 4, 3, 6, 5, 7}, 0.8928571428571429, 0.012301587301587301},
		{[]float64{2, 1, 3, 4, 5, 6}, 0.9428571428571428, 0.016666666666666666},
		{[]float64{3, 1, 4, 1, 5, 9, 2, 6, 5, 3}, 0.3914537831560393, 0.2632875529923413},
		{[]float64{3, 10, 2, 7, 15, 4, 9, 6, 8, 5, 1, 12, 11, 14, 13}, 0.42142857142857143, 0.11769939585541633},
		{[]float64{3, 1, 2, 7, 5, 4, 9, 6, 8, 15, 10, 12, 11, 14, 13}, 0.8892857142857141, 9.192974758842262e-06},
		{upTo(12), 1, 0},
	} {
		rho, p := Spearman(upTo(len(c.y)), c.y)
		if !near(rho, c.rho) || math.Abs(p-c.p) > 1e-12 {
			t.Errorf("Spearman(%v) = %v, %v, want %v, %v", c.y, rho, p, c.rho, c.p)
		}
	}
	for _, y := range [][]float64{{1, 1, 1, 1}, {1, 2}} {
		if rho, p := Spearman(upTo(len(y)), y); !math.IsNaN(rho) || !math.IsNaN(p) {
			t.Errorf("Spearman(%v) = %v, %v, want NaN", y, rho, p)
		}
	}
}

func TestStudentAsScipy(t *testing.T) {
	for _, c := range []struct{ t, df, want float64 }{
		{2.5, 13, 0.026588782810857463}, {-2.5, 13, 0.026588782810857463}, {0.3, 3, 0.783763292039919}, {8, 40, 7.905084110104538e-10}, {0, 5, 1},
	} {
		if got := studentTwoSided(c.t, c.df); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("studentTwoSided(%v, %v) = %v, want %v", c.t, c.df, got, c.want)
		}
	}
}

func TestTheilSen(t *testing.T) {
	x := []float64{0, 1, 2, 3, 4, 5}
	slope, at0 := TheilSen(x, []float64{1, 2.1, 2.9, 4.2, 30, 6.1}) // scipy.stats.theilslopes' slope
	if !near(slope, 1.0666666666666667) || !near(at0, 1) {
		t.Errorf("TheilSen = %v, %v", slope, at0)
	}
	if s, i := TheilSen([]float64{2, 2}, []float64{1, 5}); !math.IsNaN(s) || !math.IsNaN(i) {
		t.Errorf("vertical: %v, %v", s, i)
	}
}

func TestKaplanMeier(t *testing.T) {
	waiting := func(age float64) Life { return Life{Age: age} }
	done := func(age float64) Life { return Life{Age: age, Event: true} }
	late := func(entry, age float64, event bool) Life { return Life{entry, age, event} }
	for _, c := range []struct {
		name  string
		lives []Life
		q     float64
		want  float64
		exact bool
	}{
		{"nobody", nil, .5, math.NaN(), false},
		{"one", []Life{done(3)}, .95, 3, true},
		{"only waiting", []Life{waiting(3), waiting(8)}, .5, 8, false},
		{"upper half waits: as type 7 over ten", append(lives(1, 2, 3, 4, 5), waiting(9), waiting(9), waiting(9), waiting(9), waiting(9)), 1. / 3, 4, true},
		{"upper half waits: beyond", append(lives(1, 2, 3, 4, 5), waiting(9), waiting(9), waiting(9), waiting(9), waiting(9)), .9, 9, false},
		{"upper half waits: on the way, a bound", append(lives(1, 2, 3, 4, 5), waiting(9), waiting(9), waiting(9), waiting(9), waiting(9)), .5, 7, false},
		{"lost early counts for nothing", append(lives(1, 2, 3), waiting(.5), waiting(.1)), .5, 2, true},
		{"textbook: weights 1/3, then 2/3 of one", []Life{done(1), waiting(2), done(3)}, .5, 2, true},
		{"steady 20, watched from 15", []Life{late(15, 20, true), late(15, 20, true), late(0, 20, true), waiting(10), waiting(19)}, .5, 20, true},
		{"entry at the age of the event is at risk", []Life{late(5, 5, true), late(5, 5, true)}, .5, 5, true},
		{"alone at risk while others are to enter", []Life{done(3), late(20, 40, true), late(25, 40, true)}, .5, 40, true},
		{"tie with a censored one: it outlasts", []Life{done(3), waiting(3)}, 1, 3, false},
	} {
		got, exact := KaplanMeier(c.lives).Quantile(c.q)
		if exact != c.exact || !near(got, c.want) && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%s: q %v = %v, exact %v; want %v, %v", c.name, c.q, got, exact, c.want, c.exact)
		}
	}
}

func lives(ages ...float64) []Life {
	out := make([]Life, 0, len(ages))
	for _, a := range ages {
		out = append(out, Life{Age: a, Event: true})
	}
	return out
}

var ages = rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(0, 100), rapid.Map(rapid.IntRange(0, 5), func(i int) float64 { return float64(i) })), 1, 60)

// Nothing truncated, nothing censored: type 7, ties or not.
func TestKaplanMeierIsType7(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xs := ages.Draw(t, "ages")
		c := KaplanMeier(lives(xs...))
		slices.Sort(xs)
		for _, q := range []float64{0, .05, .5, .9, .95, .99, 1, rapid.Float64Range(0, 1).Draw(t, "q")} {
			got, exact := c.Quantile(q)
			if !exact || math.Abs(got-Quantile(xs, q)) > 1e-6 {
				t.Fatalf("q %v = %v, %v; type 7 says %v", q, got, exact, Quantile(xs, q))
			}
		}
	})
}

// Any lives at all: quantiles rise, stay within what was seen, and once the curve
// has ended it does not come back.
func TestKaplanMeierProperties(t *testing.T) {
	life := rapid.Custom(func(t *rapid.T) Life {
		age := rapid.Float64Range(0, 50).Draw(t, "age")
		return Life{Entry: rapid.Float64Range(0, age).Draw(t, "entry") * float64(rapid.IntRange(0, 1).Draw(t, "late")), Age: age, Event: rapid.Bool().Draw(t, "event")}
	})
	rapid.Check(t, func(t *rapid.T) {
		ls := rapid.SliceOfN(life, 1, 40).Draw(t, "lives")
		c := KaplanMeier(ls)
		top, last, open := 0.0, math.Inf(-1), false
		for _, l := range ls {
			top = max(top, l.Age)
		}
		for i := 0; i <= 100; i++ {
			v, exact := c.Quantile(float64(i) / 100)
			if math.IsNaN(v) || v < last-1e-9 || v > top {
				t.Fatalf("q %d %%: %v after %v, largest %v", i, v, last, top)
			}
			if open && exact {
				t.Fatalf("q %d %% is exact above a lower bound", i)
			}
			last, open = v, !exact
		}
	})
}

// Watching only a part of each waiting must not move the median: start stamps are
// uniform, ages log-normal, the window is shorter than most of them.
func TestKaplanMeierIsUnbiased(t *testing.T) {
	const n, window = 40000, 30.0
	var ls []Life
	all := make([]float64, 0, n)
	seed := uint64(7)
	uniform := func() float64 { // a plain congruential generator: the same on each machine
		seed = seed*6364136223846793005 + 1442695040888963407
		return (float64(seed>>11) + 0.5) / (1 << 53)
	}
	for range n {
		age := 10 * math.Exp(1.2*math.Sqrt(-2*math.Log(uniform()))*math.Cos(2*math.Pi*uniform()))
		all = append(all, age)
		start := -400 + uniform()*(400+window)
		if start+age < 0 {
			continue
		}
		l := Life{Entry: max(0, -start), Age: age, Event: start+age < window}
		if !l.Event {
			l.Age = window - start
		}
		ls = append(ls, l)
	}
	slices.Sort(all)
	c := KaplanMeier(ls)
	for _, q := range []float64{.5, .9, .95} {
		got, exact := c.Quantile(q)
		if want := Quantile(all, q); !exact || math.Abs(got/want-1) > .08 {
			t.Errorf("q %v = %v, %v; truth %v", q, got, exact, want)
		}
	}
}
