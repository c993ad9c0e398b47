package result

import (
	"testing"

	"github.com/wsrun/wsrun/scenario"
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
