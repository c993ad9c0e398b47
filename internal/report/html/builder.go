package html

import (
	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

// option is the echarts option of a chart over two axes, without data: its axes, and one
// series template for each of bind's statistics. What a theme, a screen's width or a unit
// decide is left to the script.
func option(bind Bind, y ...opts.YAxis) map[string]any {
	line := charts.NewLine()
	line.SetGlobalOptions(
		charts.WithLegendOpts(opts.Legend{Show: opts.Bool(true), Type: "scroll", Top: "0"}),
		charts.WithTooltipOpts(opts.Tooltip{Show: opts.Bool(true), Trigger: "axis"}),
		charts.WithXAxisOpts(opts.XAxis{Type: "value", NameLocation: "middle", NameGap: 28}),
		charts.WithYAxisOpts(y[0]),
	)
	for _, more := range y[1:] {
		line.ExtendYAxis(more)
	}
	for _, s := range bind.Y {
		line.AddSeries(s.Name, nil,
			charts.WithLineChartOpts(opts.LineChart{YAxisIndex: s.Axis, Symbol: "circle", ShowSymbol: opts.Bool(true)}),
			charts.WithLineStyleOpts(opts.LineStyle{Type: dash(s.Stat), Width: 2}),
		)
	}
	line.Validate()
	o := line.JSON()
	delete(o, "color") // the script's, by theme
	delete(o, "title") // the caption's, but for pictures
	return o
}

// dash tells statistics apart, whatever the colour.
func dash(stat string) string {
	switch stat {
	case "p95":
		return "dashed"
	case "p99", "max":
		return "dotted"
	}
	return "solid"
}

// axis is a y axis.
func axis(name, kind string) opts.YAxis {
	return opts.YAxis{Type: kind, Name: name, Show: opts.Bool(true)}
}
