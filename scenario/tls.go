package scenario

import (
	"path/filepath"
	"slices"
	"strings"
)

// engineOf gives target.engine as a Scenario has it: empty where it is found out.
func engineOf(raw *string) string {
	if name := def(raw, "auto"); name != "auto" {
		return name
	}
	return ""
}

// tls resolves target.tls. Files stay below the working directory; they are read when a
// run begins, so that a scenario is valid where its keys are not.
func (r *resolver) tls(raw *rawTLS) *TLS {
	if raw == nil {
		return nil
	}
	t := &TLS{Insecure: def(raw.Insecure, false),
		CAFile: r.tlsFile("ca_file", raw.CAFile), CertFile: r.tlsFile("cert_file", raw.CertFile), KeyFile: r.tlsFile("key_file", raw.KeyFile)}
	switch {
	case raw.CertFile != nil && raw.KeyFile == nil && r.clean("/target/tls/key_file"):
		r.fault("missing-key", "/target/tls/key_file", "target.tls.key_file is missing: cert_file says who the client is, and its key proves it; write both")
	case raw.KeyFile != nil && raw.CertFile == nil && r.clean("/target/tls/cert_file"):
		r.fault("missing-key", "/target/tls/cert_file", "target.tls.cert_file is missing: key_file proves who the client is, and the certificate says it; write both")
	case t.Insecure && raw.CAFile != nil:
		r.fault("bad-value", "/target/tls/insecure", "target.tls: insecure looks at no certificate, so ca_file would never be used: remove one of them")
	}
	return t
}

// tlsFile gives a file as seen from the working directory.
func (r *resolver) tlsFile(key string, name *string) string {
	if name == nil {
		return ""
	}
	at := "/target/tls/" + key
	file, inside := r.fileAt(at, *name)
	if !inside {
		r.fault("outside-working-directory", at, "target.tls.%s %q leaves the working directory: write a path below it", key, *name)
	}
	return filepath.ToSlash(file)
}

// checkTLS: target.tls without anything that speaks it would be silently unused.
func (r *resolver) checkTLS(t *Target, reset Reset) {
	if t.TLS == nil || r.opt.Target != "" || !r.clean("/target", "/warmup/reset") {
		return
	}
	speaks := func(u string) bool { return strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "${") }
	if !slices.ContainsFunc(slices.Concat(t.Endpoints, t.Metrics, reset.Posts), speaks) {
		r.faultKey("tls-without-https", "/target/tls", "target.tls is about https, and no endpoint is one: write https:// in target.endpoints, or remove tls")
	}
}
