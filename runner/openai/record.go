package openai

import (
	"bytes"
	"cmp"
	"errors"

	"github.com/valyala/fastjson"
	"github.com/wsrun/wsrun/runner/sample"
)

// record is what one event's JSON says, as far as measuring needs it.
type record struct {
	choices bool  // there is at least one choice
	content bool  // generated content that is not empty: text, content, reasoning, a tool call's
	role    bool  // a delta names the role
	finish  bool  // a finish_reason
	ids     int64 // length of token_ids over the choices
	usage   bool  // a usage object
	failed  bool  // an error object

	prompt, cached, completion int64 // told, or sample.Unknown

	message string // the error's, where failed

	// Cached prompt tokens by tier (SGLang), or sample.Unknown, and where the last are kept:
	// the name of the storage's class, empty where that keeps files.
	device, host, storage int64
	backend               string
}

var errNoObject = errors.New("an event that is no JSON object")

// decoder reads records with one parser, reused: it allocates nothing once its
// buffers have grown to the events' size.
type decoder struct {
	parser  fastjson.Parser
	pattern pattern
}

// decode reads one event's data.
func (d *decoder) decode(data []byte, r *record) error {
	r.clear()
	if d.pattern.scan(data, r) {
		return nil
	}
	r.clear()
	return d.parse(data, r)
}

func (r *record) clear() {
	*r = record{prompt: sample.Unknown, cached: sample.Unknown, completion: sample.Unknown, device: sample.Unknown, host: sample.Unknown, storage: sample.Unknown}
}

// parse reads any record, by way of a JSON tree.
func (d *decoder) parse(data []byte, r *record) error {
	root, err := d.parser.ParseBytes(data)
	if err != nil {
		return err
	}
	if root.Type() != fastjson.TypeObject {
		return errNoObject
	}
	var usage, timings, fault *fastjson.Value
	object(root).Visit(func(key []byte, v *fastjson.Value) {
		switch string(key) {
		case "choices":
			for _, choice := range items(v) {
				r.choices = true
				r.choice(choice)
			}
		case "usage":
			usage = v
		case "timings":
			timings = v
		case "sglext":
			r.details(v.Get("cached_tokens_details"))
		case "error":
			fault = v
		case "object": // SGLang's older form carries the message beside it
			if b, _ := v.StringBytes(); string(b) == "error" && fault == nil {
				fault = root
			}
		}
	})
	r.told(usage, timings)
	if fault != nil && fault.Type() != fastjson.TypeNull {
		r.failed, r.message = true, errorMessage(fault)
	}
	return nil
}

// choice reads one choice of a completion (text) or a chat completion (delta).
func (r *record) choice(v *fastjson.Value) {
	object(v).Visit(func(key []byte, v *fastjson.Value) {
		switch string(key) {
		case "text":
			r.content = r.content || filled(v)
		case "delta":
			r.delta(v)
		case "finish_reason":
			r.finish = r.finish || filled(v)
		case "token_ids":
			r.ids += int64(len(items(v)))
		}
	})
}

func (r *record) delta(v *fastjson.Value) {
	object(v).Visit(func(key []byte, v *fastjson.Value) {
		switch string(key) {
		case "content", "reasoning_content", "reasoning":
			r.content = r.content || filled(v)
		case "role":
			r.role = r.role || filled(v)
		case "token_ids":
			r.ids += int64(len(items(v)))
		case "tool_calls":
			for _, call := range items(v) {
				r.content = r.content || filled(call.Get("function", "arguments")) || filled(call.Get("function", "name"))
			}
		}
	})
}

// told reads the token counts from usage; where there is none, from llama.cpp's
// timings (prompt_n computed, cache_n reused, predicted_n generated).
func (r *record) told(usage, timings *fastjson.Value) {
	if usage != nil && usage.Type() == fastjson.TypeObject {
		r.usage = true
		r.prompt = count(usage.Get("prompt_tokens"))
		r.completion = count(usage.Get("completion_tokens"))
		r.cached = count(usage.Get("prompt_tokens_details", "cached_tokens"))
	}
	if timings == nil || timings.Type() != fastjson.TypeObject {
		return
	}
	computed, cached := count(timings.Get("prompt_n")), count(timings.Get("cache_n"))
	if r.cached == sample.Unknown {
		r.cached = cached
	}
	if r.prompt == sample.Unknown && computed >= 0 && cached >= 0 {
		r.prompt = computed + cached
	}
	if r.completion == sample.Unknown {
		r.completion = count(timings.Get("predicted_n"))
	}
}

// details reads SGLang's cached_tokens_details.
func (r *record) details(v *fastjson.Value) {
	if v == nil {
		return
	}
	r.device, r.host, r.storage = count(v.Get("device")), count(v.Get("host")), count(v.Get("storage"))
	if name := v.Get("storage_backend"); filled(name) {
		switch b, _ := name.StringBytes(); string(b) {
		case "file", "HiCacheFile":
		default:
			r.backend = string(b)
		}
	}
}

// sources gives the cached prompt tokens by tier, nil when not told, as nearly every
// record does not. The storage goes by its backend's name, or is a disk.
func (r *record) sources() (out []sample.Source) {
	if max(r.device, r.host, r.storage) < 0 {
		return nil
	}
	tiers := [...]sample.Source{{Tier: "hbm", Tokens: r.device}, {Tier: "dram", Tokens: r.host}, {Tier: cmp.Or(r.backend, "disk"), Tokens: r.storage}}
	out = make([]sample.Source, 0, len(tiers))
	for _, t := range tiers {
		if t.Tokens >= 0 {
			out = append(out, t)
		}
	}
	return out
}

// roleOnly says that the record opens a chat and holds no token.
func (r *record) roleOnly() bool {
	return r.role && !r.content && !r.finish && r.ids == 0
}

// object gives v as an object, or nil, which Visit takes as an empty one.
func object(v *fastjson.Value) *fastjson.Object {
	if v.Type() != fastjson.TypeObject {
		return nil
	}
	o, _ := v.Object()
	return o
}

// items gives the elements of an array; none for anything else.
func items(v *fastjson.Value) []*fastjson.Value {
	if v.Type() != fastjson.TypeArray {
		return nil
	}
	a, _ := v.Array()
	return a
}

// filled says that v is a string that is not empty.
func filled(v *fastjson.Value) bool {
	if v == nil || v.Type() != fastjson.TypeString {
		return false
	}
	b, _ := v.StringBytes()
	return len(b) > 0
}

// count reads a number of tokens: not negative, else sample.Unknown.
func count(v *fastjson.Value) int64 {
	if v == nil || v.Type() != fastjson.TypeNumber {
		return sample.Unknown
	}
	if n, err := v.Int64(); err == nil && n >= 0 {
		return n
	}
	return sample.Unknown
}

// errorMessage finds the words in an error value: {"message"}, {"detail"}, a
// string, or else the JSON itself.
func errorMessage(v *fastjson.Value) string {
	if v.Type() == fastjson.TypeString {
		b, _ := v.StringBytes()
		return shorten(b)
	}
	for _, key := range []string{"message", "detail"} {
		if m := v.Get(key); filled(m) {
			b, _ := m.StringBytes()
			return shorten(b)
		}
	}
	return shorten(v.MarshalTo(nil))
}

// bodyMessage finds the words in the body of a failed response.
func bodyMessage(body []byte) string {
	var p fastjson.Parser
	v, err := p.ParseBytes(body)
	if err != nil || v.Type() != fastjson.TypeObject {
		return shorten(body)
	}
	if e := v.Get("error"); e != nil && e.Type() != fastjson.TypeNull {
		return errorMessage(e)
	}
	return errorMessage(v)
}

// shorten makes one line of at most 500 bytes.
func shorten(b []byte) string {
	line := bytes.ToValidUTF8(bytes.Join(bytes.Fields(b), []byte(" ")), []byte("?"))
	if len(line) > 500 {
		line = append(bytes.ToValidUTF8(line[:500], nil), "..."...)
	}
	return string(line)
}
