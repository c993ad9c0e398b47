package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// column is one column of a CSV file and, in the summary, one key of --brief and
// --format json as well. docs/columns.md is made from the same table.
type column[T any] struct {
	name     string
	unit     string // s, tokens, tokens/s ... ; empty for text and plain counts
	original string // working_set_tester.py's formula; empty: ours
	ours     string // our formula
	why      string // why ours differs; empty where it does not
	get      func(T) field
}

// writeCSV writes the header and a line for each row. Lines end in \n.
func writeCSV[T any](w io.Writer, cols []column[T], each func(yield func(T) bool)) error {
	bw := bufio.NewWriterSize(w, 1<<16)
	line := make([]byte, 0, 1024)
	for i, c := range cols {
		if i > 0 {
			line = append(line, ',')
		}
		line = text(c.name).appendCSV(line)
	}
	_, err := bw.Write(append(line, '\n'))
	for row := range each {
		line = line[:0]
		for i, c := range cols {
			if i > 0 {
				line = append(line, ',')
			}
			line = c.get(row).appendCSV(line)
		}
		if _, err = bw.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	return bw.Flush()
}

// describe writes a table's part of docs/columns.md.
func describe[T any](w io.Writer, title, intro string, cols []column[T]) {
	fmt.Fprintf(w, "\n## %s\n\n%s\n\n| column | unit | original | ours | why |\n|---|---|---|---|---|\n", title, intro)
	for _, c := range cols {
		orig := c.original
		if orig == "" {
			orig = "–"
		}
		fmt.Fprintf(w, "| `%s` | %s | %s | %s | %s |\n", c.name, c.unit, escape(orig), escape(c.ours), escape(c.why))
	}
}

func escape(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
