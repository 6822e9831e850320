package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/status"

	"akin/internal/cite"
	akinv1 "akin/proto/akin/v1"
)

const (
	// similarSize is how many similar papers a page has, besideSize how many that came
	// before and after.
	similarSize, besideSize = 8, 5
	// noveltyWait is how long a page waits for the novelty of its paper, which takes long
	// the first time: then a link asks for it alone.
	noveltyWait = 700 * time.Millisecond
)

// about is the body of the page of a paper.
type about struct {
	hit
	// Shelves are the libraries that the paper can be put into, if there are several.
	Shelves []libraryRow
	// RestAuthors are those behind the first ones.
	RestAuthors []link
	LongTitle   bool
	Whole       []piece
	Outward     []link
	Facts       []fact
	Extra       []fact
	Signals     []fact
	Similar     []hit
	After       []hit
	Novelty     *novelty
	// NoveltyURL asks for the novelty, where it takes long.
	NoveltyURL  string
	EvidenceURL string
	FollowURL   string
	Evidence    bool
	SimilarURL  string
	BibTeX      string
	CiteURLs    []link
	// Trouble says why something is missing.
	Trouble string
}

// fact is something known of a paper.
type fact struct {
	Name, Value, URL string
	Code             bool
}

// novelty is how far a paper is from what came before it.
type novelty struct {
	Percentile int
	Known      bool
	Sentence   string
	Earlier    []earlier
}

type earlier struct {
	Title     []piece
	URL, Date string
	Percent   int
}

// paper answers with all that is known of one paper.
func (s *Site) paper(r *http.Request) (*answer, error) {
	id := strings.TrimPrefix(r.URL.Path, "/paper/")
	if r.URL.Path == "/paper" {
		id = r.URL.Query().Get("id")
	}
	if id == "" {
		return nil, refused(http.StatusNotFound, "Which paper?", "The address of a paper is /paper/ and its id.")
	}
	p, err := s.client.Papers.GetPaper(r.Context(), &akinv1.GetPaperRequest{Id: clip(id, maxText)})
	if err != nil {
		return nil, err
	}
	if p.GetId() != id { // a name of it
		return &answer{location: paperURL(p.GetId())}, nil
	}
	b := s.aboutPaper(p)
	v := r.URL.Query()
	b.Shelves = s.shelves(r.Context())
	b.Evidence = v.Get("evidence") == "1"
	b.EvidenceURL = withValue(paperURL(id), "evidence", map[bool]string{true: "", false: "1"}[b.Evidence])
	s.surround(r.Context(), p, b, v.Get("novelty") == "1")
	title := plainTitle(p)
	return &answer{page: "paper", frame: frame{Title: title, Canonical: paperURL(id), Nav: "paper", Body: b}}, nil
}

// withValue adds a value to the query of an address of this site.
func withValue(address, name, value string) string {
	if value == "" {
		return address
	}
	sep := "?"
	if strings.Contains(address, "?") {
		sep = "&"
	}
	return address + sep + url.Values{name: {value}}.Encode()
}

func plainTitle(p *akinv1.Paper) string {
	if t := strings.TrimSpace(visible(p.GetTitle())); t != "" {
		return clip(t, 300)
	}
	return clip(visible(p.GetId()), 300)
}

func (s *Site) aboutPaper(p *akinv1.Paper) *about {
	b := &about{hit: s.hitOf(p, nil), Outward: outward(p), SimilarURL: query{Like: []string{p.GetId()}}.URL(), FollowURL: followURL("paper", p.GetId())}
	b.listed = false
	if strings.TrimSpace(p.GetTitle()) != "" {
		b.Title, _ = s.render(p.GetTitle(), rich{})
	}
	b.Whole, _ = s.render(p.GetAbstract(), rich{links: true})
	b.Authors, b.MoreAuthors = authorLinks(p, longAuthors)
	if len(b.Authors) > firstAuthors+1 {
		b.Authors, b.RestAuthors = b.Authors[:firstAuthors], b.Authors[firstAuthors:]
	}
	b.LongTitle = len(p.GetTitle()) > longTitle
	b.Facts = facts(p)
	if text, err := reference(p, cite.BibTeX); err == nil {
		b.BibTeX = visibleLines(string(text))
	}
	for _, f := range [][2]string{{"BibTeX", "bibtex"}, {"RIS", "ris"}, {"CSL-JSON", "csl"}} {
		b.CiteURLs = append(b.CiteURLs, link{f[0], "/cite?" + url.Values{"id": {p.GetId()}, "format": {f[1]}}.Encode()})
	}
	for _, name := range slices.Sorted(keysOf(p.GetSignals())) {
		if len(b.Signals) < 20 {
			b.Signals = append(b.Signals, fact{Name: signalName(name), Value: fmt.Sprintf("%g", p.GetSignals()[name])})
		}
	}
	for _, name := range slices.Sorted(keysOf(p.GetMetadata())) {
		if len(b.Extra) < 50 {
			value := p.GetMetadata()[name]
			b.Extra = append(b.Extra, fact{Name: visible(clip(name, 100)), Value: visible(clip(value, 1_000)), URL: safeLink(value)})
		}
	}
	return b
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// facts are what a paper's record says beside its text.
func facts(p *akinv1.Paper) (out []fact) {
	add := func(name, value, link string, code bool) {
		if value != "" {
			out = append(out, fact{name, visible(clip(value, 300)), link, code})
		}
	}
	d := p.GetPublishDate()
	day, published := dayOf(p), dayURL(dateValue(d))
	if day != dateValue(d) { // it stands under another day
		published = publishedURL(dateValue(d))
	}
	add("Published", dateText(d), published, false)
	if day != "" && day != dateValue(d) {
		name := "Listed"
		if d.GetYear() == 0 && len(p.GetListedDates()) == 0 {
			name = "First imported"
		}
		add(name, dayLabel(day), dayURL(day), false)
	}
	if p.GetVenue() != "" {
		add("Venue", p.GetVenue(), query{Take: map[string][]string{"venue": {p.GetVenue()}}}.URL(), false)
	}
	add("arXiv", p.GetArxivId(), "", true)
	add("DOI", p.GetDoi(), "", true)
	add("Language", languageOf(p), "", false)
	add("Id", p.GetId(), "", true)
	if t := p.GetUpdateTime(); t.IsValid() {
		add("Record changed", t.AsTime().UTC().Format("2 January 2006, 15:04 UTC"), "", false)
	}
	if n := p.GetTokenCount(); n > 0 {
		text := count(int(n)) + " tokens"
		if p.GetTruncated() {
			text += ", of a longer text"
		}
		add("Read by the model", text, "", false)
	}
	return out
}

// surround finds what is around a paper: what is like it, what it came from, what came
// after. Each part may fail alone; the paper is shown all the same.
func (s *Site) surround(ctx context.Context, p *akinv1.Paper, b *about, wait bool) {
	var parts sync.WaitGroup
	var trouble [3]error
	parts.Go(func() { trouble[0] = s.fillSimilar(ctx, p, b) })
	parts.Go(func() { trouble[1] = s.fillAfter(ctx, p, b) })
	parts.Go(func() { trouble[2] = s.fillNovelty(ctx, p, b, wait) })
	parts.Wait()
	for _, err := range trouble {
		if err != nil {
			b.Trouble = "Some of what is around this paper is missing: " + sentence(status.Convert(err).Message())
		}
	}
}

// fillSimilar finds what is like a paper. The paper itself is asked for, too: it, or
// what stands for it, names its versions.
func (s *Site) fillSimilar(ctx context.Context, p *akinv1.Paper, b *about) error {
	f, err := s.similar(ctx, &akinv1.SimilarRequest{
		PaperIds: []string{p.GetId()}, PageSize: similarSize + 1, IncludeSelf: true, Explain: true, Evidence: b.Evidence, ReadMask: listMask(),
	})
	if err != nil {
		return err
	}
	for _, r := range f.results {
		id := r.GetPaper().GetId()
		ofThis := id == p.GetId() || slices.ContainsFunc(r.GetCollapsed(), func(c *akinv1.Collapsed) bool { return c.GetPaperId() == p.GetId() })
		if !ofThis {
			if len(b.Similar) < similarSize {
				b.Similar = append(b.Similar, s.resultHit(r, false))
			}
			continue
		}
		if id != p.GetId() {
			b.Versions = append(b.Versions, version{visible(id), paperURL(id), "another version"})
		}
		for _, c := range r.GetCollapsed() {
			if c.GetPaperId() != p.GetId() {
				b.Versions = append(b.Versions, version{visible(c.GetPaperId()), paperURL(c.GetPaperId()), relationOf(c)})
			}
		}
	}
	return nil
}

// fillAfter finds what came after a paper and is like it.
func (s *Site) fillAfter(ctx context.Context, p *akinv1.Paper, b *about) error {
	day := dateValue(p.GetPublishDate())
	if day == "" {
		return nil
	}
	f, err := s.similar(ctx, &akinv1.SimilarRequest{
		PaperIds: []string{p.GetId()}, PageSize: besideSize, Filter: "date > " + day, Mode: akinv1.Mode_MODE_SEMANTIC, ReadMask: listMask(),
	})
	if err != nil {
		return err
	}
	for _, r := range f.results {
		b.After = append(b.After, s.resultHit(r, false))
	}
	return nil
}

// fillNovelty says how far the paper is from what came before. Where that takes long
// and was not asked for, a link asks for it.
func (s *Site) fillNovelty(ctx context.Context, p *akinv1.Paper, b *about, wait bool) error {
	short := ctx
	if !wait {
		var cancel context.CancelFunc
		short, cancel = context.WithTimeout(ctx, noveltyWait)
		defer cancel()
	}
	resp, err := s.client.Search.GetNovelty(short, &akinv1.GetNoveltyRequest{PaperIds: []string{p.GetId()}})
	switch {
	case err != nil && short.Err() != nil && ctx.Err() == nil:
		b.NoveltyURL = withValue(paperURL(p.GetId()), "novelty", "1")
		return nil
	case err != nil:
		return err
	case len(resp.GetNovelties()) == 0:
		return nil
	}
	got := resp.GetNovelties()[0]
	n := &novelty{Sentence: noveltyText(got)}
	if got.Percentile != nil {
		n.Percentile, n.Known = int(got.GetPercentile()+0.5), true
	}
	for _, e := range got.GetNearest() {
		title, _ := s.render(e.GetTitle(), rich{most: shortTitle})
		n.Earlier = append(n.Earlier, earlier{title, paperURL(e.GetPaperId()), dateText(e.GetPublishDate()), percent(e.GetSimilarity())})
	}
	b.Novelty = n
	return nil
}

func noveltyText(n *akinv1.Novelty) string {
	switch n.GetReason() {
	case akinv1.NoveltyReason_NOVELTY_REASON_NO_DATE:
		return "The paper has no date, so nothing is known to be earlier."
	case akinv1.NoveltyReason_NOVELTY_REASON_NO_EARLIER:
		return "No paper here is earlier."
	case akinv1.NoveltyReason_NOVELTY_REASON_FEW_EARLIER:
		return "Few papers here are earlier."
	case akinv1.NoveltyReason_NOVELTY_REASON_NO_PAPER:
		return "By its title this is no paper, but front matter, an editorial, a correction or a volume."
	case akinv1.NoveltyReason_NOVELTY_REASON_NO_REFERENCE, akinv1.NoveltyReason_NOVELTY_REASON_UNSPECIFIED:
	}
	if n.Percentile == nil {
		return "Compared with " + count(int(n.GetEarlierCount())) + " earlier papers."
	}
	return fmt.Sprintf("Further from what came before it than %.0f %% of papers here are from theirs.", n.GetPercentile())
}
