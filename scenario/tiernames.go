package scenario

import (
	"strings"

	"github.com/wsrun/wsrun/internal/nearest"
)

// tierFamilies are the metrics whose last part is the name of a tier.
var tierFamilies = []string{"edge.", "tier_share."}

// codeTiers makes identifiers of the stated tiers' names in the text of a condition:
// expr would read edge.cpu-dram as a difference and edge.3fs as a number. A hyphen
// becomes _ and a digit in front a capital letter, which no name holds, so that
// different names stay different and every place stays the user's. coded gives what
// each changed name, with its family, was.
func codeTiers(text string, tiers []string) (plain string, coded map[string]string) {
	out := []byte(text)
	for i := 0; i < len(text); i++ {
		for _, family := range tierFamilies {
			at := i + len(family)
			if !strings.HasPrefix(text[i:], family) || i > 0 && isWord(rune(text[i-1])) {
				continue
			}
			name := statedAt(text[at:], tiers)
			code := codedName(name)
			if code == name {
				continue
			}
			copy(out[at:], code)
			if coded == nil {
				coded = map[string]string{}
			}
			coded[family+code] = family + name
		}
	}
	return string(out), coded
}

// statedAt gives the longest stated name that rest begins with and that ends there as
// a word. Where there is none it is all that could be a name, if that is near to a
// stated one or begins with a digit: so that what is said of it names it whole.
func statedAt(rest string, tiers []string) (name string) {
	for _, t := range tiers {
		if len(t) > len(name) && strings.HasPrefix(rest, t) && (len(rest) == len(t) || !isWord(rune(rest[len(t)]))) {
			name = t
		}
	}
	if name != "" {
		return name
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return (r < 'a' || r > 'z') && !isDigit(r) && r != '-' })
	if end < 0 {
		end = len(rest)
	}
	if all := strings.TrimRight(rest[:end], "-"); all != "" && (isDigit(rune(all[0])) || nearest.Name(all, tiers) != "") {
		return all
	}
	return ""
}

func codedName(name string) string {
	if name == "" {
		return ""
	}
	b := []byte(strings.ReplaceAll(name, "-", "_"))
	if isDigit(rune(b[0])) {
		b[0] += 'A' - '0'
	}
	return string(b)
}

// original gives a name of the condition as it was written.
func (c *Condition) original(full string) string {
	for code, name := range c.coded {
		if _, base := cutScope(full); base == code {
			return strings.TrimSuffix(full, code) + name
		}
	}
	return full
}

// tierOf gives the name of the tier that a metric is about.
func tierOf(base string) (tier string, ok bool) {
	for _, family := range tierFamilies {
		if tier, ok = strings.CutPrefix(base, family); ok {
			return tier, true
		}
	}
	return "", false
}
