package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// ErrNoTokenizer says that the server has no /tokenize.
var ErrNoTokenizer = errors.New("the server has no tokenizer to ask")

// tokenizeForm is the body of POST /tokenize.
type tokenizeForm map[string]any

// Tokenize gives the tokens of a request whose text is given, template and special
// tokens included.
func (s *Server) Tokenize(ctx context.Context, text string) ([]int64, error) {
	if s.engine == llamacpp && s.chat {
		templated, err := s.template(ctx, text)
		if err != nil {
			return nil, err
		}
		text = templated
	}
	status, body, err := s.post(ctx, "/tokenize", s.engine.tokenize(s, text), s.quick())
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("%w: POST /tokenize answers %d: %s", ErrNoTokenizer, status, message(body))
	}
	var r struct {
		Tokens []int64 `json:"tokens"`
	}
	if err := json.Unmarshal(body, &r); err != nil || r.Tokens == nil {
		return nil, fmt.Errorf("%w: POST /tokenize answers 200 without a list of tokens", ErrNoTokenizer)
	}
	return r.Tokens, nil
}

// template applies llama-server's chat template.
func (s *Server) template(ctx context.Context, text string) (string, error) {
	status, body, err := s.post(ctx, "/apply-template", map[string]any{"messages": user(text)}, s.quick())
	if err != nil {
		return "", err
	}
	var r struct {
		Prompt *string `json:"prompt"`
	}
	if status != http.StatusOK || json.Unmarshal(body, &r) != nil || r.Prompt == nil {
		return "", fmt.Errorf("%w: POST /apply-template answers %d: %s", ErrNoTokenizer, status, message(body))
	}
	return *r.Prompt, nil
}

// Count gives the number of tokens of a request whose text is given, by the
// server's tokenizer. With Ask it is what prompt.Counter wants.
func (s *Server) Count(ctx context.Context, text string) (int64, error) {
	t, err := s.Tokenize(ctx, text)
	return int64(len(t)), err
}

// Ask gives the prompt tokens of a request whose text is given by sending it, one
// token out; 0 when the server tells no usage.
func (s *Server) Ask(ctx context.Context, text string) (int64, error) {
	r, err := s.ask(ctx, s.client, prompt{text: text}, 1)
	if err != nil {
		return 0, err
	}
	if !r.good() {
		return 0, fmt.Errorf("%s answers %d to POST %s: %s", redact(s.cfg.Endpoint), r.status, s.path(), r.err)
	}
	return max(0, r.prompt), nil
}

// quick is the limit of calls that compute nothing.
func (s *Server) quick() time.Duration { return min(s.cfg.Step, 10*time.Second) }
