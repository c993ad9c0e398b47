package prompt

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Fit says how many tokens words are, so that building a request needs no network:
//
//	tokens = Fixed + PerWord x words + pads
type Fit struct {
	Lead    string   // first word of every text: it alone follows no space, so it is never drawn
	Words   []string // drawn from; with Exact each is PerWord tokens
	PerWord float64  // tokens of one word with its space; the mean where not Exact
	Pad     string   // a word of one token to fill up with, where PerWord is 2 or more; empty when there is none: lengths are then short by less than PerWord
	Head    int64    // tokens before the first drawn word: template, BOS, Lead
	Fixed   float64  // tokens that are no drawn words: Head and what the template puts after the text
	Exact   bool     // counted by the server's tokenizer; else fitted by usage, within 1 %
}

// split is the number of words and pads of each part of a text.
type split struct{ reused, reusedPads, fresh, freshPads int }

// split divides a prompt of r tokens of which prefix are reusable.
func (f *Fit) split(prefix, r int64) split {
	if !f.Exact {
		return f.nearest(prefix, r)
	}
	per, drawn := int64(f.PerWord), max(0, r-int64(f.Fixed))
	reusable := min(drawn, max(0, prefix-f.Head))
	if prefix >= r {
		reusable = drawn
	}
	rest := drawn - reusable
	s := split{int(reusable / per), int(reusable % per), int(rest / per), int(rest % per)}
	if f.Pad == "" {
		s.reusedPads, s.freshPads = 0, 0
	}
	return s
}

func (f *Fit) nearest(prefix, r int64) split {
	words := func(tokens float64) int { return int(max(0, math.Round(tokens/f.PerWord))) }
	all := words(float64(r) - f.Fixed)
	reused := min(all, words(float64(prefix-f.Head)))
	switch {
	case prefix <= 0:
		reused = 0
	case prefix >= r:
		reused = all
	}
	return split{reused: reused, fresh: all - reused}
}

// Counter counts the prompt tokens of a request whose text is given, template and
// special tokens included. The engine has two: its tokenizer, and sending the text
// and reading prompt_tokens in the usage.
type Counter interface {
	Count(ctx context.Context, text string) (tokens int64, err error)
}

// CounterFunc makes a Counter of a function.
type CounterFunc func(ctx context.Context, text string) (int64, error)

// Count implements Counter.
func (f CounterFunc) Count(ctx context.Context, text string) (int64, error) { return f(ctx, text) }

// ErrNotAdditive says that the tokens of a text are not the sum of its words'
// tokens, or that too few words have one length: exact texts cannot be made. Use
// FitUsage instead.
var ErrNotAdditive = errors.New("the server's tokenizer does not count words one by one")

const (
	enoughWords = 256 // words that are plenty; the search for them ends there
	fewestWords = minSymbols
	maxCounts   = 400 // calls of the tokenizer at most
)

// FitTokenizer finds words that are each the same number of tokens, by asking c,
// which must be the server's tokenizer: some ten calls where the common words of
// English are one token each, at most 400. template is the number of tokens that
// stand before the text in every request.
func FitTokenizer(ctx context.Context, c Counter, template int64) (Fit, error) {
	m := &meter{ctx: ctx, c: c, lead: lexicon[0]}
	var err error
	if m.base, err = m.count(m.lead); err != nil {
		return Fit{}, err
	}
	lead, err := m.cost(m.lead)
	if err != nil {
		return Fit{}, err
	}
	if err := m.sort(lexicon[1:]); err != nil {
		return Fit{}, err
	}
	fit := Fit{Lead: m.lead, Head: template + lead, Fixed: float64(m.base), Exact: true}
	fit.Words, fit.PerWord, fit.Pad = m.best()
	if len(fit.Words) < fewestWords {
		return Fit{}, fmt.Errorf("%w: at most %d of %d words have one length", ErrNotAdditive, len(fit.Words), len(lexicon))
	}
	if fit.Head > m.base {
		return Fit{}, fmt.Errorf("%w: %d tokens stand before the text, but a text of one word counts %d in all", ErrNotAdditive, fit.Head, m.base)
	}
	return fit, m.verify(fit)
}

// meter counts words after a lead word.
type meter struct {
	ctx   context.Context
	c     Counter
	lead  string
	base  int64              // tokens of a text of the lead alone
	class map[int64][]string // words by their tokens
	calls int
}

func (m *meter) count(text string) (int64, error) {
	if m.calls++; m.calls > maxCounts {
		return 0, fmt.Errorf("%w: no %d words of one length found in %d calls", ErrNotAdditive, fewestWords, maxCounts)
	}
	n, err := m.c.Count(m.ctx, text)
	if err != nil {
		return 0, fmt.Errorf("count the tokens of %d bytes of text: %w", len(text), err)
	}
	return n, nil
}

// cost is the tokens that words add after the lead.
func (m *meter) cost(words ...string) (int64, error) {
	n, err := m.count(m.lead + " " + strings.Join(words, " "))
	return n - m.base, err
}

// sort puts words into classes by their tokens. It asks for groups of words of one
// number of letters, since tokenizers that split words do so by letters. A group
// whose tokens equal its words holds one-token words only, since a word is at least
// one; of any other even group its halves and quarters must agree too; what does
// not agree is halved.
func (m *meter) sort(words []string) error {
	m.class = map[int64][]string{}
	groups := byLength(words)
	for len(groups) > 0 && !m.enough() {
		g := groups[len(groups)-1]
		groups = groups[:len(groups)-1]
		per, same, err := m.same(g)
		if err != nil {
			return err
		}
		if same {
			m.class[per] = append(m.class[per], g...)
		}
		if same || len(g) == 1 { // a word of no tokens is no use
			continue
		}
		groups = append(groups, g[len(g)/2:], g[:len(g)/2])
	}
	return nil
}

// byLength gives groups of at most 64 words of one length, shortest last.
func byLength(words []string) (groups [][]string) {
	sorted := slices.Clone(words)
	slices.SortStableFunc(sorted, func(a, b string) int { return len(b) - len(a) })
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && n < 64 && len(sorted[n]) == len(sorted[0]) {
			n++
		}
		groups, sorted = append(groups, sorted[:n]), sorted[n:]
	}
	return groups
}

// same tells whether all words of g are the same number of tokens.
func (m *meter) same(g []string) (per int64, same bool, err error) {
	for n := len(g); ; n /= 2 {
		tokens, err := m.cost(g[:n]...)
		if err != nil || tokens%int64(n) != 0 || per != 0 && tokens != per*int64(n) {
			return 0, false, err
		}
		per = tokens / int64(n)
		if per == 1 && n == len(g) || n < len(g)/4 || n == 1 {
			return per, per > 0, nil
		}
	}
}

func (m *meter) enough() bool {
	for per, words := range m.class {
		if per == 1 && len(words) >= enoughWords || per > 1 && len(words) >= enoughWords && len(m.class[1]) > 0 {
			return true
		}
	}
	return false
}

// best chooses one-token words where they are enough, else the class with most
// words, and a one-token word to fill up with.
func (m *meter) best() (words []string, per float64, pad string) {
	if len(m.class[1]) >= fewestWords {
		return m.class[1], 1, ""
	}
	for n, w := range m.class {
		if n > 1 && (len(w) > len(words) || len(w) == len(words) && float64(n) < per) {
			words, per = w, float64(n)
		}
	}
	if len(m.class[1]) > 0 {
		pad = m.class[1][0]
	}
	return words, per, pad
}

// verify counts a text of some 2,000 tokens as Text would write it.
func (m *meter) verify(fit Fit) error {
	want := int64(fit.Fixed) + 2000
	text, err := sampleText(fit, NewKey("fit"), 0, want)
	if err != nil {
		return err
	}
	m.calls = 0 // the last call is always left
	got, err := m.count(text)
	if err != nil {
		return err
	}
	slack := int64(fit.PerWord)*2 - 2 // each part may lack less than a word
	if fit.Pad != "" {
		slack = 0
	}
	if got > want || want-got > slack {
		return fmt.Errorf("%w: a text that should have been %d tokens has %d", ErrNotAdditive, want, got)
	}
	return nil
}

// sampleText gives the bare text of the i-th prompt of r tokens, half reusable.
func sampleText(fit Fit, k Key, i, r int64) (string, error) {
	e, err := NewText(Frame{}, fit)
	if err != nil {
		return "", err
	}
	c := Content{Key: k, R: r, Prefix: r / 2, Prompt: i, Number: i}
	return string(e.text(nil, &c, fit.split(c.Prefix, c.R))), nil
}

// tolerance is how far a fitted prompt may be from the length asked for.
const tolerance = 0.01

// FitUsage fits texts of r tokens by sending them: c must give the prompt tokens of
// the usage. Two calibration lengths give tokens = Fixed + PerWord x words, which is
// corrected until prompts of r tokens are within 1 % (design: measurement, Cache
// state). Short prompts are sent several at a time, since the few words of one say
// little of the lexicon. k must be a key of its own, so that calibration leaves
// nothing behind that a cell could find cached.
func FitUsage(ctx context.Context, c Counter, k Key, template, r int64) (Fit, error) {
	fit := Fit{Lead: lexicon[0], Words: lexicon[1:], PerWord: 1, Head: template}
	u := &asker{ctx: ctx, c: c, k: k, each: max(1, min(16, 8192/max(1, r)))}
	var words, tokens [2]float64
	for i, n := range []int64{max(16, r/8), max(64, r/2)} {
		got, err := u.mean(fit, n)
		if err != nil {
			return Fit{}, err
		}
		words[i], tokens[i] = float64(n), got
	}
	if fit.PerWord = (tokens[1] - tokens[0]) / (words[1] - words[0]); fit.PerWord <= 0 {
		return Fit{}, fmt.Errorf("fit prompts by usage: %g words were %g prompt tokens and %g words %g: the server's prompt_tokens do not follow the prompt's length", words[0], tokens[0], words[1], tokens[1])
	}
	fit.Fixed = max(0, tokens[0]-fit.PerWord*words[0])
	return u.correct(fit, r)
}

// correct moves PerWord until prompts of r tokens are within the tolerance.
func (u *asker) correct(fit Fit, r int64) (Fit, error) {
	var got float64
	for range 5 {
		var err error
		if got, err = u.mean(fit, r); err != nil {
			return Fit{}, err
		}
		if math.Abs(got-float64(r)) <= tolerance*float64(r) {
			return fit, nil
		}
		s := fit.nearest(r/2, r)
		if s.reused+s.fresh == 0 {
			break
		}
		fit.PerWord = max(got-fit.Fixed, 1) / float64(s.reused+s.fresh)
	}
	return Fit{}, fmt.Errorf("fit prompts by usage: prompts meant to be %d tokens are %.0f after five corrections, not within 1 %%; choose a larger context or a server that takes token ids", r, got)
}

// asker counts prompts by sending them.
type asker struct {
	ctx  context.Context
	c    Counter
	k    Key
	each int64 // prompts per question
	sent int64
}

// mean is the mean tokens of fresh texts meant to be r tokens by fit.
func (u *asker) mean(fit Fit, r int64) (float64, error) {
	var sum int64
	for range u.each {
		text, err := sampleText(fit, u.k, u.sent, r)
		if err != nil {
			return 0, err
		}
		u.sent++
		n, err := u.c.Count(u.ctx, text)
		if err != nil {
			return 0, fmt.Errorf("fit prompts by usage: %w", err)
		}
		if n <= 0 {
			return 0, errors.New("fit prompts by usage: the server tells no prompt_tokens, and has no tokenizer to ask: prompt lengths cannot be made true; use an API that takes token ids")
		}
		sum += n
	}
	return float64(sum) / float64(u.each), nil
}
