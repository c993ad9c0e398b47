package explain

import (
	"strings"

	"github.com/wsrun/wsrun/docs"
	"github.com/wsrun/wsrun/scenario/metric"
)

// columnTopics explains the columns of the CSV files, out of the documentation that is made
// of the tables that write them. Those that are named as a metric are explained there.
func columnTopics() []Topic {
	var out []Topic
	at := map[string]int{} // where the topic of a column is
	file := ""
	for line := range strings.Lines(docs.Columns) {
		line = strings.TrimSuffix(line, "\n")
		if title, begins := strings.CutPrefix(line, "## "); begins {
			file = strings.ReplaceAll(title, "`", "")
		}
		cells := rowOf(line)
		if file == "" || len(cells) != 5 || !strings.HasPrefix(cells[0], "`") {
			continue
		}
		name := strings.Trim(cells[0], "`")
		if _, is := metric.Find(name); is {
			continue
		}
		i, known := at[name]
		if !known {
			i = len(out)
			at[name] = i
			out = append(out, Topic{Kind: KindColumn, Name: name, Text: sentence(cells[3]), aliases: columnHeads[name]})
			if metric, is := metricOf[name]; is {
				out[i].Also = []string{metric}
			}
		}
		t := &out[i]
		f := facts(t.Facts)
		said := file
		if known && sentence(cells[3]) != t.Text {
			said += ": " + cells[3]
		}
		f.add("file", said)
		if !known {
			f.add("unit", cells[1])
		}
		if was := cells[2]; was != "–" && was != "" {
			f.add("original", was)
			f.add("why", cells[4])
		}
		t.Facts = f
	}
	return out
}

// rowOf gives the cells of a line of a Markdown table, none of another line.
func rowOf(line string) []string {
	line, begins := strings.CutPrefix(line, "| ")
	line, ends := strings.CutSuffix(line, " |")
	if !begins || !ends {
		return nil
	}
	cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), " | ")
	for i := range cells {
		cells[i] = strings.TrimSpace(strings.ReplaceAll(cells[i], "\x00", "|"))
	}
	return cells
}

// metricOf gives the metric that a column of another name prints.
var metricOf = func() map[string]string {
	out := map[string]string{}
	for name, column := range columns {
		if !strings.HasSuffix(name, ".") {
			out[column] = name
		}
	}
	return out
}()
