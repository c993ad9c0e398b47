package prompt

import (
	"context"
	"errors"
	"hash/fnv"
	"math"
	"strings"
	"testing"
)

// vocabulary is a tokenizer that counts words on their own.
type vocabulary struct {
	template int64 // before the text
	after    int64 // after it
	cost     func(word string) int64
	calls    int
}

func (v *vocabulary) Count(_ context.Context, text string) (int64, error) {
	v.calls++
	n := v.template + v.after
	for _, w := range strings.Fields(text) {
		n += v.cost(w)
	}
	return n, nil
}

func hash(w string) uint32 { h := fnv.New32a(); h.Write([]byte(w)); return h.Sum32() }

func TestFitTokenizer(t *testing.T) {
	for name, c := range map[string]struct {
		cost  func(string) int64
		per   float64
		calls int
	}{
		"every word one token":  {func(string) int64 { return 1 }, 1, 12},
		"some words are longer": {func(w string) int64 { return 1 + int64(hash(w)%40/39) }, 1, 120},
		"one token per letter":  {func(w string) int64 { return int64(len(w)) + 1 }, 5, 400},
		"two tokens each":       {func(w string) int64 { return 2 - int64(hash(w)%400/399) }, 2, 400},
	} {
		v := &vocabulary{template: 21, after: 5, cost: c.cost}
		fit, err := FitTokenizer(context.Background(), v, 21)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.per == 1 && fit.PerWord != 1 || c.per > 1 && fit.PerWord < 2 || v.calls > c.calls+1 || !fit.Exact {
			t.Errorf("%s: %g tokens per word after %d calls", name, fit.PerWord, v.calls)
		}
		e := words(t, fit)
		for _, r := range []int64{256, 1000, 4097} {
			for _, prefix := range []int64{0, 128, r - 1, r} {
				s := fit.split(prefix, r)
				text := string(e.text(nil, &Content{Key: NewKey("a"), R: r, Prefix: prefix, Prompt: 2, Number: 5}, s))
				got, _ := v.Count(context.Background(), text)
				if fit.PerWord == 1 || fit.Pad != "" {
					if got != r {
						t.Fatalf("%s: %d tokens, want %d", name, got, r)
					}
				} else if got > r || float64(r-got) >= 2*fit.PerWord {
					t.Fatalf("%s: %d tokens, want %d but for less than a word in each part", name, got, r)
				}
				if prefix < 128 || fit.PerWord > 1 && fit.Pad == "" {
					continue
				}
				other := string(e.text(nil, &Content{Key: NewKey("a"), R: r, Prefix: prefix, Prompt: 2, Number: 6}, s))
				same := int64(0)
				a, b := strings.Fields(text), strings.Fields(other)
				for i := 0; i < len(a) && a[i] == b[i]; i++ {
					same += c.cost(a[i])
				}
				// At full reuse and one token below what the template adds after the
				// text is reused with it.
				if want := min(prefix, r-v.after) - 21; same != want {
					t.Fatalf("%s: R %d, prefix %d: %d tokens of text shared, want %d", name, r, prefix, same, want)
				}
			}
		}
	}
}

func TestFitTokenizerGivesUp(t *testing.T) {
	down := errors.New("down")
	for name, c := range map[string]struct {
		c    Counter
		want error
	}{
		"no additive count": {CounterFunc(func(_ context.Context, s string) (int64, error) {
			n := int64(len(strings.Fields(s)))
			return n - n/300, nil
		}), ErrNotAdditive},
		"all lengths":       {&vocabulary{cost: func(w string) int64 { return 1 + int64(hash(w)%60) }}, ErrNotAdditive},
		"no tokens at all":  {&vocabulary{cost: func(string) int64 { return 0 }}, ErrNotAdditive},
		"down":              {CounterFunc(func(context.Context, string) (int64, error) { return 0, down }), down},
		"template too long": {&vocabulary{template: 3, cost: func(string) int64 { return 1 }}, ErrNotAdditive},
	} {
		if _, err := FitTokenizer(context.Background(), c.c, 30); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFitUsage(t *testing.T) {
	for name, cost := range map[string]func(string) int64{
		"one":    func(string) int64 { return 1 },
		"mixed":  func(w string) int64 { return 1 + int64(hash(w)%3) },
		"letter": func(w string) int64 { return int64(len(w)) + 1 },
	} {
		for _, r := range []int64{256, 8192, 30208} {
			v := &vocabulary{template: 17, after: 4, cost: cost}
			fit, err := FitUsage(context.Background(), v, NewKey("fit", "n"), 17, r)
			if err != nil {
				t.Fatalf("%s %d: %v", name, r, err)
			}
			if v.calls > 7*16 || fit.Exact {
				t.Errorf("%s %d: %d calls", name, r, v.calls)
			}
			e := words(t, fit)
			for n := range int64(5) {
				c := Content{Key: NewKey("cell"), R: r, Prefix: r / 2, Number: n}
				got, _ := v.Count(context.Background(), string(e.text(nil, &c, fit.split(c.Prefix, r))))
				// 1 % was fitted; one prompt's words spread round the lexicon's mean.
				if off := math.Abs(float64(got-r)) / float64(r); off > 0.01+1.5/math.Sqrt(float64(r)) {
					t.Errorf("%s %d: %d tokens", name, r, got)
				}
			}
		}
	}
}

func TestFitUsageGivesUp(t *testing.T) {
	for name, c := range map[string]Counter{
		"no usage": CounterFunc(func(context.Context, string) (int64, error) { return 0, nil }),
		"constant": CounterFunc(func(context.Context, string) (int64, error) { return 7, nil }),
		"error":    CounterFunc(func(context.Context, string) (int64, error) { return 0, errors.New("down") }),
		"template longer than the prompt": CounterFunc(func(_ context.Context, s string) (int64, error) {
			return 9000 + int64(len(strings.Fields(s))), nil
		}),
	} {
		if fit, err := FitUsage(context.Background(), c, NewKey("fit"), 0, 1000); err == nil {
			t.Errorf("%s: fitted %+v", name, fit)
		}
	}
}
