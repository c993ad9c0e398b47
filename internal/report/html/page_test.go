package html

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// elements and attributes are all that a page may be made of: nothing that runs, loads or
// styles but the scripts and the style sheet that checkPage holds against the policy.
var (
	elements = strings.Fields(`html head meta title style body a header div p b span nav ul li main section h1 h2 h3 form
		table caption thead tr th small tbody td script footer dl dt dd ol details summary pre code strong em br abbr time`)
	attributes = strings.Fields(`lang charset http-equiv content name class href title aria-current id tabindex aria-labelledby aria-label rel role
		data-table scope data-key data-unit data-single data-pages type src open colspan rowspan datetime`)
)

// checkPage reads a page as markup and holds it against its policy.
func checkPage(t *testing.T, text []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(withoutPacked(text)))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the page is no markup: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok {
			checkElement(t, e)
		}
	}
	checkPolicy(t, string(text))
}

// withoutPacked is a page without what is compressed in it: no markup, and much to read.
func withoutPacked(text []byte) (out []byte) {
	for {
		before, packed, found := bytes.Cut(text, []byte(`<script type="application/octet-stream"`))
		out = append(out, before...)
		if !found {
			return out
		}
		_, text, _ = bytes.Cut(packed, []byte("</script>"))
	}
}

func checkElement(t *testing.T, e xml.StartElement) {
	t.Helper()
	if !slices.Contains(elements, e.Name.Local) {
		t.Errorf("the page has an element <%s %v>", e.Name.Local, e.Attr)
	}
	for _, a := range e.Attr {
		name := strings.TrimPrefix(a.Name.Space+":"+a.Name.Local, ":")
		if !slices.Contains(attributes, name) {
			t.Errorf("<%s> has an attribute %s=%q", e.Name.Local, name, a.Value)
		}
		if name == "href" && schemeOf.MatchString(a.Value) {
			t.Errorf("<%s> leads to %q", e.Name.Local, a.Value)
		}
		if name == "src" && a.Value != ScriptFile {
			t.Errorf("<%s> loads %q", e.Name.Local, a.Value)
		}
	}
}

var (
	policyOf = regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`)
	schemeOf = regexp.MustCompile(`^[^/?#]*:`)
	styleOf  = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	scriptOf = regexp.MustCompile(`(?s)<script([^>]*)>(.*?)</script>`)
)

// checkPolicy holds the hashes of the policy against the texts that they are for.
func checkPolicy(t *testing.T, page string) {
	t.Helper()
	m := policyOf.FindStringSubmatch(page)
	if m == nil {
		t.Fatal("no policy")
	}
	policy := strings.NewReplacer("&#39;", "'", "&#43;", "+").Replace(m[1])
	for _, want := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy allows what is unsafe: %s", policy)
	}
	styles := styleOf.FindAllStringSubmatch(page, -1)
	if len(styles) != 1 || !strings.Contains(policy, "style-src "+source(styles[0][1])) {
		t.Errorf("%d style sheets; the policy allows another: %s", len(styles), policy)
	}
	for _, s := range scriptOf.FindAllStringSubmatch(page, -1) {
		switch attr := s[1]; {
		case strings.Contains(attr, `type="application/`): // data: browsers do not run it
		case attr == ` src="`+ScriptFile+`"` && s[2] == "":
			if !strings.Contains(policy, "script-src 'self'") {
				t.Errorf("the script is not allowed: %s", policy)
			}
		case attr == "" && strings.Contains(policy, source(s[2])):
		default:
			t.Errorf("<script%s>%.60s is not in the policy %s", attr, s[2], policy)
		}
	}
}

// sample is a page with a bit of everything, of a table of n rows.
func samplePage(n int) *Page {
	bind := Bind{Kind: Lines, Table: "points", X: "concurrency", Unit: []string{"s"}, Y: []Y{{Key: "ttft.p50", Name: "p50", Stat: "p50"}, {Key: "ttft.p95", Name: "p95", Stat: "p95"}}, Where: []string{"rate"}}
	return &Page{
		Name: "page", Title: "A page", Lead: "What it shows.", Notes: []string{"A doubt."}, Prose: "<p>Prose.</p>", Tail: "<h2>Tail</h2>",
		Around: []Link{{Href: "page0.html", Text: "before", Rel: "prev"}, {Href: "page2.html", Text: "behind", Rel: "next"}},
		View: View{
			Controls: []Control{{ID: "rate", Label: "Hit rate", Kind: "one", Key: "hit_rate", Options: []Option{{Value: "50", Label: "50 %"}, {Value: "100", Label: "100 %"}}, Default: []string{"100"}},
				{ID: "stats", Label: "Statistics", Kind: "many", Options: []Option{{Value: "p50", Label: "p50"}, {Value: "p95", Label: "p95"}}, Default: []string{"p50", "p95"}}},
			Charts:     []Chart{{ID: "ttft", Title: "Time to first token", Text: "Lower is better.", Option: option(bind, axis("TTFT", "value")), Bind: bind}},
			Provenance: "wsrun v1 · sample",
		},
		Tables: []Table{{ID: "points", Caption: "All points", Rows: n, Sortable: true, Columns: []Column{
			{Key: "concurrency", Head: "Concurrency", Cell: func(b []byte, i int) []byte { return AppendNumber(b, float64(i/2+1)) }},
			{Key: "hit_rate", Head: "Hit rate", Unit: "%", Cell: func(b []byte, i int) []byte { return AppendNumber(b, float64(50+i%2*50)) }},
			{Key: "ttft.p50", Head: "TTFT p50", Unit: "s", Cell: func(b []byte, i int) []byte { return AppendNumber(b, .1+float64((i*7)%n)/100) }},
			{Key: "ttft.p95", Head: "TTFT p95", Unit: "s", Title: "95 of 100 requests were faster.", Cell: func(b []byte, i int) []byte {
				if i%10 == 9 {
					return b // no data
				}
				if i%10 == 8 {
					b = append(b, "≥"...)
				}
				return AppendNumber(b, .2+float64((i*13)%n)/50)
			}},
			{Key: "started", Head: "Started", Unit: "date", Cell: func(b []byte, i int) []byte { return fmt.Appendf(b, "2026-11-%02d 10:%02d", 1+(i*11)%28, i%60) }},
			{Key: "validity", Head: "Validity", Text: true, Cell: func(b []byte, i int) []byte { return Text(b, []string{"ok", "doubtful", "invalid"}[i%3]) }},
			{Key: "reasons", Head: "Reasons", Text: true, Cell: func(b []byte, i int) []byte {
				if i%3 == 0 {
					return b
				}
				return Text(b, "row "+strconv.Itoa(i)+" has its reason, which is long enough to be wrapped once or twice in a table")
			}},
		}}},
	}
}

func sampleDocument() *document {
	return &document{Title: "A page - sample", Name: "sample", Policy: policy("'self'"), Nav: []Link{{Href: "index.html", Text: "Overview"}, {Href: "page.html", Text: "A page", Here: true}},
		Provenance: []Fact{{Key: "Scenario", Value: "sample"}, {Key: "Digest", Value: "d1ge5700", Title: "d1ge57000000"}}, Script: shared}
}

func written(t *testing.T, pages ...*Page) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := sampleDocument().write(&b, pages...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPageIsMarkupWithinItsPolicy(t *testing.T) {
	page := written(t, samplePage(12))
	checkPage(t, page)
	for _, want := range []string{
		"<title>A page - sample</title>", `<a href="page.html" aria-current="page">A page</a>`, `<a href="page2.html" rel="next">behind</a>`, `<p class="note">A doubt.</p>`,
		"<p>Prose.</p>", "<h2>Tail</h2>", `<th scope="col" data-key="ttft.p95" data-unit="s" title="95 of 100 requests were faster.">`, `<dd title="d1ge57000000">d1ge5700</dd>`,
		"The charts cannot be drawn here: they need a browser that runs scripts, and charts.js",
	} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if again := written(t, samplePage(12)); !bytes.Equal(page, again) {
		t.Error("written twice, the page differs")
	}
}

// A page that is filled when it is written is the same, and leaves the page as it was.
func TestPageIsFilledWhenWritten(t *testing.T) {
	whole := samplePage(3)
	late := &Page{Name: whole.Name, Title: whole.Title, Lead: whole.Lead, Around: whole.Around, Fill: func(p *Page) {
		p.Notes, p.Prose, p.Tail, p.View, p.Tables = whole.Notes, whole.Prose, whole.Tail, whole.View, whole.Tables
	}}
	if !bytes.Equal(written(t, whole), written(t, late)) {
		t.Error("a page that is filled late differs from one that was whole")
	}
	if late.Tables != nil || late.Fill == nil {
		t.Error("writing a page kept what it was filled with")
	}
}

// Whoever reads the page without a script has no dead controls and no empty frames, only a
// sentence that says why, and the tables.
func TestPageWithoutChartsHasNoPlaceForThem(t *testing.T) {
	p := samplePage(3)
	p.View = View{}
	for _, unwanted := range []string{`class="charts"`, `class="controls"`, `class="nojs"`} {
		if bytes.Contains(written(t, p), []byte(unwanted)) {
			t.Errorf("a page without charts has %s", unwanted)
		}
	}
}

// hostile is what names and server strings may hold.
var hostile = []string{
	`</script><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `__f__alert(1)__f__`, "line\u2028break", `<!--<script>`,
	`]]></style><style>*{display:none}</style>`, `{{.Secret}}`, `&lt;b&gt;`, "tab\tand\nnewline", `' onfocus='alert(1)`, `</textarea></title>`,
}

func TestHostileTextStaysText(t *testing.T) {
	for i, text := range hostile {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			p := samplePage(2)
			p.Title, p.Lead, p.Notes = text, text, []string{text}
			p.Around = []Link{{Href: local(text), Text: text, Title: text}}
			p.View.Provenance = text
			p.View.Controls[0].Label, p.View.Controls[0].Options[0].Label, p.View.Controls[0].Options[0].Value = text, text, text
			c := &p.View.Charts[0]
			c.Title, c.Text, c.Bind.Y[0].Name, c.Bind.Y[0].Key, c.Bind.Unit[0] = text, text, text, text, text
			c.Option = option(c.Bind, axis(text, "value"))
			p.Tables[0].Caption, p.Tables[0].ID = text, text
			p.Tables[0].Columns[5] = Column{Key: text, Head: text, Unit: text, Title: text, Text: true, Cell: func(b []byte, _ int) []byte { return Text(b, text) }}
			d := sampleDocument()
			d.Title, d.Name = text, text
			d.Nav = []Link{{Href: local(text), Text: text, Title: text}}
			d.Provenance = []Fact{{Key: text, Value: text, Title: text}}
			var b bytes.Buffer
			if err := d.write(&b, p); err != nil {
				t.Fatal(err)
			}
			checkPage(t, b.Bytes())
			if n := bytes.Count(b.Bytes(), []byte("<script")); n != 2 {
				t.Errorf("%d scripts, want the data and the shared one", n)
			}
			if visible := template.HTMLEscapeString(text); !bytes.Contains(b.Bytes(), []byte("<h1 id=\"page-title\">"+visible)) {
				t.Errorf("the title is not %s", visible)
			}
		})
	}
}

func TestEmbeddedEchartsIsTheOneThatIsNamed(t *testing.T) {
	sum := sha256.Sum256([]byte(echarts()))
	if got := hex.EncodeToString(sum[:]); got != EchartsSHA256 {
		t.Errorf("sha256 %s, want %s", got, EchartsSHA256)
	}
	if !strings.Contains(echarts(), `"`+EchartsVersion+`"`) {
		t.Errorf("the embedded echarts does not say %s", EchartsVersion)
	}
}

// What every page carries must stay small beside its numbers.
func TestWeights(t *testing.T) {
	for _, c := range []struct {
		what string
		got  int
		most int
	}{
		{"the style sheet", len(reportCSS), 12 << 10},
		{"a page without rows", len(written(t, samplePage(0))), 20 << 10},
		{"the script", len(scriptText()), 1300 << 10},
	} {
		if c.got > c.most {
			t.Errorf("%s has %d bytes, at most %d", c.what, c.got, c.most)
		}
	}
}

// The colours of text stand out from what is behind them, in light, dark and print (WCAG
// 2.2, 1.4.3: 4.5 to 1), and so do the edges of fields (1.4.11: 3 to 1).
func TestContrast(t *testing.T) {
	blocks := regexp.MustCompile(`\{color-scheme:[^}]*--ink[^}]*`).FindAllString(reportCSS, -1)
	if len(blocks) != 4 {
		t.Fatalf("%d sets of colours, want light, dark by system, dark by choice, print", len(blocks))
	}
	if dark := strings.TrimPrefix(blocks[1], "{"); dark != strings.TrimPrefix(blocks[2], "{") {
		t.Errorf("dark by the system and dark by choice differ:\n%s\n%s", blocks[1], blocks[2])
	}
	for _, block := range blocks {
		colour := map[string]string{}
		for _, m := range regexp.MustCompile(`--(\w+):#([0-9a-f]+)`).FindAllStringSubmatch(block, -1) {
			colour[m[1]] = m[2]
		}
		for _, behind := range []string{"page", "panel", "hover"} {
			if colour[behind] == "" {
				continue // of paper
			}
			for _, ink := range []string{"ink", "soft", "link", "ok", "doubt", "bad"} {
				if c := contrast(t, colour[ink], colour[behind]); c < 4.5 {
					t.Errorf("--%s on --%s: %.2f in %s", ink, behind, c, block)
				}
			}
			if edge := colour["edge"]; edge != "" && contrast(t, edge, colour[behind]) < 3 {
				t.Errorf("--edge on --%s: less than 3 in %s", behind, block)
			}
		}
	}
}

// contrast is the ratio of the relative luminances of two colours.
func contrast(t *testing.T, a, b string) float64 {
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

func luminance(t *testing.T, hexed string) float64 {
	if len(hexed) == 3 {
		hexed = string([]byte{hexed[0], hexed[0], hexed[1], hexed[1], hexed[2], hexed[2]})
	}
	rgb, err := hex.DecodeString(hexed)
	if err != nil || len(rgb) != 3 {
		t.Fatalf("colour %q: %v", hexed, err)
	}
	var sum float64
	for i, weight := range []float64{.2126, .7152, .0722} {
		v := float64(rgb[i]) / 255
		if v <= .04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
