package openai

import "github.com/wsrun/wsrun/runner/sample"

// Kinds of an entry, a bit set.
const (
	withContent = 1 << iota // generated content
	withTokens              // tokens told: ids, or an increment of usage
	bareFinish              // a finish_reason and no content
)

// entry is one record that may be a token event.
type entry struct {
	at     int64 // stamp of the read that completed it
	read   int64 // number of that read
	tokens int64 // told, or 0
	kind   uint8
}

// tally keeps the records of one stream that are, or may turn out to be, token
// events. Which of those without text and without told tokens are real is known
// only at the end (design/measurement.md, token event).
type tally struct {
	entries   []entry
	stepwise  bool  // every entry so far carried usage: its increments tell tokens
	completed int64 // completion_tokens of the last such usage
}

func (t *tally) reset() {
	t.entries, t.stepwise, t.completed = t.entries[:0], true, 0
}

// add takes one record and reports its tokens (0: not told) and whether it is a
// token event already now, and whether it may be one at all.
func (t *tally) add(r *record, at, read int64) (tokens int64, certain, possible bool) {
	if !r.choices || r.roleOnly() {
		return 0, false, false
	}
	tokens = t.tokens(r)
	if !r.content && !r.finish && r.usage && tokens == 0 {
		return 0, false, false // usage only
	}
	e := entry{at: at, read: read, tokens: tokens}
	if r.content {
		e.kind |= withContent
	}
	if tokens > 0 {
		e.kind |= withTokens
	}
	if r.finish && !r.content {
		e.kind |= bareFinish
	}
	t.entries = append(t.entries, e)
	return tokens, e.kind&(withContent|withTokens) != 0, true
}

// tokens gives what the record tells of its own tokens. Usage tells them only
// while every record has carried it: a usage that comes once, with the last
// content or the finish, is the total.
func (t *tally) tokens(r *record) int64 {
	if r.completion < 0 || !r.usage {
		t.stepwise = false
	}
	step := int64(0)
	if t.stepwise {
		step = r.completion - t.completed
		t.completed = r.completion
	}
	if r.ids > 0 {
		return r.ids
	}
	return max(step, 0)
}

// settle decides which entries are token events and fills the request's events,
// reads and flags. completion is the number of tokens told, or sample.Unknown.
func (t *tally) settle(req *sample.Request, out []sample.Event) []sample.Event {
	bare := int64(0)
	for i := range t.entries {
		if t.entries[i].kind&bareFinish != 0 {
			bare++
		}
	}
	completion, n := req.CompletionTokens, int64(len(t.entries))
	all := n == completion
	unfinished := !all && n-bare == completion

	lastRead, told := int64(-1), true
	for i := range t.entries {
		e := &t.entries[i]
		if e.kind&(withContent|withTokens) == 0 && !all && !(unfinished && e.kind&bareFinish == 0) {
			continue
		}
		out = append(out, sample.Event{At: e.at, Tokens: e.tokens})
		told = told && e.tokens > 0
		if e.read != lastRead {
			lastRead = e.read
			req.Reads++
		}
	}
	if !told && int64(len(out)) == completion {
		told = true
		for i := range out {
			out[i].Tokens = 1
		}
	}
	if told && len(out) > 0 {
		req.Flags |= sample.TokensTold
	}
	req.SetEvents(out)
	if req.FirstToken != req.FirstContent {
		req.Flags |= sample.LateFirst
	}
	return out
}
