package scenario

import (
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// placed gives a finding its place in the file: the part of the text that it
// names, else the value at its path, else the nearest key above.
func (w *walker) placed(f finding) Problem {
	n := w.locate(f.Path)
	p := w.problem(f.Code, n, f.Path, f.Message)
	p.Warning = f.Warning
	at, ok := w.at[f.Path]
	if !ok || f.to <= f.from || follow(at.value).Kind != yaml.ScalarNode {
		return p
	}
	text, from, to := w.asWritten(follow(at.value), f.from, f.to)
	s := w.sourceOf(text)
	if line, col, ok := s.inside(text, from); ok {
		return s.place(p, line, col, to-from)
	}
	return p
}

// asWritten gives the node as it stands in its file, and the part of its text that a part
// of the text with all variables filled in comes from.
func (w *walker) asWritten(n *yaml.Node, from, to int) (*yaml.Node, int, int) {
	f := w.was[n]
	if f == nil || f.ends == nil {
		return n, from, to
	}
	from, to = f.before(from, to)
	return f.node, from, to
}

// inside finds rune number at of a scalar's value in the file. Decoded text and
// file are read side by side: white space may be folded, indented or broken in
// the file; where anything else differs (an escape) the answer is no.
func (s *source) inside(n *yaml.Node, at int) (line, col int, ok bool) {
	line, col = n.Line, n.Column
	rest := []rune(s.line(line))
	if col-1 > len(rest) {
		return 0, 0, false
	}
	rest = rest[col-1:]
	advance := func() {
		for len(rest) == 0 && line < len(s.lines) {
			line++
			col, rest = 1, []rune(s.line(line))
		}
	}
	switch {
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		rest, col = rest[1:], col+1
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		rest = nil
	}
	value := []rune(n.Value)
	if at >= utf8.RuneCountInString(n.Value) {
		at = len(value) - 1
	}
	for i := 0; i <= at; i++ {
		if unicode.IsSpace(value[i]) {
			if i == at && len(rest) > 0 {
				return line, col, true
			}
			continue
		}
		for advance(); len(rest) > 0 && unicode.IsSpace(rest[0]); advance() {
			rest, col = rest[1:], col+1
		}
		if len(rest) == 0 || rest[0] != value[i] {
			return 0, 0, false
		}
		if i == at {
			return line, col, true
		}
		rest, col = rest[1:], col+1
	}
	return 0, 0, false
}
