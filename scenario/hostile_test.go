package scenario

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What a file may cost, whatever it holds: a scenario comes from a pull request, and is
// read on a machine that others share. These are all allocations together; held at a time
// is less, and of the largest list, 1 MiB that is read before it is refused, less than 100
// MiB by the whole process.
const (
	mostAllocated = 100 << 20 // bytes
	mostOfLargest = 160 << 20
	mostTime      = 30 * time.Second // a second or less, on a machine that does nothing else
)

// hostile are files of about size bytes, each of which is a lot of something.
func hostile(size int) map[string]string {
	fill := func(unit string) string { return strings.Repeat(unit, size/len(unit)) }
	head := minimal("")
	return map[string]string{
		"nested lists":        fill("["),
		"nested maps":         fill("{a: "),
		"indented keys":       indented(900),
		"dashes":              fill("- "),
		"a long list":         "contexts: [" + fill("1k, ") + "2k]\n",
		"a long number":       head + "seed: " + fill("9") + "\n",
		"a long size":         head + "chunk: 1" + fill("0") + "k\n",
		"a long duration":     head + "drain: " + fill("1h") + "\n",
		"a long name":         "name: " + fill("x") + "\n",
		"unknown keys":        keys(size / 2), // fewer values than are refused at once
		"labels":              head + "labels:\n" + labels(size/3),
		"one long condition":  head + "stop: ['" + fill("error_rate > 5 or ") + "error_rate > 5']\n",
		"a wide condition":    head + "stop: ['" + fill("(") + "']\n",
		"many conditions":     head + "stop:\n" + strings.Repeat("  - '"+strings.Repeat("error_rate > 5 or ", 90)+"error_rate > 5'\n", 100),
		"many bad conditions": head + "stop:\n" + strings.Repeat("  - '"+strings.Repeat("(", 4000)+"'\n", 100),
		"many thresholds":     head + "thresholds:\n" + fill("  - {expect: ttft.p95 < 1s, where: context == 8k}\n"),
		"points":              strings.Replace(head, "{min: 100k, max: 1M, steps: 4}", "{min: 100k, max: 900G, steps: 10000}", 1),
		"an alias bomb":       bomb(),
		"anchors":             fill("- &a x\n- *a\n"),
		"variables":           head + "description: \"" + fill("${WSRUN_X}") + "\"\n",
		"tags":                fill("- !!str x\n"),
		"comments":            fill("#\n"),
		"quotes":              "name: \"" + fill(`\"`) + "\n",
		"documents":           fill("---\n"),
		"line separators":     fill("\u2028"),
		"tabs":                fill("\t"),
	}
}

func indented(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func keys(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "outputtokens%d: 1\n", i)
	}
	return b.String()
}

func labels(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "  l%d: x\n", i)
	}
	return b.String()
}

func bomb() string {
	b := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'z'; c++ {
		b += fmt.Sprintf("%c: &%c [%s*%c]\n", c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 8), c-1)
	}
	return b
}

// TestHostileFiles: what is made to be expensive is refused, or read, at the cost of an
// ordinary large file.
func TestHostileFiles(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates more than the files do")
	}
	opt := Options{Env: func(string) (string, bool) { return strings.Repeat("${WSRUN_X}", 100), true }}
	const quarter = MaxFileSize / 4
	texts := hostile(quarter - 4096)
	texts["the largest list"] = hostile(MaxFileSize - 4096)["a long list"] // the costliest
	for name, text := range texts {
		most := uint64(mostAllocated)
		if len(text) > quarter {
			most = mostOfLargest
		}
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			_, problems := Load("hostile.yaml", []byte(text), opt)
			shown := Render(problems, false)
			took := time.Since(begin)
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > most || took > mostTime {
				t.Errorf("%d MB in %s", used>>20, took)
			}
			if len(shown) > 4096*(1+len(problems)) {
				t.Errorf("%d problems are told in %d KB", len(problems), len(shown)>>10)
			}
		})
	}
}
