package openai

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
)

func TestClasses(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	plain := func(status, body string) []step {
		return []step{{s, "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body}}
	}
	stream := func(body ...string) []step {
		out := []step{{s, streamHeader}}
		for _, b := range body {
			out = append(out, step{s, chunk(b)})
		}
		return append(out, step{0, lastChunk})
	}
	for _, tc := range []struct {
		name   string
		steps  []step
		class  sample.Class
		err    string
		events int64
		flags  sample.Flag // besides FreshConn
	}{
		{"ok", stream(text("a"), text("b"), usageEvent(9, 0, 2), done), sample.OK, "", 2, sample.TokensTold},
		{"no usage", stream(text("a"), text("b"), done), sample.OK, "", 2, sample.NoUsage},
		{"short", stream(text("a"), usageEvent(9, 0, 1), done), sample.OK, "", 1, sample.TokensTold | sample.Short},
		{"done is missing after a finish", stream(text("a"), text("b"), finishEvent()), sample.OK, "", 2, sample.NoUsage},
		{"no done, no finish", stream(text("a")), sample.Reset, "without [DONE]", 1, 0},
		{"cut inside a chunk", []step{{s, streamHeader}, {s, chunk(text("a"))}, {s, "40\r\ndata: {"}}, sample.Reset, "broke off", 1, 0},
		{"cut before the last chunk", []step{{s, streamHeader}, {s, chunk(text("a"))}}, sample.Reset, "broke off", 1, 0},
		{"cut after finish, before done", []step{{s, streamHeader}, {s, chunk(text("a") + finishEvent())}}, sample.Reset, "broke off", 1, 0},
		{"cut after done", []step{{s, streamHeader}, {s, chunk(text("a") + text("b") + done)}}, sample.OK, "", 2, sample.NoUsage},
		{"closed without an answer", nil, sample.Reset, "before it answered", 0, 0},
		{"close-delimited", []step{{s, "HTTP/1.0 200 OK\r\n\r\n" + text("a") + text("b") + done}}, sample.OK, "", 2, sample.NoUsage},
		{"close-delimited, cut inside an event", []step{{s, "HTTP/1.0 200 OK\r\n\r\n" + text("a") + `data: {"choi`}}, sample.Reset, "inside an event", 1, 0},
		{"empty", stream(done), sample.Empty, "without a token", 0, 0},
		{"role and finish only", stream(event(`{"choices":[{"delta":{"role":"assistant","content":""}}]}`), event(`{"choices":[{"delta":{},"finish_reason":"stop"}]}`), done), sample.Empty, "", 0, 0},
		{"no json", stream(text("a"), "data: hello\n\n"), sample.Malformed, "hello", 1, 0},
		{"json but no object", stream("data: 5\n\n"), sample.Malformed, "no JSON object", 0, 0},
		{"annotation with a name", stream("event: note\ndata: hello\n\n", text("a"), text("b"), done), sample.OK, "", 2, sample.NoUsage},
		{"no event stream", plain("200 OK", `{"id":"x","choices":[{"text":"all at once"}]}`), sample.Malformed, "no event stream", 0, 0},
		{"no http", []step{{s, "SSH-2.0-OpenSSH\r\n\r\n"}}, sample.Malformed, "", 0, 0},
		{"broken chunk", []step{{s, streamHeader + "zz\r\n"}}, sample.Malformed, "chunked", 0, 0},
		{"endless header", []step{{s, "HTTP/1.1 200 OK\r\nA: " + strings.Repeat(long, 20)}}, sample.Malformed, "header", 0, 0},
		{"error in stream", stream(text("a"), event(`{"error":{"code":500,"message":"it\nbroke"}}`)), sample.ServerError, "it broke", 1, 0},
		{"error in stream, old form", stream(event(`{"object":"error","message":"flat"}`), done), sample.ServerError, "flat", 0, 0},
		{"error in stream, a string", stream(event(`{"error":"plain"}`), done), sample.ServerError, "plain", 0, 0},
		{"error null", stream(event(`{"error":null,"choices":[{"text":"a"}]}`), text("b"), done), sample.OK, "", 2, sample.NoUsage},
		{"404", plain("404 Not Found", `{"error":{"message":"The model does not exist.","code":404}}`), sample.Status, "HTTP 404 Not Found: The model does not exist. (http://server:8000/v1/completions)", 0, 0},
		{"detail", plain("422 X", `{"detail":"bad field"}`), sample.Status, "bad field", 0, 0},
		{"plain body", plain("400 Bad Request", "max_tokens\nmust be positive"), sample.Status, "max_tokens must be positive", 0, 0},
		{"no body", plain("503 Service Unavailable", ""), sample.Status, "no message", 0, 0},
		{"redirect", plain("302 Found", ""), sample.Status, "302", 0, 0},
		{"long body", plain("500 X", long), sample.Status, "xxx...", 0, 0},
		{"100-continue first", append([]step{{s, "HTTP/1.1 100 Continue\r\n\r\n"}}, stream(text("a"), text("b"), done)...), sample.OK, "", 2, sample.NoUsage},
		{"comments and pings", stream(": hi\n\n", text("a"), ":\n\n", text("b"), done), sample.OK, "", 2, sample.NoUsage},
		{"an event of 70 KB", stream(text(long), text("b"), done), sample.OK, "", 2, sample.NoUsage},
		{"blank data", stream("data:\n\n", "data: \n\n", "data\n\n", text("a"), text("b"), done), sample.OK, "", 2, sample.NoUsage},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, Config{Timeouts: Timeouts{FirstToken: time.Minute, Request: time.Hour}}, &peer{serve: once(tc.steps...)}, func(t *testing.T, w *world) {
				r := w.send(t.Context(), 2)
				mustClass(t, r, tc.class, tc.err)
				if tc.class != sample.OK && !strings.Contains(r.Err, "http://server:8000/v1/completions") {
					t.Errorf("the error does not name the URL: %s", r.Err)
				}
				if r.EventCount != tc.events || r.Flags&^sample.FreshConn != tc.flags {
					t.Errorf("%d events, want %d; flags %b, want %b", r.EventCount, tc.events, r.Flags&^sample.FreshConn, tc.flags)
				}
				if tc.class == sample.Status && (r.Status == 0 || r.Status == 200) {
					t.Errorf("status %d", r.Status)
				}
			})
		})
	}
}

func TestNoConnection(t *testing.T) {
	for _, tc := range []struct {
		name  string
		peer  *peer
		class sample.Class
		end   time.Duration
	}{
		{"refused", &peer{slow: s, refuse: errRefused}, sample.Connect, s},
		{"no answer", &peer{slow: time.Hour, refuse: errRefused}, sample.TimeoutConnect, 5 * s},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, Config{Timeouts: Timeouts{Connect: 5 * s}}, tc.peer, func(t *testing.T, w *world) {
				r := w.send(t.Context(), 2)
				mustClass(t, r, tc.class, "http://server:8000/v1/completions")
				if r.Started != sample.Never || r.End != int64(tc.end) || r.Connected != int64(tc.end) {
					t.Errorf("started %d, end %v, connected %v", r.Started, time.Duration(r.End), time.Duration(r.Connected))
				}
			})
		})
	}
	for _, base := range []string{"ftp://x", "server:8000", "http://", "://"} {
		c := New(Config{Endpoints: []string{base}})
		job := &sample.Job{Request: sample.Request{MaxTokens: 1}}
		c.Send(t.Context(), job, new(sample.Stream))
		mustClass(t, &job.Request, sample.Connect)
		job.Request.Endpoint = 1
		c.Send(t.Context(), job, new(sample.Stream))
		mustClass(t, &job.Request, sample.Connect, "no such endpoint")
		c.Close()
	}
}

func TestTimeouts(t *testing.T) {
	all := Timeouts{FirstToken: 10 * s, BetweenTokens: 4 * s, Request: 30 * s}
	token := step{3 * s, chunk(text("a"))}
	for _, tc := range []struct {
		name   string
		limits Timeouts
		steps  []step
		class  sample.Class
		end    time.Duration
		err    string
	}{
		{"no header", all, []step{{time.Hour, ""}}, sample.TimeoutFirstToken, 10 * s, "10s"},
		{"pings but no token", all, []step{{s, streamHeader}, {3 * s, chunk(":\n\n")}, {3 * s, chunk(":\n\n")}, {3 * s, chunk(":\n\n")}, {3 * s, chunk(":\n\n")}, {time.Hour, ""}}, sample.TimeoutFirstToken, 10 * s, ""},
		{"role but no token", all, []step{{s, streamHeader}, {s, chunk(event(`{"choices":[{"delta":{"role":"assistant"}}]}`))}, {time.Hour, ""}}, sample.TimeoutFirstToken, 10 * s, ""},
		{"stall", all, []step{{s, streamHeader}, token, {time.Hour, ""}}, sample.TimeoutBetween, 8 * s, "no further token within 4s"},
		{"stall after several", all, []step{{s, streamHeader}, token, token, token, {time.Hour, ""}}, sample.TimeoutBetween, 14 * s, ""},
		{"stall, first_token far away", Timeouts{FirstToken: time.Hour, BetweenTokens: 4 * s}, []step{{9 * s, streamHeader}, token, {time.Hour, ""}}, sample.TimeoutBetween, 16 * s, ""},
		{"stall, no other limit", Timeouts{BetweenTokens: 4 * s}, []step{{90 * s, streamHeader}, token, token, {time.Hour, ""}}, sample.TimeoutBetween, 100 * s, ""},
		{"stall before done", all, []step{{s, streamHeader}, {s, chunk(text("a") + finishEvent())}, {time.Hour, ""}}, sample.TimeoutBetween, 6 * s, ""},
		{"whole request", all, []step{{s, streamHeader}, token, token, token, token, token, token, token, token, token, token, token}, sample.TimeoutRequest, 30 * s, "30s"},
		{"whole request, no other limit", Timeouts{Request: 30 * s}, []step{{time.Hour, ""}}, sample.TimeoutRequest, 30 * s, ""},
		{"error message that does not come", all, []step{{s, "HTTP/1.1 500 X\r\nContent-Length: 10\r\n\r\nabc"}, {time.Hour, ""}}, sample.Status, 6 * s, "abc"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, Config{Timeouts: tc.limits}, &peer{serve: once(tc.steps...)}, func(t *testing.T, w *world) {
				r := w.send(t.Context(), 99)
				mustClass(t, r, tc.class, tc.err)
				if r.End != int64(tc.end) {
					t.Errorf("ended at %v, want %v", time.Duration(r.End), tc.end)
				}
			})
		})
	}
}

// deafConn is a connection whose peer has stopped reading, having said something.
type deafConn struct {
	net.Conn
	says io.Reader
}

func (c deafConn) Read(p []byte) (int, error)      { return c.says.Read(p) }
func (c deafConn) Write([]byte) (int, error)       { return 0, errors.New("broken pipe") }
func (c deafConn) Close() error                    { return nil }
func (c deafConn) SetDeadline(time.Time) error     { return nil }
func (c deafConn) SetReadDeadline(time.Time) error { return nil }

func TestRequestThatCannotBeWritten(t *testing.T) {
	for says, want := range map[string]sample.Class{
		"": sample.Reset,
		"HTTP/1.1 413 Too Large\r\nContent-Length: 7\r\n\r\ntoo big": sample.Status,
		"HTTP/1.1 200 OK\r\n\r\n":                                    sample.Reset,
	} {
		c := New(Config{Endpoints: []string{"http://server"}, Dial: func(context.Context, string, string) (net.Conn, error) {
			return deafConn{says: strings.NewReader(says)}, nil
		}})
		job := &sample.Job{Request: sample.Request{MaxTokens: 1}, Body: []byte("{}")}
		c.Send(t.Context(), job, new(sample.Stream))
		words := "could not be written: broken pipe"
		if want == sample.Status {
			words = "HTTP 413 Request Entity Too Large: too big"
		}
		mustClass(t, &job.Request, want, words)
		if job.Request.Wrote != sample.Never || job.Request.Started == sample.Never {
			t.Errorf("started %d, wrote %d", job.Request.Started, job.Request.Wrote)
		}
	}
}
