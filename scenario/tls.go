package scenario

import (
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
	t := &TLS{CAFile: def(raw.CAFile, ""), CertFile: def(raw.CertFile, ""), KeyFile: def(raw.KeyFile, ""), Insecure: def(raw.Insecure, false)}
	for _, f := range []struct{ key, file string }{{"ca_file", t.CAFile}, {"cert_file", t.CertFile}, {"key_file", t.KeyFile}} {
		if f.file != "" && !local(f.file) {
			r.fault("outside-working-directory", "/target/tls/"+f.key, "target.tls.%s %q leaves the working directory: write a path below it", f.key, f.file)
		}
	}
	switch {
	case t.CertFile != "" && t.KeyFile == "" && r.clean("/target/tls/key_file"):
		r.fault("missing-key", "/target/tls/key_file", "target.tls.key_file is missing: cert_file says who the client is, and its key proves it; write both")
	case t.KeyFile != "" && t.CertFile == "" && r.clean("/target/tls/cert_file"):
		r.fault("missing-key", "/target/tls/cert_file", "target.tls.cert_file is missing: key_file proves who the client is, and the certificate says it; write both")
	case t.Insecure && t.CAFile != "":
		r.fault("bad-value", "/target/tls/insecure", "target.tls: insecure looks at no certificate, so ca_file would never be used: remove one of them")
	}
	return t
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
