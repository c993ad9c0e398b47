package simulator

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// steps walks over the events of one answer: when each is due, and how many tokens it
// carries. The first is due at TTFT; each of the others comes as many decode steps
// later as the one before it had tokens.
type steps struct {
	out    int // tokens that the answer has when nothing cuts it
	finish string
	group  int // tokens per event
	at     int // tokens after which a fault happens
	sent   int
	due    time.Time
	decode time.Duration
	stall  time.Duration // still to come
}

// steps starts the walk when the prompt has been computed.
func (g *generation) steps() steps {
	st := steps{group: 1, due: g.due(), decode: time.Duration(g.s.p.Decode)}
	st.out, st.finish = g.fault.output(g.req.maxTokens)
	st.at = g.fault.at(st.out)
	if st.out > 1 {
		st.stall = g.fault.stall
	}
	if n := g.s.p.Faults.TokensPerEvent; n > 1 && g.fault.on {
		st.group = min(n, max(1, st.out))
	}
	return st
}

// next gives the tokens of the next event; due is when to send it.
func (st *steps) next() int {
	if st.stall > 0 && st.sent >= st.at && st.sent > 0 {
		st.due = st.due.Add(st.stall)
		st.stall = 0
	}
	return min(st.group, st.out-st.sent)
}

// make makes the next n output tokens at a stamp, and moves on.
func (g *generation) make(ids []int32, st *steps, n int, at int64) []int32 {
	for range n {
		id := outputToken(g.entry.PromptHash, st.sent, g.s.p.Vocab)
		g.token(id, at)
		ids = append(ids, id)
		st.sent++
	}
	st.due = st.due.Add(time.Duration(n) * st.decode)
	return ids
}

// whole answers in one piece. Its output is cached when the answer is complete; the
// log's stamps are those at which each token was due.
func (g *generation) whole(ctx context.Context, w http.ResponseWriter) {
	if g.prefill(ctx) != nil {
		panic(http.ErrAbortHandler)
	}
	st := g.steps()
	ids := make([]int32, 0, st.out)
	for st.sent < st.out {
		n := st.next()
		at := st.due
		if last := st.sent+n == st.out; last || g.fault.ends() && st.sent >= st.at {
			if g.until(ctx, at) != nil {
				panic(http.ErrAbortHandler)
			}
			if g.fault.ends() {
				g.fail(w)
				return
			}
		}
		ids = g.make(ids, &st, n, int64(at.Sub(g.s.epoch)))
	}
	if g.fault.ends() {
		g.fail(w)
		return
	}
	g.s.tell.generated.Add(int64(st.out))
	g.finish(st.finish, http.StatusOK)
	writeJSON(w, http.StatusOK, g.answer(ids, st.finish))
}

// fail is a fault of an answer in one piece: no answer, an error, or half of one.
func (g *generation) fail(w http.ResponseWriter) {
	switch g.fault.kind {
	case faultStream:
		g.finish("error", http.StatusInternalServerError)
		e := apiError{http.StatusInternalServerError, "The simulator was asked to fail here (faults.stream_error_rate).", "InternalServerError", ""}
		writeJSON(w, e.status, e.body())
	case faultMalformed:
		g.finish("error", http.StatusOK)
		writeJSON(w, http.StatusOK, []byte(`{"id":"`+g.id()+`","choices":[{`))
	default:
		g.finish("error", statusGone)
		panic(http.ErrAbortHandler)
	}
}

// answer gives the reply in one piece, in vLLM's form.
func (g *generation) answer(ids []int32, finish string) []byte {
	text := make([]byte, 0, 8*len(ids))
	empty := g.emptyText()
	for i, id := range ids {
		if empty == nil || !empty(i) {
			text = appendWord(append(text, ' '), id)
		}
	}
	object := `","object":"text_completion","created":`
	if g.kind == chat {
		object = `","object":"chat.completion","created":`
	}
	b := append([]byte(`{"id":"`), g.id()+object...)
	b = strconv.AppendInt(b, g.s.epoch.Unix()+g.entry.Arrival/1e9, 10)
	b = append(append(b, `,"model":`...), quote(g.s.p.Model)...)
	if g.kind == chat {
		b = append(append(b, `,"choices":[{"index":0,"message":{"role":"assistant","content":"`...), text...)
		b = append(b, `","refusal":null},"logprobs":null,"finish_reason":"`...)
	} else {
		b = append(append(b, `,"choices":[{"index":0,"text":"`...), text...)
		b = append(b, `","logprobs":null,"finish_reason":"`...)
	}
	b = append(append(b, finish...), `","stop_reason":null,"token_ids":`...)
	b = appendIDs(b, ids, g.req.tokenIDs)
	b = append(b, `,"prompt_token_ids":`...)
	b = appendIDs(b, g.ids, g.req.tokenIDs)
	b = append(b, `}],"system_fingerprint":"`+fingerprint+`","usage":`...)
	if g.tellsUsage() {
		b = g.usage(b, len(ids), true)
	} else {
		b = append(b, "null"...)
	}
	return append(g.details(b), '}')
}
