package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/scenario"
)

// How long a child may take to listen, and to end after it was asked to.
const (
	childStart = 10 * time.Second
	childEnd   = 2 * time.Second
)

// child is the simulator as a process of its own, so that its work is not on the
// load generator's clock. It ends when its standard input does: it cannot outlive
// wsrun, however that ends.
type child struct {
	url    string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr *tail
	ended  chan struct{} // closed when the process has ended
	mu     sync.Mutex
	asked  bool // wsrun asked it to end
}

// startChild starts the simulator of a scenario. died is called when it ends
// without having been asked to.
func startChild(s *scenario.Simulator, died func(error)) (*child, error) {
	profile, err := profileJSON(s)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("the simulator cannot be started: %w", err)
	}
	c := &child{cmd: exec.Command(self, childName), stderr: &tail{}, ended: make(chan struct{})}
	c.cmd.Args[0] = "wsrun"
	c.cmd.Stderr = c.stderr
	apart(c.cmd)
	out, err := c.open()
	if err != nil {
		return nil, fmt.Errorf("the simulator cannot be started: %w", err)
	}
	ready := make(chan error, 1)
	go func() { ready <- c.ready(profile, out) }()
	select {
	case err = <-ready:
	case <-time.After(childStart):
		err = fmt.Errorf("it did not listen within %s", childStart)
	}
	if err != nil {
		_ = c.cmd.Process.Kill() // it may have ended by itself
		_ = c.cmd.Wait()         // its words are in stderr
		return nil, fmt.Errorf("the simulator did not start: %w%s", err, c.stderr.said())
	}
	_ = giveWay(c.cmd) // it serves as well without
	go c.watch(died)
	return c, nil
}

func (c *child) open() (out io.Reader, err error) {
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if out, err = c.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return out, c.cmd.Start()
}

// ready hands the profile over and reads the URL.
func (c *child) ready(profile []byte, out io.Reader) error {
	if _, err := c.stdin.Write(append(profile, '\n')); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return err
	}
	var r simulator.Ready
	if err := json.Unmarshal(line, &r); err != nil || r.URL == "" {
		return fmt.Errorf("it said %q where its URL was expected", line)
	}
	c.url = r.URL
	return nil
}

// watch waits for the end of the process.
func (c *child) watch(died func(error)) {
	err := c.cmd.Wait()
	c.mu.Lock()
	asked := c.asked
	c.mu.Unlock()
	close(c.ended)
	if asked {
		return
	}
	how := "it ended"
	if err != nil {
		how = err.Error()
	}
	died(fmt.Errorf("the simulator died: %s%s", how, c.stderr.said()))
}

// stop ends the simulator, by force when it takes too long.
func (c *child) stop() {
	c.mu.Lock()
	c.asked = true
	c.mu.Unlock()
	_ = c.stdin.Close() // the sign to end; it may be gone already
	select {
	case <-c.ended:
	case <-time.After(childEnd):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
}

// profileJSON is what the child reads: the resolved profile, or a built-in one.
func profileJSON(s *scenario.Simulator) ([]byte, error) {
	if len(s.Body) > 0 {
		return s.Body, nil
	}
	p, ok := simulator.Builtin(s.Profile)
	if !ok {
		return nil, fmt.Errorf("the simulator has no profile %q; known are %s", s.Profile, strings.Join(simulator.Names(), ", "))
	}
	return json.Marshal(p)
}

// tail keeps the last words of a process.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailBytes = 2000

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if n := len(t.buf) - tailBytes; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(p), nil
}

func (t *tail) said() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := strings.TrimSpace(string(t.buf)); s != "" {
		return "; it said: " + s
	}
	return ""
}
