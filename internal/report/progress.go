package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/runner/result"
)

// How often progress is shown, and how much of it may wait for a slow terminal.
const (
	redrawEvery    = 100 * time.Millisecond
	heartbeatEvery = time.Minute
	maxWaiting     = 1000 // lines; later ones are counted, not kept
	closeWait      = time.Second
)

// ProgressOptions say where progress goes.
type ProgressOptions struct {
	Redraw  bool       // a terminal: one block, redrawn in place; else lines
	Width   func() int // columns of that terminal, 0 when unknown
	Verbose bool       // a line for each phase and period as well
}

// Progress shows a run as it happens, on stderr. It is an observer of the run's
// frames: Observe only notes what changed; a goroutine of its own draws, at most
// ten times a second, so a terminal that does not take more text (^S, a slow
// link) never holds up what is being measured.
type Progress struct {
	opt  ProgressOptions
	w    io.Writer
	stop chan struct{}
	done chan struct{}
	once sync.Once

	mu      sync.Mutex
	st      state
	lines   []string // for good, in order, not yet written
	dropped int
	dirty   bool
}

// NewProgress begins to show progress on w until Close.
func NewProgress(w io.Writer, opt ProgressOptions) *Progress {
	if opt.Width == nil {
		opt.Width = func() int { return 0 }
	}
	p := &Progress{opt: opt, w: w, stop: make(chan struct{}), done: make(chan struct{})}
	p.st.began, p.st.current = time.Now(), -1
	go p.draw()
	return p
}

// Observe notes a frame. It never waits for the terminal.
func (p *Progress) Observe(f result.Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.st.frame(f, time.Now(), p.opt) {
		p.say(l)
	}
	p.dirty = true
}

// Say prints a line for good, between what progress shows.
func (p *Progress) Say(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.say(line)
}

func (p *Progress) say(line string) {
	if len(p.lines) >= maxWaiting {
		p.dropped++
		return
	}
	p.lines = append(p.lines, line)
}

// Close shows what is left to show and removes the block. It gives up after a
// second when the terminal does not take it.
func (p *Progress) Close() {
	p.once.Do(func() { close(p.stop) })
	select {
	case <-p.done:
	case <-time.After(closeWait):
	}
}

// draw owns the terminal.
func (p *Progress) draw() {
	defer close(p.done)
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	sink := p.sink()
	for {
		select {
		case <-p.stop:
			sink(true)
			return
		case <-tick.C:
			sink(false)
		}
	}
}

// sink gives the function that shows the present state, in place or as lines.
func (p *Progress) sink() func(last bool) {
	if p.opt.Redraw {
		return p.block()
	}
	return p.log()
}

// block redraws when something changed, and once a second for the clock's sake.
func (p *Progress) block() func(last bool) {
	b := term.NewBlock(p.w, p.opt.Width)
	var drawn time.Time
	return func(last bool) {
		p.mu.Lock()
		now := time.Now()
		above := p.take()
		if !last && !p.dirty && len(above) == 0 && now.Sub(drawn) < time.Second {
			p.mu.Unlock()
			return
		}
		p.dirty = false
		lines := p.st.block(now, p.opt.Width())
		p.mu.Unlock()
		drawn = now
		if last {
			lines = nil
		}
		_ = b.Draw(above, lines) // a terminal that went away is no reason to stop measuring
	}
}

// log writes the lines, and one heartbeat a minute.
func (p *Progress) log() func(last bool) {
	beat := time.Now()
	return func(last bool) {
		p.mu.Lock()
		now := time.Now()
		lines := p.take()
		if now.Sub(beat) >= heartbeatEvery && !last {
			beat = now
			lines = append(lines, p.st.heartbeat(now))
		}
		p.mu.Unlock()
		if len(lines) > 0 {
			_, _ = io.WriteString(p.w, strings.Join(lines, "\n")+"\n")
		}
	}
}

// take empties the waiting lines. p.mu is held.
func (p *Progress) take() []string {
	lines := p.lines
	p.lines = nil
	if p.dropped > 0 {
		lines = append(lines, fmt.Sprintf("(%d lines were left out: the terminal was too slow)", p.dropped))
		p.dropped = 0
	}
	return lines
}
