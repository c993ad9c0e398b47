package html

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/wsrun/wsrun/runner/result"
)

func TestPlain(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""}, {"ordinary <b>", "ordinary <b>"}, {"a\tb\r\nc", "a\tb\r\nc"},
		{"a\x00b\x1b[31m\x7f", "a\ufffdb\ufffd[31m\ufffd"},
		{"a\ufffeb\uffff\ufffd\uff21", "a\ufffdb\ufffd\ufffd\uff21"},
		{"\u0085x\u009b1m", "\ufffdx\ufffd1m"},
		{"a\xffb\xe2\x80", "a\ufffdb\ufffd\ufffd"}, {"\xe2\u202a\x80\xae", "\ufffd\ufffd\ufffd"}, // the marks of the last would make one
		{"\u202eevil\u202c, \u2066x\u2069\u061c\u200f", "evil, x"},
		{"µ ≥ 2 × é Ø ص “q” … عربي עברית 漢", "µ ≥ 2 × é Ø ص “q” … عربي עברית 漢"}, // they begin with the same bytes
	} {
		if got := plain(c.in); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

// full fails when it has taken so many bytes.
type full struct{ left int }

func (f *full) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errors.New("no space")
	}
	return len(b), nil
}

func TestPlainTellsErrors(t *testing.T) {
	text := []byte("abc\x00def")
	for left := range len("abc\ufffddef") {
		if n, err := (plainWriter{&full{left}}).Write(text); err == nil || n >= len(text) {
			t.Errorf("room for %d bytes: %d, %v", left, n, err)
		}
	}
}

func FuzzPlain(f *testing.F) {
	for _, s := range []string{"a\u202eb", "\xe2\x80", "\xd8", "\x00\x9b", "é…"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := plain(s)
		for _, r := range got {
			if unicode.Is(unicode.Bidi_Control, r) || unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r) {
				t.Fatalf("%q leaves %q", s, r)
			}
		}
		if plain(got) != got || !utf8.ValidString(got) {
			t.Errorf("%q: %q is no text, or not what it is when done twice", s, got)
		}
	})
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int // characters
	}{{"a  b\n c", 5}, {strings.Repeat("é", 300), 300}, {strings.Repeat("é", 301), 301}, {strings.Repeat("x", 1<<20), 301}, {strings.Repeat(" ", 1<<20), 1}} {
		if got := words(c.in); utf8.RuneCountInString(got) != c.want || !utf8.ValidString(got) || strings.ContainsAny(got, "\n") {
			t.Errorf("%.20q...: %d characters, want %d: %.40q", c.in, utf8.RuneCountInString(got), c.want, got)
		}
	}
}

// A server that calls itself what it likes is told in a few words on each page, in what
// order is read is ours, and pictures stay XML.
func TestServerOfManyWords(t *testing.T) {
	w := newWorld([]int64{4000}, []float64{100}, 100_000, 150_000).measure(1)
	evil := strings.Repeat("</text>\u202e\x00\x1b\ufffe\u0085\n", 1<<16)
	w.rec.Probe.Model, w.rec.Probe.Version = "first "+evil, evil
	w.rec.Run.Scenario.Labels = map[string]string{evil: evil}
	w.rec.Run.Scenario.Description = "about \u202e" + evil
	r := w.run()
	r.Source = []byte("name: points\n")
	for _, f := range Files(r) {
		var b bytes.Buffer
		if err := f.Write(&b); err != nil {
			t.Fatal(err)
		}
		if f.Name == ScriptFile {
			continue
		}
		if b.Len() > 150_000 || !strings.Contains(b.String(), "first ") {
			t.Errorf("%s: %d bytes", f.Name, b.Len())
		}
		if i := strings.IndexAny(b.String(), "\u202e\x00\x1b\u0085"); i >= 0 {
			t.Errorf("%s: %q", f.Name, b.String()[max(0, i-80):i+20])
		}
	}
	past := pastRun("x", 1, "d")
	past.Manifest.Server = &result.Server{Engine: "vllm", Model: evil}
	past.Manifest.Labels = w.rec.Run.Scenario.Labels
	if text := historyOf(t, []result.RunDir{past}, nil); len(text) > 100_000 {
		t.Errorf("the history has %d bytes", len(text))
	}
	if err := r.SVG(func(name string, content []byte) error {
		for d := xml.NewDecoder(bytes.NewReader(content)); ; {
			if _, err := d.Token(); err == io.EOF {
				return errFirst
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
				return errFirst
			}
		}
	}); !errors.Is(err, errFirst) {
		t.Errorf("pictures: %v", err)
	}
}

// errFirst ends SVG with its first picture: each costs.
var errFirst = errors.New("one is enough")
