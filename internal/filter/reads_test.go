package filter

import (
	"testing"

	"akin/internal/paper"
)

func TestReads(t *testing.T) {
	for text, want := range map[string]paper.Fields{
		"":                                    0,
		`category = "cs.CL"`:                  paper.FieldCategories,
		`signals.up > 3 AND NOT author:x`:     paper.FieldSignals | paper.FieldAuthors,
		`(year = 2020 OR venue = x) title:x`:  paper.FieldDate | paper.FieldVenue | paper.FieldText,
		`create_time > 2020 update_time>2020`: paper.FieldCreation | paper.FieldUpdateTime,
	} {
		f, err := Parse(text)
		if err != nil {
			t.Fatal(text, err)
		}
		if got := f.Reads(); got != want {
			t.Errorf("%q reads %b, want %b", text, got, want)
		}
	}
	for _, f := range fields() {
		if f.part() == paper.AllFields {
			t.Errorf("nobody knows what %s reads", f.name)
		}
	}
}
