package explain

import (
	"slices"
	"strings"

	"github.com/wsrun/wsrun/internal/migrate"
	"github.com/wsrun/wsrun/scenario"
)

// keyTopics explains the keys of a scenario, from the language's own table.
func keyTopics() []Topic {
	keys := scenario.Keys()
	out := make([]Topic, len(keys))
	for i, k := range keys {
		out[i] = Topic{Kind: KindKey, Name: k.Path, Text: k.Description, Facts: keyFacts(k), Also: childrenOf(k.Path, keys)}
	}
	return out
}

func keyFacts(k scenario.Key) []Fact {
	var f facts
	f.add("type", k.Type)
	switch {
	case k.Default != "":
		f.add("default", k.Default)
	case k.Required && strings.Contains(k.Path, "."):
		f.add("default", "none: it must be written where "+k.Path[:strings.LastIndexByte(k.Path, '.')]+" is")
	case k.Required:
		f.add("default", "none: it must be written")
	}
	if len(k.Modes) < len(scenario.Modes()) {
		f.add("modes", strings.Join(k.Modes, " and ")+" only")
	}
	f.add("values", strings.Join(k.Values, ", "))
	f.add("example", strings.Join(k.Examples, "   or   "))
	f.add("a change", classWords(k))
	f.add("original", k.Original)
	return f
}

// classWords says what a change of the key means to wsrun diff, by mode where that
// differs.
func classWords(k scenario.Key) string {
	var out []string
	for _, mode := range k.Modes {
		class := k.Class[mode]
		if i := slices.IndexFunc(out, func(s string) bool { return strings.HasSuffix(s, ": "+class) }); i >= 0 {
			out[i] = strings.Replace(out[i], ": ", ", "+mode+": ", 1)
			continue
		}
		out = append(out, mode+": "+class)
	}
	if len(out) == 1 {
		_, class, _ := strings.Cut(out[0], ": ")
		return class
	}
	return strings.Join(out, "; ")
}

// childrenOf lists the keys one step below a key.
func childrenOf(path string, keys []scenario.Key) []string {
	var out []string
	for _, k := range keys {
		for _, prefix := range []string{path + ".", path + "[]."} {
			if rest, ok := strings.CutPrefix(k.Path, prefix); ok && !strings.Contains(rest, ".") {
				out = append(out, k.Path)
			}
		}
	}
	return out
}

// optionTopics says which keys stand for an option of the original.
func optionTopics() []Topic {
	var names []string
	keys := map[string][]string{}
	for _, k := range scenario.Keys() {
		for _, o := range strings.Split(k.Original, ", ") {
			if o == "" {
				continue
			}
			if keys[o] == nil {
				names = append(names, o)
			}
			keys[o] = append(keys[o], k.Path)
		}
	}
	var out []Topic
	for _, o := range names {
		out = append(out, Topic{Kind: KindOption, Name: o, Also: keys[o],
			Text: "Says the same as " + strings.Join(keys[o], ", ") + "." + translates})
	}
	for _, o := range migrate.OptionNames() {
		if why, ok := migrate.NotNeeded(o); ok && keys[o] == nil {
			out = append(out, Topic{Kind: KindOption, Name: o, Text: sentence(why) + translates})
		}
	}
	return out
}

const translates = " wsrun init --from-flags translates a whole command line."

// codeTopics explains the codes of problems, which stand in brackets behind a message.
func codeTopics() []Topic {
	var out []Topic
	for _, code := range scenario.Codes() {
		text, _ := scenario.CodeHelp(code)
		out = append(out, Topic{Kind: KindCode, Name: code, Text: strings.TrimRight(text, "\n")})
	}
	return out
}

// facts collects those that say something.
type facts []Fact

func (f *facts) add(name, text string) {
	if text != "" {
		*f = append(*f, Fact{name, text})
	}
}
