package simulator

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Versions that the simulator tells of itself: as vLLM in /version, as SGLang in
// /server_info.
const (
	Version       = "0.32.0-wsrun-simulator"
	SGLangVersion = "0.5.23-wsrun-simulator"
)

// fingerprint is the system_fingerprint of replies.
const fingerprint = "wsrun-simulator"

// maxBody bounds a request body.
const maxBody = 256 << 20

// Server simulates one inference server. It is an http.Handler.
type Server struct {
	p      Profile
	epoch  time.Time
	cache  *cache
	turn   chan struct{} // queue serial: one prefill at a time, in order of arrival
	number atomic.Int64
	log    log
	tell   counters
	mux    *http.ServeMux
	pool   sync.Pool // *scratch
}

// scratch is what a request needs until its prompt is hashed.
type scratch struct {
	body []byte
	ids  []int32
}

// New makes a server. The profile must be valid (Profile.Validate): New panics if it
// is not, since every way to get one checks it.
func New(p Profile) *Server {
	if err := p.Validate(); err != nil {
		panic(err)
	}
	s := &Server{p: p, epoch: time.Now(), cache: newCache(p), mux: http.NewServeMux()}
	s.log.idle = sync.NewCond(&s.log.mu)
	s.tell.init(len(p.Tiers))
	s.pool.New = func() any { return new(scratch) }
	if p.Queue == "serial" {
		s.turn = make(chan struct{}, 1)
	}
	s.routes()
	return s
}

// Epoch is the time that the log's stamps count from.
func (s *Server) Epoch() time.Time { return s.epoch }

// Profile gives what the server simulates.
func (s *Server) Profile() Profile { return s.p }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Reset empties all tiers of the cache. Running requests keep their room.
func (s *Server) Reset() { s.cache.clear() }

// now is the log's stamp.
func (s *Server) now() int64 { return int64(time.Since(s.epoch)) }

func (s *Server) routes() {
	s.route("GET", "/v1/models", s.models)
	s.route("POST", "/v1/completions", func(w http.ResponseWriter, r *http.Request) { s.generate(w, r, completions) })
	s.route("POST", "/v1/chat/completions", func(w http.ResponseWriter, r *http.Request) { s.generate(w, r, chat) })
	s.route("GET", "/health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	if s.p.sglang() {
		s.sglangRoutes()
	} else {
		s.vllmRoutes()
	}
	if s.p.Tells.Metrics != "none" {
		s.route("GET", "/metrics", s.metrics)
	}
	if s.p.Tells.Tokenizer {
		s.route("POST", "/tokenize", s.tokenize)
		s.route("POST", "/detokenize", s.detokenize)
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { detail(w, http.StatusNotFound, "Not Found") })
}

// vllmRoutes are vLLM's calls that no other engine has under the same name.
func (s *Server) vllmRoutes() {
	s.route("GET", "/version", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, []byte(`{"version":"`+Version+`"}`))
	})
	if s.p.Tells.Reset {
		s.route("POST", "/reset_prefix_cache", func(w http.ResponseWriter, _ *http.Request) {
			s.Reset()
			writeJSON(w, http.StatusOK, []byte(`{"success":true}`))
		})
	}
}

func (s *Server) route(method, path string, h http.HandlerFunc) {
	s.mux.HandleFunc(method+" "+path, h)
	s.mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", method)
		detail(w, http.StatusMethodNotAllowed, "Method Not Allowed")
	})
}

// readBody reads the whole body, at most maxBody, into buf. It reads to the end, since net/http looks
// out for a client that goes away only then.
func readBody(w http.ResponseWriter, r *http.Request, buf []byte) ([]byte, error) {
	body := http.MaxBytesReader(w, r.Body, maxBody)
	if n := r.ContentLength; n > 0 && n <= maxBody && int64(cap(buf)) <= n {
		buf = make([]byte, 0, n+1)
	}
	buf = buf[:0]
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}
