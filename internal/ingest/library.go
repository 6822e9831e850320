package ingest

import (
	"regexp"
	"strings"

	"akin/internal/paper"
)

// What the formats of reference managers have in common.

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

// setLanguage takes a language tag; a name such as "English" is a note.
func setLanguage(p *paper.Paper, text string) {
	if text = collapse(text); languageTag.MatchString(text) {
		p.Language = text
		return
	}
	note(p, "language", text)
}

// keywords divides keywords at semicolons, else at commas.
func keywords(text string) []string {
	if strings.Contains(text, ";") {
		return split(collapse(text), ";")
	}
	return split(collapse(text), ",")
}
