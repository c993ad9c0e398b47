package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	exprchecker "github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"

	"github.com/wsrun/wsrun/scenario/metric"
)

// Scope says where a condition stands, which decides the names it may read.
type Scope uint8

// Scopes of a condition.
const (
	StopScope      Scope = iota // total., prev. and best. are known, edges are not
	ExpectScope                 // a point's total, or edges
	WhereScope                  // what names a point: context, hit_rate, concurrency ...
	EdgeWhereScope              // what names a curve: context, hit_rate, concurrency
)

// Bounds of a condition.
const (
	maxConditionRunes = 4096
	maxConditionNodes = 400
)

// condError is what is wrong with a condition; from and to are runes of its text.
type condError struct {
	from, to int
	code     string
	message  string
}

func (e *condError) Error() string { return e.message }

// Compile reads a condition. tiers are the stated tiers' names, which edge.NAME and
// tier_share.NAME may read. The error is a sentence; positions are runes of text.
func Compile(text string, scope Scope, tiers ...string) (*Condition, error) {
	c, e := compile(text, scope, tiers)
	if e != nil {
		return nil, e
	}
	return c, nil
}

func compile(text string, scope Scope, tiers []string) (*Condition, *condError) {
	n := utf8.RuneCountInString(text)
	if n > maxConditionRunes {
		return nil, &condError{0, 1, "condition-too-long", fmt.Sprintf("the condition has %d characters, at most %d are read", n, maxConditionRunes)}
	}
	plain, coded := codeTiers(text, tiers)
	plain, lits, le := blank(plain)
	if le != nil {
		return nil, &condError{le.from, le.to, "condition-literal", le.msg}
	}
	if e := foreign([]rune(plain)); e != nil {
		return nil, e
	}
	c := &Condition{text: text, lits: lits, coded: coded}
	k := &checker{cond: c, text: []rune(text), scope: scope, tiers: tiers, seen: map[string]bool{}}
	config := conf.New(environment)
	config.MaxNodes, config.DisableIfOperator, config.Expect = maxConditionNodes, true, reflect.Bool
	tree, err := parser.ParseWithConfig(plain, config)
	if err != nil {
		return nil, syntaxError([]rune(text), err)
	}
	isBool, e := k.condition(tree.Node)
	switch {
	case e != nil:
		return nil, e
	case !isBool:
		return nil, &condError{0, n, "condition-type", "this is a number, not a condition: compare it, as in " + strings.TrimSpace(text) + " > 1"}
	case len(k.seen) == 0:
		return nil, &condError{0, n, "condition-constant", "the condition names no metric, so it is always the same: name one, as in error_rate > 5%"}
	}
	// expr's own types, as a second opinion. No option that installs a visitor may
	// be used here: with one, unknown names inside a call compile (expr v1.17.8,
	// checker.go callNode).
	if _, err := exprchecker.Check(tree, config); err != nil {
		return nil, syntaxError([]rune(text), err)
	}
	c.root = tree.Node
	c.names = sortedKeys(k.seen)
	return c, nil
}

// environment is the catalogue as expr's types. It is the same in all scopes: the
// scope's own rules are checked on the tree, with better sentences.
var environment = exprEnvironment()

func exprEnvironment() types.Map {
	root := types.Map{}
	for _, d := range metric.All() {
		group, name, nested := strings.Cut(d.Name, ".")
		switch {
		case d.Name == "server.": // some of its names have a second dot
			root[group] = types.Map{types.Extra: types.Any}
		case d.Open:
			root[group] = types.Map{types.Extra: types.Float64}
		case nested:
			sub, ok := root[group].(types.Map)
			if !ok {
				sub = types.Map{}
				root[group] = sub
			}
			sub[name] = types.Float64
		default:
			root[group] = types.Float64
		}
	}
	whole := types.Map{}
	for k, v := range root {
		whole[k] = v
	}
	for _, p := range scopePrefixes {
		whole[p] = root
	}
	return whole
}

// scopePrefixes stand in front of a metric in a stop.
var scopePrefixes = []string{"total", "prev", "best"}

// cutScope takes the prefix off a name; prefix is empty where there is none.
func cutScope(full string) (prefix, base string) {
	if head, rest, has := strings.Cut(full, "."); has && slices.Contains(scopePrefixes, head) {
		return head, rest
	}
	return "", full
}
