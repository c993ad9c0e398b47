package openai

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	idleLimit   = 2 * time.Second // an idle connection is closed after this long
	readBuffer  = 16 << 10
	headerLimit = 1 << 20 // bytes of a response header
)

var errHeaderTooLarge = errors.New("response header of more than 1 MiB")

// longAgo is a deadline that has passed: it wakes whoever reads or writes.
var longAgo = time.Unix(1, 0)

// wire is one connection. Its Read is the only place where bytes enter, and
// where they are stamped: at once after the socket gave them.
type wire struct {
	conn   net.Conn
	br     *bufio.Reader
	now    func() int64
	at     int64 // when the last read of the socket returned
	reads  int64 // reads that brought bytes
	err    error // what ended the connection, for telling a broken line from broken content
	budget int64 // bytes that may still be read for a header; negative: no limit

	idle  chan struct{} // closed when the watch of the idle connection has ended
	quiet bool          // the watch saw nothing: neither bytes nor an end
	one   [1]byte
}

func newWire(conn net.Conn, now func() int64) *wire {
	w := &wire{conn: conn, now: now, budget: -1}
	w.br = bufio.NewReaderSize(w, readBuffer)
	return w
}

// Read reads the socket once and stamps it.
func (w *wire) Read(p []byte) (int, error) {
	if w.budget == 0 {
		return 0, errHeaderTooLarge
	}
	if w.budget > 0 && int64(len(p)) > w.budget {
		p = p[:w.budget]
	}
	n, err := w.conn.Read(p)
	w.at = w.now()
	if n > 0 {
		w.reads++
		if w.budget > 0 {
			w.budget -= int64(n)
		}
	}
	if err != nil {
		w.err = err
	}
	return n, err
}

// connect dials and, for https, shakes hands.
func (ep *endpoint) connect(ctx context.Context, limit time.Duration) (*wire, error) {
	if ep.bad != nil {
		return nil, ep.bad
	}
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	conn, err := ep.dial(ctx, "tcp", ep.addr)
	if err != nil {
		return nil, err
	}
	if ep.tls != nil {
		secure := tls.Client(conn, ep.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		conn = secure
	}
	return newWire(conn, ep.now), nil
}

// pool keeps an endpoint's idle connections. Each is watched by a read that ends
// when the server closes it, sends something unasked, or idleLimit is over; so a
// connection that the server has closed is not used again.
type pool struct {
	mu     sync.Mutex
	idle   []*wire
	max    int
	closed bool
}

// park makes w idle, or closes it when it cannot be used again.
func (p *pool) park(w *wire) {
	if w.br.Buffered() > 0 || w.conn.SetReadDeadline(time.Now().Add(idleLimit)) != nil {
		w.conn.Close()
		return
	}
	w.idle = make(chan struct{})
	p.mu.Lock()
	keep := !p.closed && (p.max == 0 || len(p.idle) < p.max)
	if keep {
		p.idle = append(p.idle, w)
	}
	p.mu.Unlock()
	if !keep {
		w.conn.Close()
		return
	}
	go p.watch(w)
}

// watch ends with the read; if nobody has taken w by then it is closed.
func (p *pool) watch(w *wire) {
	n, err := w.conn.Read(w.one[:])
	w.quiet = n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
	p.mu.Lock()
	i := slices.Index(p.idle, w)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		w.conn.Close()
	}
	close(w.idle)
}

// take gives an idle connection, the last one parked first, or nil.
func (p *pool) take() *wire {
	for {
		p.mu.Lock()
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			return nil
		}
		w := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		if w.wake() {
			return w
		}
	}
}

// wake ends the watch and reports whether the connection is still good.
func (w *wire) wake() bool {
	w.conn.SetReadDeadline(longAgo)
	<-w.idle
	if !w.quiet || w.conn.SetDeadline(time.Time{}) != nil {
		w.conn.Close()
		return false
	}
	w.err = nil
	return true
}

// drop closes all idle connections: after a failure the next requests dial.
func (p *pool) drop() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, w := range idle {
		w.conn.Close()
		<-w.idle
	}
}

// close closes the idle connections and keeps none from now on.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.drop()
}
