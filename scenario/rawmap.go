package scenario

import "gopkg.in/yaml.v3"

// rawMap says how the edges of mode map are looked for.
type rawMap struct {
	Resolution *Percent  `yaml:"resolution" validate:"omitnil,gt=0,lte=50" jsonschema:"default=2%" jsonschema_description:"How narrow the bracket round an edge becomes, in percent of its lower end; at least one prompt." diff:"loosened / tightened" example:"1%"`
	Looks      *rawLooks `yaml:"looks" jsonschema:"default=auto" jsonschema_description:"Looks at each depth; auto: as many as the spread of TTFT asks for, one where the server tells cached tokens." diff:"loosened / tightened" example:"3"`
	Policy     *bool     `yaml:"policy" jsonschema:"default=false" jsonschema_description:"Also find out how the cache evicts and admits: each an experiment with requests of its own." diff:"coverage" example:"true"`
}

// maxLooks bounds the looks at one depth.
const maxLooks = 1000

// rawLooks is auto or a number of looks; nil in N means auto.
type rawLooks struct{ N *Int }

// Shape implements the schema's side.
func (rawLooks) Shape() []any {
	return []any{`{"const":"auto"}`, `{"type":"integer","minimum":1,"maximum":1000}`}
}

func (l *rawLooks) decode(w *walker, n *yaml.Node, path string) bool {
	if n.Value == "auto" {
		return true
	}
	l.N = new(Int)
	if !l.N.decode(w, n, path) {
		return false
	}
	if *l.N < 1 || *l.N > maxLooks {
		return w.fail("out-of-range", n, path, "%s: must be 1 to %d looks, or auto", pathName(path), maxLooks)
	}
	return true
}
