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
	if tag := languageNamed(text); tag != "" {
		p.Language = tag
		return
	}
	note(p, "language", text)
}

// languageNamed gives the tag of a language by its English name, as databases write it; of
// several it takes the first. "" is one that it does not know.
func languageNamed(text string) string {
	first, _, _ := strings.Cut(strings.ToLower(text), ";")
	switch strings.TrimSpace(first) {
	case "english":
		return "en"
	case "german":
		return "de"
	case "french":
		return "fr"
	case "spanish":
		return "es"
	case "portuguese":
		return "pt"
	case "italian":
		return "it"
	case "dutch":
		return "nl"
	case "russian":
		return "ru"
	case "chinese":
		return "zh"
	case "japanese":
		return "ja"
	case "korean":
		return "ko"
	case "polish":
		return "pl"
	case "turkish":
		return "tr"
	case "arabic":
		return "ar"
	}
	return ""
}

// keywords divides keywords at semicolons, else at commas.
func keywords(text string) []string {
	if strings.Contains(text, ";") {
		return split(collapse(text), ";")
	}
	return split(collapse(text), ",")
}
