package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// setFile begins the name under which problems of a --set are told, targetFlag is that of
// problems of --target.
const (
	setFile    = "--set "
	targetFlag = "--target"
)

// OnCommandLine reports whether the file of a problem is none: the problem is in an
// argument.
func OnCommandLine(file string) bool { return strings.HasPrefix(file, setFile) || file == targetFlag }

// set reports whether a source is a --set.
func (s *source) set() bool { return strings.HasPrefix(s.file, setFile) }

// segment is one step of a path: a key, or an index in brackets.
type segment struct {
	text    string
	bracket bool
	col     int // where it stands, from 1, in runes
}

// number gives a segment as an index of a list.
func (g segment) number() (int, bool) {
	if len(g.text) > 6 || !plainInteger(g.text) {
		return 0, false
	}
	n, err := strconv.Atoi(g.text)
	return n, err == nil
}

// setting is one --set, while it is laid on a scenario.
type setting struct {
	*layers
	src   *source
	path  []segment
	value *yaml.Node
}

// set lays one path=value on top of everything else, as a file would that extends the
// scenario and says only that.
func (l *layers) set(root *yaml.Node, text string) *yaml.Node {
	s := &setting{layers: l, src: newSource(setName(text), []byte(text))}
	s.src.read, s.src.over, s.src.dir = l.main.file, true, "."
	path, value, ok := s.split(text)
	if !ok || follow(root).Kind != yaml.MappingNode {
		return root
	}
	s.path = path
	if s.value = s.parseValue(value, utf8.RuneCountInString(text)-utf8.RuneCountInString(value)); s.value == nil {
		return root
	}
	if out := s.lay(root, 0, ""); out != nil {
		return out
	}
	return root
}

// setName is what a --set is called in problems: its text, short enough for a line.
func setName(text string) string {
	const most = 60
	text, _, _ = strings.Cut(text, "\n")
	if rs := []rune(text); len(rs) > most {
		text = string(rs[:most]) + "..."
	}
	return setFile + text
}

func (s *setting) fail(col, length int, format string, args ...any) {
	p := Problem{File: s.src.file, Code: "bad-set", Message: fmt.Sprintf(format, args...), For: s.src.read}
	s.problems = append(s.problems, s.src.place(p, 1, col, max(1, length)))
}

const setForm = "write --set path=value, as working_set.max=5M or stop[0].reason=enough"

// split takes path and value apart.
func (s *setting) split(text string) (path []segment, value string, ok bool) {
	c := &cursor{rest: text, col: 1}
	for {
		g, ok := s.segment(c)
		if !ok {
			return nil, "", false
		}
		path = append(path, g)
		switch {
		case len(path) > maxDepth:
			s.fail(g.col, 1, "the path is more than %d keys deep", maxDepth)
			return nil, "", false
		case strings.HasPrefix(c.rest, "="):
			return path, c.rest[1:], true
		case strings.HasPrefix(c.rest, "."):
			c.take(1)
		case !strings.HasPrefix(c.rest, "["):
			s.fail(c.col, 1, "a . or = is missing here: %s", setForm)
			return nil, "", false
		}
	}
}

// cursor is where reading has come to.
type cursor struct {
	rest string
	col  int // from 1, in runes
}

// take moves on by n bytes and gives them.
func (c *cursor) take(n int) string {
	out := c.rest[:n]
	c.rest, c.col = c.rest[n:], c.col+utf8.RuneCountInString(out)
	return out
}

// upTo is the length of the text before the first of some characters.
func (c *cursor) upTo(chars string) int {
	if end := strings.IndexAny(c.rest, chars); end >= 0 {
		return end
	}
	return len(c.rest)
}

// segment reads one step of the path: a key, one in quotes, or an index in brackets.
func (s *setting) segment(c *cursor) (segment, bool) {
	g := segment{col: c.col}
	switch {
	case strings.HasPrefix(c.rest, `"`):
		end := strings.IndexByte(c.rest[1:], '"')
		if end < 0 {
			s.fail(g.col, 1, "the quotes are not closed: %s", setForm)
			return g, false
		}
		g.text = strings.Trim(c.take(end+2), `"`)
	case strings.HasPrefix(c.rest, "["):
		end := strings.IndexByte(c.rest, ']')
		if end < 0 {
			s.fail(g.col, 1, "the bracket is not closed: %s", setForm)
			return g, false
		}
		g.text, g.bracket = strings.Trim(c.take(end+1), "[]"), true
		if _, number := g.number(); !number {
			s.fail(g.col, end+1, "[%s] is no place in a list: write a number, the first is [0]", g.text)
			return g, false
		}
	default:
		g.text = strings.TrimSpace(c.take(c.upTo(`.[="`)))
	}
	switch {
	case g.text == "":
		s.fail(g.col, 1, "a key is missing here: %s", setForm)
		return g, false
	case c.rest == "":
		s.fail(g.col, 1, "there is no =: %s", setForm)
		return g, false
	}
	return g, true
}

// parseValue reads the value as YAML; its place in the --set begins after offset runes.
func (s *setting) parseValue(text string, offset int) *yaml.Node {
	if strings.TrimSpace(text) == "" {
		s.fail(offset, 1, "there is no value: write one, \"\" for an empty text, or null to take the key away")
		return nil
	}
	sub := newSource(s.src.file, []byte(text))
	sub.read = s.src.read
	root, problems := sub.parse()
	for _, p := range problems {
		if p.Code == "empty-file" {
			p.Message, p.Code = "there is no value: what follows # is a comment, write it in quotes, as \"# 1\"", "bad-set"
		}
		if p.Line <= 1 {
			p = s.src.place(p, 1, offset+max(1, p.Col), max(1, p.Len))
		}
		s.problems = append(s.problems, p)
	}
	if root == nil {
		return nil
	}
	shift(root, offset)
	s.own(root, s.src)
	return root
}

// shift moves the nodes of the first line.
func shift(n *yaml.Node, by int) {
	if n.Line == 1 {
		n.Column += by
	}
	for _, c := range n.Content {
		shift(c, by)
	}
}

// lay gives n with the value laid on it at the path's segments from i on; n is nil where
// there was nothing. Nothing of a file is changed: what changes is copied. It gives nil
// where the path leads nowhere.
func (s *setting) lay(n *yaml.Node, i int, path string) *yaml.Node {
	if n != nil {
		n = follow(n)
	}
	if i == len(s.path) {
		if n == nil {
			return s.value
		}
		return s.merge(n, s.value, path)
	}
	g := s.path[i]
	index, number := g.number()
	switch {
	case i == 0 && g.text == "extends":
		s.fail(g.col, len(g.text), "extends cannot be set: which files are read is settled before; name another file, or write one that extends what you mean")
		return nil
	case g.bracket, number && (n == nil || n.Kind == yaml.SequenceNode):
		return s.layItem(n, i, index, path)
	case n != nil && n.Kind == yaml.SequenceNode:
		s.fail(g.col, utf8.RuneCountInString(g.text), "%s is a list: write which of its elements you mean, as %s[0], or set all of it", pathName(path), pathName(path))
		return nil
	}
	return s.layKey(n, i, path)
}

// layKey lays the rest of the path on the value of a key. What is no map gives way to one.
func (s *setting) layKey(n *yaml.Node, i int, path string) *yaml.Node {
	g := s.path[i]
	if n != nil {
		n = s.long(n, path)
	}
	out := s.here(g, yaml.MappingNode, "!!map", "")
	if n != nil && n.Kind == yaml.MappingNode {
		if n.Style&yaml.TaggedStyle != 0 {
			return n // refused for its tag
		}
		out = s.like(n, yaml.MappingNode, "!!map", "")
		out.Content = slices.Clone(n.Content)
	}
	path += "/" + escapePointer(g.text)
	at := -1
	for k := 0; k+1 < len(out.Content); k += 2 {
		if c := out.Content[k]; c.Kind == yaml.ScalarNode && c.Value == g.text {
			at = k
			break
		}
	}
	last := i == len(s.path)-1
	if at >= 0 && last && takesAway(s.value) {
		out.Content = without(out.Content, map[int]bool{at: true})
		return out
	}
	var was *yaml.Node
	if at >= 0 {
		was = out.Content[at+1]
	}
	val := s.lay(was, i+1, path)
	if val == nil {
		return nil
	}
	key := s.here(g, yaml.ScalarNode, "!!str", g.text)
	if at < 0 {
		out.Content = append(out.Content, key, val)
	} else {
		out.Content[at], out.Content[at+1] = key, val
	}
	return out
}

// layItem lays the rest of the path on an element of a list; the place after the last adds
// one. One value may stand for a list.
func (s *setting) layItem(n *yaml.Node, i, index int, path string) *yaml.Node {
	g := s.path[i]
	out := s.here(g, yaml.SequenceNode, "!!seq", "")
	switch {
	case n == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null":
	case n.Kind == yaml.SequenceNode:
		out = s.like(n, yaml.SequenceNode, "!!seq", "")
		out.Content = slices.Clone(n.Content)
	default:
		out.Content = []*yaml.Node{n}
	}
	if index > len(out.Content) {
		s.fail(g.col, len(g.text), "%s has %d elements: the next one is %s[%d]", pathName(path), len(out.Content), pathName(path), len(out.Content))
		return nil
	}
	path += "/" + strconv.Itoa(index)
	if index < len(out.Content) && i == len(s.path)-1 && takesAway(s.value) {
		out.Content = slices.Delete(out.Content, index, index+1)
		return out
	}
	var was *yaml.Node
	if index < len(out.Content) {
		was = s.long(follow(out.Content[index]), path)
	}
	val := s.lay(was, i+1, path)
	switch {
	case val == nil:
		return nil
	case index == len(out.Content):
		out.Content = append(out.Content, val)
	default:
		out.Content[index] = val
	}
	return out
}

// here makes a node that stands at a segment of the path.
func (s *setting) here(g segment, kind yaml.Kind, tag, value string) *yaml.Node {
	n := &yaml.Node{Kind: kind, Tag: tag, Value: value, Line: 1, Column: g.col}
	s.of[n] = s.src
	return n
}
