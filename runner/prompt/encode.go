package prompt

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
)

// Content names the tokens of one request. Equal contents give equal bytes.
type Content struct {
	Key      Key
	R        int64 // prompt tokens
	Prefix   int64 // of which reusable, a function of Prompt alone
	Prompt   int64 // index in the working set
	Number   int64 // number of the request: names the unique part
	Sentinel bool  // outside the set: the unique part is named by a number of its own
}

// segments gives the two runs of tokens of c.
func (c *Content) segments() (prefix int64, unique part) {
	if c.Sentinel {
		return 0, partSentinel
	}
	return max(0, min(c.Prefix, c.R)), partUnique
}

// Encoder writes requests in one form. An Encoder is safe for concurrent use.
type Encoder interface {
	// AppendBody appends the JSON body of the request with content c and out output
	// tokens. It allocates at most once, to grow dst.
	AppendBody(dst []byte, c Content, out int64) []byte
}

// maxSymbols bounds the ids in use: more add nothing to unlikeness, and the table
// of their digits stays in a core's cache.
const maxSymbols = 1 << 16

// minSymbols is the least number of ids or words that can tell prompts apart: with
// 64 a block of 16 tokens has 96 bits.
const minSymbols = 64

// IDs writes token ids to /v1/completions: exact to the token.
type IDs struct {
	frame Frame
	digit []uint64 // by symbol: the bytes of "id," and, in the top byte, their number
}

// NewIDs makes an encoder that draws ids from [lo, hi), or the first 65,536 of
// them. Ids must be below 1,000,000.
func NewIDs(f Frame, lo, hi int64) (*IDs, error) {
	hi = min(hi, lo+maxSymbols)
	if lo < 0 || hi > 1_000_000 || hi-lo < minSymbols {
		return nil, fmt.Errorf("token ids [%d, %d) cannot be used: at least %d ids, all in [0, 1000000), are needed to tell prompts apart", lo, hi, minSymbols)
	}
	if f.chat {
		return nil, fmt.Errorf("token ids are sent to /v1/completions only, not to chat: set target.api to completions")
	}
	e := &IDs{frame: f, digit: make([]uint64, hi-lo)}
	for i := range e.digit {
		var b [8]byte
		s := append(strconv.AppendInt(b[:0], lo+int64(i), 10), ',')
		b[7] = byte(len(s))
		e.digit[i] = binary.LittleEndian.Uint64(b[:])
	}
	return e, nil
}

// AppendBody implements Encoder.
func (e *IDs) AppendBody(dst []byte, c Content, out int64) []byte {
	// 7 bytes for each id, and one more word because ids are stored 8 bytes at a time.
	dst = slices.Grow(dst, e.frame.room()+int(c.R)*7+16)
	dst = append(append(dst, e.frame.head...), '[')
	prefix, unique := c.segments()
	dst = e.run(dst, &c.Key, partPrefix, c.Prompt, prefix)
	dst = e.run(dst, &c.Key, unique, c.Number, c.R-prefix)
	if c.R > 0 {
		dst = dst[:len(dst)-1] // the last comma
	}
	return e.frame.finish(append(dst, ']'), out)
}

// run appends n ids, each followed by a comma. dst has room for them.
func (e *IDs) run(dst []byte, k *Key, p part, index, n int64) []byte {
	if n <= 0 {
		return dst
	}
	t := tapes.Get().(*tape)
	defer tapes.Put(t)
	t.open(k, p, index, len(e.digit))
	at, buf, digit := len(dst), dst[:cap(dst)], e.digit
	for n > 0 {
		symbols := t.symbols(n)
		n -= int64(len(symbols))
		for _, symbol := range symbols {
			w := digit[symbol]
			binary.LittleEndian.PutUint64(buf[at:], w)
			at += int(w >> 56)
		}
	}
	return buf[:at]
}

// Text writes words to chat or completions, as many as a Fit says.
type Text struct {
	frame Frame
	fit   Fit
	width int      // bytes of the longest word with its space
	words []string // with their space
	pad   string   // with its space
}

// NewText makes an encoder for words. The words of fit must be plain (letters,
// digits): they are written as they are.
func NewText(f Frame, fit Fit) (*Text, error) {
	if len(fit.Words) < minSymbols || len(fit.Words) > maxSymbols {
		return nil, fmt.Errorf("%d words cannot tell prompts apart: between %d and %d are needed", len(fit.Words), minSymbols, maxSymbols)
	}
	if fit.PerWord <= 0 {
		return nil, fmt.Errorf("%g tokens per word is no fit: measure it with FitTokenizer or FitUsage first", fit.PerWord)
	}
	e := &Text{frame: f, fit: fit}
	for _, w := range append([]string{fit.Lead, fit.Pad}, fit.Words...) {
		if !plain(w) {
			return nil, fmt.Errorf("word %q cannot be used: only letters and digits need no escape in JSON", w)
		}
	}
	for _, w := range fit.Words {
		e.words = append(e.words, " "+w)
		e.width = max(e.width, len(w)+1)
	}
	if fit.Pad != "" {
		e.pad = " " + fit.Pad
	}
	return e, nil
}

func plain(w string) bool {
	for _, c := range w {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// AppendBody implements Encoder.
func (e *Text) AppendBody(dst []byte, c Content, out int64) []byte {
	prefix, _ := c.segments()
	s := e.fit.split(prefix, c.R)
	dst = slices.Grow(dst, e.frame.room()+len(e.fit.Lead)+(s.reused+s.fresh)*e.width+(s.reusedPads+s.freshPads)*len(e.pad)+16)
	dst = append(append(dst, e.frame.head...), '"')
	dst = e.text(dst, &c, s)
	return e.frame.finish(append(dst, '"'), out)
}

// text appends the words of c. Every word follows a space: a boundary that no
// tokenizer merges across, so that equal prefixes are equal tokens whatever comes
// after them.
func (e *Text) text(dst []byte, c *Content, s split) []byte {
	_, unique := c.segments()
	dst = append(dst, e.fit.Lead...)
	dst = e.run(dst, &c.Key, partPrefix, c.Prompt, s.reused)
	for range s.reusedPads {
		dst = append(dst, e.pad...)
	}
	dst = e.run(dst, &c.Key, unique, c.Number, s.fresh)
	for range s.freshPads {
		dst = append(dst, e.pad...)
	}
	return dst
}

func (e *Text) run(dst []byte, k *Key, p part, index int64, n int) []byte {
	if n <= 0 {
		return dst
	}
	t := tapes.Get().(*tape)
	defer tapes.Put(t)
	t.open(k, p, index, len(e.words))
	for n > 0 {
		symbols := t.symbols(int64(n))
		n -= len(symbols)
		for _, symbol := range symbols {
			dst = append(dst, e.words[symbol]...)
		}
	}
	return dst
}
