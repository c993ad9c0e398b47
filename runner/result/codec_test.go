package result

import (
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/wsrun/wsrun/runner/sample"
	"pgregory.net/rapid"
)

// fillRequest sets every field of a request to a drawn value, by reflection, so
// that a field which is added to it and not to the codec fails the round trip.
func fillRequest(t *rapid.T) sample.Request {
	var r sample.Request
	v := reflect.ValueOf(&r).Elem()
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		switch f.Kind() {
		case reflect.Int64:
			f.SetInt(rapid.OneOf(rapid.Just(int64(-1)), rapid.Int64Range(0, 1e12), rapid.Int64()).Draw(t, name))
		case reflect.Int32:
			f.SetInt(int64(rapid.Int32().Draw(t, name)))
		case reflect.Uint8:
			f.SetUint(uint64(rapid.Byte().Draw(t, name)))
		case reflect.String:
			f.SetString(rapid.String().Draw(t, name))
		case reflect.Slice:
			if name == "Sources" {
				for range rapid.IntRange(0, 3).Draw(t, name) {
					r.Sources = append(r.Sources, sample.Source{Tier: rapid.String().Draw(t, "tier"), Tokens: rapid.Int64().Draw(t, "tokens")})
				}
				continue
			}
			if b := rapid.SliceOf(rapid.Byte()).Draw(t, name); len(b) > 0 {
				f.SetBytes(b)
			}
		default:
			t.Fatalf("a field of a new kind: %s %s", name, f.Kind())
		}
	}
	return r
}

func TestBatchRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := make([]sample.Request, rapid.IntRange(0, 5).Draw(t, "n"))
		var b batch
		for range 2 { // a batch is used again
			for i := range want {
				want[i] = fillRequest(t)
				b.add(&want[i])
			}
			payload := b.payload(nil)
			if !b.empty() {
				t.Fatal("not emptied")
			}
			got, err := decodeBatch(payload, false, func(k []byte) string { return string(k) })
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatal(d)
			}
			skipped, err := decodeBatch(payload, true, func(k []byte) string { return string(k) })
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range skipped {
				w := want[i]
				w.Events = nil
				if !reflect.DeepEqual(r, w) {
					t.Fatalf("without events: %+v, want %+v", r, w)
				}
			}
		}
	})
}

// A later version appends fields to a request: this one reads what it knows.
func TestTrailingFieldsAreSkipped(t *testing.T) {
	want := sample.Request{ID: 7, Cell: "c", Events: []byte{1, 2}, Err: "why", CachedTokens: 5, Depth: 3, Sources: []sample.Source{{Tier: "hbm", Tokens: 9}}}
	one := append(appendRequest(nil, &want, 0), "fields of the future"...)
	p := binary.AppendUvarint(nil, batchVersion)
	p = appendString(binary.AppendUvarint(p, 1), "c")
	p = binary.AppendUvarint(p, 2)
	for range 2 {
		p = appendString(p, one)
	}
	got, err := decodeBatch(append(p, "and of the batch"...), false, func(k []byte) string { return string(k) })
	if err != nil || len(got) != 2 || !reflect.DeepEqual(got[1], want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestBadBatches(t *testing.T) {
	var b batch
	b.add(&sample.Request{Cell: "c", Err: "some text at its end", Sources: []sample.Source{{Tier: "dram", Tokens: 1 << 40}}})
	good := b.payload(nil)
	for n := range good {
		if _, err := decodeBatch(good[:n], false, func(k []byte) string { return string(k) }); !errors.Is(err, errBatch) {
			t.Fatalf("cut at %d of %d: %v", n, len(good), err)
		}
	}
	tooWide := appendRequest(nil, &sample.Request{}, 0)
	tooWide = append(tooWide[:1], append(binary.AppendVarint(nil, 0), binary.AppendVarint(nil, math.MaxInt32+1)...)...)
	for name, p := range map[string][]byte{
		"another layout":     {2, 0, 0},
		"a cell that is not": append([]byte{1, 0, 1}, appendString(nil, appendRequest(nil, &sample.Request{}, 0))...),
		"many requests":      {1, 0, 255, 255, 255, 255, 15},
		"many cells":         {1, 255, 255, 255, 255, 15},
		"int32 too wide":     append([]byte{1, 1, 0, 1}, appendString(nil, append(tooWide, make([]byte, 40)...))...),
	} {
		if _, err := decodeBatch(p, false, func(k []byte) string { return string(k) }); !errors.Is(err, errBatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The bound on hostile counts must not refuse the smallest request there is, and
// memory per byte of payload is bounded by it.
func TestMinRequest(t *testing.T) {
	n := len(appendString(nil, appendRequest(nil, &sample.Request{}, 0)))
	if n < minRequest {
		t.Errorf("the smallest request has %d bytes, minRequest is %d", n, minRequest)
	}
	if size := unsafe.Sizeof(sample.Request{}); size > 20*minRequest {
		t.Errorf("a request takes %d bytes of memory: %d times its least size on disk", size, size/minRequest)
	}
}

func FuzzBatch(f *testing.F) {
	var b batch
	b.add(&sample.Request{Cell: "c", Trial: 1, Events: []byte{1, 2}, Err: "e", Started: 5, FirstToken: sample.Never})
	b.add(&sample.Request{Cell: "d", ID: -9})
	f.Add(b.payload(nil))
	f.Add([]byte{1, 0, 0})
	f.Fuzz(func(t *testing.T, p []byte) {
		got, err := decodeBatch(p, false, func(k []byte) string { return strings.Clone(string(k)) })
		if err != nil {
			return
		}
		var again batch
		for i := range got {
			again.add(&got[i])
		}
		back, err := decodeBatch(again.payload(nil), false, func(k []byte) string { return string(k) })
		if err != nil || !cmp.Equal(got, back) {
			t.Errorf("what was read does not survive writing: %v", err)
		}
	})
}
