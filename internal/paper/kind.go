package paper

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// RecordKind is what a record is: most are papers, but listings have the other pages of
// volumes and issues as well.
type RecordKind int

// The kinds.
const (
	// IsPaper: nothing says otherwise.
	IsPaper RecordKind = iota
	// FrontMatter: a page of a volume that is no work of its own, such as a preface, a
	// table of contents, a committee or an index.
	FrontMatter
	// Editorial: what editors write about an issue.
	Editorial
	// Correction: an erratum, or the notice that a paper is retracted.
	Correction
	// Volume: proceedings as a whole.
	Volume
)

// longNotice is how many letters a notice's abstract has at most, where its title could be
// a paper's too ("Correction to scaling").
const longNotice = 400

// Kind tells by its title what a record is. It is never stored: all programs tell it of
// the same title alike.
func (p *Paper) Kind() RecordKind {
	title := plainTitle(p.Title)
	brief := utf8.RuneCountInString(p.Abstract) <= longNotice
	for _, k := range []struct {
		kind RecordKind
		is   func(string) bool
		when bool
	}{
		{FrontMatter, isFrontMatter, true},
		{Editorial, isEditorial, true},
		{Correction, isCorrection, true},
		{Correction, mayBeCorrection, brief},
		{Volume, isVolume, true},
	} {
		if k.when && k.is(title) {
			return k.kind
		}
	}
	return IsPaper
}

// plainTitle gives a title in small letters, its words with one space between them, and
// the colons that stand behind a word.
func plainTitle(title string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(title) {
		switch {
		case r == '\'' || r == '’':
		case r == ':':
			b.WriteString(" : ")
		case r == '&':
			b.WriteString(" and ")
		case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r):
			b.WriteRune(r)
		default:
			b.WriteByte(' ')
		}
	}
	return strings.Trim(strings.Join(strings.Fields(b.String()), " "), ": ")
}

// beginsAs says whether a title is one of some, or goes on behind it with a colon.
func beginsAs(title string, names []string) bool {
	head, _, _ := strings.Cut(title, " : ")
	return slices.Contains(names, head)
}

func hasPrefix(title string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(title, p) })
}

func isFrontMatter(title string) bool {
	return slices.Contains([]string{
		"preface", "foreword", "forward", "prologue", "front matter", "frontmatter", "back matter", "backmatter", "front cover", "back cover", "cover", "cover page",
		"title page", "half title page", "title pages", "copyright", "copyright page", "copyright notice", "copyright and reprint permissions", "blank page", "masthead", "imprint",
		"contents", "table of contents", "toc", "index", "author index", "authors index", "index of authors", "subject index", "keyword index", "list of authors", "list of contributors",
		"committee", "committees", "program committee", "programme committee", "technical program committee", "organizing committee", "organising committee", "steering committee",
		"conference committee", "conference committees", "workshop organization", "conference organization", "conference organisation", "organization", "organisation", "organizers",
		"sponsors", "sponsors and supporters", "reviewers", "list of reviewers", "referees", "additional reviewers", "external reviewers", "acknowledgment", "acknowledgments",
		"acknowledgement", "acknowledgements", "welcome", "welcome message", "welcome address", "opening remarks", "closing remarks",
		"workshops", "tutorials", "workshop and tutorials", "workshops and tutorials", "tutorials and workshops", "tutorial abstracts", "tutorial and workshop abstracts",
		"keynotes", "keynote speakers", "keynote abstracts", "invited talks", "invited speakers", "invited talk abstracts", "conference program", "conference programme", "program", "programme",
		"technical program", "program at a glance", "poster session", "poster sessions", "posters", "demos", "call for papers", "calendar", "announcement", "announcements", "news",
		"in this issue", "about the authors", "about the editors", "contributors", "information for authors", "instructions for authors", "editorial board", "notes", "abstracts",
		"doctoral consortium", "student abstracts", "conference schedule", "venue information",
	}, title) || hasPrefix(title, []string{
		"preface to ", "foreword to ", "message from the ", "messages from the ", "welcome message from ", "table of contents ", "front matter ",
		"list of reviewers ", "preface of the ", "preface for the ", "organizing committee ", "program committee ", "acknowledgment of reviewers",
		"acknowledgement of reviewers", "thanks to reviewers", "thank you to our reviewers", "reviewer acknowledg",
	}) || beginsAs(title, []string{"preface", "foreword", "front matter", "frontmatter", "call for papers", "table of contents", "author index"}) ||
		strings.HasSuffix(title, " publication information") || strings.HasSuffix(title, " information for authors") || strings.HasSuffix(title, " table of contents") ||
		strings.HasSuffix(title, " program committee") || strings.HasSuffix(title, " author index")
}

func isEditorial(title string) bool {
	return beginsAs(title, []string{"editorial", "guest editorial", "guest editors introduction", "editors introduction", "editors note", "from the editor", "from the editors", "letter from the editor",
		"editorial note", "editors notes", "guest editorial preface", "editorial introduction", "book review", "book reviews", "obituary", "in memoriam"}) || hasPrefix(title, []string{
		"guest editorial ", "editorial for ", "editorial to ", "editorial of ", "introduction to the special issue", "introduction to the special section", "introduction to special issue",
		"introduction to this special issue", "editorial introduction to ", "introduction to the theme issue", "introduction to the minitrack", "editors introduction to the special",
	})
}

func isCorrection(title string) bool {
	return beginsAs(title, []string{"erratum", "errata", "corrigendum", "corrigenda", "correction", "corrections", "author correction", "publisher correction", "publishers note", "retraction", "retraction note",
		"retraction notice", "notice of retraction", "expression of concern", "addendum"}) || hasPrefix(title, []string{
		"erratum to ", "erratum for ", "errata to ", "errata for ", "corrigendum to ", "corrigendum for ", "corrigenda to ", "retraction notice to ", "retraction note to ", "retraction of ",
		"notice of retraction ", "expression of concern ", "correction to : ",
	})
}

func mayBeCorrection(title string) bool {
	return hasPrefix(title, []string{"correction to ", "corrections to ", "correction for ", "addendum to ", "addendum for ", "erratum "})
}

func isVolume(title string) bool {
	bare := strings.TrimPrefix(title, "the ")
	if hasPrefix(bare, []string{"proceedings of ", "post proceedings ", "pre proceedings ", "advances in neural information processing systems "}) || strings.HasSuffix(bare, " proceedings") {
		return gathers(bare)
	}
	return false
}

// gathers says whether a title names a meeting.
func gathers(title string) bool {
	return slices.ContainsFunc(strings.Fields(title), func(w string) bool {
		return slices.Contains([]string{"workshop", "workshops", "conference", "symposium", "meeting", "forum", "colloquium", "congress", "seminar", "track", "school", "session"}, w)
	})
}
