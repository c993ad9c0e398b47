package result

import (
	"testing"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// How a session ended no longer counts once another has gone on with the run.
func TestEndsOfEarlierSessionsAreForgotten(t *testing.T) {
	first := &Run{Scenario: &scenario.Scenario{}, Session: 1}
	second := &Run{Scenario: first.Scenario, Session: 2, At: 200}
	rec := &Record{Run: first, Sessions: []*Run{first}, Notes: []*Note{{At: 50, Code: "template", Text: "kept"}, {At: 100, Code: "failed", Text: "the server is gone", Fail: true}}}
	if got := Summarise(rec).Notes; len(got) != 2 || !got[1].Fail {
		t.Errorf("one session: %+v", got)
	}
	rec.Sessions = append(rec.Sessions, second)
	if got := Summarise(rec).Notes; len(got) != 1 || got[0].Code != "template" {
		t.Errorf("gone on with: %+v", got)
	}
	rec.Notes = append(rec.Notes, &Note{At: 300, Code: "interrupted", Text: "again"})
	if got := Summarise(rec).Notes; len(got) != 2 || got[1].Code != "interrupted" {
		t.Errorf("ended again: %+v", got)
	}
}

// A point too short for a first token that told is no sign of a server that tells no
// cached tokens; a unit with none at all is.
func TestUnverifiedIsAboutTheServer(t *testing.T) {
	u := &UnitRecord{Unit: Unit{Cell: "c", Trial: 1}, Requests: []*sample.Request{{CachedTokens: sample.Unknown}}}
	point := &Point{Unit: u.Unit, Spec: scenario.Cell{HitRate: 90}, Row: metric.Row{}, Validity: ValidDoubt, End: 1, InputTokens: 100}
	s := &summariser{rec: &Record{Units: []*UnitRecord{u}}, sc: &scenario.Scenario{}, sum: &Summary{Points: []*Point{point}}}
	if !s.unverified() {
		t.Error("nobody told: unverified")
	}
	point.InputTokens = 0
	if s.unverified() {
		t.Error("no first token in the point: nobody could tell")
	}
	point.InputTokens = 100
	u.Requests = append(u.Requests, &sample.Request{CachedTokens: 90})
	if s.unverified() {
		t.Error("the server tells, though not in this point")
	}
}
