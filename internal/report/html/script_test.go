package html

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dop251/goja"
	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/scenario/metric"
)

// scripted is one engine for all tests, without echarts: it takes turns.
var scripted = struct {
	sync.Mutex
	*engine
}{engine: must(newEngine(false))}

func must(e *engine, err error) *engine {
	if err != nil {
		panic(err)
	}
	_, err = e.vm.RunString(`
globalThis.audit = function (o) {
  const walk = (v, at) => {
    if (typeof v === 'number' && !isFinite(v)) throw new Error('not a number at ' + at);
    if (Array.isArray(v)) v.forEach((w, i) => { if (w === undefined) throw new Error('undefined at ' + at + '.' + i); walk(w, at + '.' + i); });
    else if (v && typeof v === 'object') for (const k of Object.keys(v)) walk(v[k], at + '.' + k);
  };
  walk(o, 'option');
  const tips = [];
  if (o.tooltip) o.series.forEach((s, seriesIndex) => (s.data || []).forEach((d, dataIndex) => {
    if (s.silent) return;
    const one = {seriesIndex, dataIndex, seriesName: s.name, marker: '*', value: d && d.value !== undefined ? d.value : d};
    tips.push(o.tooltip.formatter(o.tooltip.trigger === 'axis' ? [one] : one));
  }));
  for (const t of tips) if (typeof t !== 'string' || /NaN|undefined|null/.test(t)) throw new Error('tooltip: ' + t);
  [].concat(o.xAxis || [], o.yAxis || []).forEach((a) => {
    if (a.type !== 'category' && a.axisLabel) (a.axisLabel.customValues || [a.min, a.max]).forEach((v) => { const t = a.axisLabel.formatter(v); if (typeof t !== 'string' || /NaN|undefined/.test(t)) throw new Error('tick: ' + t); });
  });
  return tips;
};
globalThis.tried = function (chart, ctx, tables) {
  const o = option(chart, ctx, tables), tips = audit(o);
  return JSON.stringify({option: o, tips});
};`)
	if err != nil {
		panic(err)
	}
	return e
}

// drawn is what a test reads of an option.
type drawn struct {
	Option struct {
		Series []serie
		XAxis  struct {
			Type, Name string
			Min, Max   float64
			Data       []string
			AxisLabel  struct{ CustomValues []float64 }
		}
		YAxis  json.RawMessage
		Legend json.RawMessage
		Title  []struct{ Text, Subtext string }
		Left   string `json:"wsrunLeft"`
		// Graphic are the texts over the plot: names of axes, labels of marks.
		Graphic []struct {
			Style struct{ Text, TextAlign string }
		}
		VisualMap struct {
			Min, Max float64
			Text     []string
			InRange  struct{ Color []string }
		}
		DataZoom []struct {
			Type, FilterMode string
			XAxisIndex       int
		}
		BackgroundColor string
	}
	Tips []string
}

type serie struct {
	Type, Name, Color, Stack, Step, WsrunUnit string
	Silent                                    bool
	YAxisIndex                                int
	LineStyle                                 struct{ Type string }
	Data                                      []json.RawMessage
	Label                                     struct{ Show bool }
	MarkLine                                  struct {
		Label     struct{ Position string }
		LineStyle struct{ Type string }
		Data      []struct {
			Name         string
			XAxis, YAxis *float64
			LineStyle    struct{ Type string }
		}
	}
	MarkArea struct {
		Data [][]struct {
			Name  string
			XAxis float64
		}
	}
}

// datum gives the values of a datum, whatever looks it has.
func datum(t *testing.T, text json.RawMessage) []float64 {
	t.Helper()
	var plain []*float64
	if json.Unmarshal(text, &plain) != nil {
		var styled struct{ Value []*float64 }
		if err := json.Unmarshal(text, &styled); err != nil {
			t.Fatalf("%s is no datum", text)
		}
		plain = styled.Value
	}
	out := make([]float64, len(plain))
	for i, v := range plain {
		if out[i] = math.NaN(); v != nil {
			out[i] = *v
		}
	}
	return out
}

// points prints the data of a series: "1,2 3,4"; "-" for none.
func (s serie) points(t *testing.T) string {
	t.Helper()
	var out []string
	for _, d := range s.Data {
		var parts []string
		for _, v := range datum(t, d) {
			if math.IsNaN(v) {
				parts = append(parts, "-")
				continue
			}
			parts = append(parts, fmt.Sprintf("%.6g", v))
		}
		out = append(out, strings.Join(parts, ","))
	}
	return strings.Join(out, " ")
}

// lines are the series that people read, as "name: points".
func (d *drawn) lines(t *testing.T) (out []string) {
	t.Helper()
	for _, s := range d.Option.Series {
		if s.Type == "line" && !s.Silent {
			out = append(out, s.Name+": "+s.points(t))
		}
	}
	return out
}

// of gives the series of a type, such as the crosses of what is invalid.
func (d *drawn) of(kind, name string) (out []serie) {
	for _, s := range d.Option.Series {
		if s.Type == kind && (name == "" || s.Name == name) {
			out = append(out, s)
		}
	}
	return out
}

// texts are the labels over the plot.
func (d *drawn) texts() (out []string) {
	for _, g := range d.Option.Graphic {
		if g.Style.Text != "" {
			out = append(out, g.Style.Text)
		}
	}
	return out
}

// across are the labels of the horizontal lines, with their places.
func (d *drawn) across() (out []string) {
	for _, s := range d.Option.Series {
		for _, m := range s.MarkLine.Data {
			if m.YAxis != nil {
				out = append(out, fmt.Sprintf("%s @%.6g", m.Name, *m.YAxis))
			}
		}
	}
	return out
}

// told gives what stands where there is nothing to draw.
func (d *drawn) told() string {
	var out []string
	for _, x := range d.Option.Title {
		out = append(out, x.Text)
	}
	return strings.Join(out, " ")
}

// grid is a table for tests: its head is "key" or "key unit" or "key text", its rows are cells.
func grid(id, head string, rows ...string) Table {
	t := Table{ID: id, Rows: len(rows)}
	cells := make([][]string, len(rows))
	for i, r := range rows {
		cells[i] = strings.Split(r, "|")
	}
	for i, h := range strings.Split(head, "|") {
		key, unit, _ := strings.Cut(h, " ")
		c := Column{Key: key, Head: "head of " + key, Unit: unit, Cell: func(b []byte, row int) []byte {
			if i >= len(cells[row]) {
				return b
			}
			return Text(b, cells[row][i])
		}}
		if unit == "text" {
			c.Unit, c.Text = "", true
		}
		t.Columns = append(t.Columns, c)
	}
	return t
}

// try draws a chart and fails the test on an exception, a number that is none, or a tooltip
// that says undefined.
func try(t interface {
	Helper()
	Fatal(...any)
}, chart Chart, s scene, tables ...Table) *drawn {
	t.Helper()
	scripted.Lock()
	defer scripted.Unlock()
	if s.Width == 0 {
		s.Width, s.Height, s.Theme = 800, 320, "light"
	}
	if chart.ID == "" {
		chart.ID = "tested"
	}
	tried, _ := goja.AssertFunction(scripted.vm.Get("tried"))
	filled, err := scripted.tables(tables)
	if err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(time.Minute, func() { scripted.vm.Interrupt("a chart takes longer than a minute") })
	defer stop.Stop()
	v, err := scripted.call(tried, chart, s, filled)
	if err != nil {
		t.Fatal(err)
	}
	out := &drawn{}
	if err := json.Unmarshal([]byte(v.String()), out); err != nil {
		t.Fatal(err, v.String())
	}
	return out
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// ask calls one of the script's functions.
func ask(t interface{ Fatal(...any) }, expression string) string {
	scripted.Lock()
	defer scripted.Unlock()
	v, err := scripted.vm.RunString(expression)
	if err != nil {
		t.Fatal(expression, err)
	}
	return v.String()
}

func TestScriptPrintsAsTheConsole(t *testing.T) {
	units := map[string]metric.Unit{"s": metric.Seconds, "%": metric.Percent, "tokens": metric.Tokens, "tokens/s": metric.TokensPerSecond, "GB/s": metric.GBPerSecond, "": metric.Count}
	for unit, u := range units {
		for _, v := range []float64{0, 1, 7, 9.995, 9.994, 10, 99.95, 100, 320, 999.4, 999.5, 999.6, 1000, 1023, 5120, 65_536, 999_499, 999_600, 1e6, 1.2e6, 4.9e9, 5e12,
			.5, .125, 1.125, 2.135, 2.125, .0625, .001, .01, .1, .0005124, 512e-6, .0009995, .99949, .9996, 1e-6, 9.99e-7, 2.12e-7, 1e-9, 1.5e-10, 19.97, 1802.4, 12.34, .0123} {
			if got, want := ask(t, fmt.Sprintf("wsrun.short(%q, %v)", unit, v)), metric.Text(u, v); got != want {
				t.Errorf("%v %s: the page says %q, the console %q", v, unit, got, want)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]string{"s", "%", "tokens", "tokens/s", "GB/s", ""}).Draw(t, "unit")
		v := math.Pow(10, rapid.Float64Range(-10, 12).Draw(t, "log"))
		if rapid.Bool().Draw(t, "round") {
			v = math.Round(v*8) / 8
		}
		if got, want := ask(t, fmt.Sprintf("wsrun.short(%q, %v)", unit, v)), metric.Text(units[unit], v); got != want {
			t.Fatalf("%v %s: the page says %q, the console %q", v, unit, got, want)
		}
	})
}

func TestScriptPrintsUnits(t *testing.T) {
	for expression, want := range map[string]string{
		`wsrun.print('tokens', 1.2e6)`:         "1.20M tokens",
		`wsrun.print('tokens/s', 5120)`:        "5.12k tokens/s",
		`wsrun.print('GB/s', 48.31)`:           "48.3 GB/s",
		`wsrun.print('GiB', 1.5)`:              "1.50 GiB",
		`wsrun.print('x', 5.09)`:               "5.09x",
		`wsrun.print('min', 12.34)`:            "12.3 min",
		`wsrun.print('s', .212)`:               "212ms",
		`wsrun.print('s', -.212)`:              "-212ms",
		`wsrun.print('s', null)`:               "",
		`wsrun.print('s', NaN)`:                "",
		`wsrun.print('date', 1795515000)`:      "2026-11-24 10:10",
		`wsrun.date(1795515000, 30)`:           "10:10:00",
		`wsrun.date(1795515000, 400*86400)`:    "2026-11-24",
		`wsrun.tick('s', .12)`:                 "120ms",
		`wsrun.tick('s', 1)`:                   "1s",
		`wsrun.tick('s', 1.5)`:                 "1.5s",
		`wsrun.tick('s', 100)`:                 "100s",
		`wsrun.tick('%', 50)`:                  "50%",
		`wsrun.tick('tokens', 200000)`:         "200k",
		`wsrun.tick('tokens', 1.5e6)`:          "1.5M",
		`wsrun.tick('tokens', 0)`:              "0",
		`wsrun.tick('', 40)`:                   "40",
		`wsrun.tick('GB/s', 20)`:               "20",
		`wsrun.tick('x', 10)`:                  "10x",
		`wsrun.titled('TTFT', 's')`:            "TTFT",
		`wsrun.titled('Working set','tokens')`: "Working set, tokens",
		`wsrun.binName(-12)`:                   "63–79 ms",
		`wsrun.binName(0)`:                     "1–1.3 s",
		`wsrun.binName(-1)`:                    "790–1000 ms",
		`wsrun.binName(-31)`:                   "790–1000 us",
	} {
		if got := ask(t, expression); got != want {
			t.Errorf("%s = %q, want %q", expression, got, want)
		}
	}
}

func TestScriptReadsTables(t *testing.T) {
	got := ask(t, `(() => {
  const t = wsrun.table([{key: 'a', unit: 's'}, {key: 'b', text: true}, {key: '__proto__', unit: ''}], [[' 0.25 ', ' x '], ['≥16', '', '7'], ['', 'é', ''], ['many', '', '']]);
  return JSON.stringify([t.rows.map((r) => [r.a, r.b, r['__proto__'] === undefined ? 'none' : r['__proto__'], wsrun.low(r, 'a')]), t.keys, t.units.a]);
})()`)
	want := `[[[0.25,"x",null,false],[16,"",7,true],[null,"é",null,false],[null,"",null,false]],["a","b","__proto__"],"s"]`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// names are those of a chart's lines.
func names(d *drawn, t *testing.T) (out []string) {
	t.Helper()
	for _, l := range d.lines(t) {
		out = append(out, strings.SplitN(l, ":", 2)[0])
	}
	return out
}

// decode reads a part of an option.
func decode(t *testing.T, text json.RawMessage, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// compact prints data without their spaces.
func compact(data []json.RawMessage) (string, error) {
	text, err := json.Marshal(data)
	return string(text), err
}

// Whatever the stretch between the first run and the last, an axis of dates has at least
// two labels, and they differ.
func TestDatesHaveLabels(t *testing.T) {
	for _, seconds := range []int{1, 2, 24, 90, 3000, 86400, 10 * 86400, 365 * 86400, 2000 * 86400} {
		for n := 2; n <= 8; n++ {
			labels := strings.Split(ask(t, fmt.Sprintf("(() => {const x = wsrun.scaleX([1795515007, %d], 'date', 'auto', %d); return x.ticks.map((v) => wsrun.date(v, x.max - x.min)).join()})()", 1795515007+seconds, n)), ",")
			slices.Sort(labels)
			if distinct := len(slices.Compact(slices.Clone(labels))); distinct < 2 || distinct < len(labels) || len(labels) > 2*n+1 {
				t.Errorf("%d s in %d parts: labels %q", seconds, n, labels)
			}
		}
	}
}
