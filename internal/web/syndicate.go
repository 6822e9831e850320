package web

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/syndicate"
	akinv1 "akin/proto/akin/v1"
)

const (
	atomPath = "/atom.xml"
	// secretPath begins the addresses of feeds that are somebody's own; a token follows.
	secretPath = "/feeds/"
	jsonPath   = "/feed.json"
	// feedSize is how many papers a feed of a list has.
	feedSize = 60
	// feedAge is how long, in seconds, a feed of what everybody may see can be kept.
	feedAge = "300"
)

// alternate is a feed of what a page shows.
type alternate struct{ Type, Title, URL string }

// Publish tells the site the address at which people reach it, without which there are
// no feeds: their addresses and ids must be whole. It comes before the first request; ""
// is none.
func (s *Site) Publish(address string) {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		s.public = u
	}
}

// absolute makes an address of this site one that leads to it from elsewhere.
func (s *Site) absolute(address string) string {
	return strings.TrimRight(s.public.String(), "/") + address
}

// feedView is a list that has a feed.
type feedView struct {
	title, subtitle string
	// page is the list's own address.
	page   string
	papers []*akinv1.Paper
	// why says what speaks for a paper, by its id.
	why map[string][]string
}

// serveFeed answers with the list that an address asks for as a feed, in one of two
// forms. The list is the one that a page has with the same values: what is newest, what
// is trending (window, day, signal), or what a search and its conditions find.
func (s *Site) serveFeed(w http.ResponseWriter, r *http.Request) bool {
	secret := strings.HasPrefix(r.URL.Path, secretPath)
	if r.URL.Path != atomPath && r.URL.Path != jsonPath && !secret {
		return false
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.write(w, r, plainError(http.StatusMethodNotAllowed, "That cannot be done here", "Feeds are only read."))
		return true
	}
	if secret {
		s.serveSecret(w, r)
		return true
	}
	r, _ = s.signed(r)
	v, err := s.view(r)
	if err != nil {
		s.write(w, r, s.failure(r, err))
		return true
	}
	feed := s.feedOf(v)
	s.sendFeed(w, r, feed, changedAt(v.papers))
	return true
}

// needsPublic says that there are no feeds, and why.
func needsPublic() error {
	return refused(http.StatusConflict, "There are no feeds here",
		"What reads a feed needs whole addresses, and this server does not know its own: it is to be started with --public-url.")
}

// view finds the list that is asked for.
func (s *Site) view(r *http.Request) (*feedView, error) {
	if s.public == nil {
		return nil, needsPublic()
	}
	v := r.URL.Query()
	if v.Get("window") != "" || v.Get("signal") != "" || v.Get("day") != "" {
		return s.trendingView(r.Context(), trendsOf{windowNamed(v.Get("window")), v.Get("day"), v.Get("signal")})
	}
	if q := readQuery(v); q.asked() {
		return s.searchView(r.Context(), q.changed(func(q *query) { q.Evidence = false }))
	}
	resp, err := s.client.Papers.ListPapers(r.Context(), &akinv1.ListPapersRequest{OrderBy: byDay, PageSize: feedSize, ReadMask: feedMask()})
	if err != nil {
		return nil, err
	}
	return &feedView{title: "New papers", subtitle: "The newest papers of the collection", page: "/", papers: resp.GetPapers()}, nil
}

// feedMask names what feeds show.
func feedMask() *fieldmaskpb.FieldMask {
	return mask(append(listMask().GetPaths(), "doi", "arxiv_id", "update_time", "create_time")...)
}

func (s *Site) trendingView(ctx context.Context, of trendsOf) (*feedView, error) {
	if of.day != "" && !isDate(of.day) {
		return nil, refused(http.StatusNotFound, "That is no day", "Write it as day=2026-05-17, or leave it out for what is trending now.")
	}
	resp, err := s.client.Papers.ListPapers(ctx, &akinv1.ListPapersRequest{
		OrderBy: "trending", Window: of.window.window, Day: of.day, Signal: of.signal, PageSize: feedSize, ReadMask: feedMask(),
	})
	if err != nil {
		return nil, err
	}
	out := &feedView{title: of.heading(), subtitle: "What gained most " + of.window.within, page: of.URL(), why: map[string][]string{}}
	for i, p := range resp.GetPapers() {
		if t := resp.GetTrends()[i]; t.GetSignal() != "" { // behind those are only the newest
			out.papers = append(out.papers, p)
			out.why[p.GetId()] = []string{of.why(t)}
		}
	}
	return out, nil
}

func (s *Site) searchView(ctx context.Context, q query) (*feedView, error) {
	out := &feedView{title: "Search", page: q.URL(), why: map[string][]string{}}
	var said []string
	for _, c := range q.clauses("") {
		said = append(said, c.label)
	}
	if out.subtitle = strings.Join(said, "; "); q.Text != "" {
		out.title = "Search: " + clip(visible(q.Text), 80)
	} else if q.Like == nil {
		out.title = "Papers: " + clip(visible(out.subtitle), 80)
	}
	if q.Text == "" && q.Like == nil {
		resp, err := s.client.Papers.ListPapers(ctx, &akinv1.ListPapersRequest{
			OrderBy: byDay, Filter: q.filter(""), PageSize: feedSize, ReadMask: feedMask(),
		})
		if err != nil {
			return nil, s.placed(ctx, q, err)
		}
		out.papers = resp.GetPapers()
		return out, nil
	}
	b := &results{Query: q, size: feedSize}
	f, err := s.find(ctx, b)
	if err != nil {
		return nil, s.placed(ctx, q, err)
	}
	if len(b.Like) == 1 {
		out.title = "Like " + clip(visible(b.Like[0].Key()), 80)
	} else if len(b.Like) > 1 {
		out.title = b.Heading
	}
	var papers []*akinv1.Paper
	for _, r := range f.results {
		papers = append(papers, r.GetPaper())
		if words := s.resultHit(r, false).Words; len(words) > 0 {
			out.why[r.GetPaper().GetId()] = []string{"It has: " + strings.Join(words, ", ")}
		}
	}
	out.papers, err = s.hydrated(ctx, papers)
	return out, err
}

// hydrated gives papers with all that feeds show.
func (s *Site) hydrated(ctx context.Context, papers []*akinv1.Paper) ([]*akinv1.Paper, error) {
	if len(papers) == 0 {
		return nil, nil
	}
	ids := make([]string, len(papers))
	for i, p := range papers {
		ids[i] = p.GetId()
	}
	resp, err := s.client.Papers.BatchGetPapers(ctx, &akinv1.BatchGetPapersRequest{Ids: ids, ReadMask: feedMask()})
	return resp.GetPapers(), err
}

// feedOf makes a feed of a list.
func (s *Site) feedOf(v *feedView) *syndicate.Feed {
	query := ""
	if _, rest, ok := strings.Cut(v.page, "?"); ok {
		query = "?" + rest
	}
	f := &syndicate.Feed{
		ID: syndicate.TagURI(s.public, "list", cmp.Or(strings.TrimPrefix(v.page, "/"), "newest")), Title: v.title + " – akin", Subtitle: v.subtitle,
		Self: s.absolute(atomPath + query), Other: s.absolute(jsonPath + query), Home: s.absolute(v.page), Icon: s.absolute(s.files.where["icon.svg"]),
		Publisher: "akin",
	}
	for _, p := range v.papers {
		f.Entries = append(f.Entries, s.entryOf(p, v.why[p.GetId()]))
	}
	return f
}

// entryOf makes an entry of a paper. It is updated on the day that it stands under, which
// stays the same, and not with each of its signals.
func (s *Site) entryOf(p *akinv1.Paper, why []string) syndicate.Entry {
	e := syndicate.Entry{
		ID: syndicate.TagURI(s.public, "paper", p.GetId()), Title: plainTitle(p), URL: s.absolute(paperURL(p.GetId())),
		Venue: p.GetVenue(), Tags: p.GetCategories(), Text: p.GetAbstract(), Why: why, Language: languageOf(p),
	}
	for _, a := range p.GetAuthors() {
		e.Authors = append(e.Authors, a.GetName())
	}
	for _, l := range outward(p) {
		e.Links = append(e.Links, syndicate.Link{Label: l.Label, URL: l.URL})
	}
	if from, _, ok := bounds(dateValue(p.GetPublishDate())); ok {
		e.Published = from
	}
	switch from, _, ok := bounds(dayOf(p)); {
	case ok:
		e.Updated = from
	case p.GetCreateTime().IsValid():
		e.Updated = p.GetCreateTime().AsTime()
	}
	if e.Updated.Year() < 1970 { // readers go by times since then
		e.Updated = time.Unix(0, 0)
	}
	return e
}

// changedAt is when the record of any of some papers last changed.
func changedAt(papers []*akinv1.Paper) (at time.Time) {
	for _, p := range papers {
		if t := p.GetUpdateTime(); t.IsValid() && t.AsTime().After(at) {
			at = t.AsTime()
		}
	}
	return at.Truncate(time.Second)
}

// sendFeed sends a feed in the form that the path asks for, unless the client has it.
func (s *Site) sendFeed(w http.ResponseWriter, r *http.Request, f *syndicate.Feed, changed time.Time) {
	write, contentType := syndicate.Atom, syndicate.AtomType
	if strings.HasSuffix(r.URL.Path, ".json") {
		write, contentType = syndicate.JSON, syndicate.JSONType
		f.Self, f.Other = f.Other, f.Self
	}
	body, err := write(f)
	if err != nil {
		s.write(w, r, s.failure(r, err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "public, max-age="+feedAge)
	_, signedIn := s.sessions.of(r)
	if signedIn || r.Header.Get("Authorization") != "" || strings.HasPrefix(r.URL.Path, secretPath) {
		h.Set("Cache-Control", "private, no-cache")
	}
	h.Add("Vary", "Cookie, Authorization")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // readers are elsewhere
	if !changed.IsZero() {
		h.Set("Last-Modified", changed.UTC().Format(http.TimeFormat))
	}
	sum := sha256.Sum256(body)
	if sendTag(w, r, hex.EncodeToString(sum[:12])) || unchanged(w, r, changed) {
		return
	}
	w.Write(body) //nolint:errcheck // the client is gone
}

// unchanged answers who only knows when the feed last changed.
func unchanged(w http.ResponseWriter, r *http.Request, changed time.Time) bool {
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	if r.Header.Get("If-None-Match") != "" || err != nil || changed.IsZero() || changed.After(since) {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

// alternates are the feeds of a list, for the head of its page.
func (s *Site) alternates(title, page string) []alternate {
	if s.public == nil {
		return nil
	}
	query := ""
	if u, err := url.Parse(page); err == nil {
		v := u.Query()
		v.Del("page")
		v.Del("evidence")
		if encoded := v.Encode(); encoded != "" {
			query = "?" + encoded
		}
	}
	return []alternate{
		{"application/atom+xml", title + " (Atom)", atomPath + query},
		{"application/feed+json", title + " (JSON Feed)", jsonPath + query},
	}
}

// serveSecret answers with a feed of somebody's own, or with the list of all of them. The
// token in the address says whose, and that whoever has it may: no key is asked for, and
// none that the browser has is looked at.
func (s *Site) serveSecret(w http.ResponseWriter, r *http.Request) {
	token, form, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, secretPath), "/")
	h := w.Header()
	h.Set("Referrer-Policy", "no-referrer") // the address is the secret
	h.Set("X-Robots-Tag", "noindex")
	var err error
	switch {
	case s.public == nil:
		err = needsPublic()
	case form == "feeds.opml":
		err = s.sendOutline(w, r, token)
	case form == "atom.xml" || form == "feed.json":
		err = s.sendOwn(w, r, token)
	default:
		err = refused(http.StatusNotFound, "There is no such feed", "The address of a feed ends with /atom.xml or /feed.json, that of the list of all with /feeds.opml.")
	}
	if err != nil {
		s.write(w, r, s.failure(r, err))
	}
}

// sendOwn sends a feed of somebody's own.
func (s *Site) sendOwn(w http.ResponseWriter, r *http.Request, token string) error {
	resp, err := s.client.Syndication.ReadAddressedFeed(r.Context(), &akinv1.ReadAddressedFeedRequest{Token: token, PageSize: feedSize, ReadMask: feedMask()})
	if err != nil {
		return lost(err)
	}
	base := s.absolute(secretPath + token)
	name := cmp.Or(strings.TrimSpace(visible(resp.GetFeed().GetDisplayName())), resp.GetFeed().GetName())
	f := &syndicate.Feed{
		ID: syndicate.TagURI(s.public, "feed", token), Title: name + " – akin", Subtitle: "New papers that match this feed",
		Self: base + "/atom.xml", Other: base + "/feed.json", Home: s.absolute("/"), Icon: s.absolute(s.files.where["icon.svg"]), Publisher: "akin",
	}
	changed := resp.GetFeed().GetUpdateTime().AsTime()
	seen := make(map[string]bool, len(resp.GetItems()))
	for _, it := range resp.GetItems() {
		if p := it.GetPaper(); p != nil && !seen[p.GetId()] { // of a paper that matched twice, the newest match
			seen[p.GetId()] = true
			e := s.entryOf(p, reasonsText(it.GetReasons()))
			e.Updated = it.GetMatchTime().AsTime()
			f.Entries = append(f.Entries, e)
			for _, t := range []time.Time{e.Updated, p.GetUpdateTime().AsTime()} {
				if t.After(changed) {
					changed = t
				}
			}
		}
	}
	s.sendFeed(w, r, f, changed.Truncate(time.Second))
	return nil
}

// withoutSecret is a path as the log may have it: the token in the address of somebody's
// feed is a key to it.
func withoutSecret(path string) string {
	if strings.HasPrefix(path, secretPath) {
		return secretPath + "…"
	}
	return path
}

// reasonsText says in words what brought a paper.
func reasonsText(reasons []*akinv1.FeedReason) (out []string) {
	for _, reason := range reasons {
		switch reason.GetKind() {
		case akinv1.FeedReasonKind_FEED_REASON_KIND_PAPER:
			out = append(out, "It is like "+reason.GetName())
		case akinv1.FeedReasonKind_FEED_REASON_KIND_LIKE:
			out = append(out, "It is like "+reason.GetName()+", which is liked")
		case akinv1.FeedReasonKind_FEED_REASON_KIND_AUTHOR:
			out = append(out, "It is by "+reason.GetName())
		case akinv1.FeedReasonKind_FEED_REASON_KIND_TEXT, akinv1.FeedReasonKind_FEED_REASON_KIND_UNSPECIFIED:
		}
	}
	return out
}

// lost says of an address that leads nowhere what people need to know.
func lost(err error) error {
	if status.Code(err) != codes.NotFound {
		return err
	}
	return refused(http.StatusNotFound, "There is no such feed", "Its address was replaced, the feed was deleted, or the address is not whole. Who made the feed can see its address.")
}

// sendOutline sends the list of all feeds of somebody.
func (s *Site) sendOutline(w http.ResponseWriter, r *http.Request, token string) error {
	resp, err := s.client.Syndication.ReadAddressedList(r.Context(), &akinv1.ReadAddressedListRequest{Token: token})
	if err != nil {
		return lost(err)
	}
	var all []syndicate.Outline
	for _, f := range resp.GetFeeds() {
		name := cmp.Or(strings.TrimSpace(visible(f.GetFeed().GetDisplayName())), f.GetFeed().GetName())
		all = append(all, syndicate.Outline{Title: name, Feed: s.absolute(secretPath + f.GetToken() + "/atom.xml"), Home: s.absolute("/")})
	}
	body, err := syndicate.OPML("Feeds of akin", all)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", syndicate.OPMLType)
	h.Set("Content-Disposition", `attachment; filename="feeds.opml"`)
	h.Set("Cache-Control", "private, no-cache")
	sum := sha256.Sum256(body)
	if !sendTag(w, r, hex.EncodeToString(sum[:12])) {
		w.Write(body) //nolint:errcheck // the client is gone
	}
	return nil
}
