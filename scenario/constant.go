package scenario

import (
	"math"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/wsrun/wsrun/scenario/metric"
)

// constant gives what a number without any name is. ok is false where there is a name.
func (k *checker) constant(n ast.Node) (v span, ok bool) {
	named := false
	v = evaluator{k.cond.lits, func(string) metric.Value {
		named = true
		return metric.Value{}
	}}.number(n)
	return v, !named
}

// varies refuses the comparison of a metric with a number that it cannot lie on both
// sides of: error_rate > 200 is never true, and ttft.p95 >= 0s always is. What chooses
// points may: it only says that all are meant.
func (k *checker) varies(n *ast.BinaryNode) *condError {
	if k.scope == WhereScope || k.scope == EdgeWhereScope {
		return nil
	}
	a, b := k.reach(n.Left), k.reach(n.Right)
	if a.name == b.name {
		return nil // neither is a metric, or both are the same
	}
	answer := compare(n.Operator, a.span, b.span)
	if answer == Unknown {
		return nil
	}
	words := map[Tri]string{True: "always", False: "never"}[answer]
	return k.fail(n, "condition-constant", "%s, so this is %s true: write a number that it can be above and below", a.limits+b.limits, words)
}

// reached is what a side of a comparison can be: a metric's range, or a constant.
type reached struct {
	span
	name   string // of the metric
	limits string // in words
}

// reach gives the range of a metric, or a constant's value; no data for anything else.
func (k *checker) reach(n ast.Node) reached {
	full, isName := dotted(n)
	if !isName {
		v, ok := k.constant(n)
		v.ok = v.ok && ok
		return reached{span: v}
	}
	full = k.cond.original(full)
	_, base := cutScope(full)
	d, known := metric.Find(base)
	switch {
	case !known || strings.HasPrefix(base, "server."):
		return reached{name: full}
	case d.Unit == metric.Percent:
		return reached{span{0, 100, true}, full, full + " is 0 to 100"}
	}
	return reached{span{0, math.Inf(1), true}, full, full + " is never below 0"}
}
