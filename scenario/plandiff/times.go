package plandiff

import (
	"strconv"

	"github.com/wsrun/wsrun/scenario"
)

// timeRules are about how long is measured, how often, and how long is waited.
func timeRules() []rule {
	return []rule{
		{keys: "duration duration.min duration.max", diff: duration},
		{keys: "assessment_period", diff: assessment},
		evidence("warm_in_max", func(sc *scenario.Scenario) string { return autoTime(sc.WarmInMax) },
			func(sc *scenario.Scenario) (float64, bool) { return seconds(sc.WarmInMax), sc.WarmInMax > 0 }, "transients have longer to pass before the window", "transients have less time to pass before the window"),
		plainly("drain", func(sc *scenario.Scenario) string { return sc.Drain.String() }, "how long requests in flight may take at a cell's end"),
		evidence("repeats", func(sc *scenario.Scenario) string { return strconv.Itoa(sc.Repeats) },
			func(sc *scenario.Scenario) (float64, bool) { return float64(sc.Repeats), true }, "more windows are pooled", "fewer windows are pooled"),
		evidence("trials", func(sc *scenario.Scenario) string { return strconv.Itoa(sc.Trials) },
			func(sc *scenario.Scenario) (float64, bool) { return float64(sc.Trials), true }, "more samples for a comparison", "fewer samples for a comparison"),
	}
}

func autoTime(t scenario.Duration) string {
	if t == 0 {
		return "auto"
	}
	return t.String()
}

// given reports whether either file writes the key itself. A default that follows from
// other keys is their change, not its own.
func (d *differ) given(path string) bool {
	_, a, _ := d.old.Place(path)
	_, b, _ := d.new.Place(path)
	return a > 0 || b > 0 || len(d.old.Sources) == 0 || len(d.new.Sources) == 0
}

// duration: a longer window is more evidence. The two ends of a range may go different
// ways.
func duration(d *differ) {
	old, new := d.sc()
	if old.Duration == new.Duration || !d.given("/duration") {
		return
	}
	lo, hi := seconds(new.Duration.Min-old.Duration.Min), seconds(new.Duration.Max-old.Duration.Max)
	by, known := lo+hi, lo*hi >= 0
	key, paths := "duration", []string{"/duration"}
	if !old.Duration.Exact() && !new.Duration.Exact() {
		switch {
		case hi == 0:
			key, paths = "duration.min", []string{"/duration/min", "/duration"}
		case lo == 0:
			key, paths = "duration.max", []string{"/duration/max", "/duration"}
		}
	}
	f := towards(key, spanText(old.Duration, key), spanText(new.Duration, key), by, known, "more is measured", "less is measured")
	if a, b := old.Assessment, new.Assessment; a != b && !d.given("/assessment_period") {
		f.Notes = append(f.Notes, "assessment_period follows it: "+a.String()+" -> "+b.String())
	}
	d.at(f, paths...)
}

// spanText writes a window, or the end of it that the key names.
func spanText(s scenario.Span, key string) string {
	switch {
	case key == "duration.min":
		return s.Min.String()
	case key == "duration.max":
		return s.Max.String()
	case s.Exact():
		return s.Min.String()
	}
	return "{min: " + s.Min.String() + ", max: " + s.Max.String() + "}"
}

// assessment: what is judged on a period is judged on more, or less, in it.
func assessment(d *differ) {
	old, new := d.sc()
	if old.Assessment == new.Assessment || !d.given("/assessment_period") {
		return
	}
	d.at(towards("assessment_period", old.Assessment.String(), new.Assessment.String(), seconds(new.Assessment-old.Assessment), true,
		"each period has more requests in it", "each period has fewer requests in it"), "/assessment_period")
}
