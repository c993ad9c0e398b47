package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/wsrun/wsrun/scenario"
)

// maxPEM bounds a file of certificates: the bundles of whole systems have 250 kB.
const maxPEM = 4 << 20

// tlsConfig reads the files of target.tls; nil where the scenario has none.
func tlsConfig(t *scenario.TLS) (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.Insecure}
	if t.CAFile != "" {
		pem, err := readPEM("ca_file", t.CAFile)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usagef("target.tls.ca_file %s: the file has no certificate: it must be PEM, with BEGIN CERTIFICATE in it", t.CAFile)
		}
	}
	if t.CertFile == "" {
		return c, nil
	}
	cert, err := readPEM("cert_file", t.CertFile)
	if err != nil {
		return nil, err
	}
	key, err := readPEM("key_file", t.KeyFile)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, usagef("target.tls.cert_file %s and key_file %s do not go together: %v", t.CertFile, t.KeyFile, err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// readPEM reads a file below the working directory. No link leads out of it, and nothing
// is opened that is no file: a pipe would wait for ever.
func readPEM(key, path string) ([]byte, error) {
	fail := func(why string) error { return usagef("target.tls.%s %s: %s", key, path, why) }
	root, err := os.OpenRoot(".")
	if err != nil {
		return nil, fail(err.Error())
	}
	defer root.Close()
	info, err := root.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fail("there is no such file below the working directory")
	case err != nil:
		return nil, fail("the file cannot be read: " + cause(err))
	case !info.Mode().IsRegular():
		return nil, fail("this is no file")
	case info.Size() > maxPEM:
		return nil, fail(fmt.Sprintf("the file has %d bytes, at most %d are read: is it a file of certificates?", info.Size(), maxPEM))
	}
	f, err := root.Open(path)
	if err != nil {
		return nil, fail("the file cannot be read: " + cause(err))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPEM))
	if err != nil {
		return nil, fail("the file cannot be read: " + cause(err))
	}
	return b, nil
}

// cause is an error without the call and the path that the message names already.
func cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return err.Error()
}
