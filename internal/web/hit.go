package web

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/type/date"

	akinv1 "akin/proto/akin/v1"
)

const (
	// shortTitle and shortAbstract are how much of a paper a list shows, in bytes.
	shortTitle, shortAbstract = 400, 480
	// shortAuthors is how many authors a list names, firstAuthors how many a paper's page
	// does at once, and longAuthors how many it has.
	shortAuthors, firstAuthors, longAuthors = 6, 30, 5_000
	// longTitle is from how many bytes on a title is set smaller.
	longTitle = 220
	// shortLabels is how many subjects are shown.
	shortLabels = 6
)

// hit is a paper in a list.
type hit struct {
	ID              string
	URL, SimilarURL string
	Lang            string
	Title, Abstract []piece
	Cut             bool
	Authors         []link
	MoreAuthors     int
	Venue, VenueURL string
	Date, DateTime  string
	Categories      []link
	Code            []link
	// Why says what the place in the list is due to.
	Why      []string
	Words    []string
	Evidence []evidence
	Versions []version
	// Because are the liked papers that brought it here.
	Because []link
	// Marks is what the reader's library says of it; nil if there is none.
	Marks *markState
	// Done is what was just done to it; nil if nothing was.
	Done *done
	// key is the id as it is.
	key string
	// listed says that it is in a list, and not what a page is about.
	listed bool
}

// Anchor is the paper's place in a page.
func (h *hit) Anchor() string { return anchorOf(h.key) }

// Key is the paper's id as forms send it.
func (h *hit) Key() string { return h.key }

// evidence is a sentence that speaks for a paper.
type evidence struct {
	Text []piece
	// Of is the sentence of the other paper that it is near to, if it is one.
	Of      []piece
	Percent int
}

// version is another paper that a result stands for.
type version struct{ ID, URL, Reason string }

// hitOf makes a hit of a paper.
func (s *Site) hitOf(p *akinv1.Paper, m marks) hit {
	h := hit{
		key: p.GetId(), listed: true, ID: visible(p.GetId()), URL: paperURL(p.GetId()), SimilarURL: query{Like: []string{p.GetId()}}.URL(), Lang: languageOf(p),
		Venue: visible(clip(p.GetVenue(), shortTitle)), Date: dateText(p.GetPublishDate()), DateTime: dateValue(p.GetPublishDate()), Code: codeLinks(p),
	}
	title := p.GetTitle()
	if strings.TrimSpace(title) == "" {
		title = p.GetId()
	}
	h.Title, _ = s.render(title, rich{marks: m, most: shortTitle})
	h.Abstract, h.Cut = s.render(p.GetAbstract(), rich{marks: m, most: shortAbstract})
	h.Authors, h.MoreAuthors = authorLinks(p, shortAuthors)
	if p.GetVenue() != "" {
		h.VenueURL = query{Take: map[string][]string{"venue": {p.GetVenue()}}}.URL()
	}
	h.Categories = categoryLinks(p)
	return h
}

func authorLinks(p *akinv1.Paper, most int) (out []link, more int) {
	for _, a := range p.GetAuthors()[:min(len(p.GetAuthors()), most)] {
		if name := strings.TrimSpace(a.GetName()); name != "" {
			out = append(out, link{visible(clip(name, shortTitle)), authorURL(clip(name, maxValue))})
		}
	}
	return out, max(0, len(p.GetAuthors())-most)
}

func categoryLinks(p *akinv1.Paper) (out []link) {
	for _, c := range p.GetCategories()[:min(len(p.GetCategories()), shortLabels)] {
		if c != "" {
			out = append(out, link{visible(clip(c, 100)), query{Take: map[string][]string{"category": {clip(c, maxValue)}}}.URL()})
		}
	}
	return out
}

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

// languageOf is the language of a paper as pages name it, or "" if it has none that
// could be one.
func languageOf(p *akinv1.Paper) string {
	if tag := p.GetLanguage(); len(tag) < 36 && languageTag.MatchString(tag) {
		return tag
	}
	return ""
}

// resultHit makes a hit of a result. mark says whether its words are marked that are
// looked for: beside a whole text, that would be most of them.
func (s *Site) resultHit(r *akinv1.Result, mark bool) hit {
	var words []string
	for _, t := range r.GetMatchedTerms() {
		words = append(words, t.GetTerm())
	}
	var m marks
	if mark {
		m = marksOf(words)
	}
	h := s.hitOf(r.GetPaper(), m)
	h.Words = words[:min(len(words), 8)]
	for i := range h.Words {
		h.Words[i] = visible(clip(h.Words[i], 60))
	}
	if m := r.GetParts().GetSemantic(); m != 0 {
		h.Why = append(h.Why, fmt.Sprintf("meaning %d %%", percent(m)))
	}
	if l := r.GetParts().GetLexical(); l != 0 {
		h.Why = append(h.Why, "words "+strconv.FormatFloat(l, 'f', 1, 64))
	}
	h.Evidence = s.evidenceOf(r)
	for _, c := range r.GetCollapsed()[:min(len(r.GetCollapsed()), 20)] {
		h.Versions = append(h.Versions, version{visible(c.GetPaperId()), paperURL(c.GetPaperId()), relationOf(c)})
	}
	return h
}

func percent(cosine float64) int { return int(100*max(cosine, 0) + 0.5) }

func (s *Site) evidenceOf(r *akinv1.Result) (out []evidence) {
	for _, e := range r.GetEvidence() {
		m := marksOf(e.GetMatchedTerms())
		one := evidence{Percent: percent(e.GetSimilarity())}
		one.Text, _ = s.render(e.GetText(), rich{marks: m, most: 2 * shortAbstract})
		if e.GetOf() != nil {
			one.Of, _ = s.render(e.GetOf().GetText(), rich{marks: m, most: 2 * shortAbstract})
		}
		out = append(out, one)
	}
	return out
}

// relationOf says what a version is to a result, and what that was told by.
func relationOf(c *akinv1.Collapsed) string {
	what := "a version"
	switch c.GetRelation() {
	case akinv1.Relation_RELATION_SAME_WORK:
		what = "the same work"
	case akinv1.Relation_RELATION_VERSION:
		what = "another version"
	case akinv1.Relation_RELATION_SAME_ABSTRACT:
		return "nearly the same abstract"
	case akinv1.Relation_RELATION_SEQUEL, akinv1.Relation_RELATION_UNSPECIFIED:
	}
	return what + ", by " + collapseReasons(c.GetReason())
}

func collapseReasons(r akinv1.CollapseReason) string {
	switch r {
	case akinv1.CollapseReason_COLLAPSE_REASON_SAME_ARXIV_ID:
		return "the same arXiv id"
	case akinv1.CollapseReason_COLLAPSE_REASON_SAME_DOI:
		return "the same DOI"
	case akinv1.CollapseReason_COLLAPSE_REASON_SAME_TITLE:
		return "the same title"
	case akinv1.CollapseReason_COLLAPSE_REASON_SIMILAR_TEXT:
		return "nearly the same text"
	case akinv1.CollapseReason_COLLAPSE_REASON_UNSPECIFIED:
	}
	return "what they say"
}

//nolint:gochecknoglobals // a table that nothing writes to
var months = []string{
	"", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
}

// dateText writes a date as far as it is known, for people.
func dateText(d *date.Date) string {
	switch {
	case d.GetYear() == 0:
		return ""
	case d.GetMonth() < 1 || d.GetMonth() > 12:
		return strconv.Itoa(int(d.GetYear()))
	case d.GetDay() == 0:
		return fmt.Sprintf("%s %d", months[d.GetMonth()], d.GetYear())
	}
	return fmt.Sprintf("%d %s %d", d.GetDay(), months[d.GetMonth()], d.GetYear())
}

// dateValue writes a date as far as it is known, for programs and addresses.
func dateValue(d *date.Date) string {
	switch {
	case d.GetYear() == 0:
		return ""
	case d.GetMonth() < 1 || d.GetMonth() > 12:
		return fmt.Sprintf("%04d", d.GetYear())
	case d.GetDay() == 0:
		return fmt.Sprintf("%04d-%02d", d.GetYear(), d.GetMonth())
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.GetYear(), d.GetMonth(), d.GetDay())
}

// dayOf is the day that a paper stands under, as the server says it; else its latest
// listing, or else when it was published, as far as that is known.
func dayOf(p *akinv1.Paper) string {
	if day := dateValue(p.GetDay()); day != "" {
		return day
	}
	var latest *date.Date
	for _, d := range p.GetListedDates() {
		if d.GetYear() > 0 && (latest == nil || compareDates(d, latest) > 0) {
			latest = d
		}
	}
	if latest == nil {
		latest = p.GetPublishDate()
	}
	return dateValue(latest)
}

func compareDates(a, b *date.Date) int {
	return cmp.Or(cmp.Compare(a.GetYear(), b.GetYear()), cmp.Compare(a.GetMonth(), b.GetMonth()), cmp.Compare(a.GetDay(), b.GetDay()))
}
