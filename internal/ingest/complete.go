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

// complete gives the paper an id if its source has none, and checks it. An
// optional value that a paper cannot have is taken out and counted.
func complete(p *paper.Paper, u *unread) error {
	if p.ID == "" {
		switch {
		case titleid.Normalize(p.Title) != "":
			p.ID = titleid.New(p.Title)
		case titleid.Normalize(p.Abstract) != "":
			p.ID = titleid.NewAbstract(p.Abstract)
		default:
			return fmt.Errorf("the paper has neither title nor abstract, nor an id: its title is %q", p.Title)
		}
	}
	err := p.Validate()
	if err == nil {
		return nil
	}
	return u.shed(p, err)
}
