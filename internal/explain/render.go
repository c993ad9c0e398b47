package explain

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/internal/term"
)

// Write prints topics for people, in lines of at most width characters.
func Write(out io.Writer, topics []Topic, width int, paint term.Paint) error {
	var b strings.Builder
	for i, t := range topics {
		if i > 0 {
			b.WriteByte('\n')
		}
		t.write(&b, width, paint)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (t Topic) write(b *strings.Builder, width int, paint term.Paint) {
	fmt.Fprintf(b, "%s (%s)\n", paint.Bold(t.Name), t.Kind)
	for _, line := range strings.Split(t.Text, "\n") {
		paragraph(b, line, "  ", width)
	}
	column := 0
	for _, f := range t.Facts {
		column = max(column, len(f.Name))
	}
	if len(t.Facts) > 0 {
		b.WriteByte('\n')
	}
	for _, f := range t.Facts {
		head := fmt.Sprintf("  %-*s  ", column, f.Name)
		b.WriteString(term.Wrap(head+f.Text, strings.Repeat(" ", len(head)), width) + "\n")
	}
	if len(t.Also) > 0 {
		b.WriteByte('\n')
		head := "  see  "
		fmt.Fprintf(b, "%s%s\n", head, list(t.Also, len(head), width))
	}
}

// paragraph wraps a line. What is indented already, an example, is left as it is.
func paragraph(b *strings.Builder, line, indent string, width int) {
	switch {
	case line == "":
		b.WriteByte('\n')
	case strings.HasPrefix(line, "  "):
		b.WriteString(indent + line + "\n")
	default:
		b.WriteString(term.Wrap(indent+line, indent, width) + "\n")
	}
}

// list writes names with commas, wrapped between them only: names may hold spaces.
func list(names []string, indent, width int) string {
	var b strings.Builder
	at := indent
	for i, n := range names {
		if i < len(names)-1 {
			n += ","
		}
		switch {
		case i == 0:
		case at+1+len(n) > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(n)
		at += len(n)
	}
	return b.String()
}

// WriteList prints the names of all topics, by kind.
func WriteList(out io.Writer, width int, paint term.Paint) error {
	var b strings.Builder
	all := All()
	for _, kind := range Kinds() {
		var names []string
		for _, t := range all {
			if t.Kind == kind {
				names = append(names, t.Name)
			}
		}
		fmt.Fprintf(&b, "%s\n  %s\n\n", paint.Bold(plural(kind)), list(names, 2, width))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// plural names a kind as the heading of a list.
func plural(kind string) string {
	switch kind {
	case KindClass:
		return "classes of change (wsrun diff)"
	case KindDoubt:
		return "validity of a point, and its reasons"
	case KindNote:
		return "notes of a run"
	case KindOption:
		return "options of working_set_tester.py"
	}
	return kind + "s"
}

func itoa(n int) string { return strconv.Itoa(n) }
