package report

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/wsrun/wsrun/internal/term"
)

// grid is a table for people: cells of plain text, one line each.
type grid struct {
	heads []head
	rows  [][]cell
}

type head struct {
	name string
	left bool // text reads from the left, numbers stand on their right
	keep bool // never dropped for width
	drop int  // the larger, the sooner it is dropped; of equals the last column goes first
}

// cell is its text and, where a colour would help, how to paint it.
type cell struct {
	text  string
	paint func(term.Paint, string) string
}

func plain(s string) cell { return cell{text: s} }

// gap stands between two columns.
const gap = 2

// widths gives each column's width.
func (g *grid) widths() []int {
	w := make([]int, len(g.heads))
	for i, h := range g.heads {
		w[i] = term.Len(h.name)
	}
	for _, r := range g.rows {
		for i, c := range r {
			w[i] = max(w[i], term.Len(c.text))
		}
	}
	return w
}

// fit drops columns, the least important first, until the table is at most width
// columns wide; width 0 drops none. It gives the names of what was dropped, as they
// stood.
func (g *grid) fit(width int) (dropped []string) {
	var gone []string
	all := slices.Clone(g.heads)
	for width > 0 {
		total := -gap
		last := -1
		for i, w := range g.widths() {
			total += w + gap
			if !g.heads[i].keep && (last < 0 || g.heads[i].drop >= g.heads[last].drop) {
				last = i
			}
		}
		if total <= width || last < 0 {
			break
		}
		gone = append(gone, g.heads[last].name)
		g.drop(last)
	}
	for _, h := range all {
		if slices.Contains(gone, h.name) {
			dropped = append(dropped, h.name)
		}
	}
	return dropped
}

func (g *grid) drop(i int) {
	g.heads = append(append([]head(nil), g.heads[:i]...), g.heads[i+1:]...)
	for j, r := range g.rows {
		g.rows[j] = append(append([]cell(nil), r[:i]...), r[i+1:]...)
	}
}

// empty reports whether a column holds nothing at all.
func (g *grid) empty(i int) bool {
	for _, r := range g.rows {
		if r[i].text != "" {
			return false
		}
	}
	return true
}

// render writes the table: no borders, no trailing spaces.
func (g *grid) render(w io.Writer, paint term.Paint) error {
	var buf bytes.Buffer
	align := make([]tw.Align, len(g.heads))
	names := make([]string, len(g.heads))
	for i, h := range g.heads {
		names[i] = h.name
		if align[i] = tw.AlignRight; h.left {
			align[i] = tw.AlignLeft
		}
	}
	pad := tw.CellPadding{Global: tw.Padding{Right: strings.Repeat(" ", gap), Overwrite: true}}
	cfg := tw.CellConfig{Alignment: tw.CellAlignment{PerColumn: align}, Padding: pad, Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off}}
	t := tablewriter.NewTable(&buf, tablewriter.WithConfig(tablewriter.Config{Header: cfg, Row: cfg}),
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{Borders: tw.BorderNone, Settings: tw.Settings{
			Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off, ShowHeader: tw.Off},
			Lines:      tw.Lines{ShowHeaderLine: tw.Off, ShowTop: tw.Off, ShowBottom: tw.Off, ShowFooterLine: tw.Off},
		}})))
	t.Header(names)
	for _, r := range g.rows {
		line := make([]string, len(r))
		for i, c := range r {
			line[i] = c.text
			if c.paint != nil {
				line[i] = c.paint(paint, c.text)
			}
		}
		if err := t.Append(line); err != nil {
			return fmt.Errorf("table: %w", err)
		}
	}
	if err := t.Render(); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	return trimLines(w, buf.String())
}

// doubled is the second reset code that the library leaves behind a coloured cell.
var doubled = regexp.MustCompile("(\x1b\\[0m *)\x1b\\[0m")

// trimLines drops it, and the padding at line ends. A cell is one line, so a line
// is a row.
func trimLines(w io.Writer, s string) error {
	lines := strings.Split(strings.TrimRight(doubled.ReplaceAllString(s, "$1"), "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// footnotes are numbered in order of first use: the same text has the same number.
type footnotes struct {
	texts []string
	index map[string]int
}

func (f *footnotes) mark(text string) string {
	if f.index == nil {
		f.index = map[string]int{}
	}
	n, ok := f.index[text]
	if !ok {
		f.texts = append(f.texts, text)
		n = len(f.texts)
		f.index[text] = n
	}
	return superscript(n)
}

func (f *footnotes) write(w io.Writer, width int) {
	for i, t := range f.texts {
		fmt.Fprintln(w, term.Wrap(superscript(i+1)+" "+t, "  ", width))
	}
}

func superscript(n int) string {
	var b strings.Builder
	for _, d := range fmt.Sprint(n) {
		b.WriteRune([]rune("⁰¹²³⁴⁵⁶⁷⁸⁹")[d-'0'])
	}
	return b.String()
}
