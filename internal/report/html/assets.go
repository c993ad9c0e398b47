package html

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed" // for the assets below
	"encoding/base64"
	"io"
	"strings"
	"sync"
)

// ScriptFile is the name of the one script that the pages of a folder share.
const ScriptFile = "charts.js"

// EchartsVersion is the pinned version of echarts, and EchartsSHA256 the digest of its
// dist/echarts.min.js: a test holds the embedded file against it.
const (
	EchartsVersion = "6.1.0"
	EchartsSHA256  = "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0"
)

var (
	//go:embed assets/echarts.min.js.gz
	echartsGzip []byte
	//go:embed assets/tables.js
	tablesJS string
	//go:embed assets/figures.js
	figuresJS string
	//go:embed assets/page.js
	pageJS string
	//go:embed assets/report.css
	reportCSS string
	//go:embed assets/page.html
	pageHTML string
)

// echarts gives the text of echarts.
var echarts = sync.OnceValue(func() string {
	zr, err := gzip.NewReader(bytes.NewReader(echartsGzip))
	if err != nil {
		panic("html: the embedded echarts cannot be read: " + err.Error())
	}
	text, err := io.ReadAll(zr)
	if err != nil {
		panic("html: the embedded echarts cannot be read: " + err.Error())
	}
	return string(text)
})

// scriptText is echarts, how tables become charts, and what a page does.
func scriptText() string {
	return strings.Join([]string{echarts(), reportJS, tablesJS, figuresJS, pageJS}, "\n")
}

// script writes ScriptFile.
func script(w io.Writer) error {
	_, err := io.WriteString(w, scriptText())
	return err
}

// source gives the Content-Security-Policy source of an inline text: its hash.
func source(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// policy is the Content-Security-Policy of a page: nothing is loaded but its scripts, and
// no style but its own.
func policy(scripts string) string {
	return "default-src 'none'; script-src " + scripts + "; style-src " + source(reportCSS) + "; img-src data:; base-uri 'none'; form-action 'none'"
}
