package html

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// plainWriter keeps out of a page what a server, a label or a file's name could bring along to
// change how its neighbours are read: marks that turn the direction of writing round are left
// out; control characters, and what is no character, become U+FFFD. All text of a page comes through it, with the
// markup that it stands in, so that no place is forgotten. Each Write takes whole characters.
type plainWriter struct{ w io.Writer }

func (p plainWriter) Write(b []byte) (int, error) {
	from := 0
	for i := 0; i < len(b); {
		n, with, good := character(b[i:])
		if good {
			i += n
			continue
		}
		if _, err := p.w.Write(b[from:i]); err != nil {
			return from, err
		}
		if _, err := io.WriteString(p.w, with); err != nil {
			return i, err
		}
		i += n
		from = i
	}
	if _, err := p.w.Write(b[from:]); err != nil {
		return from, err
	}
	return len(b), nil
}

// character gives the bytes of the character that b begins with, and whether it may stand on
// a page; if not, what stands there instead. What is no UTF-8 may not: bytes that a mark
// which is left out kept apart would make another one.
func character(b []byte) (n int, with string, good bool) {
	switch c := b[0]; {
	case c == '\t' || c == '\n' || c == '\r':
		return 1, "", true
	case c < ' ' || c == 0x7f:
		return 1, string(utf8.RuneError), false
	case c < utf8.RuneSelf:
		return 1, "", true
	}
	r, n := utf8.DecodeRune(b)
	switch {
	case unicode.Is(unicode.Bidi_Control, r):
		return n, "", false
	case r == utf8.RuneError && n == 1, unicode.IsControl(r), r == '\ufffe', r == '\uffff': // the last two are no XML: a picture must be
		return n, string(utf8.RuneError), false
	}
	return n, "", true
}

// plain is a text as plainWriter leaves it.
func plain(s string) string {
	var b strings.Builder
	if _, err := (plainWriter{&b}).Write([]byte(s)); err != nil {
		panic("html: a text in memory cannot be written: " + err.Error())
	}
	return b.String()
}

// longestWords is how many characters of a name or a sentence from elsewhere are shown: a
// server may call its model what it likes, and each page and picture says its name.
const longestWords = 300

// words is a text from elsewhere as one line that is not too long.
func words(s string) string {
	cut := s
	if len(s) > 8*longestWords { // no more is looked at than can be shown
		cut = strings.ToValidUTF8(s[:8*longestWords], "")
	}
	cut = strings.Join(strings.Fields(cut), " ")
	if runes := []rune(cut); len(runes) > longestWords || len(s) > 8*longestWords {
		return string(runes[:min(len(runes), longestWords)]) + "…"
	}
	return cut
}
