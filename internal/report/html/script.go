package html

import (
	_ "embed" // for the texts below
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dop251/goja"
)

// How tables become charts, told apart by question; see report.js.
var (
	//go:embed assets/report.js
	numbersJS string // numbers, tables, choices
	//go:embed assets/scale.js
	scaleJS string // looks, scales, room
	//go:embed assets/lines.js
	linesJS string // which lines a chart has
	//go:embed assets/marks.js
	marksJS string // what stands behind and across them
	//go:embed assets/cells.js
	cellsJS string // charts of categories
	//go:embed assets/build.js
	buildJS string // a whole chart
)

// reportJS makes an echarts option of a chart and its tables, without a document: in the
// browser, and in an engine.
var reportJS = strings.Join([]string{numbersJS, scaleJS, linesJS, marksJS, cellsJS, buildJS}, "\n")

// shims are what echarts expects of a place to run in.
const shims = `var self = globalThis, console = {log() {}, warn() {}, error() {}};
function setTimeout() { return 0; } function clearTimeout() {}`

// calls are what Go asks of the script. Texts go in and come out as JSON, so that no text of a
// user or a server is ever part of the script.
const calls = `globalThis.fill = function (tables) {
  const out = Object.create(null);
  for (const [id, t] of JSON.parse(tables)) out[id] = wsrun.table(t.columns, t.cells);
  return out;
};
globalThis.option = function (chart, ctx, tables) {
  return wsrun.build(JSON.parse(chart), Object.assign(JSON.parse(ctx), {tables}));
};
globalThis.svg = function (chart, ctx, tables) {
  const o = option(chart, ctx, tables), size = JSON.parse(ctx);
  const c = echarts.init(null, null, {renderer: 'svg', ssr: true, width: size.width, height: size.height});
  try {
    c.setOption(o);
    return c.renderToSVGString();
  } finally { c.dispose(); }
};`

// engine runs the pages' script without a browser. It is for one goroutine.
type engine struct {
	vm                *goja.Runtime
	fill, option, svg goja.Callable
}

// newEngine compiles the script, with echarts where pictures are wanted: 0.2 s.
func newEngine(drawing bool) (*engine, error) {
	e := &engine{vm: goja.New()}
	parts := [][2]string{{"shims", shims}, {"report.js", reportJS}, {"calls", calls}}
	if drawing {
		parts = append(parts, [2]string{"echarts", echarts()})
	}
	for _, p := range parts {
		if _, err := e.vm.RunScript(p[0], p[1]); err != nil {
			return nil, fmt.Errorf("the charts' script, %s: %w", p[0], scriptError(err))
		}
	}
	for name, f := range map[string]*goja.Callable{"fill": &e.fill, "option": &e.option, "svg": &e.svg} {
		var ok bool
		if *f, ok = goja.AssertFunction(e.vm.Get(name)); !ok {
			return nil, fmt.Errorf("the charts' script has no function %s", name)
		}
	}
	return e, nil
}

// scriptError gives an exception with its place in the script.
func scriptError(err error) error {
	if ex := new(goja.Exception); errors.As(err, &ex) {
		return errors.New(ex.String())
	}
	return err
}

// scene is what a chart is drawn with beside its tables: the script's ctx.
type scene struct {
	View   View                `json:"view"`
	State  map[string][]string `json:"state"` // what the reader chose; empty: the defaults
	Theme  string              `json:"theme"` // light, dark
	Width  int                 `json:"width"` // px
	Height int                 `json:"height"`
	Page   bool                `json:"page"` // paint the background
	Export *caption            `json:"export,omitempty"`
}

// caption is what a picture that leaves its page takes along.
type caption struct {
	Title      string `json:"title"`
	Provenance string `json:"provenance"`
}

// call asks the script for a chart as text.
func (e *engine) call(f goja.Callable, chart Chart, s scene, tables goja.Value) (goja.Value, error) {
	s.View.Charts = nil // no chart looks at another
	what, err := json.Marshal(chart)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", chart.ID, err)
	}
	with, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", chart.ID, err)
	}
	v, err := f(goja.Undefined(), e.vm.ToValue(string(what)), e.vm.ToValue(string(with)), tables)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", chart.ID, scriptError(err))
	}
	return v, nil
}

// tables hands the tables of a page to the script, as the texts that the page shows.
func (e *engine) tables(tables []Table) (goja.Value, error) {
	all := [][2]any{}
	for i := range tables {
		all = append(all, [2]any{tables[i].ID, tables[i].texts()})
	}
	text, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	v, err := e.fill(goja.Undefined(), e.vm.ToValue(string(text)))
	if err != nil {
		return nil, scriptError(err)
	}
	return v, nil
}
