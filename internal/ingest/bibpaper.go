package ingest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"akin/internal/paper"
	"akin/internal/text"
)

// bibFields are the fields of an entry that were not taken yet, as written for
// TeX.
type bibFields map[string]string

func (f bibFields) take(names ...string) string {
	for _, name := range names {
		if text := f[name]; strings.TrimSpace(text) != "" {
			delete(f, name)
			return text
		}
	}
	return ""
}

// titled takes a title with what belongs to it, as BibLaTeX prints it.
func (f bibFields) titled(sub, addon string, names ...string) string {
	title := text.CleanTeX(f.take(names...))
	if title == "" {
		return ""
	}
	for _, part := range []struct{ name, before string }{{sub, ": "}, {addon, ". "}} {
		more := text.CleanTeX(f.take(part.name))
		switch {
		case more == "":
		case strings.HasSuffix(title, ":"), strings.HasSuffix(title, "?"), strings.HasSuffix(title, "!"), strings.HasSuffix(title, "."):
			title += " " + more
		default:
			title += part.before + more
		}
	}
	return title
}

// row makes a paper of an entry.
func (e *bibRecord) row() (Row, error) {
	f := bibFields{}
	twice := map[string][]string{}
	for _, field := range e.fields {
		if before, ok := f[field.name]; !ok || strings.TrimSpace(before) == "" {
			f[field.name] = field.value
		} else if before != field.value {
			twice[field.name] = append(twice[field.name], field.value)
		}
	}
	p := paper.Paper{Abstract: text.CleanTeX(f.take("abstract", "abstractnote"))}
	switch e.kind {
	case "book", "proceedings", "collection", "mvbook", "mvproceedings":
		p.Title = f.titled("subtitle", "titleaddon", "title", "booktitle", "maintitle")
	default:
		p.Title = f.titled("subtitle", "titleaddon", "title")
	}
	f.arxiv(&p)
	for _, venue := range []struct{ name, sub string }{
		{"journaltitle", "journalsubtitle"},
		{"journal", "journalsubtitle"},
		{"booktitle", "booksubtitle"},
		{"maintitle", "mainsubtitle"},
		{"publisher", ""},
		{"school", ""},
		{"institution", ""},
		{"organization", ""},
	} {
		if p.Venue = f.titled(venue.sub, "", venue.name); p.Venue != "" {
			break
		}
	}
	p.DOI = text.BareTeX(f.take("doi"))
	p.Authors = bibAuthors(f.take("author", "authors"))
	for _, name := range split(f.take("primaryclass", "eprintclass"), " ") {
		p.Categories = append(p.Categories, text.BareTeX(name))
	}
	p.Categories = append(p.Categories, keywords(text.CleanTeX(f.take("keywords", "keyword")))...)
	f.date(&p, &e.left)
	f.links(&p)
	setLanguage(&p, text.CleanTeX(f.take("language", "langid")))
	note(&p, "citation_key", e.key)
	note(&p, "type", e.kind)
	for name, value := range f {
		note(&p, name, text.CleanTeX(value))
	}
	for name, values := range twice {
		for _, value := range values {
			keep(&p, name, text.CleanTeX(value))
		}
	}
	row, err := finished(p, e.left...)
	if err != nil && len(e.left) > 0 {
		err = fmt.Errorf("%w; %q is not of the form NAME = VALUE", err, e.left[0].Text)
	}
	return row, err
}

// uncertain takes away what ISO 8601-2 puts behind dates: "2020-05~".
//
//nolint:gochecknoglobals // a table that nothing writes to
var uncertain = strings.NewReplacer("~", "", "?", "", "%", "")

// date takes date before year, month and day, as far as it can be read. What
// says something else is a note.
func (f bibFields) date(p *paper.Paper, left *unread) {
	whole := uncertain.Replace(text.BareTeX(f.take("date")))
	year, month, day := text.CleanTeX(f.take("year")), text.CleanTeX(f.take("month")), text.CleanTeX(f.take("day"))
	parts := collapse(year + " " + month + " " + day)
	d, how := readDate(whole)
	switch {
	case d.Year == 0 && parts != "":
		if how == dateUnread {
			left.leave(p, "date", "publish_date", whole)
		}
		p.PublishDate = yearAndMonth(p, left, year, month, day)
	case d.Year == 0 && how == dateUnread:
		left.leave(p, "date", "publish_date", whole)
	default:
		p.PublishDate = left.date(p, "date", whole)
		if other, ok := looseDate(parts); ok && !covers(p.PublishDate, other) {
			note(p, "year", parts)
		}
	}
}

// yearAndMonth reads a year with as much of the rest as can be read with it.
func yearAndMonth(p *paper.Paper, left *unread, year, month, day string) paper.Date {
	for _, rest := range []string{month + " " + day, month, ""} {
		if d, how := readDate(year + " " + rest); d.Year != 0 && how == dateRead {
			if d.Month == 0 {
				note(p, "month", month)
			}
			return d
		}
	}
	return left.date(p, "date", collapse(year+" "+month))
}

// links takes addresses, and the DOI where one is that of a DOI.
func (f bibFields) links(p *paper.Paper) {
	link(p, addresses(f.take("url"))...)
	link(p, addresses(f.take("ee", "link", "bdsk-url-1"))...)
	if published := f["howpublished"]; strings.Contains(published, "http") {
		link(p, addresses(f.take("howpublished"))...)
	}
}

var address = regexp.MustCompile(`https?://[^\s{}\\"]+(?:\\[_%&#~][^\s{}\\"]*)*`)

// addresses finds the addresses in a field, which may hold several, or words.
func addresses(field string) []string {
	bare := text.BareTeX(field)
	if found := address.FindAllString(bare, -1); len(found) > 1 || len(found) == 1 && strings.ContainsAny(bare, " \n") {
		for i := range found {
			found[i] = strings.TrimRight(found[i], ";,")
		}
		return found
	}
	if bare = collapse(bare); bare == "" {
		return nil
	}
	return []string{bare}
}

// ofAnother says that a remark names the identifier of another paper.
var ofAnother = regexp.MustCompile(`(?i)\b(comment|reply|response|erratum|correction|version of|supersede|extend|cited|see also|companion|follow)`)

// arxiv finds an identifier of arXiv where programs put it: in eprint, in a
// venue such as "arXiv preprint arXiv:2112.09118", in its volume, or beside it.
func (f bibFields) arxiv(p *paper.Paper) {
	archive := text.BareTeX(f["archiveprefix"] + f["eprinttype"])
	eprint := text.BareTeX(f["eprint"])
	if id, _, ok := parseArxivID(eprint); ok && (archive == "" || strings.Contains(strings.ToLower(archive), "arxiv")) {
		p.ArxivID = id
		for _, name := range []string{"eprint", "archiveprefix", "eprinttype"} {
			delete(f, name)
		}
		return
	}
	for _, name := range []string{"arxivid", "arxiv", "arxiv_id", "arxivnumber"} {
		if id, _, ok := parseArxivID(text.BareTeX(f[name])); ok {
			p.ArxivID = id
			delete(f, name)
			return
		}
	}
	of := text.BareTeX(f["journal"] + f["journaltitle"] + f["publisher"])
	isArxiv := slices.ContainsFunc([]string{"arxiv", "corr"}, func(name string) bool { return strings.HasPrefix(strings.ToLower(of), name) })
	for _, name := range []string{
		"journal", "journaltitle", "volume", "number", "issue", "pages", "eid", "howpublished", "url", "ee", "doi",
		"series", "note", "annote", "publisher", "institution", "type", "archive",
	} {
		value := text.BareTeX(f[name])
		id, ok := paper.FindArxivID(value)
		if !ok && isArxiv && (name == "volume" || name == "number" || name == "pages" || name == "eid") {
			id, _, ok = parseArxivID(value)
		}
		if remark := strings.HasSuffix(name, "note"); ok && (!remark || !ofAnother.MatchString(value)) {
			p.ArxivID = id
			return
		}
	}
}

// bibAuthors divides names at "and", outside of braces.
func bibAuthors(names string) (all []paper.Author) {
	for _, name := range splitOutside(collapse(names), func(rest string) int {
		const and = " and "
		if len(rest) >= len(and) && strings.EqualFold(rest[:len(and)], and) {
			return len(and) - 1
		}
		return 0
	}) {
		name = strings.TrimSpace(name)
		if strings.EqualFold(name, "others") || strings.EqualFold(name, "et al.") || strings.EqualFold(name, "et al") {
			continue
		}
		all = append(all, named(bibNames(name)...)...)
	}
	return all
}

// bibNames puts the parts of a name in the order in which it is spoken. Several names with
// commas between them are no BibTeX, but people write them.
func bibNames(name string) []string {
	comma := func(rest string) int { return len(rest) - len(strings.TrimPrefix(rest, ",")) }
	parts := splitOutside(name, comma)
	if full, ok := extendedName(parts); ok {
		return []string{full}
	}
	for i := range parts {
		parts[i] = text.CleanTeX(parts[i])
	}
	if names := listed(parts); names != nil {
		return names
	}
	return []string{spoken(parts)}
}

// listed gives the names of "M. Holt, B. Ng, C. Xu", or of "Holt, M., Ng, B."; nil if the
// parts are those of one name.
func listed(parts []string) (names []string) {
	const several = 3
	if len(parts) < several || slices.ContainsFunc(parts, func(part string) bool { return nameSuffix.MatchString(strings.TrimSpace(part)) }) {
		return nil
	}
	if !slices.ContainsFunc(parts, func(part string) bool { return len(strings.Fields(part)) < 2 }) {
		return parts
	}
	for i := 0; len(parts)%2 == 0 && i < len(parts); i += 2 {
		if !dotted.MatchString(collapse(parts[i+1])) {
			return nil
		}
		names = append(names, fullName(parts[i+1], parts[i], ""))
	}
	return names
}

// spoken puts "Last, First", "Last, Jr., First" and "Last, First, Jr." in the
// order in which a name is spoken.
func spoken(parts []string) string {
	switch n := len(parts); {
	case n == 1:
		return collapse(parts[0])
	case n == 2:
		first, suffix := cutSuffix(parts[1])
		return fullName(first, parts[0], suffix)
	case n > 2 && nameSuffix.MatchString(strings.TrimSpace(parts[n-1])):
		return fullName(strings.Join(parts[1:n-1], " "), parts[0], parts[n-1])
	default:
		return fullName(parts[n-1], parts[0], strings.Join(parts[1:max(1, n-1)], " "))
	}
}

// cutSuffix takes a suffix from the end of first names: "Jon Jr". A lone V is an
// initial.
func cutSuffix(first string) (rest, suffix string) {
	words := strings.Fields(first)
	n := len(words)
	if n < 2 || strings.EqualFold(strings.Trim(words[n-1], "."), "v") || !nameSuffix.MatchString(words[n-1]) {
		return first, ""
	}
	return strings.Join(words[:n-1], " "), words[n-1]
}

// extendedName reads a name in the extended form of BibLaTeX: "family=Bergh,
// given=Anna, prefix=van den".
func extendedName(parts []string) (string, bool) {
	found := map[string]string{}
	for _, part := range parts {
		key, value, ok := strings.Cut(part, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		switch key {
		case "family", "given", "prefix", "suffix", "useprefix", "family-i", "given-i", "prefix-i", "suffix-i", "sortingnamekeyscheme",
			"nametemplates", "id", "hash", "juniorcomma":
		default:
			ok = false
		}
		if !ok {
			return "", false
		}
		found[key] = text.CleanTeX(strings.Trim(strings.TrimSpace(value), `"`))
	}
	if found["family"] == "" && found["given"] == "" {
		return "", false
	}
	return fullName(found["given"], found["prefix"]+" "+found["family"], found["suffix"]), true
}

// splitOutside divides text outside of braces, where separator gives the length
// of a separator at the beginning of what it gets.
func splitOutside(text string, separator func(rest string) int) (parts []string) {
	depth, start := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth > 0 {
			continue
		}
		if n := separator(text[i:]); n > 0 {
			parts = append(parts, text[start:i])
			start = i + n
			i = start - 1
		}
	}
	return append(parts, text[start:])
}
