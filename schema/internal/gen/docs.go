package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/scenario"
)

// document gives a page with its generated parts written anew. Everything outside the
// markers is written by hand.
func document(page []byte) ([]byte, error) {
	var err error
	for _, part := range []struct{ name, text string }{{"keys", keyTable()}, {"models", modelTable()}} {
		if page, err = between(page, part.name, part.text); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// between replaces what stands between the markers of a name.
func between(page []byte, name, text string) ([]byte, error) {
	begin, end := []byte("<!-- "+name+": begin (make generate) -->\n"), []byte("<!-- "+name+": end -->\n")
	head, rest, opened := bytes.Cut(page, begin)
	_, tail, closed := bytes.Cut(rest, end)
	if !opened || !closed {
		return nil, fmt.Errorf("the page has no markers %q and %q", begin, end)
	}
	return bytes.Join([][]byte{head, begin, []byte(text), end, tail}, nil), nil
}

func writeDocument(path string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if page, err = document(page); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, page, 0o644)
}

// keyTable lists every key.
func keyTable() string {
	var b strings.Builder
	b.WriteString("| key | type | default | modes | change | original | what it is |\n|---|---|---|---|---|---|---|\n")
	for _, k := range scenario.Keys() {
		def := code(k.Default)
		if k.Required {
			def = "required"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", code(k.Path), cell(k.Type), def, modes(k), cell(classes(k)), code(strings.Split(k.Original, ", ")...), cell(k.Description))
	}
	return b.String()
}

func modes(k scenario.Key) string {
	var short []string
	for _, m := range k.Modes {
		short = append(short, m[:1])
	}
	return strings.Join(short, " ")
}

// classes names what a change means: once where it is the same in all modes.
func classes(k scenario.Key) string {
	usual := k.Class[k.Modes[0]]
	out := usual
	for _, m := range k.Modes[1:] {
		if k.Class[m] != usual {
			out += "; " + m[:1] + ": " + k.Class[m]
		}
	}
	return out
}

// modelTable lists the known models with the bytes of a token.
func modelTable() string {
	var b strings.Builder
	b.WriteString("| name | bytes | layers | KV heads x head size, or MLA | config.json of |\n|---|---|---|---|---|\n")
	for _, m := range scenario.KVModels() {
		shape := fmt.Sprintf("%d x %d", m.Shape.KVHeads, m.Shape.HeadDim)
		if m.Shape.Latent > 0 {
			shape = fmt.Sprintf("MLA %d + %d", m.Shape.Latent, m.Shape.Rope)
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %s | %s |\n", code(m.Name), strconv.FormatFloat(m.Shape.BytesPerToken(2, 1), 'f', -1, 64), m.Shape.Layers, shape, m.Repo)
	}
	return b.String()
}

// code sets texts as code, next to each other.
func code(texts ...string) string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, "`"+strings.ReplaceAll(t, "|", `\|`)+"`")
		}
	}
	return strings.Join(out, " ")
}

// cell keeps a text from ending its cell, and what is in brackets from being read as HTML.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`).Replace(text)
}
