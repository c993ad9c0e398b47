package prompt

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/runner/sample"
)

// tokens is the brute-force model of a cache: every token by name, newest last.
type tokens struct {
	order []string
	last  map[int][]string // by prompt: the tokens of its last use
	seen  map[int]int      // by prompt: position in the sequence of uses
	n     int
	log   [][]string // by use or insertion
	uses  map[int]int
}

func (m *tokens) touch(prompt int, u Use) int64 {
	distance := sample.Unknown
	if at, ok := m.seen[prompt]; ok {
		distinct := map[string]bool{}
		for _, use := range m.log[at:] {
			for _, t := range use {
				distinct[t] = true
			}
		}
		distance = int64(len(distinct))
	}
	use := append([]string(nil), m.last[prompt][:min(len(m.last[prompt]), int(u.Reuse))]...)
	for int64(len(use)) < u.Reuse+u.Fresh {
		use = append(use, m.name())
	}
	m.seen[prompt], m.last[prompt] = len(m.log), use
	m.uses[prompt]++
	m.log = append(m.log, use)
	return distance
}

func (m *tokens) name() string { m.n++; return string(rune(m.n)) }

func (m *tokens) insert(n int64) {
	var use []string
	for range n {
		use = append(use, m.name())
	}
	m.log = append(m.log, use)
}

// drop takes back the last use of all, when it was prompt's first.
func (m *tokens) drop(prompt int) bool {
	at, ok := m.seen[prompt]
	if !ok || at != len(m.log)-1 || m.uses[prompt] != 1 {
		return false
	}
	delete(m.seen, prompt)
	delete(m.last, prompt)
	delete(m.uses, prompt)
	m.log = m.log[:at]
	return true
}

// depth is the number of distinct prompts used after prompt.
func (m *tokens) depth(prompt int) int {
	at, ok := m.seen[prompt]
	if !ok {
		return -1
	}
	d := 0
	for _, other := range m.seen {
		if other > at {
			d++
		}
	}
	return d
}

// The stack agrees with a list of every token that was sent, for any sequence of
// uses, whole repeats and foreign tokens, across packings of its slots.
func TestStackAgainstEveryToken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Stack
		m := &tokens{last: map[int][]string{}, seen: map[int]int{}, uses: map[int]int{}}
		prompts := rapid.IntRange(1, 12).Draw(t, "prompts")
		prefix := int64(rapid.IntRange(0, 5).Draw(t, "prefix"))
		for range rapid.IntRange(1, 200).Draw(t, "uses") {
			p := rapid.IntRange(0, prompts-1).Draw(t, "prompt")
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				n := int64(rapid.IntRange(0, 4).Draw(t, "foreign"))
				if s.Len() > 0 { // before the first use nothing can be pushed down
					s.Insert(n)
					m.insert(n)
				}
				continue
			case 2: // a use that never reached the cache; what shares slots with it moves
				if s.At(0) == p && m.drop(p) {
					s.Drop(p)
				}
			case 1: // the last use again, whole or cut
				u := Use{Reuse: int64(rapid.IntRange(0, 9).Draw(t, "whole"))}
				if got, want := s.Touch(p, u), m.touch(p, u); got != want {
					t.Fatalf("repeat of %d: distance %d, every token says %d", p, got, want)
				}
			default:
				u := Use{Reuse: prefix, Fresh: int64(rapid.IntRange(0, 4).Draw(t, "fresh"))}
				if got, want := s.Touch(p, u), m.touch(p, u); got != want {
					t.Fatalf("use of %d: distance %d, every token says %d", p, got, want)
				}
			}
			if s.Len() != len(m.seen) {
				t.Fatalf("%d prompts, want %d", s.Len(), len(m.seen))
			}
			for q := range prompts {
				d := m.depth(q)
				if s.Depth(q) != d {
					t.Fatalf("depth of %d is %d, want %d", q, s.Depth(q), d)
				}
				if d >= 0 && s.At(d) != q {
					t.Fatalf("at depth %d stands %d, want %d", d, s.At(d), q)
				}
			}
		}
		if s.At(s.Len()) != -1 || s.At(-1) != -1 || s.Depth(99) != -1 {
			t.Fatal("a place outside the stack holds a prompt")
		}
	})
}

// For cyclic access the distance is P x (R + out) at every hit rate.
func TestCyclicDistance(t *testing.T) {
	for _, prefix := range []int64{64, 250, 500, 999, 1000} {
		g := Geometry{R: 1000, Prefix: prefix, Output: 128}
		var s Stack
		law := Cyclic(57, 0)
		for n := range 57 * 9 {
			want := int64(57 * 1128)
			if n < 57 {
				want = sample.Unknown
			}
			if got := s.Touch(law.Next(&s), g.use(g.Output)); got != want {
				t.Fatalf("prefix %d, use %d: distance %d, want %d", prefix, n, got, want)
			}
		}
	}
}

func TestStackReset(t *testing.T) {
	var s Stack
	s.Insert(5) // no prompt yet: nothing to push down
	s.Touch(3, Use{Reuse: 10})
	s.Reset()
	if s.Len() != 0 || s.Depth(3) != -1 || s.At(0) != -1 {
		t.Fatal("a reset stack remembers")
	}
	if d := s.Touch(3, Use{Reuse: 10}); d != sample.Unknown {
		t.Fatalf("first use after a reset has distance %d", d)
	}
}

// BenchmarkStackMillion: a stack of a million prompts. A look-up, which prompt stands at a
// depth, must take less than 2 us; a request of a map is a look-up and a use.
func BenchmarkStackMillion(b *testing.B) {
	const n = 1_000_000
	var s Stack
	law := Cyclic(n, 0)
	for range n {
		s.Touch(law.Next(&s), Use{Reuse: 900, Fresh: 228})
	}
	x := uint32(1)
	draw := func() int {
		x = x*1664525 + 1013904223
		return int(x>>8) % n
	}
	b.Run("lookup", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if s.At(draw()) < 0 {
				b.Fatal("no prompt")
			}
		}
	})
	b.Run("request", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d := draw()
			p := s.At(d)
			if s.Touch(p, Use{Reuse: 900, Fresh: 228}); s.At(0) != p {
				b.Fatal("wrong prompt")
			}
		}
	})
}
