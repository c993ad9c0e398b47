package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ErrNoReset says that the cache cannot be emptied; the error that wraps it says
// why. Salts then keep cells apart.
var ErrNoReset = errors.New("the server's cache cannot be emptied")

// Reset empties the cache, all tiers, by the engine's own call or as configured.
// What a server says in its body counts, not its status alone: vLLM answers 200 and
// {"success":false} while requests hold blocks, so it is asked again for a while; and so
// is SGLang, which answers 400 then.
func (s *Server) Reset(ctx context.Context) error {
	switch r := s.cfg.Reset; {
	case len(r.Command) > 0:
		if s.cfg.Run == nil {
			return fmt.Errorf("%w: warmup.reset.command needs --allow-commands", ErrNoReset)
		}
		if err := s.cfg.Run(ctx, r.Command); err != nil {
			return fmt.Errorf("warmup.reset.command %s: %w", strings.Join(r.Command, " "), err)
		}
		return nil
	case len(r.Posts) > 0:
		return s.resetBy(ctx, r.Posts)
	case r.Auto && len(s.engine.resets) > 0:
		err := s.resetBy(ctx, slices.Concat(s.engine.resets, s.more))
		var a *answer
		if errors.As(err, &a) && (a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed) {
			return fmt.Errorf("%w: %w; %s", ErrNoReset, err, s.engine.noReset)
		}
		return err
	case r.Auto:
		return fmt.Errorf("%w: %s", ErrNoReset, s.engine.noReset)
	}
	return nil
}

// answer is a reply that was not what was hoped for.
type answer struct {
	url, call string
	status    int
	text      string
}

func (a *answer) Error() string {
	return fmt.Sprintf("%s answers %d to %s: %s", a.url, a.status, a.call, a.text)
}

func (s *Server) resetBy(ctx context.Context, posts []string) error {
	for _, path := range posts {
		if err := s.resetOne(ctx, path); err != nil {
			return fmt.Errorf("reset of the cache: %w", err)
		}
	}
	return nil
}

// own reports whether a POST, without its query, is one of the engine's own resets: a
// scenario may name it too, and by its whole URL.
func (e *engine) own(post string) bool {
	return slices.ContainsFunc(e.resets, func(path string) bool {
		path, _, _ = strings.Cut(path, "?")
		return strings.HasSuffix(post, path)
	})
}

func (s *Server) resetOne(ctx context.Context, path string) error {
	const tries = 10
	for try := 1; ; try++ {
		status, body, err := s.do(ctx, http.MethodPost, path, nil, s.cfg.Step)
		if err != nil {
			return err
		}
		shown, _, _ := strings.Cut(path, "?")
		busy := status == s.engine.busy && s.engine.own(shown)
		if status/100 != 2 && !busy {
			return &answer{redact(s.cfg.Endpoint), "POST " + shown, status, message(body)}
		}
		var said struct {
			Success *bool `json:"success"`
		}
		if !busy && (json.Unmarshal(body, &said) != nil || said.Success == nil || *said.Success) {
			return nil
		}
		if try == tries || ctx.Err() != nil {
			words := `"success": false`
			if busy {
				words = strings.TrimRight(message(body), ".")
			}
			return &answer{redact(s.cfg.Endpoint), "POST " + shown, status, fmt.Sprintf(`%s, %d times: requests still hold the cache; is anybody else using the server?`, words, try)}
		}
		sleep(ctx, 200*time.Millisecond)
	}
}
