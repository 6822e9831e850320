package ingest

import (
	"fmt"
	"strings"

	"akin/internal/paper"
	"akin/internal/paper/titleid"
)

// collapse turns every run of white space into one space and trims the ends:
// line breaks inside titles and abstracts are an accident of the source.
func collapse(s string) string { return strings.Join(strings.Fields(s), " ") }

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
