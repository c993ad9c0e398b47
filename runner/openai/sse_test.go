package openai

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// pieces gives its parts one by one, an empty part as a read of nothing.
type pieces struct{ parts [][]byte }

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.parts[0])
	if p.parts[0] = p.parts[0][n:]; len(p.parts[0]) == 0 {
		p.parts = p.parts[1:]
	}
	return n, nil
}

// readAll gives the data of all events of src, "!" before those with a name.
func readAll(src io.Reader) (out []string, err error) {
	var e events
	e.reset(src)
	for {
		data, named, err := e.next()
		if err != nil {
			return out, err
		}
		mark := ""
		if named {
			mark = "!"
		}
		out = append(out, mark+string(data))
	}
}

var streams = []struct {
	name, in string
	want     []string
}{
	{"lf", "data: a\n\ndata: b\n\n", []string{"a", "b"}},
	{"crlf", "data: a\r\n\r\ndata: b\r\n\r\n", []string{"a", "b"}},
	{"mixed ends", "data: a\r\n\ndata: b\n\r\n", []string{"a", "b"}},
	{"no space", "data:a\n\n", []string{"a"}},
	{"one space is taken, the second kept", "data:  a\n\n", []string{" a"}},
	{"colons in the data", `data: {"a":"b: c"}` + "\n\n", []string{`{"a":"b: c"}`}},
	{"several lines", "data: a\ndata: b\ndata:\ndata: c\n\n", []string{"a\nb\n\nc"}},
	{"comments", ": hello\n\n:\n\ndata: a\n: inside\n\n", []string{"a"}},
	{"other fields", "id: 1\nretry: 3\ndata: a\nnonsense: x\nfoo\n\n", []string{"a"}},
	{"a name", "event: ping\ndata: a\n\ndata: b\n\nevent: message\ndata: c\n\nevent:\ndata: d\n\n", []string{"!a", "b", "c", "d"}},
	{"a name without data is over with its event", "event: ping\n\ndata: a\n\n", []string{"a"}},
	{"no data is no event", "data\n\ndata:\n\n\n\n", nil},
	{"no newline at the end", "data: a\n\ndata: b", []string{"a", "b"}},
	{"one newline at the end", "data: a\n\ndata: b\r\n", []string{"a", "b"}},
	{"cr at the end", "data: b\r", []string{"b"}},
	{"byte order mark", "\xef\xbb\xbfdata: a\n\ndata: b\n\n", []string{"a", "b"}},
	{"bytes of every kind", "data: \x00\xff\t\r\r\n\n", []string{"\x00\xff\t\r"}},
	{"larger than the buffer", "data: " + strings.Repeat("x", 100_000) + "\ndata: y\n\ndata: z\n\n", []string{strings.Repeat("x", 100_000) + "\ny", "z"}},
	{"nothing", "", nil},
}

func TestEvents(t *testing.T) {
	for _, tc := range streams {
		t.Run(tc.name, func(t *testing.T) {
			readers := map[string]io.Reader{"whole": strings.NewReader(tc.in), "data with the end": iotest.DataErrReader(strings.NewReader(tc.in))}
			if len(tc.in) < 1000 {
				readers["byte by byte"] = iotest.OneByteReader(strings.NewReader(tc.in))
			}
			for how, r := range readers {
				if got, err := readAll(r); !slices.Equal(got, tc.want) || err != io.EOF {
					t.Errorf("%s: %q, %v; want %q", how, got, err, tc.want)
				}
			}
		})
	}
}

// Cut in two at every byte, and over a chunked body cut anywhere, the events are
// the same.
func TestEventsAtEveryCut(t *testing.T) {
	for _, tc := range streams {
		if len(tc.in) > 1000 {
			continue
		}
		for i := range len(tc.in) + 1 {
			if got, _ := readAll(&pieces{[][]byte{[]byte(tc.in[:i]), []byte(tc.in[i:])}}); !slices.Equal(got, tc.want) {
				t.Fatalf("%s cut at %d: %q, want %q", tc.name, i, got, tc.want)
			}
		}
	}
}

// split draws a division of in into pieces.
func split(t *rapid.T, in []byte, label string) [][]byte {
	var out [][]byte
	for len(in) > 0 {
		n := rapid.IntRange(1, min(len(in), 40)).Draw(t, label)
		out, in = append(out, in[:n]), in[n:]
	}
	return out
}

func TestEventsSurviveAnyChunksAndReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.StringMatching(`[a-z{}":, ]{1,60}(\n[a-z]{1,5}){0,2}`), 1, 12).Draw(t, "data")
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")
		var in bytes.Buffer
		for _, d := range data {
			for line := range strings.SplitSeq(d, "\n") {
				in.WriteString("data: " + line + end)
			}
			in.WriteString(end)
		}
		var body bytes.Buffer
		for _, c := range split(t, in.Bytes(), "chunk") {
			body.WriteString(chunk(string(c)))
		}
		body.WriteString(lastChunk + "rest")
		br := bufio.NewReader(&pieces{split(t, body.Bytes(), "read")})
		got, err := readAll(&chunked{br: br})
		if !slices.Equal(got, data) || err != io.EOF {
			t.Fatalf("%q, %v; want %q", got, err, data)
		}
		if rest, _ := io.ReadAll(br); string(rest) != "rest" {
			t.Fatalf("after the body comes %q: the next response would be read wrong", rest)
		}
	})
}

func TestEventTooLarge(t *testing.T) {
	const limit = 1 << 16
	x := strings.Repeat("x", limit)
	for in, want := range map[string]error{
		"data: " + x[:60_000] + "\n\ndata: " + x[:60_000] + "\n\n":     io.EOF,
		"data: " + x[:60_000] + "\ndata: " + x[:60_000] + "\n\n":       errEventTooLarge,
		"data: " + x + x + "\n\n":                                      errEventTooLarge,
		"data: " + x + "x":                                             errEventTooLarge,
		"data: x\n\n: " + x + x:                                        errEventTooLarge,
		"data: x\n\n" + strings.Repeat(": "+x[:1000]+"\n", 100) + "\n": io.EOF,
	} {
		var e events
		e.reset(strings.NewReader(in))
		e.limit = limit
		var err error
		for err == nil {
			_, _, err = e.next()
		}
		if err != want {
			t.Errorf("%.20q... of %d bytes: %v, want %v", in, len(in), err, want)
		}
	}
}

func TestChunked(t *testing.T) {
	for _, tc := range []struct {
		in, want string
		err      error
	}{
		{"3\r\nabc\r\n0\r\n\r\n", "abc", nil},
		{"3;ext=1\r\nabc\r\n00B \r\nhello world\r\n0\r\nTrailer: x\r\n\r\n", "abchello world", nil},
		{"a\nhello worl\n0\n\n", "hello worl", nil},
		{"3\r\nabcd\r\n0\r\n\r\n", "abc", errChunk},
		{"3\r\nab", "ab", io.ErrUnexpectedEOF},
		{"3\r\nabc\r\n", "abc", io.ErrUnexpectedEOF},
		{"0\r\n", "", io.ErrUnexpectedEOF},
		{"", "", io.ErrUnexpectedEOF},
		{"-3\r\nabc", "", errChunk},
		{"\r\n", "", errChunk},
		{"ffffffffffffffff\r\n", "", errChunk},
		{strings.Repeat("0", 20_000), "", errChunk},
	} {
		got, err := io.ReadAll(&chunked{br: bufio.NewReaderSize(strings.NewReader(tc.in), 4096)})
		if string(got) != tc.want || err != tc.err {
			t.Errorf("%.40q: %q, %v; want %q, %v", tc.in, got, err, tc.want, tc.err)
		}
	}
}

// Whatever the bytes, the reader ends, and how they are cut does not matter.
func FuzzEvents(f *testing.F) {
	for _, tc := range streams {
		if len(tc.in) < 1000 {
			f.Add([]byte(tc.in), uint8(3))
		}
	}
	f.Add([]byte("data"), uint8(1))
	f.Add([]byte("data: a\n\n\xef\xbb\xbfdata: b\n\n"), uint8(7))
	f.Fuzz(func(t *testing.T, in []byte, cut uint8) {
		whole, err1 := readAll(bytes.NewReader(in))
		var parts [][]byte
		for rest := in; len(rest) > 0; {
			n := min(len(rest), int(cut%17)+1)
			parts, rest = append(parts, rest[:n]), rest[n:]
		}
		cutUp, err2 := readAll(&pieces{parts})
		if !slices.Equal(whole, cutUp) || err1 != io.EOF || err2 != io.EOF {
			t.Errorf("whole %q (%v), cut %q (%v)", whole, err1, cutUp, err2)
		}
	})
}

func FuzzChunked(f *testing.F) {
	f.Add([]byte("3\r\nabc\r\n0\r\n\r\n"))
	f.Add([]byte("3;x\nabc\n0\nT: y\n\n"))
	f.Add([]byte("fffffffffffffff\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		a, err1 := io.ReadAll(&chunked{br: bufio.NewReader(bytes.NewReader(in))})
		b, err2 := io.ReadAll(&chunked{br: bufio.NewReader(iotest.OneByteReader(bytes.NewReader(in)))})
		if !bytes.Equal(a, b) || err1 != err2 || len(a) > len(in) {
			t.Errorf("whole %q (%v), byte by byte %q (%v)", a, err1, b, err2)
		}
	})
}
