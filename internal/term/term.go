// Package term knows what is at the other end of an output: whether it is a
// terminal, how wide it is, whether it wants colour, and how to redraw a block of
// lines in place. It reads no environment: the caller hands the look-up in.
package term

import (
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	xterm "golang.org/x/term"
)

// Lookup finds an environment variable, as os.LookupEnv does.
type Lookup func(name string) (string, bool)

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool { return xterm.IsTerminal(int(f.Fd())) }

// Width gives the number of columns of the terminal at f, or 0 when f is none:
// a file or a pipe has no width, nothing is cut there.
func Width(f *os.File) int {
	w, _, err := xterm.GetSize(int(f.Fd()))
	if err != nil || w < 0 {
		return 0
	}
	return w
}

// Redraws reports whether a terminal can move its cursor up, which a redrawn
// block needs: TERM=dumb cannot.
func Redraws(tty bool, env Lookup) bool {
	t, _ := env("TERM")
	return tty && t != "dumb"
}

// Colour decides whether to colour an output. off (--no-color) wins, then a
// NO_COLOR that is not empty, then FORCE_COLOR (anything but empty, 0 or false),
// then whether the output is a terminal that is not dumb.
func Colour(tty, off bool, env Lookup) bool {
	if off {
		return false
	}
	if v, _ := env("NO_COLOR"); v != "" {
		return false
	}
	if v, ok := env("FORCE_COLOR"); ok && v != "" && v != "0" && v != "false" {
		return true
	}
	return Redraws(tty, env)
}

// Paint colours text, or leaves it alone when it is false.
type Paint bool

func (p Paint) wrap(code, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Red is for what is wrong.
func (p Paint) Red(s string) string { return p.wrap("31", s) }

// Yellow is for what is doubtful.
func (p Paint) Yellow(s string) string { return p.wrap("33", s) }

// Green is for what holds.
func (p Paint) Green(s string) string { return p.wrap("32", s) }

// Bold is for what a reader should find first.
func (p Paint) Bold(s string) string { return p.wrap("1", s) }

// Dim is for what a reader may skip.
func (p Paint) Dim(s string) string { return p.wrap("2", s) }

// Clean makes text from elsewhere (a server's error message, a file's name) safe
// to print: control characters, which could move the cursor or set the title,
// become spaces, and runs of space become one. The result is one line.
func Clean(s string) string {
	var b strings.Builder
	space := false
	for _, r := range s {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.IsSpace(r) {
			space = true
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	return b.String()
}

// Len is the number of columns that s takes: its runes, without colour codes.
func Len(s string) int {
	n, esc := 0, false
	for _, r := range s {
		switch {
		case esc:
			esc = r != 'm'
		case r == '\x1b':
			esc = true
		default:
			n++
		}
	}
	return n
}

// Cut shortens plain text to at most width columns, with an ellipsis where
// something is missing. A width of 0 cuts nothing.
func Cut(s string, width int) string {
	if width <= 0 || utf8.RuneCountInString(s) <= width {
		return s
	}
	r := []rune(s)
	return strings.TrimRight(string(r[:width-1]), " ") + "…"
}

// Wrap breaks text, which may be coloured, at spaces into lines of at most width columns; later
// lines begin with indent. A width of 0 breaks nothing; a word that is longer
// than a line stands alone on its own.
func Wrap(s, indent string, width int) string {
	if width <= 0 || Len(s) <= width {
		return s
	}
	var b strings.Builder
	col := 0
	for i, w := range strings.Split(s, " ") {
		n := Len(w)
		switch {
		case i == 0:
		case col+1+n > width:
			b.WriteString("\n" + indent)
			col = utf8.RuneCountInString(indent)
		default:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(w)
		col += n
	}
	return b.String()
}
