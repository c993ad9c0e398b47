package scenario

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/wsrun/wsrun/scenario/metric"
)

// checker walks the tree of a condition: only what the three-valued evaluator
// understands is let through, and dimensions must agree.
type checker struct {
	cond  *Condition
	text  []rune // of the condition
	scope Scope
	tiers []string // stated
	seen  map[string]bool
}

// value is what a node is: a truth value or a number with a dimension.
type value struct {
	isBool bool
	dim    dim
	lit    *literal // when it is a literal
}

func (k *checker) condition(n ast.Node) (bool, *condError) {
	v, err := k.node(n)
	return v.isBool, err
}

func (k *checker) fail(n ast.Node, code, format string, args ...any) *condError {
	from, to := extent(n, k.cond.lits)
	return &condError{from, to, code, fmt.Sprintf(format, args...)}
}

// extent gives the runes a node covers.
func extent(n ast.Node, lits map[int]literal) (from, to int) {
	from, to = n.Location().From, n.Location().To
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		if l, ok := lits[from]; ok {
			to = l.to
		}
	case *ast.BinaryNode:
		from, _ = extent(n.Left, lits)
		_, to = extent(n.Right, lits)
	case *ast.MemberNode:
		from, _ = extent(n.Node, lits)
		_, to = extent(n.Property, lits)
	case *ast.UnaryNode:
		_, to = extent(n.Node, lits)
	case *ast.ConditionalNode:
		from, _ = extent(n.Cond, lits)
		_, to = extent(n.Exp2, lits)
	}
	return from, to
}

func (k *checker) node(n ast.Node) (value, *condError) {
	switch n := n.(type) {
	case *ast.BoolNode:
		return value{isBool: true}, nil
	case *ast.IntegerNode, *ast.FloatNode:
		l, ok := k.cond.lits[n.Location().From]
		if !ok {
			return value{}, k.fail(n, "condition-literal", "a number that cannot be read here")
		}
		return value{dim: l.dim, lit: &l}, nil
	case *ast.IdentifierNode, *ast.MemberNode, *ast.ChainNode:
		return k.name(n)
	case *ast.UnaryNode:
		return k.unary(n)
	case *ast.BinaryNode:
		return k.binary(n)
	case *ast.BuiltinNode:
		return k.function(n, n.Name, n.Arguments)
	case *ast.CallNode:
		return k.call(n)
	}
	return value{}, k.fail(n, "condition-construct", "%s cannot be used: a condition is made of metrics, numbers, comparisons, and, or, not, + - * /, min, max and abs", construct(n))
}

func construct(n ast.Node) string {
	switch n.(type) {
	case *ast.StringNode, *ast.BytesNode:
		return "text"
	case *ast.ConditionalNode:
		return "a ? b : c"
	case *ast.ArrayNode:
		return "a list"
	case *ast.MapNode:
		return "a map"
	case *ast.PredicateNode, *ast.PointerNode:
		return "a predicate"
	case *ast.SliceNode:
		return "a range"
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		return "let or ;"
	case *ast.NilNode:
		return "nil"
	}
	return "this"
}

func (k *checker) unary(n *ast.UnaryNode) (value, *condError) {
	v, err := k.node(n.Node)
	if err != nil {
		return v, err
	}
	if n.Operator == "not" || n.Operator == "!" {
		if !v.isBool {
			return v, k.fail(n.Node, "condition-type", "not needs a condition and binds closer than a comparison: write not (ttft.p95 > 3s)")
		}
		return v, nil
	}
	if v.isBool {
		return v, k.fail(n.Node, "condition-type", "%s needs a number", n.Operator)
	}
	v.lit = nil
	return v, nil
}

func (k *checker) binary(n *ast.BinaryNode) (value, *condError) {
	switch n.Operator {
	case "and", "&&", "or", "||", "==", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/":
	case "..":
		return value{}, k.fail(n, "condition-construct", "a range cannot be used: write two comparisons, as in 5s < ttft.p95 and ttft.p95 < 10s")
	default:
		return value{}, k.fail(n, "condition-construct", "the operator %q cannot be used: a condition is made of comparisons, and, or, not, + - * /", n.Operator)
	}
	a, err := k.node(n.Left)
	if err != nil {
		return a, err
	}
	b, err := k.node(n.Right)
	if err != nil {
		return b, err
	}
	switch n.Operator {
	case "and", "&&", "or", "||":
		return k.logical(n, a, b)
	case "==", "!=", "<", ">", "<=", ">=":
		return k.comparison(n, a, b)
	}
	return k.arithmetic(n, a, b)
}

func (k *checker) logical(n *ast.BinaryNode, a, b value) (value, *condError) {
	side := n.Left
	if a.isBool {
		side = n.Right
	}
	if !a.isBool || !b.isBool {
		return a, k.fail(side, "condition-type", "%s stands between two conditions, this is a number: compare it", n.Operator)
	}
	return value{isBool: true}, nil
}

func (k *checker) comparison(n *ast.BinaryNode, a, b value) (value, *condError) {
	if a.isBool || b.isBool {
		side := n.Left
		if !a.isBool {
			side = n.Right
		}
		return a, k.fail(side, "condition-type", "%s compares two numbers, this is a condition: use and, or, not", n.Operator)
	}
	if err := k.agree(n, a, b); err != nil {
		return a, err
	}
	if err := k.shares(n, a, b); err != nil {
		return a, err
	}
	if err := k.varies(n); err != nil {
		return a, err
	}
	return value{isBool: true}, nil
}

// shares refuses a bare number below 1 beside a percentage: error_rate > 0.05 would be true
// from one request in 2000 on, hit_rate_observed > 0.9 nearly always.
func (k *checker) shares(n *ast.BinaryNode, a, b value) *condError {
	for _, side := range []struct {
		node     ast.Node
		it, with value
	}{{n.Left, a, b}, {n.Right, b, a}} {
		if l := side.it.lit; l != nil && l.dim == dimBare && isShare(l.value) && side.with.dim == dimPercent {
			return k.fail(side.node, "condition-dimension", "%s", shareAdvice(l.text, l.value))
		}
	}
	return nil
}

// agree holds two dimensions against each other.
func (k *checker) agree(n *ast.BinaryNode, a, b value) *condError {
	if fits(a.dim, b.dim) {
		return nil
	}
	x, y, side := a, b, n.Right
	if a.lit != nil {
		x, y, side = b, a, n.Left // y is the literal
	}
	if y.lit != nil && y.dim == dimPercent && (n.Operator == "+" || n.Operator == "-") {
		return k.fail(side, "condition-dimension", "%s is a percentage, but %s is on the other side: a share of it is a factor, as 0.9 * goodput", y.lit.text, dimNames[x.dim])
	}
	if y.lit != nil {
		return k.fail(side, "condition-dimension", "%s", literalAdvice(x.dim, y.lit))
	}
	if x.dim == dimBare || y.dim == dimBare {
		return k.fail(n, "condition-dimension", "a time is not compared with a bare number: give the number a unit, as 3s")
	}
	return k.fail(n, "condition-dimension", "%s is not comparable with %s", dimNames[a.dim], dimNames[b.dim])
}

// literalAdvice says what to write instead of a literal of the wrong dimension.
func literalAdvice(want dim, l *literal) string {
	num, unit, _ := splitUnit(strings.TrimSuffix(l.text, "%"))
	switch {
	case want == dimSeconds && l.dim == dimBare:
		return fmt.Sprintf("%s what? a time has a unit: write %ss or %sms", l.text, l.text, l.text)
	case want == dimSeconds && l.dim == dimScaled && unit == "M":
		return fmt.Sprintf("%s is a number of tokens, did you mean %sm?", l.text, num)
	case (want == dimTokens || want == dimTokenRate || want == dimCount) && l.dim == dimSeconds && unit == "m":
		return fmt.Sprintf("%s is a duration, did you mean %sM?", l.text, num)
	case l.dim == dimSeconds:
		return fmt.Sprintf("%s is a duration, but %s is on the other side", l.text, dimNames[want])
	case want == dimPercent:
		return fmt.Sprintf("%s is %s, but a percentage is on the other side: write 0 to 100, as 5%%", l.text, dimNames[l.dim])
	}
	return fmt.Sprintf("%s is %s, but %s is on the other side", l.text, dimNames[l.dim], dimNames[want])
}

// fits reports whether two dimensions may be compared or added.
func fits(a, b dim) bool {
	if a == b || a == dimAny || b == dimAny {
		return true
	}
	if a > b {
		a, b = b, a
	}
	switch a {
	case dimBare:
		return b != dimSeconds
	case dimCount:
		return b == dimScaled
	case dimScaled:
		return b == dimTokens || b == dimTokenRate || b == dimRequestRate
	}
	return false
}

func (k *checker) arithmetic(n *ast.BinaryNode, a, b value) (value, *condError) {
	if a.isBool || b.isBool {
		side := n.Left
		if !a.isBool {
			side = n.Right
		}
		return a, k.fail(side, "condition-type", "%s needs two numbers, this is a condition", n.Operator)
	}
	if n.Operator == "+" || n.Operator == "-" {
		if err := k.agree(n, a, b); err != nil {
			return a, err
		}
		return value{dim: max(a.dim, b.dim)}, nil
	}
	if zero, constant := k.constant(n.Right); n.Operator == "/" && constant && zero == exactly(0) {
		return a, k.fail(n.Right, "condition-constant", "a division by zero is no number: the condition would never have data")
	}
	d, ok := product(n.Operator, a.dim, b.dim)
	if !ok && (a.dim == dimPercent || b.dim == dimPercent) {
		return a, k.fail(n, "condition-dimension", "%s %s %s has no unit that could be compared: a share of something is a factor, as 0.9 * goodput", dimNames[a.dim], n.Operator, dimNames[b.dim])
	}
	if !ok {
		return a, k.fail(n, "condition-dimension", "%s %s %s has no unit that could be compared", dimNames[a.dim], n.Operator, dimNames[b.dim])
	}
	return value{dim: d}, nil
}

// product gives the dimension of a product or quotient. Counts and bare numbers
// scale; equal dimensions divide to a ratio.
func product(op string, a, b dim) (dim, bool) {
	scales := func(d dim) bool { return d == dimBare || d == dimCount || d == dimAny }
	switch {
	case a == dimAny || b == dimAny:
		return dimAny, true
	case scales(b):
		if a == dimBare {
			return b, op == "*" || b == dimBare || b == dimCount
		}
		return a, true
	case op == "*" && scales(a):
		return b, true
	case op == "/" && fits(a, b):
		return dimBare, true
	}
	return 0, false
}

// functions are the ones the evaluator knows, with their least and most arguments.
var functions = map[string][2]int{"min": {2, 16}, "max": {2, 16}, "abs": {1, 1}}

func (k *checker) call(n *ast.CallNode) (value, *condError) {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return value{}, k.fail(n, "condition-construct", "only min, max and abs can be called")
	}
	return k.function(n, id.Value, n.Arguments)
}

func (k *checker) function(n ast.Node, name string, args []ast.Node) (value, *condError) {
	arity, known := functions[name]
	if !known {
		if len(args) == 1 {
			if arg, ok := dotted(args[0]); ok {
				if _, ok := metric.Find(arg + "." + name); ok {
					return value{}, k.fail(n, "condition-construct", "%s(%s) cannot be called: write %s.%s", name, arg, arg, name)
				}
				if _, err := k.node(args[0]); err != nil {
					return value{}, err
				}
			}
		}
		return value{}, k.fail(n, "condition-construct", "%s cannot be called: only min, max and abs can", name)
	}
	if len(args) < arity[0] || len(args) > arity[1] {
		if arity[1] == 1 {
			return value{}, k.fail(n, "condition-construct", "%s takes one number", name)
		}
		return value{}, k.fail(n, "condition-construct", "%s takes %d to %d numbers", name, arity[0], arity[1])
	}
	out := value{}
	for i, arg := range args {
		v, err := k.node(arg)
		if err != nil {
			return v, err
		}
		if v.isBool {
			return v, k.fail(arg, "condition-type", "%s needs numbers, this is a condition", name)
		}
		if i > 0 {
			if err := k.agree(&ast.BinaryNode{Operator: ",", Left: args[0], Right: arg}, out, v); err != nil {
				return v, err
			}
			v.dim = max(v.dim, out.dim)
		}
		out = value{dim: v.dim}
	}
	return out, nil
}

func dimOf(d metric.Def) dim {
	switch d.Unit {
	case metric.Seconds:
		return dimSeconds
	case metric.Tokens:
		return dimTokens
	case metric.Percent:
		return dimPercent
	case metric.TokensPerSecond:
		return dimTokenRate
	case metric.RequestsPerSecond:
		return dimRequestRate
	case metric.GBPerSecond:
		return dimGBRate
	case metric.Count:
		return dimCount
	}
	return dimAny
}
