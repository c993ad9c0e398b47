package result

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"

	"github.com/klauspost/compress/zstd"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario/metric"
)

// The file: a header, then frames.
//
//	header  8 bytes magic, uint16 schema version, 2 bytes zero
//	frame   1 byte Kind, uint32 length of the payload, uint32 CRC32C of the five
//	        bytes before it and the payload, payload (zstd)
//
// Numbers are little endian. The magic has a byte above 127, both line ends and a
// Ctrl-Z, so that a transfer that treats it as text is noticed at once (as PNG's).
const (
	magic      = "\x89WSR\r\n\x1a\n"
	headerSize = len(magic) + 4
	frameHead  = 9

	maxPayload = 64 << 20 // bytes of a payload, packed or unpacked: no writer makes more
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fileHeader is what a record of this version begins with.
func fileHeader() []byte {
	b := append([]byte(nil), magic...)
	return append(binary.LittleEndian.AppendUint16(b, Schema), 0, 0)
}

// newEncoder makes the one encoder of a writer. Frames are at most about a MiB, so
// a larger window would only cost memory.
func newEncoder() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithWindowSize(1<<20))
}

func newDecoder() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPayload))
}

// appendFrame appends the frame of kind k with a payload that is packed already.
func appendFrame(dst []byte, k Kind, packed []byte) []byte {
	at := len(dst)
	dst = append(dst, byte(k))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(packed)))
	dst = binary.LittleEndian.AppendUint32(dst, checksum(dst[at:at+5], packed))
	return append(dst, packed...)
}

// checksum covers kind and length as well: a flipped kind is a corrupt frame.
func checksum(head, packed []byte) uint32 {
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, packed)
}

// encodeJSON gives the payload of any frame but a Request.
func encodeJSON(f Frame) ([]byte, error) {
	switch v := f.(type) { // JSON has no NaN and no infinity, and neither says anything: no value
	case *Scrape:
		c := *v
		c.Values = finite(v.Values, isFinite)
		f = &c
	case *Period:
		c := *v
		c.Row = finite(v.Row, finiteValue)
		f = &c
	case *Phase:
		c := *v
		c.Row = finite(v.Row, finiteValue)
		f = &c
	}
	return json.Marshal(f)
}

// finite gives m without the entries that ok refuses; m itself when there are none.
func finite[M ~map[string]V, V any](m M, ok func(V) bool) M {
	clean := m
	for k, v := range m {
		if ok(v) {
			continue
		}
		if len(clean) == len(m) {
			clean = maps.Clone(m)
		}
		delete(clean, k)
	}
	return clean
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func finiteValue(v metric.Value) bool { return isFinite(v.V) }

// emptyFrame gives a frame to decode into; nil for a kind this version does not
// know, which is skipped: Schema rises when that would mislead.
func emptyFrame(k Kind) Frame {
	switch k {
	case KindRun:
		return new(Run)
	case KindProbe:
		return new(Probe)
	case KindCell:
		return new(Cell)
	case KindPhase:
		return new(Phase)
	case KindChange:
		return new(Change)
	case KindPeriod:
		return new(Period)
	case KindScrape:
		return new(Scrape)
	case KindNote:
		return new(Note)
	}
	return nil
}

// batchVersion is the layout of request payloads. A newer one may append fields to
// a request, which this reader skips; anything else needs a new number.
const batchVersion = 1

// batch gathers requests for one frame.
//
//	uvarint version, uvarint cells, each cell key: uvarint length, bytes
//	uvarint requests, each request: uvarint length, fields
//
// A request's fields stand in the order of requestFields: signed numbers as zigzag
// varints, the stamps as a bit mask of those that never happened and the
// differences of the others, each to the one before it.
type batch struct {
	cells map[string]uint64
	keys  []string
	n     uint64
	body  []byte
	one   []byte
}

func (b *batch) empty() bool { return b.n == 0 }

// size is about the bytes of the payload so far.
func (b *batch) size() int { return len(b.body) }

func (b *batch) add(r *sample.Request) {
	cell, ok := b.cells[r.Cell]
	if !ok {
		if b.cells == nil {
			b.cells = map[string]uint64{}
		}
		cell = uint64(len(b.keys))
		b.cells[r.Cell] = cell
		b.keys = append(b.keys, r.Cell)
	}
	b.one = appendRequest(b.one[:0], r, cell)
	b.body = binary.AppendUvarint(b.body, uint64(len(b.one)))
	b.body = append(b.body, b.one...)
	b.n++
}

// payload appends the batch to dst and empties it.
func (b *batch) payload(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, batchVersion)
	dst = binary.AppendUvarint(dst, uint64(len(b.keys)))
	for _, k := range b.keys {
		dst = appendString(dst, k)
	}
	dst = binary.AppendUvarint(dst, b.n)
	dst = append(dst, b.body...)
	clear(b.cells)
	b.keys, b.n, b.body = b.keys[:0], 0, b.body[:0]
	return dst
}

func appendString[S string | []byte](dst []byte, s S) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// stamps lists a request's stamps in the order in which they usually happen, so
// that differences are small. The order is part of the format.
func stamps(r *sample.Request) [9]*int64 {
	return [...]*int64{&r.Scheduled, &r.Started, &r.Wrote, &r.FirstByte, &r.FirstEvent, &r.FirstContent, &r.FirstToken, &r.LastToken, &r.End}
}

func appendRequest(b []byte, r *sample.Request, cell uint64) []byte {
	b = binary.AppendUvarint(b, cell)
	for _, v := range [...]int64{r.ID, int64(r.Generator), int64(r.Trial), int64(r.Level), int64(r.Endpoint), int64(r.Prompt),
		int64(r.Cycle), int64(r.Attempt), r.ReuseDistance, r.Sent, r.IntendedCached, r.MaxTokens} {
		b = binary.AppendVarint(b, v)
	}
	var never, prev uint64
	all := stamps(r)
	for i, s := range all {
		if *s == sample.Never {
			never |= 1 << i
		}
	}
	b = binary.AppendUvarint(b, never)
	for _, s := range all {
		if *s != sample.Never {
			b = binary.AppendVarint(b, int64(uint64(*s)-prev)) // wraps, and the reader wraps it back
			prev = uint64(*s)
		}
	}
	for _, v := range [...]int64{r.Connected, r.EventCount, r.Reads, r.ReadLagMax, r.PromptTokens, r.CachedTokens, r.CompletionTokens, int64(r.Status)} {
		b = binary.AppendVarint(b, v)
	}
	b = append(b, byte(r.Phase), byte(r.Class), byte(r.Flags))
	b = appendString(b, r.Events)
	return appendMapped(appendString(b, r.Err), r)
}

// appendMapped appends what only the requests of a map have. Others end before it.
func appendMapped(b []byte, r *sample.Request) []byte {
	if r.Depth == 0 && len(r.Sources) == 0 {
		return b
	}
	b = binary.AppendVarint(b, int64(r.Depth))
	b = binary.AppendUvarint(b, uint64(len(r.Sources)))
	for _, s := range r.Sources {
		b = binary.AppendVarint(appendString(b, s.Tier), s.Tokens)
	}
	return b
}

var errBatch = errors.New("not a batch of requests")

// minRequest is less than any encoded request has: it bounds what a hostile count
// can make a reader allocate.
const minRequest = 30

// decodeBatch gives the requests of a payload. Their events point into it, unless
// skipEvents leaves them out. intern gives the one string of a cell key.
func decodeBatch(payload []byte, skipEvents bool, intern func([]byte) string) ([]sample.Request, error) {
	in := input{b: payload}
	if v := in.uint(); v != batchVersion {
		return nil, fmt.Errorf("%w of layout %d: layout is %d", errBatch, batchVersion, v)
	}
	n := in.count(1)
	keys := make([]string, 0, n)
	for range n {
		keys = append(keys, intern(in.bytes()))
	}
	out := make([]sample.Request, in.count(minRequest))
	for i := range out {
		one := input{b: in.bytes()}
		one.request(&out[i], keys, skipEvents)
		if one.bad || in.bad {
			return nil, errBatch
		}
	}
	if in.bad {
		return nil, errBatch
	}
	return out, nil
}

// input reads fields off a payload; bad is set, and stays, once one is missing or
// out of range.
type input struct {
	b   []byte
	bad bool
}

func (in *input) request(r *sample.Request, keys []string, skipEvents bool) {
	if cell := in.uint(); cell < uint64(len(keys)) {
		r.Cell = keys[cell]
	} else {
		in.bad = true
	}
	r.ID = in.int()
	for _, v := range [...]*int32{&r.Generator, &r.Trial, &r.Level, &r.Endpoint, &r.Prompt, &r.Cycle, &r.Attempt} {
		*v = in.int32()
	}
	for _, v := range [...]*int64{&r.ReuseDistance, &r.Sent, &r.IntendedCached, &r.MaxTokens} {
		*v = in.int()
	}
	never, prev := in.uint(), uint64(0)
	for i, s := range stamps(r) {
		*s = sample.Never
		if never>>i&1 == 0 {
			prev += uint64(in.int())
			*s = int64(prev)
		}
	}
	for _, v := range [...]*int64{&r.Connected, &r.EventCount, &r.Reads, &r.ReadLagMax, &r.PromptTokens, &r.CachedTokens, &r.CompletionTokens} {
		*v = in.int()
	}
	r.Status = in.int32()
	r.Phase, r.Class, r.Flags = sample.Phase(in.byte()), sample.Class(in.byte()), sample.Flag(in.byte())
	if events := in.bytes(); !skipEvents && len(events) > 0 {
		r.Events = events[:len(events):len(events)]
	}
	r.Err = string(in.bytes())
	if len(in.b) > 0 {
		in.mapped(r)
	}
}

// mapped reads what only the requests of a map have.
func (in *input) mapped(r *sample.Request) {
	r.Depth = in.int32()
	if n := in.count(2); n > 0 {
		r.Sources = make([]sample.Source, n)
		for i := range r.Sources {
			r.Sources[i].Tier = string(in.bytes())
			r.Sources[i].Tokens = in.int()
		}
	}
}

func (in *input) uint() uint64 {
	v, n := binary.Uvarint(in.b)
	return v * in.take(n)
}

func (in *input) int() int64 {
	v, n := binary.Varint(in.b)
	return v * int64(in.take(n))
}

// take moves on by n bytes: 1 when they were there, else 0 and the input is bad.
func (in *input) take(n int) uint64 {
	if n <= 0 {
		in.bad, in.b = true, nil
		return 0
	}
	in.b = in.b[n:]
	return 1
}

func (in *input) int32() int32 {
	v := in.int()
	if v != int64(int32(v)) {
		in.bad = true
	}
	return int32(v)
}

func (in *input) byte() byte {
	if len(in.b) == 0 {
		in.bad = true
		return 0
	}
	v := in.b[0]
	in.b = in.b[1:]
	return v
}

func (in *input) bytes() []byte {
	n := in.count(1)
	v := in.b[:n]
	in.b = in.b[n:]
	return v
}

// count reads a number of things of which each has at least size bytes, so that no
// more are promised than can be there.
func (in *input) count(size int) int {
	n := in.uint()
	if n > uint64(len(in.b)/size) {
		in.bad, in.b = true, nil
		return 0
	}
	return int(n)
}
