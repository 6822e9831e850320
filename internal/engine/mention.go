package engine

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"akin/internal/catalog"
)

// NameField is what a part of a query names.
type NameField int

// The fields.
const (
	NamesAuthor NameField = iota + 1
	NamesVenue
	NamesYear
)

// Name is a part of a query that was understood as a name of the collection.
type Name struct {
	Field NameField
	// Text is what the query has, Values what it names: spellings of the collection,
	// those of most papers first.
	Text   string
	Values []string
	// Papers is how many have one of the values, Filter the filter that keeps just
	// these papers.
	Papers int
	Filter string
	// Restricts says that no other papers are found; otherwise they are raised. Excludes
	// says that these are left out, and the others found.
	Restricts, Excludes bool

	start, end, words int
	// bonus is what the papers are raised by, in shares of the spread of scores.
	bonus float64
	// sure says that the name is no word that is looked for.
	sure bool
}

// What names raise papers by, in shares of the spread of the list's scores; chosen on
// the known-item sets (docs/quality.md).
const (
	authorBonus = 0.7
	partBonus   = 0.55
	venueBonus  = 0.3
	yearBonus   = 0.25
	hintBonus   = 0.1
)

// understandNames judges which mentions of a text are meant as names. Where words are
// more likely, they stay words.
func (a *asking) understandNames(ctx context.Context, text string) ([]Name, error) {
	teller, ok := a.mentions()
	if !ok {
		return nil, nil
	}
	found, err := teller.Mentions(ctx, text)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	j := judge{text: text, found: found, foreign: foreign(text)}
	return j.names(), nil
}

// judge weighs what speaks for names in a text, and what for words.
type judge struct {
	text  string
	found []catalog.Mention
	// foreign says that the text is in another language, whose words are names here.
	foreign bool
}

// names gives the mentions that are names, in the order of the text, none within
// another. Those of more words are preferred, then the surer.
func (j *judge) names() []Name {
	var all []Name
	for i := range j.found {
		if n, ok := j.name(&j.found[i]); ok {
			all = append(all, n)
		}
	}
	slices.SortStableFunc(all, func(a, b Name) int {
		return cmp.Or(cmp.Compare(b.words, a.words), cmp.Compare(b.bonus, a.bonus), cmp.Compare(a.start, b.start))
	})
	var out []Name
	for _, n := range all {
		within := func(o Name) bool { return n.start < o.end && o.start < n.end }
		if !slices.ContainsFunc(out, within) {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b Name) int { return cmp.Compare(a.start, b.start) })
	return withoutLoneHints(out)
}

// withoutLoneHints leaves a year that stands beside no name a hint, and makes it sure
// beside one.
func withoutLoneHints(names []Name) []Name {
	named := slices.ContainsFunc(names, func(n Name) bool { return n.sure && n.Field != NamesYear })
	for i := range names {
		if n := &names[i]; n.Field == NamesYear && named {
			n.sure, n.bonus = true, yearBonus
		}
	}
	return names
}

func wordsIn(text string) int { return len(strings.Fields(text)) }

// name judges one mention.
func (j *judge) name(m *catalog.Mention) (Name, bool) {
	n := Name{
		Text: j.text[m.Start:m.End], Values: m.Values[:min(len(m.Values), mostValues)], Papers: m.Papers,
		start: m.Start, end: m.End, words: len(m.Words),
	}
	ok := false
	switch m.Field {
	case catalog.MentionAuthor:
		n.Field = NamesAuthor
		n.bonus, ok = j.author(m)
		n.Filter = authorFilter(m)
	case catalog.MentionVenue:
		n.Field, n.bonus, ok = NamesVenue, venueBonus, j.venue(m)
		n.Filter = valuesFilter("venue", m)
	case catalog.MentionYear:
		n.Field, n.bonus, n.Filter = NamesYear, hintBonus, "year = "+m.Values[0]
		ok = m.Texts <= m.Papers && (!j.defined(m) || j.behindVenue(m))
	}
	ok = ok && !j.identifier(m)
	n.sure = ok && n.bonus > hintBonus
	return n, ok
}

// mostAside is how many times as many papers may have the words of a name in their
// texts as have the name, where the query has signs that a name is meant.
const mostAside = 4

// author judges the name of an author. A name of several words is one unless its words
// are rather a phrase of texts; one word needs papers whose author's name ends with it,
// and as many of them as have it in their texts (twice as many in small letters, ten
// times in long queries, where it is none between other words that texts have), or signs beside it: "by …", "… et al.", a year. A first name
// alone is one where few bear it.
func (j *judge) author(m *catalog.Mention) (bonus float64, ok bool) {
	cued := j.by(m) || j.etAl(m) || j.besideYear(m)
	if len(m.Words) > 1 {
		if j.listed(m) || m.Aside > m.Papers && !cued {
			return 0, false
		}
		if slices.ContainsFunc(m.Words, oneLetter) && m.Common > m.Papers && !cued && !capitalised(j.text[m.Start:m.End]) {
			return 0, false
		}
		return authorBonus, m.Texts <= m.Papers || cued && m.Texts/mostAside <= m.Papers
	}
	if !cued && (j.foreign || j.place(m)) {
		return 0, false
	}
	written := j.text[m.Start:m.End]
	surname := 2*m.Last >= m.Papers || m.Whole
	inCapitals := !strings.ContainsFunc(written, unicode.IsLower) // LeCun is no abbreviation
	switch {
	case m.Papers == 0 || utf8.RuneCountInString(written) < 2 || !cued && (j.defined(m) || inCapitals && j.abbreviation(written)):
		return 0, false
	case utf8.RuneCountInString(written) < leastSurname && !capitalised(written) && !cued:
		return 0, false
	case cued && (surname || j.by(m) && capitalised(written)):
		return partBonus, m.Texts/mostAside <= m.Papers || j.etAl(m)
	case wordsIn(j.text) > mostBrief && m.Texts > 0 && j.within(m):
		return 0, false
	case m.Texts > m.Papers || m.Texts > m.Papers/2 && !capitalised(written) || wordsIn(j.text) > mostBrief && m.Texts > m.Papers/10:
		return 0, false
	case surname:
		return partBonus, true
	}
	return 0, false // a first name
}

// listed says whether a mention of two words is two surnames of a list: "Wang, Li and
// Zhang".
func (j *judge) listed(m *catalog.Mention) bool {
	_, second, ok := strings.Cut(j.text[m.Start:m.End], ",")
	behind := strings.TrimLeft(j.text[m.End:], " ,")
	goesOn := strings.HasPrefix(behind, "and ") || strings.HasPrefix(behind, "& ")
	if !ok || !goesOn {
		return false
	}
	at := m.End - len(strings.TrimLeft(second, " "))
	return slices.ContainsFunc(j.found, func(o catalog.Mention) bool {
		return o.Field == catalog.MentionAuthor && o.Start == at && o.End == m.End && 2*o.Last >= o.Papers
	})
}

const (
	// leastSurname is how long a surname is that counts in small letters.
	leastSurname = 3
	// mostBrief is how many words a query has of which one may be a surname unless
	// texts have it hardly ever.
	mostBrief = 6
	// mostValues is how many spellings an answer tells.
	mostValues = 16
)

// venue judges the name of a venue: abbreviations are, unless texts have them more
// often; words are only beside a year, or several of them, and with capitals.
func (j *judge) venue(m *catalog.Mention) bool {
	written := j.text[m.Start:m.End]
	if j.defined(m) && !j.besideYear(m) {
		return false
	}
	if m.Coined {
		return capitals(written) >= 2 || j.besideYear(m) || m.Texts <= m.Papers/2
	}
	if !capitalised(written) {
		return false
	}
	return j.besideYear(m) || len(m.Words) >= leastVenue && m.Texts <= m.Papers
}

// leastVenue is how many words the name of a venue has that needs no year beside it.
const leastVenue = 3

// defined says whether a mention is what a title or a list of subjects defines, before a
// colon, or a part of a compound.
func (j *judge) defined(m *catalog.Mention) bool {
	before, _ := utf8.DecodeLastRuneInString(j.text[:m.Start])
	behind, _ := utf8.DecodeRuneInString(j.text[m.End:])
	return behind == ':' || behind == '-' || before == '-'
}

// behindVenue says whether a year stands right behind a venue: "ICRA-20", "ICRA 2020: …".
func (j *judge) behindVenue(m *catalog.Mention) bool {
	return slices.ContainsFunc(j.found, func(v catalog.Mention) bool {
		return v.Field == catalog.MentionVenue && v.Coined && v.End <= m.Start && onlySigns(j.text[v.End:m.Start])
	})
}

// identifier says whether a mention is a part of a DOI or an address, which names the paper
// and nobody: "10.1109/ICRA.2019.8793600".
func (j *judge) identifier(m *catalog.Mention) bool {
	word := j.text[:m.End]
	word = word[strings.LastIndexFunc(word, unicode.IsSpace)+1:] // to the end of the mention
	return strings.Contains(word, "10.") && strings.Contains(word, "/") || strings.Contains(word, "://")
}

// within says whether words stand before and behind a mention.
func (j *judge) within(m *catalog.Mention) bool {
	return !onlySigns(j.text[:m.Start]) && !onlySigns(j.text[m.End:])
}

// abbreviation says whether a word stands in capitals, as names of methods do, in a text
// that does not.
func (j *judge) abbreviation(written string) bool {
	return capitals(written) >= 2 && strings.ContainsFunc(j.text, unicode.IsLower)
}

// by says whether "by" stands right before a mention.
func (j *judge) by(m *catalog.Mention) bool {
	before := strings.Fields(strings.ToLower(j.text[:m.Start]))
	return len(before) > 0 && before[len(before)-1] == "by"
}

// place says whether the word before a mention is one that leads to a place or a thing, and
// hardly to an author: "weather in Paris".
func (j *judge) place(m *catalog.Mention) bool {
	before := strings.Fields(strings.ToLower(j.text[:m.Start]))
	if len(before) == 0 {
		return false
	}
	switch before[len(before)-1] {
	case "in", "at", "near", "to", "into", "for", "on", "across", "around", "towards", "toward":
		return true
	case "of", "from": // papers of
		return len(before) > 1 && !slices.Contains(strings.Fields("papers paper work works articles article publications research"), before[len(before)-2])
	}
	return false
}

// etAl says whether "et al." stands right behind a mention.
func (j *judge) etAl(m *catalog.Mention) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimLeft(j.text[m.End:], " ,")), "et al")
}

// besideYear says whether a year of the collection stands beside a mention, with
// nothing but signs between.
func (j *judge) besideYear(m *catalog.Mention) bool {
	return slices.ContainsFunc(j.found, func(y catalog.Mention) bool {
		if y.Field != catalog.MentionYear {
			return false
		}
		return y.Start >= m.End && onlySigns(j.text[m.End:y.Start]) || y.End <= m.Start && onlySigns(j.text[y.End:m.Start])
	})
}

func onlySigns(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}

// capitalised says whether the first letter of each word is a capital.
func capitalised(s string) bool {
	words := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	return !slices.ContainsFunc(words, func(w string) bool {
		r, _ := utf8.DecodeRuneInString(w)
		return unicode.IsLower(r)
	})
}

func capitals(s string) (n int) {
	for _, r := range s {
		if unicode.IsUpper(r) {
			n++
		}
	}
	return n
}

func oneLetter(w string) bool { return utf8.RuneCountInString(w) == 1 }

// authorFilter keeps the papers of an author: those that have the word in a name, or
// one of the spellings.
func authorFilter(m *catalog.Mention) string {
	if len(m.Spellings) == 0 {
		return valuesFilter("author", m)
	}
	parts := make([]string, len(m.Spellings))
	for i, word := range m.Spellings {
		parts[i] = "author:" + strconv.Quote(word)
	}
	return either(parts...)
}

// valuesFilter keeps the papers that have one of the values of a mention.
func valuesFilter(field string, m *catalog.Mention) string {
	if !m.All && len(m.Words) == 1 && !m.Alias {
		return field + ":" + strconv.Quote(m.Words[0])
	}
	parts := make([]string, len(m.Values))
	for i, v := range m.Values {
		parts[i] = field + " = " + strconv.Quote(v)
	}
	return either(parts...)
}

// either and both join filters; "" keeps all.
func either(filters ...string) string { return joined(" OR ", filters) }

func both(filters ...string) string { return joined(" AND ", filters) }

func joined(by string, filters []string) string {
	filters = slices.DeleteFunc(slices.Clone(filters), func(f string) bool { return strings.TrimSpace(f) == "" })
	if len(filters) == 1 {
		return filters[0]
	}
	for i, f := range filters {
		filters[i] = "(" + f + ")"
	}
	return strings.Join(filters, by)
}

// withoutNames gives what a text asks for beside the names that it surely has, and ""
// where that is nothing but signs.
func withoutNames(text string, names []Name) string {
	var b strings.Builder
	at := 0
	for _, n := range names {
		if !n.sure {
			continue
		}
		b.WriteString(withoutCue(text[at:n.start]))
		b.WriteByte(' ')
		at = n.end
		for _, behind := range []string{"'s", "’s", " et al.", " et al", ", et al.", ", et al"} {
			if rest, ok := strings.CutPrefix(text[at:], behind); ok {
				at = len(text) - len(rest)
				break
			}
		}
	}
	b.WriteString(text[at:])
	rest := strings.Join(strings.Fields(b.String()), " ")
	rest = strings.Trim(rest, " ,;:'()-–&/@")
	if onlySigns(rest) {
		return ""
	}
	return rest
}

// withoutCue takes the word away that leads to a name.
func withoutCue(text string) string {
	text = strings.TrimRight(text, " ,('@&")
	for _, cue := range []string{"by", "in", "at", "from", "and", "of"} {
		if before, ok := cutWord(text, cue); ok {
			return before
		}
	}
	return text
}

// cutWord cuts a last word off, whatever its case.
func cutWord(text, word string) (before string, ok bool) {
	at := len(text) - len(word)
	if at < 0 || !strings.EqualFold(text[at:], word) || at > 0 && text[at-1] != ' ' {
		return text, false
	}
	return strings.TrimRight(text[:at], " ,"), true
}
