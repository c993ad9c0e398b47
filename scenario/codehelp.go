package scenario

import "strings"

// codeHelp says what a problem code means. Wrong and right are lines of a scenario, or
// what else shows it: a file name, a call.
type codeHelp struct {
	what         string // what the code says of a file, in a sentence
	why          string // why it is a problem, in a sentence or two
	wrong, right string
}

// CodeHelp explains the code of a problem: what it means, why it is one, and an example
// of wrong and right. ok is false for what is no code.
func CodeHelp(code string) (text string, ok bool) {
	h, ok := codeHelps[code]
	if !ok {
		return "", false
	}
	var b strings.Builder
	b.WriteString(h.what + "\n" + h.why + "\n")
	for _, example := range []struct{ name, lines string }{{"wrong:", h.wrong}, {"right:", h.right}} {
		b.WriteString("\n" + example.name + "\n")
		for _, line := range strings.Split(example.lines, "\n") {
			b.WriteString("  " + line + "\n")
		}
	}
	return b.String(), true
}
