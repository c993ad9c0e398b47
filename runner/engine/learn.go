package engine

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/bits"
	mrand "math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
)

// generator makes prompts that no server has seen before.
type generator struct{ rng *mrand.Rand }

func newGenerator() *generator {
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails (crypto/rand)
	return &generator{mrand.New(mrand.NewChaCha8(seed))}
}

func (g *generator) ids(n int64, safe [2]int64) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = safe[0] + g.rng.Int64N(safe[1]-safe[0])
	}
	return out
}

// words gives n short words. Two texts differ in their first letter already where
// first does.
func (g *generator) words(n int64, first string) string {
	var b strings.Builder
	b.WriteString(first)
	for range n - 1 {
		b.WriteByte(' ')
		for range 2 {
			b.WriteByte("bdfgklmnprst"[g.rng.IntN(12)])
			b.WriteByte("aeiou"[g.rng.IntN(5)])
		}
	}
	return b.String()
}

// Ids that are no special tokens: vocabularies keep control and byte tokens at their
// beginning (below 300; below 1,000 in some of 32,000 and more) and added ones at
// their end. More than 30,000 ids make prompts no more unlike.
const (
	lowID, lowLargeID = 300, 1000
	largeVocabulary   = 8000
	enoughIDs         = 30_000
)

func safeBelow(top int64) [2]int64 {
	top = min(top, enoughIDs)
	if top >= largeVocabulary {
		return [2]int64{lowLargeID, top}
	}
	return [2]int64{lowID, top}
}

// ladder are the tops that are tried where the vocabulary is not told.
var ladder = []int64{enoughIDs, 16_000, 8_000, 4_000, 2_000, 1_000}

// chooseAPI finds out whether token ids are taken, and which are safe; else words
// go to chat, or to completions where the scenario says so.
func (p *prober) chooseAPI() error {
	if !p.chat {
		if err := p.findIDs(); err != nil {
			return err
		}
	}
	if !p.ids && auto(p.cfg.API) {
		p.chat = true
	}
	p.p.API, p.p.TokenIDs, p.p.SafeIDs = p.API(), p.ids, p.safe
	return nil
}

// findIDs tries ids. A vocabulary that is told is believed: some forks of llama.cpp
// die of an id outside it.
func (p *prober) findIDs() error {
	tops := ladder
	switch n := p.entry.Meta.Vocabulary; {
	case n > 0:
		tops = []int64{n - n/32}
		if tops[0] <= lowID {
			return nil
		}
	case p.engine == llamacpp:
		p.note("llama-server does not tell the size of its vocabulary: words are sent instead of token ids")
		return nil
	}
	for _, top := range tops {
		safe := safeBelow(top)
		const n = 16
		ids := p.gen.ids(n, safe)
		ids[n-1] = safe[1] - 1
		r, err := p.ask(p.ctx, p.client, prompt{ids: ids}, 1)
		if err != nil {
			p.note("token ids were not tried to the end: %v", err)
			return nil
		}
		if !r.good() {
			if r.status == http.StatusNotFound || r.status == http.StatusUnauthorized {
				break // no such call, or not for us: the next step words it
			}
			continue // out of vocabulary, most likely
		}
		if r.prompt >= 0 && r.prompt != n {
			p.note("%d token ids count as %d prompt tokens: the server adds or changes tokens, words are sent instead", n, r.prompt)
			return nil
		}
		p.ids, p.safe = true, safe
		return nil
	}
	return nil
}

// fresh makes a prompt of n ids or n words that was never sent.
func (p *prober) fresh(n int64) prompt {
	if p.ids {
		return prompt{ids: p.gen.ids(n, p.safe)}
	}
	return prompt{text: p.gen.words(n, "Zoo")}
}

// repeatTokens is the length of the repeated prompt: a power of two, so that the
// granularity of the cache is what is missing of it.
const repeatTokens = 4096

// repeat sends a prompt twice, streamed, on one connection. It shows whether the
// connection lives, what the usage tells, whether anything is reused, and in which
// blocks.
func (p *prober) repeat() error {
	n := int64(repeatTokens)
	for p.p.MaxModelLen > 0 && n > 16 && n+16 > p.p.MaxModelLen {
		n /= 2
	}
	if !p.ids {
		n /= 4 // words, of 2 to 4 tokens
	}
	var looks []look
	for try := 0; len(looks) == 0; try++ {
		l, err := p.pair(n, true)
		switch {
		case err != nil:
			return err
		case l.served:
			looks = append(looks, l)
		case n > 64 && try < 3: // too long for this server, most likely
			n /= 8
		default:
			return fmt.Errorf("%s serves no prompt: it answers %d to POST %s: %s", redact(p.cfg.Endpoint), l.status, p.path(), l.err)
		}
	}
	if !p.ids && p.p.Block == 0 && looks[0].cached > 0 {
		var err error
		if looks, err = p.tellApart(looks, float64(looks[0].tokens)/float64(n)); err != nil {
			return err
		}
	}
	p.p.RepeatCached, p.kept = looks[0].cached, looks[0].prompt
	p.learnBlock(looks)
	return nil
}

// tellApart repeats shorter prompts until one block size alone fits: words have no
// exact length, and a length tells blocks apart best where it comes close to a power
// of two.
func (p *prober) tellApart(looks []look, perWord float64) ([]look, error) {
	target := looks[0].tokens
	for len(looks) < 5 && target > 64 && len(blocksOf(looks)) > 1 {
		target = int64(1) << (bits.Len64(uint64(target-1)) - 1)
		l, err := p.pair(max(8, int64(float64(target)/perWord)), false)
		if err != nil {
			return nil, err
		}
		if l.served && l.cached >= 0 {
			looks = append(looks, l)
		}
	}
	return looks, nil
}

// look is what a repeated prompt showed.
type look struct {
	prompt prompt
	served bool
	status int
	err    string
	tokens int64 // of the prompt
	cached int64 // at the second time; -1 unknown
}

// pair sends a fresh prompt of n ids or words twice. The first pair is sent on one connection.
func (p *prober) pair(n int64, first bool) (look, error) {
	client := p.client
	if first {
		t := p.transport(false)
		defer t.CloseIdleConnections()
		client = &http.Client{Transport: t, CheckRedirect: stay}
	}
	l := look{prompt: p.fresh(n), tokens: n, cached: -1}
	a, err := p.askSteady(client, l.prompt)
	if err != nil {
		return l, err
	}
	l.served, l.status, l.err = a.good(), a.status, a.err
	if !l.served {
		return l, nil
	}
	if first {
		p.p.TellsUsage = a.usage
		if !a.usage {
			p.note("the server tells no usage: output tokens are counted events, prompt tokens are as sent")
		}
	}
	sleep(p.ctx, 50*time.Millisecond) // some servers keep a slot a moment beyond the end of its stream
	before := p.counters()
	b, err := p.send(p.ctx, client, l.prompt, 2)
	if first {
		p.p.FreshConnection = err != nil || !b.reused
	}
	if err != nil || !b.good() {
		if b, err = p.ask(p.ctx, p.client, l.prompt, 2); err != nil {
			return l, err
		}
	}
	if b.prompt > 0 {
		l.tokens = b.prompt
	}
	if first && a.usage && a.cached < 0 && b.cached > 0 {
		p.none = true
	}
	p.cachedBy(&l, b, before, first)
	return l, nil
}

// askSteady is ask, on a connection that may have to be dialled again.
func (p *prober) askSteady(client *http.Client, what prompt) (r *reply, err error) {
	for range attempts {
		r, err = p.ask(p.ctx, client, what, 2)
		var lost *Unreachable
		if !errors.As(err, &lost) || p.ctx.Err() != nil {
			return r, err
		}
		sleep(p.ctx, 200*time.Millisecond)
	}
	return r, err
}

// counters reads the telemetry, nil when there is none.
func (p *prober) counters() map[string]float64 {
	families, err := p.scrape()
	if err != nil {
		return nil
	}
	return canonical(families)
}

// cachedBy finds the cached tokens of a repeat: told, else from the server's
// counters.
func (p *prober) cachedBy(l *look, b *reply, before map[string]float64, first bool) {
	if b.cached >= 0 {
		l.cached = b.cached
		p.p.TellsCached = true
		return
	}
	for range 4 { // counters may lag a moment behind the stream
		if before == nil {
			break
		}
		after := p.counters()
		if cached, total, ok := cachedOf(before, after); ok && total >= float64(l.tokens) {
			l.cached = int64(cached)
			break
		}
		sleep(p.ctx, 250*time.Millisecond)
	}
	if !first {
		return
	}
	if l.cached < 0 {
		p.note("the server tells cached tokens neither in its usage nor in its telemetry: hit rates are unverified")
		return
	}
	hint := ""
	if p.engine.flag != "" {
		hint = " (" + p.engine.flag + ")"
	}
	p.note("usage does not tell cached tokens; the server's counters do%s", hint)
}

// learnBlock finds the granularity of the cache.
func (p *prober) learnBlock(looks []look) {
	cached := looks[0].cached
	if cached == 0 {
		p.note("no reuse: a prompt of %d tokens was sent twice and nothing of it was cached; is prefix caching on?", looks[0].tokens)
	}
	if cached <= 0 {
		return
	}
	learnt := blockOf(looks)
	switch {
	case p.p.Block == 0 && learnt > 0:
		p.p.Block, p.p.BlockFrom = learnt, "learnt"
	case p.p.Block == 0:
		p.note("of a prompt of %d tokens sent twice %d were cached: no block size fits, hit rates are intended to the token", looks[0].tokens, cached)
	case learnt != p.p.Block && !fits(looks, p.p.Block):
		p.note("a block of %d tokens is %s, but of a prompt of %d tokens sent twice %d were cached", p.p.Block, p.p.BlockFrom, looks[0].tokens, cached)
	}
}

// fits reports whether a block size explains every look: cached = floor((n-1)/block)
// x block, since no engine serves the last token from its cache.
func fits(looks []look, block int64) bool {
	for _, l := range looks {
		if l.cached != (l.tokens-1)/block*block {
			return false
		}
	}
	return true
}

// blocksOf are the powers of two that fit, ascending.
func blocksOf(looks []look) (out []int64) {
	for shift := range bits.Len64(uint64(looks[0].tokens)) {
		if block := int64(1) << shift; fits(looks, block) {
			out = append(out, block)
		}
	}
	return out
}

// blockOf is the smallest power of two that fits, 0 when none does.
func blockOf(looks []look) int64 {
	if fit := blocksOf(looks); len(fit) > 0 {
		return fit[0]
	}
	return 0
}

// findTemplate counts the tokens that two unlike prompts share.
func (p *prober) findTemplate() error {
	a, b := "alpha brings rain", "zebra under glass"
	one, err := p.Tokenize(p.ctx, a)
	two, errTwo := p.Tokenize(p.ctx, b)
	p.p.Tokenizer = err == nil && errTwo == nil
	switch {
	case p.ids: // ids are sent as they are: nothing stands before them
	case p.p.Tokenizer:
		for p.p.TemplateTokens < int64(min(len(one), len(two))) && one[p.p.TemplateTokens] == two[p.p.TemplateTokens] {
			p.p.TemplateTokens++
		}
	default:
		p.templateByCache()
	}
	return nil
}

// templateByCache asks for another text: what is cached of it is the template, in
// whole blocks.
func (p *prober) templateByCache() {
	if !p.p.TellsCached {
		p.note("the tokens of the chat template are not known: counted as 0")
		return
	}
	r, err := p.ask(p.ctx, p.client, prompt{text: p.gen.words(256, "alpha")}, 1)
	if err != nil || r.cached < 0 {
		p.note("the tokens of the chat template are not known: counted as 0")
		return
	}
	p.p.TemplateTokens = r.cached
}

// tryReset empties the cache once and looks whether a prompt that was cached is
// cold.
func (p *prober) tryReset() error {
	if p.cfg.Reset.None() {
		return nil
	}
	if err := p.Reset(p.ctx); err != nil {
		if p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		p.note("%v; salts keep the cells apart, but old entries still take room", err)
		return nil
	}
	p.p.CanReset = true
	l, err := p.afterReset()
	switch {
	case err != nil || l < 0:
		p.note("the reset could not be verified: the server does not tell what is cached")
	case l > p.p.TemplateTokens:
		p.note("the reset was answered well, but %d tokens of a prompt sent before it are still cached", l)
	default:
		p.p.ResetVerified = true
	}
	return nil
}

// afterReset sends a prompt that was cached before the reset, and gives what is
// still cached of it; -1 when nobody tells. A prompt that was never cached proves
// nothing.
func (p *prober) afterReset() (int64, error) {
	if p.p.RepeatCached <= 0 {
		return sample.Unknown, nil
	}
	before := p.counters()
	r, err := p.ask(p.ctx, p.client, p.kept, 1)
	if err != nil {
		return 0, err
	}
	if !r.good() {
		return sample.Unknown, nil
	}
	l := look{tokens: max(r.prompt, 1), cached: -1}
	p.cachedBy(&l, r, before, false)
	return l.cached, nil
}
