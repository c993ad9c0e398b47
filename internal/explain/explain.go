// Package explain says in words what a name means that wsrun reads or prints: a key of
// a scenario, a metric, the code of a problem, a class of change, an exit code, a doubt
// about a point, an option of the original tool, a word of the documentation.
package explain

import (
	"slices"
	"strings"
	"sync"
)

// Kinds of topics, in the order in which they are listed.
const (
	KindKey    = "key"
	KindMetric = "metric"
	KindCode   = "problem code"
	KindClass  = "class of change"
	KindExit   = "exit code"
	KindDoubt  = "validity"
	KindNote   = "note"
	KindColumn = "column"
	KindOption = "option of working_set_tester.py"
	KindWord   = "word"
)

// Topic is one explained name.
type Topic struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Text    string   `json:"text"`            // paragraphs; lines that begin with two spaces are kept as they are
	Facts   []Fact   `json:"facts,omitempty"` // what stands beside it as a table
	Also    []string `json:"also,omitempty"`  // names to look at next
	aliases []string // what else it is asked for by
}

// Fact is a line of a topic's table.
type Fact struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// kindWords are what people may put before a name to say which kind they mean.
var kindWords = map[string][]string{
	KindKey: {"key", "keys"}, KindMetric: {"metric", "metrics"}, KindCode: {"code", "codes", "problem", "problems"},
	KindClass: {"class", "classes"}, KindExit: {"exit", "exits"}, KindDoubt: {"validity", "doubt", "doubts", "reason", "reasons"},
	KindNote: {"note", "notes"}, KindColumn: {"column", "columns"}, KindOption: {"option", "options"}, KindWord: {"word", "words"},
}

// Kinds lists the kinds in the order of the list of topics.
func Kinds() []string {
	return []string{KindKey, KindMetric, KindCode, KindClass, KindExit, KindDoubt, KindNote, KindColumn, KindOption, KindWord}
}

// topics are worked out once: to say where a metric can be used, conditions are compiled.
var topics = sync.OnceValue(func() []Topic {
	return slices.Concat(keyTopics(), metricTopics(), codeTopics(), classTopics(), exitTopics(), doubtTopics(), noteTopics(), columnTopics(), optionTopics(), wordTopics())
})

// All gives every topic, by kind.
func All() []Topic { return slices.Clone(topics()) }

// KindOf gives the kind that a word names, as in `wsrun explain metric concurrency`.
func KindOf(word string) (kind string, ok bool) {
	for _, k := range Kinds() {
		if slices.Contains(kindWords[k], strings.ToLower(word)) {
			return k, true
		}
	}
	return "", false
}

// Find gives the topics of a name: several where a name is of several kinds, as
// concurrency is a key and a metric; kind narrows it, empty means all. The last part of
// a key is enough where nothing has it whole: rewarm is warmup.rewarm. Options of the
// original are meant by their dashes, or where nothing else is.
func Find(kind, name string) []Topic {
	plain := normal(name)
	isOption := strings.HasPrefix(strings.TrimSpace(name), "--")
	var exact, parts, options []Topic
	for _, t := range topics() {
		switch {
		case kind != "" && t.Kind != kind:
		case t.Kind == KindOption:
			if t.named(plain) {
				options = append(options, t)
			}
		case isOption:
		case t.named(plain):
			exact = append(exact, t)
		case t.Kind == KindKey && strings.HasSuffix(normal(t.Name), "."+plain):
			parts = append(parts, t)
		}
	}
	if len(exact) == 0 && (kind == "" || kind == KindMetric) {
		if t, ok := scopedMetric(name); ok {
			exact = append(exact, t)
		}
	}
	for _, found := range [][]Topic{exact, options, parts} {
		if len(found) > 0 {
			return found
		}
	}
	return nearly(kind, name)
}

// nearly gives the topics of a name that is written as pages and sentences have it: TTFT
// p95 for ttft.p95, hot_tokens for hot tokens, transitions for transition; or of a file of a
// run.
func nearly(kind, name string) []Topic {
	if t, ok := fileOf(strings.TrimSpace(name)); ok && (kind == "" || kind == t.Kind) {
		return []Topic{t}
	}
	want := folded(name)
	if want == "" {
		return nil
	}
	for _, w := range []string{want, strings.TrimSuffix(want, "s")} {
		var out []Topic
		for _, t := range topics() {
			if kind != "" && t.Kind != kind || t.Kind == KindOption {
				continue
			}
			if folded(t.Name) == w || slices.ContainsFunc(t.aliases, func(a string) bool { return folded(a) == w }) {
				out = append(out, t)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// folded is a name without what pages, columns and conditions write between its parts.
func folded(name string) string {
	return strings.NewReplacer(" ", "", "_", "", ".", "", "-", "").Replace(strings.ToLower(name))
}

func (t Topic) named(plain string) bool {
	return normal(t.Name) == plain || slices.ContainsFunc(t.aliases, func(a string) bool { return normal(a) == plain })
}

// Names lists every name that Find knows, each once, in the order of All: for
// suggestions and completion.
func Names() []string {
	var out []string
	seen := map[string]bool{}
	for _, t := range topics() {
		if !seen[t.Name] {
			seen[t.Name] = true
			out = append(out, t.Name)
		}
	}
	return out
}

// normal makes the ways to write a name equal: stop[0].when, /stop/0/when, stop.when;
// --chunk-size, chunk-size.
func normal(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if strings.HasPrefix(name, "--") {
		return name[2:]
	}
	if strings.HasPrefix(name, "/") {
		name = strings.ReplaceAll(name[1:], "/", ".")
	}
	var out []string
	for _, part := range strings.Split(name, ".") {
		if i := strings.IndexByte(part, '['); i > 0 && strings.HasSuffix(part, "]") {
			part = part[:i]
		}
		if len(out) > 0 && strings.Trim(part, "0123456789") == "" {
			continue // an index
		}
		out = append(out, part)
	}
	return strings.Join(out, ".")
}
