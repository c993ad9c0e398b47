package plandiff

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wsrun/wsrun/scenario"
)

func cost(p *scenario.Plan) scenario.Estimate {
	if p == nil {
		return scenario.Estimate{}
	}
	return p.Estimate()
}

// costs tells time and tokens before and after, where either is another.
func (d *differ) costs(a, b scenario.Estimate) {
	if a.MinMeasured == b.MinMeasured && a.MaxMeasured == b.MaxMeasured && tokens(a) == tokens(b) && a.LookRequests == b.LookRequests {
		return
	}
	mode := d.new.Scenario.Mode
	f := Finding{Class: Cost, Sign: '~', Text: phrase("measured", window(b), window(a), change(float64(a.MaxMeasured), float64(b.MaxMeasured))) + "; " +
		phrase("warm-up", sent(b), sent(a), change(float64(tokens(a)), float64(tokens(b))))}
	switch {
	case d.gone():
		f.Sign, f.Text = '-', "no longer: measured "+window(a)+"; warm-up "+sent(a)
	case d.blank:
		f.Sign, f.Text = '+', "measured "+window(b)+"; warm-up "+sent(b)
	}
	if _, warm, found := strings.Cut(f.Text, "; "); found && mode == "map" && d.old.Scenario.Mode == "map" {
		f.Text = "at most: " + warm // a map has no windows
	}
	d.add(f)
}

// phrase says what is, and what was where that is another.
func phrase(what, is, was, change string) string {
	if is == was {
		return what + " " + is + " as before"
	}
	return what + " " + is + ", was " + was + change
}

// tokens are those of warm-ups and of growth.
func tokens(e scenario.Estimate) int64 { return e.WarmupTokens + e.IngestTokens }

func window(e scenario.Estimate) string {
	if e.LookRequests > 0 && e.MaxMeasured == 0 {
		return "about " + short(e.LookRequests) + " looks" // a map has no windows
	}
	lo, hi := clock(e.MinMeasured), clock(e.MaxMeasured)
	if lo == hi {
		return hi
	}
	return lo + " to " + hi
}

// clock writes a length of time to the second, as scenarios do.
func clock(t time.Duration) string {
	if t >= time.Minute {
		t = t.Round(time.Second)
	}
	return scenario.Duration(t).String()
}

func sent(e scenario.Estimate) string {
	n := e.WarmupRequests + e.IngestRequests
	return fmt.Sprintf("%s tokens in %s requests", short(tokens(e)), short(n))
}

// change is how much more or less, in percent.
func change(was, is float64) string {
	if was <= 0 || is <= 0 || was == is {
		return ""
	}
	by := math.Round(100 * (is/was - 1))
	switch {
	case by > 0:
		return " (+" + strconv.FormatFloat(by, 'f', 0, 64) + "%)"
	case by < 0:
		return " (" + strconv.FormatFloat(by, 'f', 0, 64) + "%)"
	}
	return ""
}
