package simulator

import (
	"net/http"
	"strconv"
)

// writer builds the records of one stream. What is the same in each is built once; a
// record is one append, one Write and one Flush.
type writer struct {
	g     *generation
	w     http.ResponseWriter
	flush http.Flusher
	head  []byte // up to the choice's content
	buf   []byte
	err   error
}

func (g *generation) newWriter(w http.ResponseWriter) *writer {
	sw := &writer{g: g, w: w, buf: make([]byte, 0, 512)}
	sw.flush, _ = w.(http.Flusher)
	object := `","object":"text_completion","created":`
	if g.kind == chat {
		object = `","object":"chat.completion.chunk","created":`
	}
	sw.head = append([]byte("data: {\"id\":\""), g.id()+object...)
	sw.head = strconv.AppendInt(sw.head, g.s.epoch.Unix()+g.entry.Arrival/1e9, 10)
	sw.head = append(append(sw.head, `,"model":`...), quote(g.s.p.Model)...)
	sw.head = append(sw.head, `,"choices":[`...)
	return sw
}

// id names a request's reply.
func (g *generation) id() string {
	const hex = "0123456789abcdef"
	prefix := "cmpl-"
	if g.kind == chat {
		prefix = "chatcmpl-"
	}
	b := []byte(prefix)
	h := mix(uint64(g.s.p.Seed) ^ uint64(g.entry.Number)*hashSeed)
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, hex[h>>shift&15])
	}
	return string(b)
}

// send writes what is in buf and empties it.
func (sw *writer) send() error {
	if sw.err == nil {
		_, sw.err = sw.w.Write(sw.buf)
		if sw.flush != nil {
			sw.flush.Flush()
		}
	}
	sw.buf = sw.buf[:0]
	return sw.err
}

// role appends the role-only delta with which a chat begins.
func (sw *writer) role() {
	sw.buf = append(sw.buf, sw.head...)
	sw.buf = append(sw.buf, `{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":`...)
	sw.promptIDs(true)
	sw.buf = append(sw.buf, ",\"prompt_text\":null}\n\n"...)
}

// tokens appends a record that carries ids. finish is empty but for the last; output
// counts the tokens up to here.
func (sw *writer) tokens(ids []int32, empty func(k int) bool, output int, finish string) {
	g := sw.g
	b := append(sw.buf, sw.head...)
	if g.kind == chat {
		b = append(b, `{"index":0,"delta":{"content":"`...)
	} else {
		b = append(b, `{"index":0,"text":"`...)
	}
	for i, id := range ids {
		if empty == nil || !empty(output-len(ids)+i) {
			b = appendWord(append(b, ' '), id)
		}
	}
	if g.kind == chat {
		b = append(b, `"},"logprobs":null,"finish_reason":`...)
	} else {
		b = append(b, `","logprobs":null,"finish_reason":`...)
	}
	if finish == "" {
		b = append(b, "null"...)
	} else {
		b = append(append(append(b, '"'), finish...), '"')
	}
	if finish != "" || g.kind == completions {
		b = append(b, `,"stop_reason":null`...)
	}
	sw.buf = b
	if g.kind == completions {
		sw.buf = append(sw.buf, `,"prompt_token_ids":`...)
		sw.promptIDs(output == len(ids))
	}
	sw.buf = append(sw.buf, `,"token_ids":`...)
	sw.list(ids, g.req.tokenIDs)
	sw.buf = append(sw.buf, "}]"...)
	if g.req.continuous && g.tellsUsage() {
		sw.buf = g.usage(append(sw.buf, `,"usage":`...), output, false)
	}
	if finish != "" {
		sw.buf = append(sw.buf, `,"system_fingerprint":"`+fingerprint+`"`...)
	}
	sw.buf = append(sw.buf, "}\n\n"...)
}

func (sw *writer) promptIDs(first bool) { sw.list(sw.g.ids, first && sw.g.req.tokenIDs) }

// list appends ids, or null when they are not to be told.
func (sw *writer) list(ids []int32, told bool) { sw.buf = appendIDs(sw.buf, ids, told) }

func appendIDs(b []byte, ids []int32, told bool) []byte {
	if !told {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(id), 10)
	}
	return append(b, ']')
}

// tail appends cached tokens by tier and usage, each when it is asked for and told, and
// the end of the stream.
func (sw *writer) tail() {
	g := sw.g
	if g.tellsDetails() {
		sw.buf = g.details(append(append(sw.buf, sw.head...), ']'))
		sw.buf = append(sw.buf, "}\n\n"...)
	}
	if g.req.includeUsage && g.tellsUsage() {
		sw.buf = append(append(sw.buf, sw.head...), `],"usage":`...)
		sw.buf = g.usage(sw.buf, len(g.entry.Tokens), true)
		sw.buf = append(sw.buf, ",\"system_fingerprint\":\""+fingerprint+"\"}\n\n"...)
	}
	sw.buf = append(sw.buf, "data: [DONE]\n\n"...)
}

func (g *generation) tellsUsage() bool {
	return g.s.p.Tells.Usage && !(g.fault.on && g.s.p.Faults.MissingUsage)
}

// usage appends the usage object.
func (g *generation) usage(b []byte, output int, final bool) []byte {
	n := g.entry.PromptTokens
	b = strconv.AppendInt(append(b, `{"prompt_tokens":`...), int64(n), 10)
	b = strconv.AppendInt(append(b, `,"total_tokens":`...), int64(n+output), 10)
	b = strconv.AppendInt(append(b, `,"completion_tokens":`...), int64(output), 10)
	if final && g.s.p.Tells.CachedTokens && (g.entry.Cached > 0 || !g.s.p.sglang()) {
		b = append(b, `,"prompt_tokens_details":{"cached_tokens":`...)
		b = append(strconv.AppendInt(b, int64(g.entry.Cached), 10), '}')
	}
	return append(b, '}')
}

// open begins a stream: its header goes out at once, before the prompt is computed
// (as in vLLM), and so does an early role-only delta.
func (g *generation) open(w http.ResponseWriter) *writer {
	sw := g.newWriter(w)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	if g.fault.on && g.s.p.Faults.CloseAfter {
		h.Set("Keep-Alive", "timeout=5, max=100")
	}
	g.entry.Status = http.StatusOK
	w.WriteHeader(http.StatusOK)
	if sw.flush != nil {
		sw.flush.Flush()
	}
	if g.kind == chat {
		sw.role()
		if g.fault.on && g.s.p.Faults.RoleDelta {
			_ = sw.send() // a client that has gone is noticed by its context
		}
	}
	return sw
}

// stream answers token by token.
func (g *generation) stream(sw *writer, r *http.Request) {
	ctx := r.Context()
	if g.prefill(ctx) != nil {
		panic(http.ErrAbortHandler)
	}
	st := g.steps()
	empty := g.emptyText()
	ids := make([]int32, 0, st.group)
	for st.sent < st.out {
		n := st.next()
		if g.until(ctx, st.due) != nil {
			panic(http.ErrAbortHandler)
		}
		if g.fault.ends() && st.sent >= st.at {
			break
		}
		ids = g.make(ids[:0], &st, n, g.s.now())
		g.s.tell.generated.Add(int64(n))
		g.entry.Events++
		finish := ""
		if st.sent == st.out {
			finish = st.finish
		}
		sw.tokens(ids, empty, st.sent, finish)
		if sw.send() != nil {
			panic(http.ErrAbortHandler)
		}
	}
	if g.fault.ends() {
		g.cut(sw)
		return
	}
	g.finish(st.finish, http.StatusOK)
	sw.tail()
	g.close(sw, r)
}

// emptyText gives the tokens of this request whose text is empty, nil for none.
func (g *generation) emptyText() func(k int) bool {
	rate := g.s.p.Faults.EmptyText
	if rate == 0 || !g.fault.on {
		return nil
	}
	seed := g.s.p.Seed ^ int64(g.entry.Number)*1_000_003
	return func(k int) bool { return chance(rate, seed, k, "empty_text") }
}

// cut ends a stream in the way its fault says.
func (g *generation) cut(sw *writer) {
	g.finish("error", http.StatusOK)
	switch g.fault.kind {
	case faultStream:
		e := apiError{http.StatusInternalServerError, "The simulator was asked to fail here (faults.stream_error_rate).", "InternalServerError", ""}
		sw.buf = append(append(append(sw.buf, "data: "...), e.body()...), "\n\n"...)
	case faultMalformed:
		sw.buf = append(append(sw.buf, sw.head...), "{\"index\":0,\n\n"...)
	default:
		panic(http.ErrAbortHandler) // closes the connection without an end of the body
	}
	_ = sw.send() // the stream is over, whoever listens
}

// close writes the last bytes. With close_after_stream the connection is closed behind
// them, as llama-server does, although the header promised to keep it.
func (g *generation) close(sw *writer, r *http.Request) {
	if !(g.fault.on && g.s.p.Faults.CloseAfter) || !r.ProtoAtLeast(1, 1) {
		sw.w.Write(sw.buf) //nolint:errcheck // the end of the handler flushes it; a client that has gone is nobody's error
		return
	}
	if sw.send() != nil {
		return
	}
	hj, ok := sw.w.(http.Hijacker)
	if !ok {
		return
	}
	conn, rw, err := hj.Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	if _, err := rw.WriteString("0\r\n\r\n"); err == nil {
		_ = rw.Flush() // closed in either case
	}
}
