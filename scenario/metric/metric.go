// Package metric is the catalogue of what wsrun measures: name, unit,
// direction, how to read and how to print it. Expressions, CSV headers, table
// columns, the schema and comparisons all read it. It also owns the Row, the
// one value type that result fills and everything else reads.
package metric

import (
	"fmt"
	"math"
)

// State says what is known of a value.
type State uint8

// Null is not zero: a metric without data has no value at all.
const (
	Null    State = iota // no data
	Exact                // V is the value
	AtLeast              // the true value is V or more (Kaplan-Meier curve ended, no edge up to V)
)

// Value is a measured number or its absence. The zero Value is Null.
type Value struct {
	V     float64
	State State
}

// Of is an exact value; NaN and infinities become Null.
func Of(v float64) Value {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Value{}
	}
	return Value{V: v, State: Exact}
}

// Lower is a lower bound.
func Lower(v float64) Value { return Value{V: v, State: AtLeast} }

// Known reports whether there is any data.
func (v Value) Known() bool { return v.State != Null }

// String is for tests and logs; Print formats for people.
func (v Value) String() string {
	switch v.State {
	case Null:
		return "null"
	case AtLeast:
		return fmt.Sprintf(">=%g", v.V)
	}
	return fmt.Sprintf("%g", v.V)
}

// Row holds one value per metric; a missing name is Null.
type Row map[string]Value

// Get gives the value of a metric, Null when it has none.
func (r Row) Get(name string) Value { return r[name] }

// Set stores v, or removes the name when v is Null, so that a row never holds a
// null that looks like an entry.
func (r Row) Set(name string, v Value) {
	if v.State == Null {
		delete(r, name)
		return
	}
	r[name] = v
}

// Unit is a dimension. Conditions refuse to compare two different ones.
type Unit uint8

// Dimensions. Shares and rates of success are percent everywhere, 0-100.
const (
	Number Unit = iota
	Seconds
	Tokens
	Percent
	TokensPerSecond
	RequestsPerSecond
	GBPerSecond
	Count
)

// Direction says which way is better.
type Direction int8

// Directions of a metric.
const (
	Neutral Direction = iota
	LowerIsBetter
	HigherIsBetter
)
