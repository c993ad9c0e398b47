// Package prompt is the working set: which tokens each request carries, so that
// the hit rate asked for is the one that is sent.
//
// A prompt is a pure function of a salt key and two indices: its reusable part of
// (key, prompt), its unique part of (key, request number). Nothing is stored or
// shipped: a set of 20M tokens costs a few bytes per prompt, and a generator on
// another machine makes the same bytes from the same key.
package prompt

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"sync"
)

// Key is a salt. Two different keys give prompts that share nothing, from their
// first tokens on: neither a warm server nor the cell before can fake hits.
type Key [sha256.Size]byte

// NewKey derives a key from the parts of a salt (nonce, context, hit rate, working
// set, trial ...). Parts are told apart: ("a", "bc") is not ("ab", "c").
func NewKey(salt ...string) Key {
	h := sha256.New()
	var size [8]byte
	for _, s := range salt {
		binary.LittleEndian.PutUint64(size[:], uint64(len(s)))
		h.Write(size[:])
		h.Write([]byte(s))
	}
	return Key(h.Sum(nil))
}

// part names what a run of tokens is for. Parts of different kinds never share a
// stream.
type part byte

const (
	partPrefix   part = iota // index: prompt in the working set
	partUnique               // index: request number
	partSentinel             // index: sentinel number
)

// tape is an endless stream of symbols in [0, size) that depends on nothing but
// (key, part, index).
//
// Its first two symbols spell the index to the base size, moved by an offset from
// the key: streams of neighbouring indices differ in their very first token, so
// that a cache with a granularity of one token sees no chance hits either (drawn
// symbols would share their first one in 1 of size pairs). The rest is drawn.
type tape struct {
	rng   rand.ChaCha8
	size  uint64
	lead  [2]uint16
	begun bool // the lead was given
	buf   [256]uint16
}

func (t *tape) open(k *Key, p part, index int64, size int) {
	var in [len(Key{}) + 9]byte
	copy(in[:], k[:])
	in[len(k)] = byte(p)
	binary.LittleEndian.PutUint64(in[len(k)+1:], uint64(index))
	t.rng.Seed(sha256.Sum256(in[:]))
	t.size, t.begun = uint64(size), false
	u := uint64(index)
	off := k[8*int(p):]
	t.lead[0] = uint16((u + uint64(binary.LittleEndian.Uint32(off))) % t.size)
	t.lead[1] = uint16((u/t.size + uint64(binary.LittleEndian.Uint32(off[4:]))) % t.size)
}

// symbols gives the next symbols of the tape, at most n and at most 256, in a
// buffer that the next call overwrites. They are drawn 16 bits each
// (multiply-shift): where size is no power of two some come at most twice as often
// as others, which costs less than one bit of a symbol's unlikeness.
func (t *tape) symbols(n int64) []uint16 {
	out := t.buf[:min(n, int64(len(t.buf)))]
	for i := 0; i < len(out); i += 4 {
		u, size := t.rng.Uint64(), t.size
		b := t.buf[i : i+4 : i+4]
		b[0] = uint16((u >> 48) * size >> 16)
		b[1] = uint16((u >> 32 & 0xffff) * size >> 16)
		b[2] = uint16((u >> 16 & 0xffff) * size >> 16)
		b[3] = uint16((u & 0xffff) * size >> 16)
	}
	if !t.begun {
		t.begun = true
		copy(out, t.lead[:])
	}
	return out
}

// tapes are kept: the generator's state is large and would move to the heap for
// each request.
var tapes = sync.Pool{New: func() any { return new(tape) }}
