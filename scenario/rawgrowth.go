package scenario

import (
	"reflect"

	"gopkg.in/yaml.v3"
)

// rawConcurrency is levels (fixed mode), or where a search looks (sustained mode).
type rawConcurrency struct {
	Start *Int `yaml:"start" validate:"omitnil,gte=1,lte=100000" jsonschema:"default=2" jsonschema_description:"The first level, and the lowest." diff:"coverage" orig:"--start-concurrency" example:"2"`
	Step  *Int `yaml:"step" validate:"omitnil,gte=1,lte=100000" jsonschema:"default=2" jsonschema_description:"The least by which a level is raised while none has violated the slo." diff:"cost" orig:"--concurrency-increment" example:"2"`
	Max   *Int `yaml:"max" validate:"omitnil,gte=1,lte=100000" jsonschema:"default=1000" jsonschema_description:"The highest level, at most target.max_in_flight." diff:"coverage" orig:"--max-concurrency" example:"1000"`

	Levels List[Int] `yaml:"-" validate:"omitnil,min=1,dive,gte=1,lte=100000"`
	short  bool      // written as a list or one level
}

// Shape implements the schema's side.
func (rawConcurrency) Shape() []any {
	return []any{`{"type":"integer","minimum":1,"maximum":100000}`, `{"type":"array","minItems":1,"uniqueItems":true,"items":{"type":"integer","minimum":1,"maximum":100000}}`, mapOf{rawConcurrency{}}}
}

func (c *rawConcurrency) decode(w *walker, n *yaml.Node, path string) bool {
	if n.Kind == yaml.MappingNode {
		return w.structure(n, reflect.ValueOf(c).Elem(), path)
	}
	c.short = true
	return c.Levels.decode(w, n, path)
}

// rawGrowth says how the working set grows.
type rawGrowth struct {
	By      *string  `yaml:"by" validate:"omitnil,oneof=convergence time" jsonschema:"default=convergence" jsonschema_description:"What ends a size: convergence (its level was verified and held, or its share of the duration is spent) or time (the original's clock)." diff:"breaks-comparison" example:"time"`
	Prompts *string  `yaml:"prompts" validate:"omitnil,oneof=cold prewarmed" jsonschema:"default=cold" jsonschema_description:"Prompts that growth adds are new to the server (cold), or were warmed with the first ones (prewarmed)." diff:"breaks-comparison" orig:"--init-strategy" example:"prewarmed"`
	Hold    *rawHold `yaml:"hold" jsonschema:"default=3" jsonschema_description:"How long a size is held after its level was verified: periods, or a duration, rounded up to periods." diff:"loosened / tightened" example:"3 | 5m"`
	AtEnd   *string  `yaml:"at_end" validate:"omitnil,oneof=stop hold" jsonschema:"default=stop" jsonschema_description:"When the last size was held: stop, or hold (stay, controller on, until the duration is over)." diff:"cost" example:"hold"`
}

// maxHold bounds growth.hold in periods.
const maxHold = 100_000

// rawHold is a number of periods, or a duration.
type rawHold struct {
	Periods *Int
	For     *Dur
}

// Shape implements the schema's side.
func (rawHold) Shape() []any {
	return append([]any{`{"type":"integer","minimum":0,"maximum":100000}`}, Dur(0).Shape()...)
}

func (h *rawHold) decode(w *walker, n *yaml.Node, path string) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" {
		h.For = new(Dur)
		return h.For.decode(w, n, path)
	}
	h.Periods = new(Int)
	if !h.Periods.decode(w, n, path) {
		return false
	}
	if *h.Periods < 0 || *h.Periods > maxHold {
		return w.fail("out-of-range", n, path, "%s: must be 0 to %d periods, or a duration as 5m", pathName(path), maxHold)
	}
	return true
}
