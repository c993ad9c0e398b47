package prompt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// API of a server, as sample.Probe.API has it.
const (
	Completions = "completions" // POST /v1/completions
	Chat        = "chat"        // POST /v1/chat/completions
)

// Path gives the path of an API.
func Path(api string) string {
	if api == Chat {
		return "/v1/chat/completions"
	}
	return "/v1/completions"
}

// Frame is everything of a request body but the prompt, built once.
type Frame struct {
	head   []byte   // up to where the prompt begins
	tail   []byte   // after the prompt, up to the first length
	length [][]byte // `,"max_tokens":` ...: each is followed by the number of output tokens
	end    []byte   // the constant fields and the closing brace
	chat   bool
}

// NewFrame builds a frame: model, temperature 0, a stream with usage, max_tokens
// and every field of lengths set to the output tokens of the request, and the
// constant fields. Later maps win over earlier ones and over the defaults; two
// objects of one name are merged; null leaves a field out. The engine's fields
// come first, target.body last. Fields that carry the measurement itself cannot be
// overridden: they are an error.
func NewFrame(api, model string, lengths []string, fields ...map[string]any) (Frame, error) {
	merged := map[string]any{
		"temperature":    0,
		"stream_options": map[string]any{"include_usage": true},
	}
	for _, m := range fields {
		for name, v := range m {
			switch name {
			case "prompt", "messages", "model", "stream", "max_tokens":
				return Frame{}, fmt.Errorf("target.body.%s cannot be set: wsrun sets it in each request (for the model use target.model, for the length output_tokens)", name)
			}
			merged[name] = merge(merged[name], v)
		}
	}
	f := Frame{chat: api == Chat}
	name, err := json.Marshal(model)
	if err != nil {
		return Frame{}, fmt.Errorf("target.model: %w", err)
	}
	f.head = append(append([]byte(`{"model":`), name...), `,"stream":true,`...)
	if f.chat {
		f.head = append(f.head, `"messages":[{"role":"user","content":`...)
		f.tail = []byte(`}]`)
	} else {
		f.head = append(f.head, `"prompt":`...)
	}
	for _, l := range append([]string{"max_tokens"}, lengths...) {
		if _, set := merged[l]; !set {
			f.length = append(f.length, fmt.Appendf(nil, ",%q:", l))
		}
	}
	return f, f.close(merged)
}

// close encodes the constant fields, sorted: the same scenario has the same bytes.
func (f *Frame) close(fields map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if fields[name] == nil {
			continue
		}
		key, _ := json.Marshal(name)
		var v bytes.Buffer
		enc := json.NewEncoder(&v)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(fields[name]); err != nil {
			return fmt.Errorf("target.body.%s cannot be sent as JSON: %w", name, err)
		}
		f.end = append(append(append(append(f.end, ','), key...), ':'), bytes.TrimSpace(v.Bytes())...)
	}
	f.end = append(f.end, '}')
	return nil
}

// merge puts v over old: objects are merged, anything else replaces.
func merge(old, v any) any {
	a, ok := old.(map[string]any)
	b, both := v.(map[string]any)
	if !ok || !both {
		return v
	}
	out := maps.Clone(a)
	for name, x := range b {
		out[name] = merge(out[name], x)
	}
	return out
}

// room is an upper bound of the frame's own bytes.
func (f *Frame) room() int {
	n := len(f.head) + len(f.tail) + len(f.end)
	for _, l := range f.length {
		n += len(l) + 20
	}
	return n
}

// finish appends what follows the prompt.
func (f *Frame) finish(dst []byte, out int64) []byte {
	dst = append(dst, f.tail...)
	for _, l := range f.length {
		dst = strconv.AppendInt(append(dst, l...), out, 10)
	}
	return append(dst, f.end...)
}
