package term

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

func env(pairs ...string) Lookup {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestColour(t *testing.T) {
	for _, c := range []struct {
		name     string
		tty, off bool
		env      Lookup
		want     bool
	}{
		{"terminal", true, false, env(), true},
		{"pipe", false, false, env(), false},
		{"flag wins over force", true, true, env("FORCE_COLOR", "1"), false},
		{"NO_COLOR", true, false, env("NO_COLOR", "1"), false},
		{"NO_COLOR wins over force", true, false, env("NO_COLOR", "1", "FORCE_COLOR", "1"), false},
		{"an empty NO_COLOR says nothing", true, false, env("NO_COLOR", ""), true},
		{"force on a pipe", false, false, env("FORCE_COLOR", "1"), true},
		{"force 0 is no force", false, false, env("FORCE_COLOR", "0"), false},
		{"dumb terminal", true, false, env("TERM", "dumb"), false},
	} {
		if got := Colour(c.tty, c.off, c.env); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if Redraws(true, env("TERM", "dumb")) || !Redraws(true, env("TERM", "xterm")) || Redraws(false, env()) {
		t.Error("Redraws")
	}
}

func TestFileIsNoTerminal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if IsTerminal(f) || Width(f) != 0 {
		t.Errorf("a file: terminal %v, width %d", IsTerminal(f), Width(f))
	}
}

func TestPaint(t *testing.T) {
	if got := Paint(false).Red("x"); got != "x" {
		t.Errorf("plain: %q", got)
	}
	if got := Paint(true).Red("x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("red: %q", got)
	}
	if got := Paint(true).Bold(""); got != "" {
		t.Errorf("empty: %q", got)
	}
	if n := Len(Paint(true).Yellow("añb")); n != 3 {
		t.Errorf("Len counts colour codes: %d", n)
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                       "plain",
		"two\nlines\r\n":              "two lines",
		"\x1b]0;owned\x07title":       "]0;owned title",
		"tab\tand  spaces":            "tab and spaces",
		"right\u202eto left":          "right to left",
		"not utf-8 \xff\xfe but fine": "not utf-8 but fine",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[2Jb")
	f.Add("\u2028\u0085x\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if strings.ContainsAny(got, "\n\r\t\x1b\x07\x9b") && utf8.ValidString(got) {
			t.Errorf("Clean(%q) = %q keeps a control character", s, got)
		}
		if !utf8.ValidString(got) || Clean(got) != got {
			t.Errorf("Clean(%q) = %q is not clean", s, got)
		}
	})
}

func TestCutAndWrap(t *testing.T) {
	for _, c := range []struct {
		s     string
		width int
		want  string
	}{
		{"short", 10, "short"}, {"exactly10!", 10, "exactly10!"}, {"more than ten", 10, "more than…"}, {"uncut", 0, "uncut"}, {"a b c", 3, "a…"},
	} {
		if got := Cut(c.s, c.width); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.s, c.width, got, c.want)
		}
	}
	if got, want := Wrap("one two three four", "  ", 9), "one two\n  three\n  four"; got != want {
		t.Errorf("Wrap = %q, want %q", got, want)
	}
	if got, want := Wrap("a unbreakable-word b", "  ", 6), "a\n  unbreakable-word\n  b"; got != want {
		t.Errorf("Wrap = %q, want %q", got, want)
	}
	if got := Wrap("one two", "  ", 0); got != "one two" {
		t.Errorf("Wrap without a width = %q", got)
	}
}

// What a terminal would show after a sequence of redraws is the lines above and
// the last block, nothing of the blocks before.
func TestBlockOnScreen(t *testing.T) {
	var out bytes.Buffer
	b := NewBlock(&out, func() int { return 21 })
	b.Draw(nil, []string{"first block", "second line", "third line"})
	b.Draw([]string{"cell 1 done"}, []string{"a line that is far too long for it", "x"})
	if got, want := Screen(out.String()), "cell 1 done\na line that is far…\nx"; got != want {
		t.Errorf("screen:\n%s\nwant:\n%s", got, want)
	}
	b.Draw([]string{"this is broken at a space, not inside a word"}, []string{"y"})
	if got, want := Screen(out.String()), "cell 1 done\nthis is broken at a\n  space, not inside a\n  word\ny"; got != want {
		t.Errorf("screen:\n%s\nwant:\n%s", got, want)
	}
	b.Draw(nil, nil)
	out.Reset()
	b = NewBlock(&out, func() int { return 21 })
	b.Draw([]string{"cell 1 done"}, []string{"z"})
	b.Draw(nil, nil)
	if got, want := Screen(out.String()), "cell 1 done"; got != want {
		t.Errorf("after it is cleared:\n%s\nwant:\n%s", got, want)
	}
}

func TestBar(t *testing.T) {
	for share, want := range map[float64]string{-1: "[    ]", 0: "[    ]", .5: "[==  ]", 1: "[====]", 7: "[====]"} {
		if got := Bar(share, 4); got != want {
			t.Errorf("Bar(%g) = %q, want %q", share, got, want)
		}
	}
}

// Screen plays what was written to a terminal and gives the lines it shows.
func Screen(s string) string {
	rows, y := [][]rune{nil}, 0
	x := 0
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		switch r {
		case '\n':
			y, x = y+1, 0
			for len(rows) <= y {
				rows = append(rows, nil)
			}
		case '\r':
			x = 0
		case '\x1b':
			end := i + strings.IndexFunc(s[i:], func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' })
			switch arg := s[i+1 : end]; s[end] {
			case 'A':
				up := 0
				for _, d := range arg {
					up = up*10 + int(d-'0')
				}
				y = max(0, y-up)
			case 'K':
				rows[y] = rows[y][:min(x, len(rows[y]))]
			case 'J':
				rows[y] = rows[y][:min(x, len(rows[y]))]
				rows = rows[:y+1]
			}
			i = end + 1
		default:
			for len(rows[y]) <= x {
				rows[y] = append(rows[y], ' ')
			}
			rows[y][x] = r
			x++
		}
	}
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = strings.TrimRight(string(r), " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}
