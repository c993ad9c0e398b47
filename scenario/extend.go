package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// A scenario may extend a base: maps merge, lists and single values replace, an explicit
// null takes away. Files are merged as YAML, before anything is read as a scenario, and
// each node keeps the file that it stands in.

// maxBases bounds how many files extend each other.
const maxBases = 8

// layers puts a file, its bases and the command line's --set on top of each other.
type layers struct {
	opt      Options
	main     *source
	of       map[*yaml.Node]*source // of nodes that stand in other files than main
	files    []SourceFile
	sets     []string // the names of the --set in problems
	chain    []string // the files that extend each other, as paths below the working directory
	reads    map[string]bool
	problems []Problem
	broken   bool // a base could not be read: what is there is not all
}

// stack gives the root of everything merged, nil where the file itself is no YAML.
func (l *layers) stack() *yaml.Node {
	root, problems := l.main.parse()
	l.problems = append(l.problems, problems...)
	if root == nil {
		return nil
	}
	root = l.extended(root, l.main)
	for _, text := range l.opt.Set {
		root = l.set(root, text)
		l.sets = append(l.sets, setName(text))
	}
	if p := l.main.guard(root); p != nil && (len(l.files) > 1 || len(l.opt.Set) > 0) {
		l.problems = append(l.problems, Problem{File: l.main.file, Code: p.Code, Message: p.Message + ", with all bases"})
		return nil
	}
	return root
}

// extended merges a file onto its base, and that onto its own.
func (l *layers) extended(root *yaml.Node, s *source) *yaml.Node {
	l.files = append(l.files, SourceFile{s.file, []byte(s.text)})
	l.chain = append(l.chain, filepath.Clean(s.file))
	at := valueOf(root, "extends")
	if at == nil {
		return root
	}
	if n := follow(at); n.Kind != yaml.ScalarNode || n.Tag != "!!str" || n.Style&yaml.TaggedStyle != 0 {
		l.broken = true // nothing that could be a file: the walker says so
		return root
	}
	s.over = true
	base := l.base(follow(at), s)
	if base == nil {
		l.broken = true
		return root
	}
	return l.merge(base, root, "")
}

// valueOf gives the value of a key of a map, nil where there is none.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	n = follow(n)
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Kind == yaml.ScalarNode && n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// base reads the file that extends names, merged onto its own bases; nil and a problem
// where that cannot be.
func (l *layers) base(at *yaml.Node, s *source) *yaml.Node {
	fail := func(code, format string, args ...any) *yaml.Node {
		l.problems = append(l.problems, s.problem(code, at, "/extends", fmt.Sprintf(format, args...)))
		return nil
	}
	w := l.walker()
	filled, ok := w.fill(at, "/extends")
	if l.problems = append(l.problems, w.problems...); !ok {
		return nil
	}
	name := filled.Value
	if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" {
		return fail("bad-extends", "extends names a YAML file, as _base.yaml; %q ends in neither .yaml nor .yml", name)
	}
	path, inside := below(s.dir, name)
	if !inside {
		return fail("outside-working-directory", "extends %s leaves the working directory: run wsrun in a directory that holds both files%s", name, l.whole(s))
	}
	if i := slices.Index(l.chain, path); i >= 0 {
		return fail("bad-extends", "files extend each other in a circle: %s", strings.Join(append(l.chain[i:len(l.chain):len(l.chain)], path), " -> "))
	}
	if len(l.chain) > maxBases {
		return fail("bad-extends", "more than %d files extend each other: %s ...: put some of them together", maxBases, strings.Join(l.chain[:3], " -> "))
	}
	src, err := l.opt.readBelow(path)
	if err != nil {
		return fail("bad-extends", "extends %s: %s: %s%s", name, filepath.ToSlash(path), readMessage(err), l.whole(s))
	}
	return l.parsed(filepath.ToSlash(path), src, at, s)
}

// whole names the one file that a run keeps beside a scenario whose bases it cannot keep
// where the scenario looks for them.
func (l *layers) whole(s *source) string {
	beside := filepath.Join(filepath.Dir(s.file), MergedFile)
	if filepath.Base(s.file) != KeptFile || l.opt.ReadFile != nil {
		return ""
	}
	if _, err := os.Stat(beside); err != nil {
		return ""
	}
	return "; this is the scenario that a run kept, and " + filepath.ToSlash(beside) + " holds all of it"
}

// parsed reads the text of a base.
func (l *layers) parsed(path string, src []byte, at *yaml.Node, from *source) *yaml.Node {
	s := newSource(path, src)
	s.read = l.main.file
	root, problems := s.parse()
	l.problems = append(l.problems, problems...)
	if root == nil {
		l.files = append(l.files, SourceFile{path, src})
		return nil
	}
	if follow(root).Kind != yaml.MappingNode {
		l.problems = append(l.problems, from.problem("bad-extends", at, "/extends", fmt.Sprintf("extends %s: expected keys and values, found %s", path, describe(follow(root)))))
		return nil
	}
	l.own(root, s)
	return l.extended(root, s)
}

// walker reads single values of a file before all files are merged.
func (l *layers) walker() *walker {
	w := newWalker(l.main)
	w.of, w.opt, w.reads = l.of, &l.opt, l.reads
	return w
}

// own notes that a node and all in it stand in s.
func (l *layers) own(n *yaml.Node, s *source) {
	l.of[n] = s
	for _, c := range n.Content {
		l.own(c, s)
	}
}

func (l *layers) sourceOf(n *yaml.Node) *source {
	if s := l.of[n]; s != nil {
		return s
	}
	return l.main
}

// like makes a node that stands where another does.
func (l *layers) like(n *yaml.Node, kind yaml.Kind, tag, value string) *yaml.Node {
	out := &yaml.Node{Kind: kind, Tag: tag, Value: value, Line: n.Line, Column: n.Column}
	if kind != yaml.ScalarNode {
		out.Style = n.Style & yaml.FlowStyle
	}
	if s := l.sourceOf(n); s != l.main {
		l.of[out] = s
	}
	return out
}

// merge lays over on top of under: the values of a map one by one, all else as a whole.
// What is laid on a target that was written as a URL keeps the URL.
func (l *layers) merge(under, over *yaml.Node, path string) *yaml.Node {
	o, u := follow(over), l.long(follow(under), path)
	if o.Kind != yaml.MappingNode || u.Kind != yaml.MappingNode || o.Style&yaml.TaggedStyle != 0 {
		return over
	}
	if u.Style&yaml.TaggedStyle != 0 {
		return under // refused for its tag
	}
	out := l.like(o, yaml.MappingNode, "!!map", "")
	out.Content = slices.Clone(u.Content)
	at := map[string]int{} // where each key of under stands, where none of over has met it
	for i := len(u.Content) - 2; i >= 0; i -= 2 {
		if u.Content[i].Kind == yaml.ScalarNode {
			at[u.Content[i].Value] = i
		}
	}
	gone := map[int]bool{}
	for i := 0; i+1 < len(o.Content); i += 2 {
		key, val := o.Content[i], o.Content[i+1]
		j, both := at[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || !both:
			out.Content = append(out.Content, key, val)
			continue
		case takesAway(val):
			gone[j] = true
		default:
			out.Content[j], out.Content[j+1] = key, l.merge(out.Content[j+1], val, path+"/"+escapePointer(key.Value))
		}
		delete(at, key.Value) // a second one is a duplicate, which the walker finds
	}
	out.Content = without(out.Content, gone)
	return out
}

// without leaves out the pairs that begin at the given places.
func without(content []*yaml.Node, gone map[int]bool) []*yaml.Node {
	if len(gone) == 0 {
		return content
	}
	var kept []*yaml.Node
	for i := 0; i+1 < len(content); i += 2 {
		if !gone[i] {
			kept = append(kept, content[i], content[i+1])
		}
	}
	return kept
}

// takesAway reports whether a value is a null that was written out. A key without a value
// is a slip and stays one.
func takesAway(n *yaml.Node) bool {
	n = follow(n)
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Value != "" && n.Style&yaml.TaggedStyle == 0
}

// long writes a short form out, so that keys can be laid on it: a target that is a URL, a
// stop that is a condition.
func (l *layers) long(n *yaml.Node, path string) *yaml.Node {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || n.Style&yaml.TaggedStyle != 0 {
		return n
	}
	key := ""
	switch path = indexPath(path); path {
	case "/target":
		if key = "endpoints"; n.Value == "simulator" {
			key = "simulator"
		}
	case "/stop/*":
		key = "when"
	default:
		return n
	}
	out := l.like(n, yaml.MappingNode, "!!map", "")
	val := n
	if key == "simulator" {
		val = l.like(n, yaml.MappingNode, "!!map", "")
		val.Style = yaml.FlowStyle
	}
	out.Content = []*yaml.Node{l.like(n, yaml.ScalarNode, "!!str", key), val}
	return out
}

// fromBase says how to take away the one of two keys that comes from a base, where the
// other does not.
func (r *resolver) fromBase(one, other string) string {
	a, b := r.at[one].value, r.at[other].value
	if a == nil || b == nil || r.sourceOf(a) == r.sourceOf(b) {
		return ""
	}
	lower := one
	over, under := r.sourceOf(b), r.sourceOf(a)
	if under.set() || under == r.src && over.read != "" && !over.set() {
		lower, over, under = other, under, over
	}
	name := lower[strings.LastIndexByte(lower, '/')+1:]
	if over.set() {
		return fmt.Sprintf("; %s is in %s: --set %s=null takes it away", name, under.file, pathName(lower))
	}
	return fmt.Sprintf("; %s is in %s: %s: null in a file that extends it takes it away", name, under.file, name)
}

// dirOf gives the directory that paths in a file are relative to, as a path below the
// working directory where it lies there.
func dirOf(file string) string {
	if !filepath.IsAbs(file) {
		return filepath.Dir(file)
	}
	if here, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(here, file); err == nil && filepath.IsLocal(rel) {
			return filepath.Dir(rel)
		}
	}
	return filepath.Dir(file)
}

// below gives the path of a file that one in dir names, and reports whether it lies below
// the working directory.
func below(dir, name string) (string, bool) {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) || strings.HasPrefix(name, string(filepath.Separator)) {
		return "", false
	}
	path := filepath.Join(dir, name)
	return path, filepath.IsLocal(path)
}

// fileAt gives, as seen from the working directory, the file that the value at a path
// names: it is written as seen from the file that holds the value. ok is false where it
// leads out of the working directory.
func (r *resolver) fileAt(at, name string) (path string, ok bool) {
	dir := r.src.dir
	if p, given := r.at[at]; given {
		dir = r.sourceOf(p.value).dir
	}
	switch path, ok = below(dir, name); {
	case ok:
		return path, true
	case path == "" || !local(name):
		return "", false
	}
	// The scenario itself lies elsewhere (standard input, an absolute path).
	return filepath.Clean(name), true
}

// byCommandLine reports whether the value at a path was written with --set: whoever calls
// wsrun may name any file, a scenario only those below the working directory.
func (r *resolver) byCommandLine(path string) bool {
	p, given := r.at[path]
	return given && r.sourceOf(p.value).set()
}
