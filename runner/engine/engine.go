// Package engine is what differs between inference servers: how one is recognised,
// what it tells, how its cache is emptied, what fixes the length of its output, how
// it tokenises, and what its telemetry series are called.
//
// An engine is data plus small functions in one file of its own (vllm.go, sglang.go,
// llamacpp.go, generic.go). Nothing is assumed that can be asked: what a server does
// not answer is unknown, never zero.
package engine

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// engine is one kind of server.
type engine struct {
	name   string
	owners []string // owned_by in /v1/models

	// What makes every output as long as asked: fields that repeat max_tokens, and
	// constant ones. A field that a server refuses is left out.
	lengths []string
	fields  map[string]any

	resets  []string // POST paths that empty all tiers
	busy    int      // status with which resets are refused while requests run; 0: none
	noReset string   // why there is none, and what to do

	flag string // what makes its usage tell cached tokens, where it does not; empty: nothing does

	// tokenize builds the body of POST /tokenize for a text in the API in use.
	tokenize func(s *Server, text string) tokenizeForm

	// notes says what a person should know of this server, from its /props.
	notes func(props map[string]any) []string

	// learn takes in what this server alone tells: limits, capacities, what empties it.
	learn func(p *prober)
}

// engines in the order in which they are tried.
var engines = []*engine{vllm, sglang, llamacpp, generic}

// Names lists the engines that target.engine may name.
func Names() []string {
	var out []string
	for _, e := range engines {
		out = append(out, e.name)
	}
	return append(out, simulatorName)
}

// simulatorName is the built-in server: it speaks vLLM and says who it is.
const simulatorName = "simulator"

// named gives the engine of a name.
func named(name string) (*engine, bool) {
	if name == simulatorName {
		return vllm, true
	}
	i := slices.IndexFunc(engines, func(e *engine) bool { return e.name == name })
	if i < 0 {
		return nil, false
	}
	return engines[i], true
}

// Output is what requests carry beside the standard fields so that they get as many
// output tokens as they ask for.
type Output struct {
	Lengths []string       // fields whose value is the number of output tokens
	Fields  map[string]any // constant fields; nil leaves a default field out
}

// models is the reply to GET /v1/models, of all engines.
type models struct {
	Data []listed `json:"data"`
}

type listed struct {
	ID          string `json:"id"`
	OwnedBy     string `json:"owned_by"`
	MaxModelLen int64  `json:"max_model_len"` // vLLM, SGLang
	Meta        struct {
		Vocabulary int64 `json:"n_vocab"` // llama.cpp
		Context    int64 `json:"n_ctx"`   // llama.cpp: of one slot
	} `json:"meta"`
}

func (m *models) names() []string {
	var out []string
	for _, d := range m.Data {
		out = append(out, d.ID)
	}
	return out
}

// message digs the words out of an error body: {"error":{"message"}}, {"message"},
// {"detail"}, or the body itself (of a page its text), as one line, cut.
func message(body []byte) string {
	var e struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
		Detail  json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(body, &e) == nil {
		var inner struct {
			Message string `json:"message"`
		}
		if json.Unmarshal(e.Error, &inner) == nil && inner.Message != "" {
			return cut(inner.Message)
		}
		for _, s := range []string{text(e.Error), e.Message, text(e.Detail), string(e.Detail)} {
			if s != "" {
				return cut(s)
			}
		}
	}
	if s := cut(tags.ReplaceAllString(string(body), " ")); s != "" {
		return s
	}
	return "an empty body"
}

// tags are what an error page of a proxy has round its words.
var tags = regexp.MustCompile(`(?s)<(script|style|head)\b.*?</(script|style|head)>|<[a-zA-Z/!][^>]*>`)

func text(raw json.RawMessage) (s string) {
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// cut makes one line of s, without characters that could steer a terminal, and
// shortens it.
func cut(s string) string {
	const most = 300
	if len(s) > 100*most { // a body may be large, and no more of it is looked at than can matter
		s = strings.ToValidUTF8(s[:100*most], "")
	}
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + " ..."
}
