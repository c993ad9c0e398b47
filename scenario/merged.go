package scenario

import (
	"bytes"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// kept is what is needed to keep a scenario with its run.
type kept struct {
	root    *yaml.Node // the file with its bases and --set
	sets    []string   // the names of the --set
	beside  []SourceFile
	dir     string // the scenario's own directory
	profile profilePath
}

// profilePath is the node that names a simulator profile's file, in a file of another
// directory, and that file as seen from the scenario's.
type profilePath struct {
	node *yaml.Node
	path string
}

// profilePath finds it; the node is nil where the path is good as it stands.
func (w *walker) profilePath() profilePath {
	at, given := w.at["/target/simulator/profile"]
	if !given {
		return profilePath{}
	}
	n := follow(at.value)
	dir := w.sourceOf(n).dir
	if !isFile(n.Value) || hasRefs(n.Value) || dir == w.src.dir || filepath.IsAbs(n.Value) {
		return profilePath{}
	}
	rel, err := filepath.Rel(w.src.dir, filepath.Join(dir, filepath.FromSlash(n.Value)))
	if err != nil {
		return profilePath{}
	}
	rel = filepath.ToSlash(rel)
	if !isFile(rel) {
		rel = "./" + rel
	}
	return profilePath{n, rel}
}

// Names under which a run keeps its scenario.
const (
	KeptFile   = "scenario.yaml"        // the file as given
	MergedFile = "scenario.merged.yaml" // where others have a say too: all of it in one file
)

// Kept gives the files that reproduce the scenario, by their paths in the directory of a
// run: the file as given; where it extends others, or --set was used, all of it in one file
// as well; and each base and simulator profile, where it stands as seen from the scenario,
// or below beside/ where that is outside. Variables stay as written: no value is in them.
func (p *Plan) Kept() ([]SourceFile, error) {
	out := []SourceFile{{KeptFile, p.Source}}
	taken := map[string]bool{KeptFile: true, MergedFile: true}
	if p.layered() {
		text, err := p.merged()
		if err != nil {
			return nil, err
		}
		out = append(out, SourceFile{MergedFile, text})
	}
	var others []SourceFile
	if len(p.Sources) > 1 {
		others = p.Sources[1:]
	}
	for _, f := range append(others[:len(others):len(others)], p.kept.beside...) {
		name, err := filepath.Rel(p.kept.dir, filepath.FromSlash(f.Path))
		name = filepath.ToSlash(name)
		if ext := path.Ext(name); err != nil || !filepath.IsLocal(name) || taken[name] || ext != ".yaml" && ext != ".yml" {
			name = path.Join("beside", path.Base(f.Path))
		}
		for i := 2; taken[name]; i++ {
			name = path.Join("beside", fmt.Sprintf("%d_%s", i, path.Base(f.Path)))
		}
		taken[name] = true
		out = append(out, SourceFile{name, f.Text})
	}
	return out, nil
}

// layered reports whether more than the scenario's own file says what it asks for.
func (p *Plan) layered() bool { return len(p.Sources) > 1 || len(p.kept.sets) > 0 }

// merged gives the scenario as one file: with all that it extends and all that the command
// line set, variables as written. Comments and anchors stay in the files that it is made
// of.
func (p *Plan) merged() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# What was run, in one file:\n#   " + oneLine(p.Path) + "\n")
	for _, f := range p.Sources[1:] {
		b.WriteString("#   extends " + oneLine(f.Path) + "\n")
	}
	for _, name := range p.kept.sets {
		b.WriteString("#   " + oneLine(name) + "\n")
	}
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(p.plain(p.kept.root, "")); err != nil {
		return nil, fmt.Errorf("%s: its files cannot be put into one: %w", p.Path, err)
	}
	return b.Bytes(), e.Close()
}

// oneLine keeps a name inside its comment.
func oneLine(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }

// plain copies a tree without aliases, comments, the keys that a null takes away, and the
// name of the base.
func (p *Plan) plain(n *yaml.Node, at string) *yaml.Node {
	n = follow(n)
	out := &yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value}
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			out.Content = append(out.Content, p.plain(c, at))
		}
		if n == p.kept.profile.node {
			out.Value = p.kept.profile.path
		}
		return out
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		sub := at + "/" + escapePointer(key.Value)
		if sub == "/extends" || !within(at, "/target/body") && takesAway(val) {
			continue
		}
		out.Content = append(out.Content, p.plain(key, sub), p.plain(val, sub))
	}
	return out
}
