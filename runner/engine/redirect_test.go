package engine

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// What a request carries may be a secret: a redirect to another host is not followed, and
// the person is told where it leads.
func TestRedirectsStay(t *testing.T) {
	var reached atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer other.Close()
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.Path+"?token=theirs", http.StatusTemporaryRedirect)
	}))
	defer gate.Close()
	cfg := config(gate.URL)
	cfg.Header = []string{"X-Api-Key", "ours"}
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	_, err = s.Probe(ctx)
	for what, err := range map[string]error{"probe": err, "reset": s.resetOne(ctx, "/flush_cache")} {
		if err == nil || !strings.Contains(err.Error(), "answers 307 to") || !strings.Contains(err.Error(), "it sends elsewhere, to "+other.URL+"/") || strings.Contains(err.Error(), "theirs") {
			t.Errorf("%s: %v", what, err)
		}
	}
	r, err := s.attempt(ctx, s.client, prompt{text: "a"}, 1)
	if err != nil || r.status != 307 || !strings.Contains(r.err, other.URL) {
		t.Errorf("%+v %v", r, err)
	}
	if _, err := fetch(ctx, http.DefaultClient, gate.URL+"/metrics?token=ours"); err == nil || !strings.Contains(err.Error(), "HTTP status 307") {
		t.Errorf("telemetry: %v", err)
	}
	if n := reached.Load(); n > 0 {
		t.Errorf("%d requests reached the other host", n)
	}
}

// A redirect within a server is followed: some serve /metrics at /metrics/.
func TestRedirectWithin(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			http.Redirect(w, r, "/metrics/", http.StatusTemporaryRedirect)
			return
		}
		_, _ = w.Write([]byte("page"))
	}))
	defer srv.Close()
	if page, err := fetch(context.Background(), http.DefaultClient, srv.URL+"/metrics"); err != nil || string(page) != "page" {
		t.Errorf("%q %v", page, err)
	}
}
