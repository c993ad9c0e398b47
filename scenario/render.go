package scenario

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Render prints problems for people: place and message, the offending line, a
// caret, and the path with the code that `wsrun explain` takes.
//
//	bad.yaml:5:3: unknown key "timeot", did you mean "timeouts"? [/target/timeot unknown-key]
//	    5 |   timeot: 5s
//	      |   ^^^^^^
//
// A secret that stands in the file is not printed: the output may be a CI's log.
func Render(problems []Problem, color bool) string {
	var b strings.Builder
	for _, p := range problems {
		p.Source = hideSecrets(p, problems)
		renderOne(&b, p, color)
	}
	return b.String()
}

// userInfo is what stands before the host of a URL.
var userInfo = regexp.MustCompile(`://[^/@\s"']+@`)

// hideSecrets gives the line of p with every secret that was found in it starred out,
// and with those of URLs that nobody judged.
func hideSecrets(p Problem, problems []Problem) string {
	rs := []rune(p.Source)
	for _, s := range problems {
		if s.Code != "secret-in-file" || s.File != p.File || s.Line != p.Line {
			continue
		}
		for i := max(0, s.Col-1); i < min(len(rs), s.Col-1+s.Len); i++ {
			rs[i] = '*'
		}
	}
	return userInfo.ReplaceAllStringFunc(string(rs), func(s string) string {
		if hasRefs(s) && !secretInText("http"+s+"host") {
			return s // names of variables are no secrets
		}
		return "://" + strings.Repeat("*", utf8.RuneCountInString(s)-len("://@")) + "@"
	})
}

const (
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

func renderOne(b *strings.Builder, p Problem, color bool) {
	paint := func(code, s string) string {
		if !color {
			return s
		}
		return code + s + reset
	}
	place := printable(p.File)
	if p.Line > 0 {
		place += fmt.Sprintf(":%d:%d", p.Line, p.Col)
	}
	word, hue := "", red
	if p.Warning {
		word, hue = paint(yellow, "warning: "), yellow
	}
	tag := p.Code
	if p.Path != "" {
		tag = p.Path + " " + p.Code
	}
	fmt.Fprintf(b, "%s: %s%s%s [%s]\n", paint(bold, place), word, printable(p.Message), printable(readFor(p)), printable(tag))
	if p.Line == 0 {
		return
	}
	line, pad, mark := window(p)
	fmt.Fprintf(b, "%5d | %s\n      | %s%s\n", p.Line, line, pad, paint(hue, mark))
}

// readFor says which scenario a problem in another file, or in a --set, is one of.
func readFor(p Problem) string {
	switch {
	case p.For == "":
		return ""
	case OnCommandLine(p.File):
		return " (in " + p.For + ")"
	}
	return " (extended by " + p.For + ")"
}

// window cuts a long line round the place and measures what stands before it.
func window(p Problem) (line, pad, mark string) {
	const before, width = 60, 120
	rs := []rune(p.Source)
	col, length := min(p.Col-1, len(rs)), p.Len
	head := ""
	if col > before && len(rs) > width {
		rs, col, head = rs[col-before:], before, "..."
	}
	tail := ""
	if len(rs) > width {
		rs, tail = rs[:width], "..."
	}
	length = max(1, min(length, len(rs)-col))
	line = head + printable(string(rs)) + tail
	pad = strings.Repeat(" ", len(head)+cells(rs[:min(col, len(rs))]))
	mark = strings.Repeat("^", max(1, cells(rs[min(col, len(rs)):min(col+length, len(rs))])))
	return line, pad, mark
}

// printable keeps control characters of a file away from the terminal; a tab
// becomes one space so that the caret stands right.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r), r == utf8.RuneError, unicode.Is(unicode.Cf, r):
			return '?'
		}
		return r
	}, s)
}

// cells is the display width: East Asian wide characters take two cells,
// combining marks none.
func cells(rs []rune) int {
	n := 0
	for _, r := range rs {
		switch {
		case unicode.Is(unicode.Mn, r):
		case wide(r):
			n += 2
		default:
			n++
		}
	}
	return n
}

func wide(r rune) bool {
	return r >= 0x1100 && r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 ||
		r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 ||
		r >= 0xffe0 && r <= 0xffe6 || r >= 0x1f300 && r <= 0x1faff || r >= 0x20000 && r <= 0x3fffd
}
