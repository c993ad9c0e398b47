package simulator

import (
	"net/http"
	"testing"
)

// BenchmarkParseIDs reads a body of 31,000 token ids and finds its blocks.
func BenchmarkParseIDs(b *testing.B) {
	p := testProfile()
	body := []byte(`{"model":"sim","prompt":` + ids(3, 31000) + `,"max_tokens":2}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	var scratch []int32
	for b.Loop() {
		r, e := parse(body, completions, &p, scratch)
		if e != nil {
			b.Fatal(e.message)
		}
		scratch = r.ids
		c := chain{hash: rootOf(""), block: 16}
		c.prompt(r.ids)
	}
}

// sinkWriter takes a stream and counts it.
type sinkWriter struct {
	h http.Header
	n int
}

func (w *sinkWriter) Header() http.Header         { return w.h }
func (w *sinkWriter) Write(b []byte) (int, error) { w.n += len(b); return len(b), nil }
func (w *sinkWriter) WriteHeader(int)             {}
func (w *sinkWriter) Flush()                      {}

// BenchmarkToken makes one event: its token, its record, its block; without syscalls.
func BenchmarkToken(b *testing.B) {
	const tokens = 1 << 14
	p := testProfile()
	p.Tiers[0].Capacity = 1 << 20
	s := New(p)
	var g *generation
	var sw *writer
	var st steps
	out := make([]int32, 0, 1)
	b.ReportAllocs()
	for b.Loop() {
		if st.sent == st.out {
			g = &generation{s: s, req: &request{maxTokens: tokens, stream: true}, chain: chain{block: 16}, entry: Entry{FirstToken: Never, PromptTokens: 16}}
			g.lease = s.cache.newLease(nil, 16, tokens)
			if !s.cache.admit(g.lease) {
				b.Fatal("no room")
			}
			sw, st = g.newWriter(&sinkWriter{h: http.Header{}}), g.steps()
		}
		out = g.make(out[:0], &st, 1, s.now())
		sw.tokens(out, nil, st.sent, "")
		if sw.send() != nil {
			b.Fatal(sw.err)
		}
		if st.sent == st.out {
			s.cache.release(g.lease)
		}
	}
}
