package scenario

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// Part is a piece of a condition, for those who hold two conditions against each
// other: the syntax alone, with no library's types in it.
type Part struct {
	Op    string // and or not < <= > >= == != + - * / neg min max abs, or: name, number, bool
	Name  string // of a name, prefix included: total.ttft.p95
	Value float64
	Text  string // of a number, as written: 3s, 5%, 1M
	Args  []*Part
}

// Parts gives the condition as a tree.
func (c *Condition) Parts() *Part { return c.part(c.root) }

func (c *Condition) part(n ast.Node) *Part {
	switch n := n.(type) {
	case *ast.BoolNode:
		p := &Part{Op: "bool", Text: "false"}
		if n.Value {
			p.Value, p.Text = 1, "true"
		}
		return p
	case *ast.IntegerNode, *ast.FloatNode:
		l := c.lits[n.Location().From]
		return &Part{Op: "number", Value: l.value, Text: l.text}
	case *ast.UnaryNode:
		switch n.Operator {
		case "not", "!":
			return &Part{Op: "not", Args: []*Part{c.part(n.Node)}}
		case "-":
			return &Part{Op: "neg", Args: []*Part{c.part(n.Node)}}
		}
		return c.part(n.Node) // a plus sign says nothing
	case *ast.BinaryNode:
		op := n.Operator
		if i := slices.Index([]string{"&&", "||"}, op); i >= 0 {
			op = []string{"and", "or"}[i]
		}
		return &Part{Op: op, Args: []*Part{c.part(n.Left), c.part(n.Right)}}
	case *ast.BuiltinNode:
		p := &Part{Op: n.Name}
		for _, a := range n.Arguments {
			p.Args = append(p.Args, c.part(a))
		}
		return p
	}
	name, _ := dotted(n) // the compiler has let nothing else through
	return &Part{Op: "name", Name: c.original(name)}
}
