package scenario

import (
	"math"
	"sort"

	"github.com/expr-lang/expr/ast"

	"github.com/wsrun/wsrun/scenario/metric"
)

// Tri is a truth value of three-valued logic: no data is neither true nor false.
type Tri int8

// Truth values. The zero value is Unknown.
const (
	Unknown Tri = 0
	True    Tri = 1
	False   Tri = -1
)

// String gives true, false or unknown.
func (t Tri) String() string {
	switch t {
	case True:
		return "true"
	case False:
		return "false"
	}
	return "unknown"
}

// Condition is a compiled expression of stop, thresholds or compare.gate.
type Condition struct {
	text  string
	root  ast.Node
	lits  map[int]literal
	names []string
	coded map[string]string // names of tiers that are no identifiers, see codeTiers
}

// String gives the expression as written.
func (c *Condition) String() string { return c.text }

// Names lists the names that the condition reads, sorted, each once.
func (c *Condition) Names() []string { return append([]string(nil), c.names...) }

// Eval evaluates the condition. get gives the value of each name as written in
// the expression, prefix included (ttft.p95, total.ttft.p95, prev.ttft.p95,
// best.goodput, edge1). Kleene's logic: true or unknown is true, false and unknown
// is false. A comparison with a lower bound is known where every value that the
// bound allows gives the same answer.
func (c *Condition) Eval(get func(name string) metric.Value) Tri {
	if len(c.coded) > 0 {
		read := get
		get = func(name string) metric.Value { return read(c.original(name)) }
	}
	return evaluator{c.lits, get}.truth(c.root)
}

type evaluator struct {
	lits map[int]literal
	get  func(name string) metric.Value
}

// truth evaluates a node that the compiler has found to be a condition.
func (e evaluator) truth(n ast.Node) Tri {
	switch n := n.(type) {
	case *ast.BoolNode:
		if n.Value {
			return True
		}
		return False
	case *ast.UnaryNode:
		return -e.truth(n.Node)
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&":
			return min(e.truth(n.Left), e.truth(n.Right))
		case "or", "||":
			return max(e.truth(n.Left), e.truth(n.Right))
		}
		return compare(n.Operator, e.number(n.Left), e.number(n.Right))
	}
	return Unknown
}

// span is what is known of a number: lo to hi, both included, hi infinite for a
// lower bound. The zero span is no data.
type span struct {
	lo, hi float64
	ok     bool
}

func exactly(v float64) span { return bounded(v, v) }

// bounded gives a span, or no data when arithmetic left the numbers.
func bounded(lo, hi float64) span {
	if math.IsNaN(lo) || math.IsNaN(hi) || math.IsInf(lo, 1) || math.IsInf(hi, -1) {
		return span{}
	}
	return span{lo, hi, true}
}

// number evaluates a node that the compiler has found to be a number.
func (e evaluator) number(n ast.Node) span {
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return exactly(e.lits[n.Location().From].value)
	case *ast.IdentifierNode, *ast.MemberNode:
		name, _ := dotted(n)
		switch v := e.get(name); v.State {
		case metric.Exact:
			return exactly(v.V)
		case metric.AtLeast:
			return bounded(v.V, math.Inf(1))
		}
		return span{}
	case *ast.UnaryNode:
		v := e.number(n.Node)
		if n.Operator == "-" {
			return v.negate()
		}
		return v
	case *ast.BinaryNode:
		return arithmetic(n.Operator, e.number(n.Left), e.number(n.Right))
	case *ast.BuiltinNode:
		return e.function(n)
	}
	return span{}
}

func (e evaluator) function(n *ast.BuiltinNode) span {
	first := e.number(n.Arguments[0])
	if n.Name == "abs" {
		if first.ok && first.lo < 0 {
			if first.hi <= 0 {
				return first.negate()
			}
			return bounded(0, max(-first.lo, first.hi))
		}
		return first
	}
	for _, a := range n.Arguments[1:] {
		v := e.number(a)
		switch {
		case !first.ok || !v.ok:
			return span{}
		case n.Name == "max":
			first = bounded(max(first.lo, v.lo), max(first.hi, v.hi))
		default:
			first = bounded(min(first.lo, v.lo), min(first.hi, v.hi))
		}
	}
	return first
}

func (s span) negate() span {
	if !s.ok {
		return s
	}
	return bounded(-s.hi, -s.lo)
}

// arithmetic works on bounds: the result holds every value that the operands'
// true values could give.
func arithmetic(op string, a, b span) span {
	if !a.ok || !b.ok {
		return span{}
	}
	switch op {
	case "+":
		return bounded(a.lo+b.lo, a.hi+b.hi)
	case "-":
		return bounded(a.lo-b.hi, a.hi-b.lo)
	case "*":
		return corners(a, b, func(x, y float64) float64 {
			if x == 0 || y == 0 {
				return 0 // also 0 x infinity: the true value is finite
			}
			return x * y
		})
	case "/":
		if b.lo <= 0 && b.hi >= 0 {
			return span{} // division by zero is no number
		}
		return corners(a, b, func(x, y float64) float64 {
			if math.IsInf(y, 0) {
				return 0 // the true value is finite, the limit is 0
			}
			return x / y
		})
	}
	return span{}
}

// corners gives the smallest and largest of f at the ends of two spans, which is
// its range for products and quotients.
func corners(a, b span, f func(x, y float64) float64) span {
	v := []float64{f(a.lo, b.lo), f(a.lo, b.hi), f(a.hi, b.lo), f(a.hi, b.hi)}
	sort.Float64s(v)
	for _, x := range v {
		if math.IsNaN(x) {
			return span{}
		}
	}
	return bounded(v[0], v[3])
}

// compare holds two spans against each other.
func compare(op string, a, b span) Tri {
	if !a.ok || !b.ok {
		return Unknown
	}
	switch op {
	case "<":
		return less(a, b)
	case ">":
		return less(b, a)
	case "<=":
		return -less(b, a)
	case ">=":
		return -less(a, b)
	case "==":
		return equal(a, b)
	case "!=":
		return -equal(a, b)
	}
	return Unknown
}

// less says whether a < b. An infinite end is open: true values are finite.
func less(a, b span) Tri {
	switch {
	case a.hi < b.lo:
		return True
	case a.lo >= b.hi:
		return False
	}
	return Unknown
}

func equal(a, b span) Tri {
	switch {
	case a.hi < b.lo || b.hi < a.lo:
		return False
	case a.lo == a.hi && a == b:
		return True
	}
	return Unknown
}
