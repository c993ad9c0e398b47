package plandiff

import (
	"slices"

	"github.com/wsrun/wsrun/scenario"
)

// Order is how two conditions stand to each other, whatever is measured.
type Order uint8

// Orders of a new condition against an old one.
const (
	Unordered Order = iota // neither follows from the other, or that cannot be told
	Same                   // true in the same cases
	Weaker                 // true whenever the old one is, and in more cases
	Stronger               // true only when the old one is, and in fewer cases
)

// Compare holds a new condition against an old one. It proves what it says: each answer
// but Unordered holds for every value that the metrics may have, and for their absence.
// It knows and, or and not, comparisons of one side with two limits, and sums, products,
// min and max in which a number was moved; everything else is Unordered.
func Compare(old, new *scenario.Condition) Order {
	p := prover{memo: map[[2]*scenario.Part]bool{}}
	a, b := normal(old.Parts(), false), normal(new.Parts(), false)
	weaker, stronger := p.implies(a, b), p.implies(b, a)
	switch {
	case weaker && stronger:
		return Same
	case weaker:
		return Weaker
	case stronger:
		return Stronger
	}
	return Unordered
}

// negated and mirrored give the comparison that says the same of not (x op y), and of
// y op x. Both hold in three-valued logic too: a comparison that is unknown stays so.
var (
	negated  = map[string]string{"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}
	mirrored = map[string]string{"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
)

// normal gives a condition (not: its negation) without not, and with numbers on the
// right of comparisons.
func normal(p *scenario.Part, not bool) *scenario.Part {
	switch p.Op {
	case "not":
		return normal(p.Args[0], !not)
	case "and", "or":
		op := p.Op
		if not {
			op = map[string]string{"and": "or", "or": "and"}[op]
		}
		return &scenario.Part{Op: op, Args: []*scenario.Part{normal(p.Args[0], not), normal(p.Args[1], not)}}
	case "bool":
		if not {
			return &scenario.Part{Op: "bool", Value: 1 - p.Value}
		}
		return p
	}
	op, x, y := p.Op, p.Args[0], p.Args[1]
	if not {
		op = negated[op]
	}
	if x.Op == "number" && y.Op != "number" {
		op, x, y = mirrored[op], y, x
	}
	return &scenario.Part{Op: op, Args: []*scenario.Part{x, y}}
}

// prover keeps what it has worked out, so that nested ands and ors cost no more than
// their pairs.
type prover struct {
	memo map[[2]*scenario.Part]bool
}

// implies reports whether b is true whenever a is. A no may also mean: not found.
func (p prover) implies(a, b *scenario.Part) bool {
	key := [2]*scenario.Part{a, b}
	yes, known := p.memo[key]
	if !known {
		yes = p.prove(a, b)
		p.memo[key] = yes
	}
	return yes
}

func (p prover) prove(a, b *scenario.Part) bool {
	switch {
	case a.Op == "bool" && a.Value == 0, b.Op == "bool" && b.Value == 1:
		return true
	case b.Op == "and":
		return p.implies(a, b.Args[0]) && p.implies(a, b.Args[1])
	case a.Op == "or":
		return p.implies(a.Args[0], b) && p.implies(a.Args[1], b)
	}
	if a.Op == "and" && (p.implies(a.Args[0], b) || p.implies(a.Args[1], b)) {
		return true
	}
	if b.Op == "or" && (p.implies(a, b.Args[0]) || p.implies(a, b.Args[1])) {
		return true
	}
	return comparison(a) && comparison(b) && follows(a, b)
}

func comparison(p *scenario.Part) bool { return negated[p.Op] != "" }

// follows reports whether one comparison follows from another.
func follows(a, b *scenario.Part) bool {
	if equal(a, b) {
		return true
	}
	if x, y := a.Args[1], b.Args[1]; x.Op == "number" && y.Op == "number" && equal(a.Args[0], b.Args[0]) {
		return limitFollows(a.Op, x.Value, b.Op, y.Value)
	}
	// A number inside was moved: what is on one side can only have grown, or shrunk.
	if a.Op != b.Op {
		return false
	}
	switch a.Op {
	case ">", ">=":
		return least(b.Args[0], a.Args[0]) && least(a.Args[1], b.Args[1])
	case "<", "<=":
		return least(a.Args[0], b.Args[0]) && least(b.Args[1], a.Args[1])
	}
	return false
}

// limitFollows: v op2 y whenever v op1 x.
func limitFollows(op1 string, x float64, op2 string, y float64) bool {
	switch op1 {
	case "==":
		switch op2 {
		case "==":
			return x == y
		case "!=":
			return x != y
		case "<":
			return x < y
		case "<=":
			return x <= y
		case ">":
			return x > y
		}
		return x >= y
	case ">", ">=":
		strict := op1 == ">"
		switch op2 {
		case ">":
			return x > y || strict && x == y
		case ">=":
			return x >= y
		case "!=":
			return x > y || strict && x == y
		}
	case "<", "<=":
		strict := op1 == "<"
		switch op2 {
		case "<":
			return x < y || strict && x == y
		case "<=":
			return x <= y
		case "!=":
			return x < y || strict && x == y
		}
	case "!=":
		return op2 == "!=" && x == y
	}
	return false
}

// equal reports whether two parts are the same syntax with the same numbers: 2000ms and
// 2s are.
func equal(a, b *scenario.Part) bool {
	return a.Op == b.Op && a.Name == b.Name && a.Value == b.Value && slices.EqualFunc(a.Args, b.Args, equal)
}

// least reports whether x is at least y, whatever is measured: they are the same but for
// numbers that were moved.
func least(x, y *scenario.Part) bool {
	if equal(x, y) {
		return true
	}
	if x.Op != y.Op || len(x.Args) != len(y.Args) {
		return false
	}
	a, b := x.Args, y.Args
	switch x.Op {
	case "number":
		return x.Value >= y.Value
	case "neg":
		return least(b[0], a[0])
	case "+":
		return least(a[0], b[0]) && least(a[1], b[1])
	case "-":
		return least(a[0], b[0]) && least(b[1], a[1])
	case "*":
		return notNegative(a[0], a[1], b[0], b[1]) && least(a[0], b[0]) && least(a[1], b[1])
	case "/":
		return notNegative(a[0], a[1], b[0], b[1]) && least(a[0], b[0]) && least(b[1], a[1]) && (equal(a[1], b[1]) || positive(a[1]) && positive(b[1]))
	case "min", "max":
		return slices.EqualFunc(a, b, least)
	}
	return false
}

// positive: a number above 0, by which a division is always one.
func positive(p *scenario.Part) bool { return p.Op == "number" && p.Value > 0 }

// notNegative reports whether none of the parts can be below 0. Telemetry may be.
func notNegative(parts ...*scenario.Part) bool {
	for _, p := range parts {
		switch p.Op {
		case "number":
			if p.Value < 0 {
				return false
			}
		case "name":
			if telemetry(p.Name) {
				return false
			}
		case "abs":
		case "+", "*", "/", "min", "max":
			if !notNegative(p.Args...) {
				return false
			}
		default:
			return false
		}
	}
	return true
}
