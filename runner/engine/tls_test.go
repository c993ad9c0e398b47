package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"strings"
	"testing"
)

// startTLS serves the fake over https, and gives a pool that trusts it.
func (f *fake) startTLS(t *testing.T) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	f.counted = map[string]int{}
	s := httptest.NewTLSServer(f)
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s, pool
}

// A server whose authority is named is probed with its telemetry and its reset; any other
// is refused, with what to do.
func TestProbeOverTLS(t *testing.T) {
	f := &fake{kind: "vllm", vocab: 32000, limit: 32768, block: 16, devMode: true}
	srv, pool := f.startTLS(t)
	cfg := config(srv.URL)
	cfg.TLS = &tls.Config{RootCAs: pool}
	s, p := probe(t, cfg)
	if p.Engine != "vllm" || !p.CanReset || len(p.Metrics) == 0 || p.RepeatCached <= 0 {
		t.Errorf("%+v", p)
	}
	other, err := s.Like(srv.URL, srv.URL+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Reset(context.Background()); err != nil {
		t.Error(err)
	}

	for _, c := range []struct {
		name string
		tls  *tls.Config
		url  string
		want string
	}{
		{"unknown authority", nil, srv.URL, "target.tls.ca_file"},
		{"another authority", &tls.Config{RootCAs: x509.NewCertPool()}, srv.URL, "target.tls.ca_file"},
		{"another host", &tls.Config{RootCAs: pool, ServerName: "gpu-1"}, srv.URL, "not gpu-1; name the authority that signed it in target.tls.ca_file, or the host that it is for in the URL"},
		{"http on the other side", nil, strings.Replace(f.start(t).URL, "http:", "https:", 1), "write http:// in the URL"},
	} {
		cfg := config(c.url)
		cfg.TLS = c.tls
		s, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Probe(context.Background()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// What target.engine says holds, also where the server looks like another one, and then
// it is said.
func TestEngineIsForced(t *testing.T) {
	f := &fake{kind: "vllm", vocab: 32000, limit: 32768, block: 16, devMode: true}
	cfg := config(f.start(t).URL)
	cfg.Engine = "generic"
	s, p := probe(t, cfg)
	if p.Engine != "generic" || p.CanReset || len(s.Output().Lengths) > 0 || !noted(p, "looks like vllm, and is spoken to as target.engine says: generic") {
		t.Errorf("%+v, output %+v", p, s.Output())
	}
	cfg.Engine = "vllm"
	if _, p := probe(t, cfg); p.Engine != "vllm" || noted(p, "looks like") {
		t.Errorf("%+v", p)
	}
}
