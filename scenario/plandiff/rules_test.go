package plandiff

import (
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/scenario"
)

// Every key of the language is named by one rule, and rules name keys that exist. A key
// that only holds others may be left to them.
func TestRulesNameKeys(t *testing.T) {
	all := scenario.Keys()
	named := map[string]int{}
	for _, r := range rules() {
		for _, key := range strings.Fields(r.keys) {
			named[key]++
			if !slices.ContainsFunc(all, func(k scenario.Key) bool { return k.Path == key }) {
				t.Errorf("a rule names %s, which is no key", key)
			}
		}
	}
	for _, k := range all {
		group := slices.ContainsFunc(all, func(o scenario.Key) bool {
			return strings.HasPrefix(o.Path, k.Path+".") || strings.HasPrefix(o.Path, k.Path+"[].")
		})
		switch n := named[k.Path]; {
		case n == 0 && !group:
			t.Errorf("no rule says what a change of %s means", k.Path)
		case n > 1:
			t.Errorf("%d rules speak of %s", n, k.Path)
		}
	}
}
