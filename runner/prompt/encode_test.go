package prompt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func frame(t testing.TB, api string, lengths []string, fields ...map[string]any) Frame {
	t.Helper()
	f, err := NewFrame(api, "m", lengths, fields...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func ids(t testing.TB, lo, hi int64) *IDs {
	t.Helper()
	e, err := NewIDs(frame(t, Completions, []string{"min_tokens"}, map[string]any{"ignore_eos": true}), lo, hi)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func words(t testing.TB, fit Fit) *Text {
	t.Helper()
	e, err := NewText(frame(t, Chat, nil), fit)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// one is a fit in which every word of the lexicon is one token.
func one() Fit {
	return Fit{Lead: lexicon[0], Words: lexicon[1:], PerWord: 1, Head: 6, Fixed: 11, Exact: true}
}

type body struct {
	Model     string
	Prompt    []int64
	Messages  []struct{ Role, Content string }
	MaxTokens int64 `json:"max_tokens"`
	MinTokens int64 `json:"min_tokens"`
	IgnoreEOS bool  `json:"ignore_eos"`
	Stream    bool
	Options   struct {
		Usage bool `json:"include_usage"`
	} `json:"stream_options"`
	Temperature *float64
}

func decode(t testing.TB, b []byte) (v body) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v in %.200s", err, b)
	}
	return v
}

func TestIDsBody(t *testing.T) {
	for _, r := range []int64{1, 2, 255, 256, 257} {
		c := Content{Key: NewKey("a"), R: r, Prefix: r / 2, Prompt: 3, Number: 9}
		got := decode(t, ids(t, 300, 4000).AppendBody([]byte{}, c, 17))
		if got.Model != "m" || !got.Stream || !got.Options.Usage || got.Temperature == nil || *got.Temperature != 0 || !got.IgnoreEOS || got.MaxTokens != 17 || got.MinTokens != 17 {
			t.Fatalf("fields: %+v", got)
		}
		if int64(len(got.Prompt)) != r {
			t.Fatalf("%d ids, want %d", len(got.Prompt), r)
		}
		for _, id := range got.Prompt {
			if id < 300 || id >= 4000 {
				t.Fatalf("id %d outside [300, 4000)", id)
			}
		}
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	c := Content{R: 40, Prefix: 20}
	for _, e := range []Encoder{ids(t, 300, 4000), words(t, one())} {
		fresh := e.AppendBody(nil, c, 1)
		if got := e.AppendBody([]byte("before"), c, 1); !bytes.Equal(got, append([]byte("before"), fresh...)) {
			t.Fatal("appending changed the bytes")
		}
	}
}

// Equal contents are equal bytes; the prefix depends on the prompt alone; all else
// differs from its first token on.
func TestPromptsAreAPureFunction(t *testing.T) {
	e := ids(t, 300, 4000)
	rapid.Check(t, func(t *rapid.T) {
		c := Content{Key: NewKey(rapid.String().Draw(t, "salt")), R: int64(rapid.IntRange(1, 200).Draw(t, "r"))}
		c.Prefix = int64(rapid.IntRange(0, int(c.R)).Draw(t, "prefix"))
		c.Prompt = int64(rapid.IntRange(0, 100000).Draw(t, "prompt"))
		c.Number = rapid.Int64Range(0, 1<<40).Draw(t, "number")
		a := toks(e, c)
		if !slices.Equal(a, toks(e, c)) {
			t.Fatal("the same content gave other tokens")
		}
		d := c
		d.Number += rapid.Int64Range(1, 3699).Draw(t, "later") // less than the ids there are
		b := toks(e, d)
		if got := shared(a, b); got != int(c.Prefix) {
			t.Fatalf("two requests of a prompt share %d tokens, want its prefix %d", got, c.Prefix)
		}
		d = c
		d.Prompt += rapid.Int64Range(1, 3699).Draw(t, "other")
		if c.Prefix > 0 && shared(a, toks(e, d)) != 0 {
			t.Fatal("two prompts share their first token")
		}
	})
}

// toks gives the ids of a body.
func toks(e Encoder, c Content) (out []string) {
	b := e.AppendBody(nil, c, 1)
	at := bytes.IndexByte(b, '[')
	return strings.Split(string(b[at+1:at+bytes.IndexByte(b[at:], ']')]), ",")
}

func shared(a, b []string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// Block 0 differs between prompts, unique parts, sentinels and cells, with few ids
// and short blocks too.
func TestFirstBlockNeverRepeats(t *testing.T) {
	for name, e := range map[string]Encoder{"3700 ids": ids(t, 300, 4000), "64 ids": ids(t, 0, 64)} {
		seen := map[string]string{}
		add := func(what string, c Content) {
			c.R = 16
			k := strings.Join(toks(e, c), ",")
			if other, ok := seen[k]; ok {
				t.Fatalf("%s: %s and %s have the same block 0", name, what, other)
			}
			seen[k] = what
		}
		for _, salt := range []string{"a", "b", "cell 3"} {
			for i := range int64(5000) {
				at := fmt.Sprint(salt, " ", i)
				add("prompt "+at, Content{Key: NewKey(salt), Prefix: 16, Prompt: i})
				add("unique "+at, Content{Key: NewKey(salt), Number: i})
				add("sentinel "+at, Content{Key: NewKey(salt), Number: i, Sentinel: true})
			}
		}
	}
}

func TestKeyTellsPartsApart(t *testing.T) {
	if NewKey("a", "bc") == NewKey("ab", "c") || NewKey() == NewKey("") {
		t.Fatal("different salts gave one key")
	}
}

// The stream is part of what a record promises to make again: it must not change.
func TestStreamIsPinned(t *testing.T) {
	got := string(ids(t, 300, 4000).AppendBody(nil, Content{Key: NewKey("nonce", "8192"), R: 8, Prefix: 4, Prompt: 7, Number: 11}, 2))
	want := pinned
	if got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func TestTextBody(t *testing.T) {
	e := words(t, one())
	c := Content{Key: NewKey("a"), R: 111, Prefix: 56, Prompt: 3, Number: 9}
	got := decode(t, e.AppendBody(nil, c, 5))
	if len(got.Messages) != 1 || got.Messages[0].Role != "user" || got.MaxTokens != 5 {
		t.Fatalf("%+v", got)
	}
	w := strings.Fields(got.Messages[0].Content)
	if len(w) != 1+100 { // lead, then R - Fixed
		t.Fatalf("%d words, want 101", len(w))
	}
	c.Number++
	other := strings.Fields(decode(t, e.AppendBody(nil, c, 5)).Messages[0].Content)
	if got := shared(w, other); got != 1+50 { // lead, then Prefix - Head
		t.Fatalf("%d words shared, want 51", got)
	}
}

func TestTextFullReuse(t *testing.T) {
	for _, fit := range []Fit{one(), {Lead: "text", Words: lexicon[1:], PerWord: 1.37, Head: 6, Fixed: 11.2}} {
		e := words(t, fit)
		c := Content{Key: NewKey("a"), R: 512, Prefix: 512, Prompt: 3}
		a := e.AppendBody(nil, c, 5)
		c.Number++
		if !bytes.Equal(a, e.AppendBody(nil, c, 5)) {
			t.Fatal("at full reuse the prompt changed with the request number")
		}
	}
}

func TestRefusedEncoders(t *testing.T) {
	for _, c := range []struct{ lo, hi int64 }{{-1, 4000}, {10, 10}, {10, 40}, {999_990, 1_000_100}, {4000, 300}} {
		if _, err := NewIDs(frame(t, Completions, nil), c.lo, c.hi); err == nil {
			t.Errorf("ids [%d, %d) were taken", c.lo, c.hi)
		}
	}
	if _, err := NewIDs(frame(t, Chat, nil), 300, 4000); err == nil {
		t.Error("ids for chat were taken")
	}
	bad := map[string]Fit{"few words": {Lead: "a", Words: lexicon[:9], PerWord: 1}, "no fit": {Lead: "a", Words: lexicon}, "escape": {Lead: `a"`, Words: lexicon, PerWord: 1}}
	for name, fit := range bad {
		if _, err := NewText(frame(t, Chat, nil), fit); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}

func TestFrameMerge(t *testing.T) {
	f := frame(t, Completions, []string{"min_tokens", "n_predict"},
		map[string]any{"ignore_eos": true, "min_tokens": 3},
		map[string]any{"temperature": 0.7, "ignore_eos": nil, "stream_options": map[string]any{"continuous_usage_stats": true}, "note": "<a&b>"})
	got := string(f.finish(nil, 9))
	want := `,"max_tokens":9,"n_predict":9,"min_tokens":3,"note":"<a&b>","stream_options":{"continuous_usage_stats":true,"include_usage":true},"temperature":0.7}`
	if got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	for _, name := range []string{"prompt", "messages", "model", "stream", "max_tokens"} {
		if _, err := NewFrame(Chat, "m", nil, map[string]any{name: 1}); err == nil || !strings.Contains(err.Error(), "target.body."+name) {
			t.Errorf("target.body.%s: %v", name, err)
		}
	}
	if _, err := NewFrame(Chat, "m", nil, map[string]any{"f": func() {}}); err == nil {
		t.Error("a function was encoded")
	}
}

func TestLexicon(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range lexicon {
		if seen[w] || !plain(w) || w == "" {
			t.Errorf("%q is twice in the lexicon, or not plain", w)
		}
		seen[w] = true
	}
	if len(lexicon) < 512 {
		t.Errorf("%d words", len(lexicon))
	}
}

func TestBodyAllocatesOnce(t *testing.T) {
	if raceEnabled {
		t.Skip("counts allocations of pooled values")
	}
	for name, e := range map[string]Encoder{"ids": ids(t, 300, 32000), "text": words(t, one())} {
		c := Content{Key: NewKey("a"), R: 3001, Prefix: 1500, Prompt: 1}
		if n := testing.AllocsPerRun(20, func() { e.AppendBody(nil, c, 16) }); n > 1 {
			t.Errorf("%s: %g allocations", name, n)
		}
	}
}

func BenchmarkIDs30k(b *testing.B) {
	e := ids(b, 300, 32000)
	c := Content{Key: NewKey("a"), R: 30000, Prefix: 15000}
	b.ReportAllocs()
	for b.Loop() {
		c.Number++
		e.AppendBody(nil, c, 256)
	}
}

func BenchmarkText30k(b *testing.B) {
	e := words(b, one())
	c := Content{Key: NewKey("a"), R: 30000, Prefix: 15000}
	b.ReportAllocs()
	for b.Loop() {
		c.Number++
		e.AppendBody(nil, c, 256)
	}
}

func TestPath(t *testing.T) {
	if Path(Completions) != "/v1/completions" || Path(Chat) != "/v1/chat/completions" {
		t.Fatal("paths")
	}
}

// pinned was written by the first version of this package.
const pinned = `{"model":"m","stream":true,"prompt":[1147,2012,1078,996,3907,2108,1168,3561],"max_tokens":2,"min_tokens":2,"ignore_eos":true,"stream_options":{"include_usage":true},"temperature":0}`
