package ingest

import (
	"fmt"
	"strings"

	"akin/internal/paper"
	"akin/internal/paper/titleid"
)

// collapse turns every run of white space into one space and trims the ends:
// line breaks inside titles and abstracts are an accident of the source.
func collapse(s string) string {
	if collapsed(s) { // as most texts are
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// collapsed says that there is nothing to do, which it only knows of ASCII.
func collapsed(s string) bool {
	space := true // a space may not come next
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' && space, c < ' ', c >= 0x80:
			return false
		default:
			space = c == ' '
		}
	}
	return !space || s == ""
}

// complete gives the paper an id if its source has none, and checks it.
func complete(p *paper.Paper) error {
	if p.ID == "" {
		if titleid.Normalize(p.Title) == "" {
			return fmt.Errorf("the paper has no id, and its title %q has no letter or digit to make one of", p.Title)
		}
		p.ID = titleid.New(p.Title)
	}
	return p.Validate()
}
