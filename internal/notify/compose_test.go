package notify_test

import (
	"testing"

	"akin/internal/notify"
	"akin/internal/paper"
)

func TestDateOf(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		published paper.Date
		listed    []paper.Date
		want      string
	}{
		"none":              {},
		"published":         {published: paper.Date{Year: 2026, Month: 3, Day: 17}, listed: []paper.Date{{Month: 4, Day: 1}}, want: "2026-03-17"},
		"a year":            {published: paper.Date{Year: 2026}, want: "2026"},
		"last listed":       {listed: []paper.Date{{Year: 2026, Month: 3, Day: 16}, {Year: 2026, Month: 3, Day: 17}}, want: "2026-03-17"},
		"listed, no year":   {listed: []paper.Date{{Month: 3, Day: 17}}, want: "March 17"},
		"listed on a tenth": {listed: []paper.Date{{Month: 10, Day: 10}}, want: "October 10"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &paper.Record{}
			r.PublishDate, r.ListedDates = tc.published, tc.listed
			if got := notify.DateOf(r); got != tc.want {
				t.Errorf("date of %s: %q, want %q", name, got, tc.want)
			}
		})
	}
}
