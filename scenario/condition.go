package scenario

import "github.com/wsrun/wsrun/scenario/metric"

// Tri is a truth value of three-valued logic: no data is neither true nor false.
type Tri int8

// Truth values. The zero value is Unknown.
const (
	Unknown Tri = 0
	True    Tri = 1
	False   Tri = -1
)

// Condition is a compiled expression of stop or thresholds.
type Condition struct {
	text string
}

// String gives the expression as written.
func (c *Condition) String() string { return c.text }

// Eval evaluates the condition. get gives the value of each name as written in
// the expression, prefix included (ttft.p95, total.ttft.p95, prev.ttft.p95,
// best.goodput, edge1).
func (c *Condition) Eval(get func(name string) metric.Value) Tri { return Unknown }

// Names lists the names that the condition reads, sorted, each once.
func (c *Condition) Names() []string { return nil }
