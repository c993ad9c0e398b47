package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// grace is how long Serve waits for handlers when it ends.
const grace = 500 * time.Millisecond

// Serve answers requests on ln until ctx is done; then streams are cut, and it returns
// within a second. The error is nil after ctx ended, else why serving ended before.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	srv := &http.Server{Handler: s, BaseContext: func(net.Listener) context.Context { return base }, ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	select {
	case err := <-ended:
		return fmt.Errorf("simulator: serving on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	cut() // every handler waits on it
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if srv.Shutdown(limit) != nil {
		srv.Close() //nolint:errcheck // nothing is left to be saved
	}
	<-ended
	s.FlushLog()
	return nil
}

// Ready is the line that a child prints when it listens.
type Ready struct {
	URL string `json:"url"`
}

// RunChild is a simulator as a child process: it reads a Profile as JSON from stdin,
// listens on a free port of 127.0.0.1, prints a Ready line to stdout and serves until
// ctx is done or stdin ends, so that it never outlives a parent that died. Entries of
// the log go to sink (nil for none) and are not kept. One goroutine stays in a read of
// stdin when ctx ends first.
func RunChild(ctx context.Context, stdin io.Reader, stdout io.Writer, sink func(Entry)) error {
	in := json.NewDecoder(stdin)
	var raw json.RawMessage
	if err := in.Decode(&raw); err != nil {
		return fmt.Errorf("simulator: no profile on standard input: %w", err)
	}
	p, err := DecodeProfile(raw)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	s := New(p)
	s.KeepLog(false)
	if sink != nil {
		s.SetLogSink(sink)
	}
	line, err := json.Marshal(Ready{URL: "http://" + ln.Addr().String()})
	if err == nil {
		_, err = stdout.Write(append(line, '\n'))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("simulator: telling the URL: %w", err), ln.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		io.Copy(io.Discard, stdin) //nolint:errcheck // however it ends, the parent is gone
	}()
	return s.Serve(ctx, ln)
}
