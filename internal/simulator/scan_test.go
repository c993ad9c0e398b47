package simulator

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// loose is a body as encoding/json reads it: the reference of the hand scanner.
type loose struct {
	Prompt json.RawMessage `json:"prompt"`
}

// FuzzParse: whatever comes, parse does not panic, takes only what encoding/json takes
// for JSON, and reads the same prompt.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"prompt":[3,4,5],"max_tokens":2,"stream":true}`, `{"prompt":"a b\u0041 \"c\" ü","model":"sim"}`, ` { "prompt" : [ 3 , 4 ] } `,
		`{}`, `{bad`, `{"prompt":[3,4`, `{"prompt":[3,,4]}`, `{"prompt":[03]}`, `{"prompt":[3.5]}`, `{"prompt":[-1]}`, `{"prompt":[1e2]}`, `{"prompt":[[3]]}`,
		`{"prompt":[99999999999999999999]}`, `{"prompt":null}`, `{"prompt":"a"}x`, `{"prompt":"a",}`, `{"a":{"b":[{"c":"}"}]},"prompt":"x"}`,
		`{"messages":[{"role":"user","content":"a b"}]}`, `{"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}`,
		`{"prompt":"\ud800"}`, "{\"prompt\":\"\xff\"}", "{\"prompt\":\"a\nb\"}", `{"prompt":"a\"}`, `{"a":tru}`, `{"a" "b"}`, `[]`, `"x"`, "", "{}\x00",
		`{"stream_options":{"include_usage":true},"stream":true,"prompt":"a"}`, `{"stream_options":[],"stream":true,"prompt":"a"}`,
	} {
		f.Add([]byte(s))
	}
	p := testProfile()
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, k := range []kind{completions, chat} {
			r, e := parse(src, k, &p, nil)
			if (r == nil) == (e == nil) {
				t.Fatal("neither a request nor an error, or both")
			}
			if e != nil {
				if !json.Valid(e.body()) || e.status < 400 {
					t.Fatalf("error is no JSON: %s", e.body())
				}
				if e.kind == "Bad Request" && json.Valid(src) && src[firstByte(src)] == '{' {
					t.Fatalf("refused as no JSON: %q", src)
				}
				continue
			}
			if !json.Valid(src) {
				t.Fatalf("taken, but no JSON: %q", src)
			}
			if k == completions {
				samePrompt(t, src, r, p.Vocab)
			}
		}
	})
}

func firstByte(src []byte) int {
	return len(src) - len(strings.TrimLeft(string(src), " \t\r\n"))
}

// samePrompt reads the prompt with encoding/json and compares. A body in which the key
// stands twice, or in another case, is left out: the two differ there by design.
func samePrompt(t *testing.T, src []byte, r *request, vocab int) {
	if strings.Count(strings.ToLower(string(src)), "prompt") != 1 || strings.Contains(string(src), `\`) || !utf8.Valid(src) {
		return
	}
	var l loose
	if err := json.Unmarshal(src, &l); err != nil {
		return
	}
	var ids []int32
	var text string
	if json.Unmarshal(l.Prompt, &text) == nil {
		ids = tokenize(nil, text, vocab)
	} else if err := json.Unmarshal(l.Prompt, &ids); err != nil {
		t.Fatalf("took %s as a prompt", l.Prompt)
	}
	if !slices.Equal(ids, r.ids) {
		t.Fatalf("%q: read %v, want %v", src, r.ids, ids)
	}
}

// FuzzTokenize: as many tokens as there are words, all of them in the vocabulary; the
// words of the tokens give the same tokens again.
func FuzzTokenize(f *testing.F) {
	for _, s := range []string{"a b c", " w00500\tw00501\n", "", "w31999 w32000 w1 w000001 w100000", "ü\u00a0x", "\xff \xfe", "w0050x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := tokenize(nil, text, 32000)
		if len(got) != len(strings.Fields(text)) {
			t.Fatalf("%q: %d tokens, %d words", text, len(got), len(strings.Fields(text)))
		}
		var again []byte
		for _, id := range got {
			if id < 0 || id >= 32000 {
				t.Fatalf("%q: id %d", text, id)
			}
			again = appendWord(append(again, ' '), id)
		}
		if back := tokenize(nil, string(again), 32000); !slices.Equal(back, got) {
			t.Fatalf("%q: %v becomes %v", text, got, back)
		}
	})
}

func TestWordsAreUnique(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vocab := rapid.IntRange(16, maxVocab).Draw(t, "vocab")
		id := rapid.Int32Range(0, int32(vocab-1)).Draw(t, "id")
		if got := wordID(string(appendWord(nil, id)), vocab); got != id {
			t.Fatalf("%s is %d", appendWord(nil, id), got)
		}
	})
	for word, want := range map[string]bool{"w00500": true, "w500": false, "w000500": false, "w123456": true, "W00500": false, "w0050a": false, "w": false, "w9999999": true, "w99999999": false} {
		if _, ok := canonical(word); ok != want {
			t.Errorf("%s: canonical %v", word, ok)
		}
	}
}

// TestKeysDependOnEverything: a changed token changes the keys of its block and of all
// blocks behind it, and of none before; a salt changes all.
func TestKeysDependOnEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		block := rapid.IntRange(1, 8).Draw(t, "block")
		ids := rapid.SliceOfN(rapid.Int32Range(0, 50), 1, 60).Draw(t, "ids")
		at := rapid.IntRange(0, len(ids)-1).Draw(t, "at")
		other := slices.Clone(ids)
		other[at]++
		keys := func(salt string, ids []int32) []uint64 {
			c := chain{hash: rootOf(salt), block: block}
			return c.prompt(ids)
		}
		a, b, salted := keys("", ids), keys("", other), keys("s", ids)
		if len(a) != len(ids)/block {
			t.Fatalf("%d keys for %d tokens", len(a), len(ids))
		}
		for i := range a {
			if same := i < at/block; (a[i] == b[i]) != same || a[i] == salted[i] {
				t.Fatalf("block %d, token %d changed: same key %v", i, at, a[i] == b[i])
			}
		}
	})
}
