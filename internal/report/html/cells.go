package html

import (
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/scenario/metric"
)

// cellName is what the name of a cell's page says: fixed_ctx4000_ws100000_cache99_5.
type cellName struct {
	context, size int64
	rate          string // percent
}

// cellOf reads the name of a page; ok is false where it is no cell's.
func cellOf(page string) (c cellName, ok bool) {
	if !isCell(page) {
		return c, false
	}
	for _, part := range strings.SplitN(page, "_", 4)[1:] {
		key := strings.TrimRight(part, "0123456789_")
		value := part[len(key):]
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case key == "cache":
			c.rate = strings.ReplaceAll(value, "_", ".")
		case err != nil:
			return c, false
		case key == "ctx":
			c.context = n
		case key == "ws":
			c.size = n
		}
	}
	return c, c.rate != ""
}

// isCell reports whether a page is about one cell.
func isCell(page string) bool {
	return strings.HasPrefix(page, "fixed_") || strings.HasPrefix(page, "sustained_")
}

const performancePrefix = "performance_vs_working_set_"

// brief names a page where there is little room: in the navigation.
func (p *Page) brief() string {
	if c, ok := cellOf(p.Name); ok {
		out := metric.Size(c.context) + ", "
		if c.rate != "0" {
			out += metric.Size(c.size) + ", "
		}
		return out + c.rate + "%"
	}
	for prefix, name := range map[string]string{performancePrefix: "Context ", mapPrefix: "Map at "} {
		if rest, ok := strings.CutPrefix(p.Name, prefix); ok {
			if n, err := strconv.ParseInt(rest, 10, 64); err == nil {
				return name + metric.Size(n)
			}
		}
	}
	switch p.Name {
	case IndexName:
		return "Overview"
	case "output_throughput_comparison":
		return "Throughput compared"
	case "output_metrics_comparison":
		return "Metrics compared"
	}
	return p.Title
}
