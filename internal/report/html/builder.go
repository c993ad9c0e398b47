package html

import (
	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

// option is the echarts option of a chart over two axes, without data: its axes, and one
// series template for each of bind's statistics. What a theme, a screen's width or a unit
// decide is left to the script.
func option(bind Bind, y ...opts.YAxis) map[string]any {
	switch bind.Kind {
	case Stack:
		return bars(bind, y[0])
	case Heat, Matrix:
		return shades(bind, y[0])
	}
	if bind.Loose {
		return points(bind, y[0])
	}
	line := charts.NewLine()
	line.SetGlobalOptions(frame("axis", bind, "value", y[0])...)
	for _, more := range y[1:] {
		line.ExtendYAxis(more)
	}
	for _, s := range bind.Y {
		line.AddSeries(s.Name, nil,
			charts.WithLineChartOpts(opts.LineChart{YAxisIndex: s.Axis, Symbol: "circle", ShowSymbol: opts.Bool(true)}),
			charts.WithLineStyleOpts(opts.LineStyle{Type: s.dash(), Width: s.width()}),
		)
	}
	line.Validate()
	return bare(line.JSON())
}

// points is the option of points without a line between them.
func points(bind Bind, y opts.YAxis) map[string]any {
	scatter := charts.NewScatter()
	scatter.SetGlobalOptions(frame("item", bind, "value", y)...)
	for _, s := range bind.Y {
		scatter.AddSeries(s.Name, nil)
	}
	scatter.Validate()
	return bare(scatter.JSON())
}

// bars is the option of stacked bars, one series template for each part.
func bars(bind Bind, y opts.YAxis) map[string]any {
	bar := charts.NewBar()
	bar.SetGlobalOptions(frame("axis", bind, "category", y)...)
	for _, s := range bind.Y {
		bar.AddSeries(s.Name, nil, charts.WithBarChartOpts(opts.BarChart{Stack: "all"}))
	}
	bar.Validate()
	return bare(bar.JSON())
}

// shades is the option of cells over two categories, whose shade is their value.
func shades(bind Bind, y opts.YAxis) map[string]any {
	heat := charts.NewHeatMap()
	heat.SetGlobalOptions(frame("item", bind, "category", y)...)
	heat.AddSeries(bind.Y[0].Name, nil)
	heat.Validate()
	return bare(heat.JSON())
}

// frame is what charts of all kinds have. An axis over a column of the table is named
// after it; what is drawn over the control "x" is named by the script.
func frame(trigger string, bind Bind, x string, y opts.YAxis) []charts.GlobalOpts {
	name := ""
	if bind.X != "" {
		name, _, _ = describe(bind.X)
	}
	return []charts.GlobalOpts{
		charts.WithLegendOpts(opts.Legend{Show: opts.Bool(true), Type: "scroll", Top: "0"}),
		charts.WithTooltipOpts(opts.Tooltip{Show: opts.Bool(true), Trigger: trigger}),
		charts.WithXAxisOpts(opts.XAxis{Type: x, Name: name, NameLocation: "middle", NameGap: 28}),
		charts.WithYAxisOpts(y),
	}
}

// bare leaves out what is not the chart's: colours are the script's, by theme, and the
// title is the caption's, but for pictures.
func bare(o map[string]any) map[string]any {
	delete(o, "color")
	delete(o, "title")
	return o
}

// dash tells statistics apart, whatever the colour.
func (s Y) dash() string {
	if s.Dash != "" {
		return s.Dash
	}
	switch s.Stat {
	case "p95":
		return "dashed"
	case "p99", "max":
		return "dotted"
	}
	return "solid"
}

// width makes thin lines of those that have their dash in common with another.
func (s Y) width() float32 {
	if s.Stat == "avg" || s.Stat == "max" {
		return 1
	}
	return 2
}

// axis is a y axis. The script adds its unit to the name.
func axis(name, kind string) opts.YAxis {
	return opts.YAxis{Type: kind, Name: name, Show: opts.Bool(true)}
}
