package scenario

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Values may name environment variables: ${NAME}, and ${NAME:-default} for one that is
// unset or empty. $${ stands for the two characters ${. Keys are taken as they are.
//
// What is sent or contacted may hold a secret: header values, strings of the body, the
// user-info and the query of a URL, a command. There the reference itself is kept, in the
// Scenario and so in the record, and Reveal fills in its value just before a run.
// Everywhere else the value is filled in at load.

// piece is a part of a text: literal text, or a reference.
type piece struct {
	text     string // literal, $${ read as ${
	name     string // of a reference; empty for literal text
	def      string // what stands after :-
	fallback bool   // it has a default
	from, to int    // where it stands in the text, in runes
}

var reference = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:-)([^{}]*))?\}`)

// hasRefs reports whether a text may hold references.
func hasRefs(text string) bool { return strings.Contains(text, "${") }

// pieces takes a text apart. bad is the rune where something begins that looks like a
// reference and is none, -1 where there is no such thing.
func pieces(text string) (out []piece, bad int) {
	from, at := 0, 0
	var literal strings.Builder
	take := func(n int, read string) {
		literal.WriteString(read)
		at += utf8.RuneCountInString(text[:n])
		text = text[n:]
	}
	flush := func() {
		if at > from {
			out = append(out, piece{text: literal.String(), from: from, to: at})
			literal.Reset()
		}
		from = at
	}
	for text != "" {
		next := strings.Index(text, "${")
		switch {
		case next < 0:
			take(len(text), text)
			continue
		case next > 0 && text[next-1] == '$':
			take(next+2, text[:next-1]+"${")
			continue
		}
		take(next, text[:next])
		flush()
		m := reference.FindStringSubmatch(text)
		if m == nil {
			return out, at
		}
		width := utf8.RuneCountInString(m[0])
		out = append(out, piece{name: m[1], def: m[3], fallback: m[2] != "", from: at, to: at + width})
		at += width
		from, text = at, text[len(m[0]):]
	}
	flush()
	return out, -1
}

// written gives a piece as a file writes it.
func (p piece) written() string {
	switch {
	case p.name == "":
		return strings.ReplaceAll(p.text, "${", "$${")
	case p.fallback:
		return "${" + p.name + ":-" + p.def + "}"
	}
	return "${" + p.name + "}"
}

// value looks a reference up.
func (p piece) value(env func(string) (string, bool)) (string, bool) {
	if p.name == "" {
		return p.text, true
	}
	v, set := "", false
	if env != nil {
		v, set = env(p.name)
	}
	if p.fallback && v == "" {
		return p.def, true
	}
	return v, set
}

// mayRead reports whether a scenario may read a variable: WSRUN_* and the names that the
// command line allows. A scenario of a pull request must not read a CI's secrets.
func mayRead(name string, allowed []string) bool {
	return strings.HasPrefix(name, "WSRUN_") || slices.Contains(allowed, name)
}

// Readable gives the variables that a scenario may read, WSRUN_* and the allowed ones, out
// of an environment: what Reveal takes for a run whose scenario was checked elsewhere.
func Readable(env func(string) (string, bool), allowed []string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if env == nil || !mayRead(name, allowed) {
			return "", false
		}
		return env(name)
	}
}

// filled is a value with its variables filled in.
type filled struct {
	node  *yaml.Node // as it stands in the file
	out   *yaml.Node // with the values
	parts []piece    // of its text
	ends  []int      // where each part ends in the filled text, in runes
}

// byVariable reports whether a text gets what is secret in it from variables: it names
// one, and none has a default that stands in the file.
func byVariable(text string) bool {
	parts, bad := pieces(text)
	named := false
	for _, p := range parts {
		named = named || p.name != ""
		if p.def != "" {
			return false
		}
	}
	return named && bad < 0
}

// literalText gives a text without its references.
func literalText(text string) string {
	parts, _ := pieces(text)
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(strings.ReplaceAll(p.text, "${", ""))
	}
	return b.String()
}

// brokenHeader reports whether the values of a header's variables break it.
func (r *resolver) brokenHeader(text string) bool {
	if !hasRefs(text) {
		return false
	}
	reveal := revealer{env: r.opt.Env, values: map[string]bool{}}
	reveal.header("", text)
	return len(reveal.errs) > 0
}

// before gives the part of the file's text that a part of the filled text comes from, in
// runes; of a variable's value it is the whole reference.
func (f *filled) before(from, to int) (int, int) {
	start, end := -1, 0
	begin := 0
	for i, p := range f.parts {
		if from < f.ends[i] && start < 0 {
			start = p.from
			if p.name == "" {
				start += from - begin
			}
		}
		if to <= f.ends[i] && start >= 0 {
			end = p.to
			if p.name == "" {
				end = p.from + to - begin
			}
			break
		}
		begin, end = f.ends[i], p.to
	}
	if start < 0 {
		start = max(0, end-1)
	}
	return start, end
}

// keptLiterally reports whether references at a path stay until the run: what is there may
// be a secret.
func keptLiterally(path string) bool {
	return within(path, "/target/headers") || within(path, "/target/body") || within(path, "/warmup/reset/command")
}

// keyVariable is the default of target.api_key_env.
const keyVariable = "WSRUN_API_KEY"

// urlAt reports whether the value at a path is a URL.
func urlAt(path string) bool {
	return path == "/target" || within(path, "/target/endpoints") || within(path, "/target/metrics") || within(path, "/warmup/reset/post")
}

// mostReferences is how often ${ may stand in one value.
const mostReferences = 1000

// fill gives a scalar with its variables filled in, and reports false where one of them
// cannot be read. The new node stands where the old one does.
func (w *walker) fill(n *yaml.Node, path string) (*yaml.Node, bool) {
	was := w.was[n]
	if n.Kind != yaml.ScalarNode || !hasRefs(n.Value) || was != nil && was.node != n {
		return n, true // what came out of a variable is not read again
	}
	isURL := urlAt(path)
	parts, ok := w.readablePieces(n, path, isURL)
	if !ok || keptLiterally(path) {
		return n, ok
	}
	if was != nil && (was.ends == nil) == isURL {
		return was.out, true // an alias: filled in once
	}
	for _, p := range parts {
		v, _ := p.value(w.opt.Env)
		if w.grown += len(v); w.grown > MaxFileSize {
			return n, w.fail("too-large", n, path, "%s: with the values of their variables the texts of the scenario have more than %d bytes", pathName(path), MaxFileSize)
		}
	}
	out, f := *n, &filled{node: n, parts: parts}
	if isURL {
		out.Value = fillURL(parts, w.opt.Env)
	} else {
		out.Value, f.ends = fillText(parts, w.opt.Env)
	}
	out.Tag = plainTag(out.Value)
	f.out = &out
	w.was[&out], w.was[n] = f, f
	return &out, true
}

// readablePieces takes a value apart, and reports false where something in it is no
// variable, or one that cannot be read.
func (w *walker) readablePieces(n *yaml.Node, path string, isURL bool) ([]piece, bool) {
	if count := strings.Count(n.Value, "${"); count > mostReferences {
		return nil, w.fail("bad-variable", n, path, "%s: ${ stands in one value %d times, at most %d are read", pathName(path), count, mostReferences)
	}
	parts, bad := pieces(n.Value)
	if bad >= 0 {
		return nil, w.failPart("bad-variable", n, path, bad, bad+2, "%s: this is no variable: write ${NAME} or ${NAME:-default}, or $${ for the characters ${ themselves", pathName(path))
	}
	if w.opt == nil {
		return nil, w.failPart("bad-variable", n, path, parts[0].from, parts[0].to, "%s: variables are read in scenarios alone: write the value out", pathName(path))
	}
	good, kept := true, keptLiterally(path)
	var zones []zone
	if isURL {
		zones = zonesOf(parts)
	}
	for i, p := range parts {
		secret := kept || isURL && (zones[i] == userZone || zones[i] == queryZone)
		good = w.readable(p, n, path, secret) && good
	}
	return parts, good
}

// readable holds a reference against what may be read and what is set. A secret has no
// default: it would stand in the file.
func (w *walker) readable(p piece, n *yaml.Node, path string, secret bool) bool {
	if p.name == "" {
		return true
	}
	w.reads[p.name] = true
	if !mayRead(p.name, w.opt.AllowedEnv) {
		return w.failPart("env-not-allowed", n, path, p.from, p.to, "%s: ${%s} may not be read: only WSRUN_* and names given with --env; a scenario must not read a CI's secrets", pathName(path), p.name)
	}
	if p.name == keyVariable && !keptLiterally(path) && !urlAt(path) {
		return w.failPart("env-not-allowed", n, path, p.from, p.to, "%s: ${%s} holds a key and would be shown: it may stand in headers, the body, a URL and a reset command alone", pathName(path), p.name)
	}
	if _, ok := p.value(w.opt.Env); !ok && secret {
		return w.failPart("unset-variable", n, path, p.from, p.to, "%s: the environment variable %s is not set: set it; to validate, plan and diff an empty value will do", pathName(path), p.name)
	} else if !ok {
		return w.failPart("unset-variable", n, path, p.from, p.to, "%s: the environment variable %s is not set: set it, or write a default as ${%s:-value}", pathName(path), p.name, p.name)
	}
	return true
}

// fillText joins the values, and says where each ends, in runes.
func fillText(parts []piece, env func(string) (string, bool)) (text string, ends []int) {
	var b strings.Builder
	width := 0
	for _, p := range parts {
		v, _ := p.value(env)
		b.WriteString(v)
		width += utf8.RuneCountInString(v)
		ends = append(ends, width)
	}
	return b.String(), ends
}

// plainTag is the type that a text would have in a file without quotes: a variable may
// hold a number or a truth value.
func plainTag(text string) string {
	switch {
	case decimalInt.MatchString(text):
		return "!!int"
	case decimalFloat.MatchString(text):
		return "!!float"
	case text == "true" || text == "false":
		return "!!bool"
	}
	return "!!str"
}

// failPart notes a problem at a part of a scalar's text, in runes.
func (w *walker) failPart(code string, n *yaml.Node, path string, from, to int, format string, args ...any) bool {
	p := w.problem(code, n, path, fmt.Sprintf(format, args...))
	s := w.sourceOf(n)
	if line, col, ok := s.inside(n, from); ok {
		p = s.place(p, line, col, to-from)
	}
	w.problems = append(w.problems, p)
	return false
}
