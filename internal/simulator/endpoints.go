package simulator

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// models answers GET /v1/models. max_model_len is told only when the profile has one.
func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	b := append([]byte(`{"object":"list","data":[{"id":`), quote(s.p.Model)...)
	b = strconv.AppendInt(append(b, `,"object":"model","created":`...), s.epoch.Unix(), 10)
	owner := "wsrun-simulator"
	if s.p.sglang() {
		owner = "sglang"
	}
	b = append(append(b, `,"owned_by":"`+owner+`","root":`...), quote(s.p.Model)...)
	b = append(b, `,"parent":null`...)
	if s.p.MaxModelLen > 0 {
		b = strconv.AppendInt(append(b, `,"max_model_len":`...), int64(s.p.MaxModelLen), 10)
	}
	writeJSON(w, http.StatusOK, append(b, `,"permission":[]}]}`...))
}

// decodeBody reads a small JSON body into v, and answers when that fails.
func (s *Server) decodeBody(w http.ResponseWriter, r *http.Request, v any) bool {
	body, err := readBody(w, r, nil)
	if err == nil {
		err = json.Unmarshal(body, v)
	}
	if err != nil {
		e := badJSON(0)
		writeJSON(w, e.status, e.body())
	}
	return err == nil
}

// tokenize answers POST /tokenize: vLLM's prompt or messages, or llama-server's content.
func (s *Server) tokenize(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Prompt   *string         `json:"prompt"`
		Content  *string         `json:"content"`
		Messages json.RawMessage `json:"messages"`
	}
	if !s.decodeBody(w, r, &in) {
		return
	}
	var ids []int32
	switch {
	case in.Prompt != nil:
		ids = tokenize(nil, *in.Prompt, s.p.Vocab)
	case len(in.Messages) > 0:
		var req request
		if e := req.chat(in.Messages); e != nil {
			writeJSON(w, e.status, e.body())
			return
		}
		ids = chatTokens(nil, req.messages, s.p.Vocab)
	case in.Content != nil:
		ids = tokenize(nil, *in.Content, s.p.Vocab)
	default:
		e := badRequest("prompt", "1 validation error:\n  {'type': 'missing', 'loc': 'body.prompt', 'msg': 'Field required'}")
		writeJSON(w, e.status, e.body())
		return
	}
	b := strconv.AppendInt([]byte(`{"count":`), int64(len(ids)), 10)
	b = append(b, `,"max_model_len":`...)
	if s.p.MaxModelLen > 0 {
		b = strconv.AppendInt(b, int64(s.p.MaxModelLen), 10)
	} else {
		b = append(b, "null"...)
	}
	b = appendIDs(append(b, `,"tokens":`...), ids, true)
	writeJSON(w, http.StatusOK, append(b, `,"token_strs":null}`...))
}

// detokenize answers POST /detokenize.
func (s *Server) detokenize(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Tokens []int32 `json:"tokens"`
	}
	if !s.decodeBody(w, r, &in) {
		return
	}
	if e := checkIDs(in.Tokens, s.p.Vocab); e != nil {
		writeJSON(w, e.status, e.body())
		return
	}
	var text []byte
	for i, id := range in.Tokens {
		if i > 0 {
			text = append(text, ' ')
		}
		text = appendWord(text, id)
	}
	writeJSON(w, http.StatusOK, append(append([]byte(`{"prompt":`), quote(string(text))...), '}'))
}
