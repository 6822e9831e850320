package ingest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// brief gives in a line what was read: line, title, abstract and date of papers,
// with what else want asks for: categories, authors, id.
func brief(t *testing.T, r *Reader, want string) string {
	t.Helper()
	var all []string
	for {
		row, err := r.Next(t.Context())
		var rejected *RejectedError
		switch {
		case errors.Is(err, io.EOF):
			return strings.Join(all, ";")
		case errors.As(err, &rejected):
			reason := rejected.Reason
			if before, _, ok := strings.Cut(reason, ":"); ok {
				reason = before
			}
			all = append(all, fmt.Sprintf("R%d %s", rejected.Line, reason))
			continue
		case err != nil:
			return strings.Join(append(all, "E "+err.Error()), ";")
		}
		p := row.Paper
		s := fmt.Sprintf("P%d %s | %s | %s", row.Source.Line, p.Title, p.Abstract, p.PublishDate)
		s = strings.Replace(s, "|  |", "| |", 1)
		if strings.Contains(want, "[") {
			s += fmt.Sprint(p.Categories)
		}
		if strings.Contains(want, "{") {
			var names []string
			for _, a := range p.Authors {
				names = append(names, a.Name)
			}
			s += "{" + strings.Join(names, ",") + "}"
		}
		if strings.Contains(want, "#") {
			s += "#" + p.ID
		}
		for _, u := range row.Unread {
			s += " (" + u.Field + ")"
		}
		all = append(all, strings.ReplaceAll(s, "|  (", "| ("))
	}
}
