//go:build unix

package openai

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
)

// The benchmarks hold our client's CPU per event against that of a plain
// net/http reader (lines of a bufio.Scanner, no JSON) on real sockets. The
// server is this test binary as a child process, so that only the client's CPU
// is counted.

const serverEnv = "WSRUN_BENCH_SERVER" // "events interval": be the server

func TestMain(m *testing.M) {
	if spec := os.Getenv(serverEnv); spec != "" {
		if err := benchServer(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// benchEvent is one event as vLLM sends it, 239 bytes.
const benchEvent = "data: " + benchData + "\n\n"

// benchServer streams to every request until its standard input ends.
func benchServer(spec string) error {
	var events int
	var interval time.Duration
	var ns int64
	if _, err := fmt.Sscan(spec, &events, &ns); err != nil {
		return err
	}
	interval = time.Duration(ns)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		l.Close()
	}()
	for {
		conn, err := l.Accept()
		if err != nil {
			return nil
		}
		go benchServe(conn, events, interval)
	}
}

func benchServe(conn net.Conn, events int, interval time.Duration) {
	defer conn.Close()
	br := bufio.NewReader(conn)
	one := []byte(chunk(benchEvent))
	for {
		if _, _, ok := takeRequest(br); !ok {
			return
		}
		io.WriteString(conn, streamHeader)
		next := time.Now()
		for range events {
			next = next.Add(interval)
			time.Sleep(time.Until(next))
			if _, err := conn.Write(one); err != nil {
				return
			}
		}
		io.WriteString(conn, chunk(done)+lastChunk)
	}
}

// startServer starts the child and gives its URL.
func startServer(b *testing.B, events int, interval time.Duration) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d", serverEnv, events, interval.Nanoseconds()))
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil || cmd.Start() != nil {
		b.Fatal("the server does not start", err1, err2)
	}
	b.Cleanup(func() { in.Close(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return "http://" + strings.TrimSpace(line)
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cpuPerEvent runs streams at once and gives the CPU of one event in ns.
func cpuPerEvent(b *testing.B, streams, events int, one func() int) float64 {
	b.Helper()
	var wg sync.WaitGroup
	got := make([]int, streams)
	before := cpu()
	for i := range streams {
		wg.Go(func() { got[i] = one() })
	}
	wg.Wait()
	used := cpu() - before
	for _, n := range got {
		if n != events {
			b.Fatalf("%d events, want %d", n, events)
		}
	}
	return float64(used.Nanoseconds()) / float64(streams*events)
}

var benchBody = []byte(`{"model":"tiny","prompt":[1,2,3],"stream":true}`)

// plainReader is the yardstick: net/http and a line scanner that stamps.
func plainReader(client *http.Client, url string) int {
	resp, err := client.Post(url+Completions, "application/json", bytes.NewReader(benchBody))
	if err != nil {
		return -1
	}
	defer resp.Body.Close()
	n := 0
	var last time.Time
	for sc := bufio.NewScanner(resp.Body); sc.Scan(); {
		if line := sc.Bytes(); bytes.HasPrefix(line, []byte("data: {")) {
			last = time.Now()
			n++
		}
	}
	if last.IsZero() {
		return -1
	}
	return n
}

func benchStreams(b *testing.B, streams, events int, interval time.Duration) {
	url := startServer(b, events, interval)
	plain := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: streams, DisableCompression: true, ReadBufferSize: readBuffer}}
	defer plain.CloseIdleConnections()
	ours := New(Config{Endpoints: []string{url}, Timeouts: Timeouts{Connect: 5 * time.Second, FirstToken: time.Minute, BetweenTokens: time.Minute, Request: time.Minute}})
	defer ours.Close()
	send := func() int {
		job := &sample.Job{Request: sample.Request{MaxTokens: int64(events)}, Body: benchBody}
		ours.Send(b.Context(), job, new(sample.Stream))
		if job.Request.Class != sample.OK {
			return -int(job.Request.Class)
		}
		return int(job.Request.EventCount)
	}
	for range b.N {
		var a, z []float64
		for range 5 { // side by side, so that both meet the same noise
			a = append(a, cpuPerEvent(b, streams, events, send))
			z = append(z, cpuPerEvent(b, streams, events, func() int { return plainReader(plain, url) }))
		}
		slices.Sort(a)
		slices.Sort(z)
		b.ReportMetric(a[2], "ours-cpu-ns/event")
		b.ReportMetric(z[2], "plain-cpu-ns/event")
		b.ReportMetric(a[2]/z[2], fmt.Sprintf("ratio%d", streams))
		b.ReportMetric(0, "ns/op")
	}
}

// The goal is a ratio of at most 1.2.
func BenchmarkRatioStream50(b *testing.B)  { benchStreams(b, 50, 400, 3*time.Millisecond) }
func BenchmarkRatioStream500(b *testing.B) { benchStreams(b, 500, 60, 20*time.Millisecond) }

// What one event costs without its system calls.
func BenchmarkParse(b *testing.B) {
	text := strings.Repeat(chunk(benchEvent), 1000) + chunk(done)
	src := strings.NewReader(text)
	w := newWire(textConn{Reader: src}, func() int64 { return 5 })
	sc := newScratch()
	for b.Loop() {
		req, live := new(sample.Request), new(sample.Stream)
		blank(req)
		live.Begin(req, 1000)
		sc.reset()
		src.Reset(text)
		w.br.Reset(w)
		a := attempt{cfg: &Config{}, req: req, live: live, s: sc, w: w, dog: &watchdog{}}
		a.stream(&chunked{br: w.br})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/event")
}
