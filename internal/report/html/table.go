package html

import (
	"math"
	"strconv"

	"html/template"

	"github.com/wsrun/wsrun/scenario/metric"
)

// Table is the numbers of a page, and the only data of its charts. Columns are few and
// rows may be thousands, so that it is written cell by cell.
type Table struct {
	ID      string // points, periods, transitions, capacities: Bind.Table names it
	Caption string
	Columns []Column
	Rows    int
	// Sortable tables get buttons in their heads, and a filter where there are more than ten rows.
	Sortable bool
}

// Column is one column of a table.
type Column struct {
	Key   string // as conditions, CSV columns and Bind name it
	Head  string // for people
	Unit  string // s, tokens, tokens/s, %, GB/s ...; empty: a plain number, or text
	Text  bool   // its cells are text, else numbers or empty
	Title string // one sentence: what it is
	Cell  func(b []byte, row int) []byte
}

// AppendValue appends a value as a cell shows it: plain decimal, six significant digits,
// ≥ before a lower bound, nothing where there is no data.
func AppendValue(b []byte, v metric.Value) []byte {
	switch v.State {
	case metric.Null:
		return b
	case metric.AtLeast:
		b = append(b, "≥"...)
	}
	return AppendNumber(b, v.V)
}

// AppendNumber appends a number with six significant digits and no exponent, whole numbers in full.
func AppendNumber(b []byte, v float64) []byte {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.AppendInt(b, int64(v), 10)
	}
	return appendDigits(b, v, 6)
}

// appendDigits appends a number that is not 0 with so many significant digits and no
// exponent, without zeros at its end.
func appendDigits(b []byte, v float64, significant int) []byte {
	digits := significant - 1 - int(math.Floor(math.Log10(math.Abs(v))))
	from := len(b)
	b = strconv.AppendFloat(b, v, 'f', min(max(digits, 0), 12), 64)
	for i := len(b) - 1; i > from && digits > 0; i-- { // 0.250000 is 0.25
		if b[i] == '0' {
			b = b[:i]
			continue
		}
		if b[i] == '.' {
			b = b[:i]
		}
		break
	}
	return b
}

// Text appends text of a user or a server so that it stays text.
func Text(b []byte, s string) []byte { return append(b, template.HTMLEscapeString(s)...) }

// append appends the table as HTML. End tags that HTML does not need are left out: they
// would be a third of a large page.
func (t *Table) append(b []byte) []byte {
	b = append(b, `<div class="scroll" tabindex="0" role="region" aria-label="`...)
	b = Text(b, t.Caption)
	b = append(b, `"><table class="data`...)
	if t.Sortable {
		b = append(b, ` sortable`...)
	}
	b = append(b, `" data-table="`...)
	b = append(Text(b, t.ID), `"><caption>`...)
	b = append(Text(b, t.Caption), "</caption><thead><tr>"...)
	for _, c := range t.Columns {
		b = c.head(b)
	}
	b = append(b, "\n<tbody>"...)
	for row := range t.Rows {
		b = append(b, "\n<tr>"...)
		for i := range t.Columns {
			if t.Columns[i].Text {
				b = append(b, "<td class=t>"...)
			} else {
				b = append(b, "<td>"...)
			}
			b = t.Columns[i].Cell(b, row)
		}
	}
	return append(b, "\n</table></div>\n"...)
}

func (c *Column) head(b []byte) []byte {
	b = append(b, `<th scope="col" data-key="`...)
	b = append(Text(b, c.Key), '"')
	if c.Text {
		b = append(b, ` class="text"`...)
	} else {
		b = append(b, ` data-unit="`...)
		b = append(Text(b, c.Unit), '"')
	}
	if c.Title != "" {
		b = append(b, ` title="`...)
		b = append(Text(b, c.Title), '"')
	}
	b = append(b, '>')
	b = Text(b, c.Head)
	switch c.Unit {
	case "":
	case "date":
		b = append(b, " <small>UTC</small>"...)
	default:
		b = append(b, " <small>"...)
		b = append(Text(b, c.Unit), "</small>"...)
	}
	return b
}
