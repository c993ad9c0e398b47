package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// apiError is an error reply in vLLM's form.
type apiError struct {
	status  int
	message string
	kind    string
	param   string // empty = null
}

func badRequest(param, message string) *apiError {
	return &apiError{http.StatusBadRequest, message, "BadRequestError", param}
}

func badJSON(pos int) *apiError {
	at := fmt.Sprintf("body.%d", pos)
	return &apiError{http.StatusBadRequest, fmt.Sprintf("1 validation error:\n  {'type': 'json_invalid', 'loc': '%s', 'msg': 'JSON decode error', "+
		"'input': '<dict of 0 items>', 'ctx': {'error': 'Expecting property name enclosed in double quotes'}}", at), "Bad Request", at}
}

// body gives the error as JSON.
func (e *apiError) body() []byte {
	b := append([]byte(`{"error":{"message":`), quote(e.message)...)
	b = append(append(b, `,"type":`...), quote(e.kind)...)
	b = append(b, `,"param":`...)
	if e.param == "" {
		b = append(b, "null"...)
	} else {
		b = append(b, quote(e.param)...)
	}
	b = append(b, `,"code":`...)
	return append(strconv.AppendInt(b, int64(e.status), 10), "}}"...)
}

// quote gives s as a JSON string. Unlike json.Marshal it leaves <, > and & alone.
func quote(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) //nolint:errcheck // a client that has gone is nobody's error
}

// detail is how vLLM's web framework answers what has no handler.
func detail(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, append(append([]byte(`{"detail":`), quote(text)...), '}'))
}
