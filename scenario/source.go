package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	yaml4 "go.yaml.in/yaml/v4"
	"gopkg.in/yaml.v3"
)

// Bounds of a file. A scenario is a page of text; what is larger is a mistake or
// an attack.
const (
	MaxFileSize = 1 << 20 // bytes
	maxNodes    = 20000   // values, with aliases expanded
	nodeText    = 100     // bytes of text that count as a value more
	maxDepth    = 50
)

// source is one file, split into lines as YAML counts them. A --set is one as well.
type source struct {
	file  string
	text  string
	lines []string
	over  bool   // it changes what others say: null takes a key away
	read  string // the scenario that it is read for, where it is another file
	dir   string // what the paths in it are relative to
}

var lineBreak = regexp.MustCompile("\r\n|\n|\r|\u0085|\u2028|\u2029")

func newSource(file string, src []byte) *source {
	text := strings.TrimPrefix(string(src), "\ufeff")
	return &source{file: file, text: text, lines: lineBreak.Split(text, -1), dir: dirOf(file)}
}

func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// problem builds a problem at a node; a nil node means the whole file.
func (s *source) problem(code string, n *yaml.Node, path, message string) Problem {
	p := Problem{File: s.file, Path: path, Code: code, Message: message, For: s.read}
	if n == nil {
		return p
	}
	return s.place(p, n.Line, n.Column, nodeLen(n))
}

// place fills in the position and clips the underline to its line.
func (s *source) place(p Problem, line, col, length int) Problem {
	p.Line, p.Col, p.Source = line, max(col, 1), s.line(line)
	p.Len = max(1, min(length, utf8.RuneCountInString(p.Source)-p.Col+1))
	return p
}

func nodeLen(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode {
		return utf8.RuneCountInString(n.Value) + 1
	}
	if n.Kind != yaml.ScalarNode {
		return 1
	}
	l := utf8.RuneCountInString(n.Value)
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		l += 2
	}
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		l = 1
	}
	return l
}

// parse gives the root node of the only document, or problems.
func (s *source) parse() (*yaml.Node, []Problem) {
	whole := func(code, format string, args ...any) (*yaml.Node, []Problem) {
		return nil, []Problem{s.problem(code, nil, "", fmt.Sprintf(format, args...))}
	}
	if len(s.text) > MaxFileSize {
		return whole("too-large", "the file has more than %d bytes: a scenario is a page of text", MaxFileSize)
	}
	if !utf8.ValidString(s.text) {
		return whole("encoding", "the file is not UTF-8 text: save it as UTF-8")
	}
	dec := yaml.NewDecoder(bytes.NewReader([]byte(s.text)))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err == io.EOF {
		return whole("empty-file", holdsNothing)
	} else if err != nil {
		return nil, []Problem{s.syntax(err)}
	}
	if err := dec.Decode(&second); err == nil {
		p := s.problem("second-document", &second, "", "a second document begins here: one scenario is one file")
		return nil, []Problem{p}
	} else if err != io.EOF {
		return nil, []Problem{s.syntax(err)}
	}
	root := doc.Content[0]
	if p := s.guard(root); p != nil {
		return nil, []Problem{*p}
	}
	return root, nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntax places a syntax error. yaml.v3 gives no column and often no or a wrong
// line, so a second parser is asked; where it reads the text, yaml.v3's line stays.
func (s *source) syntax(err error) Problem {
	p := Problem{File: s.file, Code: "syntax", For: s.read}
	line, message := 0, err.Error()
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = m[2]
	}
	col := 1
	var any yaml4.Node
	var le *yaml4.LoadError
	if err4 := yaml4.Unmarshal([]byte(s.text), &any); errors.As(err4, &le) && le.Mark.Line > 0 {
		line, col, message = le.Mark.Line, le.Mark.Column, le.Message
		if le.ContextMark.Line > 0 && le.Mark.Line >= len(s.lines) && strings.TrimSpace(s.line(le.Mark.Line)) == "" {
			// The end of the file is no help: show where the open part began.
			line, col = le.ContextMark.Line, le.ContextMark.Column
		}
		if le.ContextMsg != "" {
			message = le.ContextMsg + ": " + message
		}
	}
	if line > len(s.lines) || line > 1 && strings.TrimSpace(strings.Join(s.lines[line-1:], "")) == "" {
		// The text ended too early: at its last sign.
		for line = len(s.lines); line > 1 && strings.TrimSpace(s.line(line)) == ""; line-- {
		}
		col = utf8.RuneCountInString(strings.TrimRight(s.line(line), " \t"))
	}
	p.Message = "this is no valid YAML: " + strings.TrimSpace(message) + advice(s.line(line), message)
	return s.place(p, max(line, 1), max(col, 1), 1)
}

// advice guesses the usual cause of a syntax error from its line and the parser's words.
func advice(line, message string) string {
	switch {
	case strings.Contains(message, "unknown escape character"):
		return " (between \" and \" a \\ begins an escape: write \\\\, or ' for the quotes)"
	case strings.HasPrefix(strings.TrimLeft(line, " "), "\t") || strings.HasPrefix(line, "\t"):
		return " (a tab: indent with spaces)"
	case strings.Contains(line, "${"):
		return " (inside { } and [ ] a variable needs quotes: \"${NAME}\")"
	case (strings.Contains(line, ": {") || strings.HasPrefix(line, "{")) && !strings.Contains(line, "}"):
		return " (a { is not closed)"
	case strings.Contains(line, "[") && !strings.Contains(line, "]"):
		return " (a [ is not closed)"
	}
	return ""
}

// guard refuses alias cycles, alias bombs and absurd nesting in time linear in
// the text, before anything walks the tree with aliases expanded.
func (s *source) guard(root *yaml.Node) *Problem {
	const open = -1
	size := map[*yaml.Node]int{}
	var bad *Problem
	fail := func(n *yaml.Node, format string, args ...any) int {
		if bad == nil {
			p := s.problem("too-many-aliases", n, "", fmt.Sprintf(format, args...))
			bad = &p
		}
		return 1
	}
	var count func(n *yaml.Node, depth int) int
	count = func(n *yaml.Node, depth int) int {
		if depth > maxDepth {
			return fail(n, "nested more than %d deep", maxDepth)
		}
		if n.Kind == yaml.AliasNode {
			if size[n.Alias] == open {
				return fail(n, "the alias *%s contains itself", n.Value)
			}
			return count(n.Alias, depth+1)
		}
		if c := size[n]; c > 0 {
			return c
		}
		size[n] = open
		total := 1 + len(n.Value)/nodeText
		for _, c := range n.Content {
			total += count(c, depth+1)
			if total > maxNodes {
				total = maxNodes + 1
				fail(c, "more than %d values, or %d MB of text, once aliases are expanded", maxNodes, maxNodes*nodeText/1_000_000)
				break
			}
		}
		size[n] = total
		return total
	}
	count(root, 0)
	return bad
}
