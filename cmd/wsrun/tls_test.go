package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	mathbig "math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/engine"
	"github.com/wsrun/wsrun/scenario"
)

const tlsScenario = `name: secure
target:
  endpoints: [URL]
  tls: TLS
contexts: [512]
working_set: [2048]
mode: fixed
concurrency: [2]
duration: 300ms
drain: 1s
output_tokens: 2
output: {html: false}
`

// identity makes a certificate with its key; by nil it signs itself and others.
func identity(t *testing.T, by *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	is := &x509.Certificate{SerialNumber: mathbig.NewInt(1), Subject: pkix.Name{CommonName: "wsrun test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	parent, signer := is, any(key)
	if by == nil {
		is.IsCA, is.BasicConstraintsValid, is.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, is, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// pemOf gives an identity as PEM: the certificate, and the key.
func pemOf(t *testing.T, c tls.Certificate) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// secure starts a simulator that speaks to clients of its authority only, and gives a
// directory with what such a client needs.
func secure(t *testing.T) (url, dir string) {
	t.Helper()
	ca := identity(t, nil)
	pool := x509.NewCertPool()
	pool.AddCert(ca.Leaf)
	p, ok := simulator.Builtin("small")
	if !ok {
		t.Fatal("no profile small")
	}
	srv := httptest.NewUnstartedServer(simulator.New(p))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that are turned away
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{identity(t, &ca)}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	caPEM, _ := pemOf(t, ca)
	cert, key := pemOf(t, identity(t, &ca))
	_, otherKey := pemOf(t, identity(t, &ca))
	return srv.URL, workdir(t, map[string]string{"ca.pem": caPEM, "client.pem": cert, "client-key.pem": key, "other-key.pem": otherKey})
}

// A whole run over TLS with a client's certificate: requests, telemetry and resets.
func TestRunOverTLS(t *testing.T) {
	t.Parallel()
	url, dir := secure(t)
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(how string) {
		yaml := strings.NewReplacer("URL", url, "TLS", how).Replace(tlsScenario)
		if err := os.WriteFile(filepath.Join(dir, "secure.yaml"), []byte(yaml), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("{ca_file: ca.pem, cert_file: client.pem, key_file: client-key.pem}")
	must(t, 0, dir, "secure.yaml")
	rec := readRecord(t, runDir(t, dir, "secure"))
	if p := rec.Probe; !p.CanReset || !p.ResetVerified || len(p.Metrics) == 0 || len(rec.Scrapes) == 0 {
		t.Errorf("probe %+v, %d scrapes", p, len(rec.Scrapes))
	}
	if err := os.RemoveAll(filepath.Join(dir, "results")); err != nil {
		t.Fatal(err)
	}

	write("{insecure: true, cert_file: client.pem, key_file: client-key.pem}")
	if e := must(t, 0, dir, "secure.yaml"); !strings.Contains(e.stdout, "tls-insecure") || !strings.Contains(e.stdout, "no certificate was checked") {
		t.Errorf("the console does not say that nothing was checked:\n%s", e.stdout)
	}
	for _, c := range []struct {
		how  string
		code int
		want string
	}{
		{"{ca_file: ca.pem}", 1, "give target.tls.cert_file and key_file"},
		{"{cert_file: client.pem, key_file: client-key.pem}", 1, "name the authority that signed it in target.tls.ca_file"},
		{"{ca_file: none.pem}", 2, "secure: target.tls.ca_file none.pem: there is no such file below the working directory"},
		{"{ca_file: folder}", 2, "target.tls.ca_file folder: this is no file"},
		{"{ca_file: client-key.pem}", 2, "the file has no certificate"},
		{"{cert_file: client.pem, key_file: other-key.pem}", 2, "do not go together"},
	} {
		write(c.how)
		if e := must(t, c.code, dir, "secure.yaml"); !strings.Contains(e.stderr, c.want) {
			t.Errorf("%s: it says %q, want %q", c.how, e.stderr, c.want)
		}
	}
}

// Files of target.tls never lead out of the working directory.
func TestTLSFilesStayBelow(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(outside, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.Symlink(outside, "ca.pem"); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{"ca.pem", outside, "../" + filepath.Base(filepath.Dir(outside)) + "/ca.pem"} {
		if _, err := tlsConfig(&scenario.TLS{CAFile: path}); err == nil || !strings.HasPrefix(err.Error(), "target.tls.ca_file "+path+": ") || strings.Contains(err.Error(), "no certificate") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if c, err := tlsConfig(nil); c != nil || err != nil {
		t.Errorf("without target.tls: %v, %v", c, err)
	}
}

// TestEnginesAreThose: the language names the engines that there are.
func TestEnginesAreThose(t *testing.T) {
	i := slices.IndexFunc(scenario.Keys(), func(k scenario.Key) bool { return k.Path == "target.engine" })
	got, want := scenario.Keys()[i].Values, append([]string{"auto"}, engine.Names()...)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("target.engine takes %v, there are %v", got, want)
	}
}
