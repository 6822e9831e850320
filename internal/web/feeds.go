package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	akinv1 "akin/proto/akin/v1"
)

const (
	// feedItems is how many items a page of a feed has, previewed how many a preview shows.
	feedItems, previewed = 25, 25
	// lookBack is how many days a preview looks at.
	lookBack = 30
	// feedWords is the longest name that a form gives, in bytes.
	feedWords = 200
)

// breadths are how much a feed lets through, as forms and addresses have them.
//
//nolint:gochecknoglobals // a table that nothing writes to
var breadths = []struct {
	value, label string
	breadth      akinv1.Breadth
}{
	{"strict", "Strict", akinv1.Breadth_BREADTH_STRICT},
	{"focused", "Focused", akinv1.Breadth_BREADTH_FOCUSED},
	{"balanced", "Balanced", akinv1.Breadth_BREADTH_BALANCED},
	{"wide", "Wide", akinv1.Breadth_BREADTH_WIDE},
	{"broad", "Broad", akinv1.Breadth_BREADTH_BROAD},
}

// feedForm is a feed as the form has it, and as an address prefills it.
type feedForm struct {
	Label, Text, Paper, Library, Authors, Filter, Breadth string
	Max                                                   string
	// Breadths are the choices, Libraries those of the reader.
	Breadths  []choice
	Libraries []libraryRow
	// Wrong says what is wrong with it.
	Wrong string
}

// feedRow is a feed in the list of all.
type feedRow struct {
	Name, Label, URL, Of, Status string
	Items, Today                 int
}

// feedPages is the body of the list of feeds and digests.
type feedPages struct {
	Feeds   []feedRow
	Form    feedForm
	Digests []digestRow
	Mail    mailChoices
	// Addresses is where all feeds are read as one list; Unaddressed why there is none.
	Addresses, Unaddressed string
}

// feedPage is the body of the page of a feed, or of what one would have found.
type feedPage struct {
	Name, Label, Of, Here, Status, Filter string
	Hits                                  []hit
	Total                                 int
	Next                                  string
	Form                                  feedForm
	// Preview says that nothing is kept: Found of Looked papers matched in Days days, and
	// Shown of them would have been let through.
	Preview              bool
	Found, Looked, Shown int
	Days                 int
	Cut                  bool
	Widths               []choice
	Atom, JSON, NoFeeds  string
}

func (b *feedPage) papers() []*hit { return pointers(b.Hits) }

// readFeedForm reads a feed from a form or an address.
func readFeedForm(v url.Values) feedForm {
	f := feedForm{
		Label: strings.TrimSpace(clip(visible(v.Get("label")), feedWords)), Text: strings.TrimSpace(clip(visible(v.Get("text")), maxText)),
		Paper: clip(v.Get("paper"), maxValue), Library: clip(v.Get("library"), maxValue), Filter: clip(visible(v.Get("filter")), maxFilter),
		Authors: lines(strings.TrimSpace(clip(visibleLines(strings.Join(v["author"], "\n")), maxText))),
		Breadth: v.Get("breadth"), Max: clip(v.Get("max"), 8),
	}
	known := false
	for _, b := range breadths {
		known = known || b.value == f.Breadth
	}
	if !known {
		f.Breadth = "balanced"
	}
	for _, b := range breadths {
		f.Breadths = append(f.Breadths, choice{b.label, b.value, b.value == f.Breadth})
	}
	return f
}

// asked says that the form says what to look for.
func (f *feedForm) asked() bool {
	return f.Text != "" || f.Paper != "" || f.Library != "" || strings.TrimSpace(f.Authors) != ""
}

// feed makes of the form what the API takes.
func (f *feedForm) feed() (*akinv1.Feed, error) {
	out := &akinv1.Feed{DisplayName: f.Label, Text: f.Text, PaperId: f.Paper, Library: f.Library, Filter: f.Filter}
	for name := range strings.Lines(f.Authors) {
		if name = strings.TrimSpace(name); name != "" {
			out.Authors = append(out.Authors, name)
		}
	}
	for _, b := range breadths {
		if b.value == f.Breadth {
			out.Breadth = b.breadth
		}
	}
	if f.Max != "" {
		n, err := strconv.ParseInt(f.Max, 10, 32)
		if err != nil {
			return nil, refused(http.StatusBadRequest, "That is no number", "The most papers a day is a number, such as 20; leave it out for the usual.")
		}
		out.MaxPerDay = int32(n)
	}
	return out, nil
}

// values is the form as an address has it.
func (f *feedForm) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{
		"label": f.Label, "text": f.Text, "paper": f.Paper, "library": f.Library, "filter": f.Filter, "author": f.Authors, "breadth": f.Breadth, "max": f.Max,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// name is what the feed is called if nobody says.
func (f *feedForm) name() string {
	return cmp.Or(f.Label, clip(f.Text, 48), clip(strings.ReplaceAll(f.Authors, "\n", ", "), 48), f.Library, f.Paper, "feed")
}

func feedURL(name string) string { return "/feed/" + url.PathEscape(name) }

// followURL is where a feed is made of what is given.
func followURL(name, value string) string { return "/follow?" + url.Values{name: {value}}.Encode() }

// followURL is where a feed is made of a query; "" if it cannot be one.
func (q query) followURL() string {
	f := feedForm{Text: q.Text, Filter: q.filter("")}
	switch {
	case q.Text == "" && len(q.Like) == 1:
		f.Paper = q.Like[0]
	case q.Text == "" && q.Like == nil && len(q.Take["author"]) > 0:
		f.Authors, f.Filter = strings.Join(q.Take["author"], "\n"), q.filter("author")
	case q.Text == "":
		return ""
	}
	return "/follow?" + f.values().Encode()
}

// feedLabel is what a feed is called.
func feedLabel(f *akinv1.Feed) string {
	return cmp.Or(strings.TrimSpace(visible(f.GetDisplayName())), f.GetName())
}

// feedOfText says what a feed looks for.
func feedOfText(f *akinv1.Feed) string {
	switch {
	case f.GetText() != "":
		return "“" + visible(clip(f.GetText(), 160)) + "”"
	case f.GetPaperId() != "":
		return "papers like " + visible(f.GetPaperId())
	case f.GetLibrary() != "":
		return "papers for the library “" + f.GetLibrary() + "”"
	}
	names := f.GetAuthors()
	if len(names) > 3 {
		return fmt.Sprintf("papers by %s and %d others", visible(strings.Join(names[:3], ", ")), len(names)-3)
	}
	return "papers by " + visible(strings.Join(names, ", "))
}

// feeds lists the reader's feeds and digests.
func (s *Site) feeds(r *http.Request) (*answer, error) {
	b := &feedPages{Form: readFeedForm(r.URL.Query())}
	b.Form.Libraries = s.allLibraries(r.Context())
	return s.feedsPage(r, b)
}

func (s *Site) feedsPage(r *http.Request, b *feedPages) (*answer, error) {
	token := ""
	for {
		resp, err := s.client.Feeds.ListFeeds(r.Context(), &akinv1.ListFeedsRequest{PageSize: 1_000, PageToken: token})
		if err != nil {
			return nil, err
		}
		for _, f := range resp.GetFeeds() {
			b.Feeds = append(b.Feeds, feedRow{
				Name: f.GetName(), Label: feedLabel(f), URL: feedURL(f.GetName()), Of: feedOfText(f), Status: visible(f.GetStatus()),
				Items: int(f.GetItemCount()), Today: int(f.GetTodayCount()),
			})
		}
		if token = resp.GetNextPageToken(); token == "" {
			break
		}
	}
	if err := s.listDigests(r.Context(), b); err != nil {
		return nil, err
	}
	if len(b.Feeds) > 0 {
		address, why := s.addressOf(r.Context(), "-")
		b.Addresses, b.Unaddressed = address.GetOpmlUrl(), why
	}
	return &answer{page: "feeds", frame: frame{Title: "Feeds", Canonical: "/feeds", Nav: "feeds", NoIndex: true, Body: b}}, nil
}

// allLibraries are the reader's libraries; none for want of a key.
func (s *Site) allLibraries(ctx context.Context) (out []libraryRow) {
	resp, err := s.client.Libraries.ListLibraries(ctx, &akinv1.ListLibrariesRequest{PageSize: 1_000})
	if err != nil {
		return nil
	}
	for _, l := range resp.GetLibraries() {
		out = append(out, libraryRow{Name: l.GetName(), Label: libraryLabel(l)})
	}
	return out
}

// addressOf is where a feed is read by others, or why nowhere.
func (s *Site) addressOf(ctx context.Context, feed string) (address *akinv1.FeedAddress, why string) {
	resp, err := s.client.Syndication.GetFeedAddress(ctx, &akinv1.GetFeedAddressRequest{Feed: feed})
	if err != nil {
		return nil, sentence(status.Convert(err).Message())
	}
	return resp, ""
}

// feed shows a feed and what it found, or what one would find.
func (s *Site) feed(r *http.Request) (*answer, error) {
	name := strings.TrimPrefix(r.URL.Path, "/feed/")
	f, err := s.client.Feeds.GetFeed(r.Context(), &akinv1.GetFeedRequest{Name: name})
	if err != nil {
		return nil, err
	}
	resp, err := s.client.Feeds.ListFeedItems(r.Context(), &akinv1.ListFeedItemsRequest{
		Feed: name, PageSize: feedItems, PageToken: clip(r.URL.Query().Get("page"), 4*maxValue), ReadMask: listMask(),
	})
	if err != nil {
		return nil, err
	}
	b := &feedPage{
		Name: name, Label: feedLabel(f), Of: feedOfText(f), Here: feedURL(name), Status: visible(f.GetStatus()), Filter: f.GetFilter(),
		Total: int(resp.GetTotalSize()), Form: formOf(f),
	}
	b.Hits = s.itemHits(resp.GetItems())
	if next := resp.GetNextPageToken(); next != "" {
		b.Next = withValue(b.Here, "page", next)
	}
	address, why := s.addressOf(r.Context(), name)
	b.Atom, b.JSON, b.NoFeeds = address.GetAtomUrl(), address.GetJsonUrl(), why
	return &answer{page: "feed", frame: frame{Title: b.Label, Canonical: b.Here, Nav: "feeds", NoIndex: true, Body: b}}, nil
}

// formOf is a feed as its form has it.
func formOf(f *akinv1.Feed) feedForm {
	v := url.Values{
		"label": {f.GetDisplayName()}, "text": {f.GetText()}, "paper": {f.GetPaperId()}, "library": {f.GetLibrary()},
		"filter": {f.GetFilter()}, "author": f.GetAuthors(),
	}
	for _, b := range breadths {
		if b.breadth == f.GetBreadth() {
			v.Set("breadth", b.value)
		}
	}
	if n := f.GetMaxPerDay(); n > 0 {
		v.Set("max", strconv.Itoa(int(n)))
	}
	return readFeedForm(v)
}

// itemHits are the papers of items, each once; what the collection lacks is left out.
func (s *Site) itemHits(items []*akinv1.FeedItem) (out []hit) {
	seen := make(map[string]bool)
	for _, it := range items {
		p := it.GetPaper()
		if p == nil || seen[p.GetId()] {
			continue
		}
		seen[p.GetId()] = true
		h := s.hitOf(p, nil)
		for _, reason := range it.GetReasons() {
			switch reason.GetKind() {
			case akinv1.FeedReasonKind_FEED_REASON_KIND_LIKE, akinv1.FeedReasonKind_FEED_REASON_KIND_PAPER:
				if len(h.Because) < 3 {
					h.Because = append(h.Because, link{visible(clip(reason.GetName(), shortTitle)), paperURL(reason.GetName())})
				}
			case akinv1.FeedReasonKind_FEED_REASON_KIND_AUTHOR:
				h.Why = append(h.Why, "by "+visible(clip(reason.GetName(), shortTitle)))
			case akinv1.FeedReasonKind_FEED_REASON_KIND_TEXT, akinv1.FeedReasonKind_FEED_REASON_KIND_UNSPECIFIED:
			}
		}
		if p := it.GetPercentile(); p > 0 {
			h.Why = append(h.Why, nearerThan(p))
		}
		if t := it.GetMatchTime(); t != nil {
			h.Why = append(h.Why, "came "+dayText(t.AsTime()))
		}
		out = append(out, h)
	}
	return out
}

// follow shows what a feed would have found, before it is made.
func (s *Site) follow(r *http.Request) (*answer, error) {
	form := readFeedForm(r.URL.Query())
	if !form.asked() {
		return &answer{location: "/feeds"}, nil
	}
	f, err := form.feed()
	if err != nil {
		return nil, err
	}
	resp, err := s.client.Feeds.PreviewFeed(r.Context(), &akinv1.PreviewFeedRequest{
		Feed: f, Days: lookBack, PageSize: previewed, IncludePapers: true, ReadMask: listMask(),
	})
	if status.Code(err) == codes.InvalidArgument {
		b := &feedPages{Form: form}
		b.Form.Wrong, b.Form.Libraries = wrongOf(err), s.allLibraries(r.Context())
		a, failed := s.feedsPage(r, b)
		if a != nil {
			a.status = http.StatusBadRequest
		}
		return a, failed
	}
	if err != nil {
		return nil, err
	}
	form.Label = form.name()
	b := &feedPage{
		Preview: true, Label: "What a feed would have sent", Of: feedOfText(resp.GetFeed()), Filter: form.Filter, Form: form, Status: visible(resp.GetFeed().GetStatus()),
		Found: int(resp.GetMatchedCount()), Looked: int(resp.GetLookedCount()), Shown: int(resp.GetTotalSize()), Days: lookBack, Cut: resp.GetCut(),
		Hits: s.itemHits(resp.GetItems()),
	}
	for _, c := range form.Breadths {
		other := form
		other.Breadth = c.URL
		b.Widths = append(b.Widths, choice{c.Label, "/follow?" + other.values().Encode(), c.Current})
	}
	return &answer{page: "feed", frame: frame{Title: b.Label, Canonical: "/follow?" + form.values().Encode(), Nav: "feeds", NoIndex: true, Body: b}}, nil
}

// wrongOf says what is wrong with what was asked for.
func wrongOf(err error) string {
	st := status.Convert(err)
	for _, f := range fieldsOf(st) {
		return sentence(f.Field + " " + f.Description)
	}
	return sentence(st.Message())
}

// makeFeed makes a feed of a form, and a name of what it is called.
func (s *Site) makeFeed(r *http.Request) (*answer, error) {
	form := readFeedForm(r.PostForm)
	f, err := form.feed()
	if err != nil {
		return nil, err
	}
	base := nameOf(form.name())
	for n := 1; n <= maxNames; n++ {
		if f.Name = base; n > 1 {
			f.Name = fmt.Sprintf("%s-%d", base, n)
		}
		_, err = s.client.Feeds.CreateFeed(r.Context(), &akinv1.CreateFeedRequest{Feed: f})
		if err == nil {
			return &answer{location: withValue(feedURL(f.GetName()), "said", "followed")}, nil
		}
		if reasonOf(err) != "FEED_EXISTS" {
			break
		}
	}
	if status.Code(err) != codes.InvalidArgument {
		return nil, err
	}
	form.Wrong, form.Libraries = wrongOf(err), s.allLibraries(r.Context())
	a, err := s.feedsPage(r, &feedPages{Form: form})
	if a != nil {
		a.status = http.StatusBadRequest
	}
	return a, err
}

// changeFeed changes, deletes or readdresses a feed.
func (s *Site) changeFeed(r *http.Request) (*answer, error) {
	name, deed, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/feed/"), "/")
	switch deed {
	case "edit":
		form := readFeedForm(r.PostForm)
		f, err := form.feed()
		if err != nil {
			return nil, err
		}
		f.Name = name
		_, err = s.client.Feeds.UpdateFeed(r.Context(), &akinv1.UpdateFeedRequest{Feed: f, UpdateMask: mask("display_name", "breadth", "max_per_day", "filter")})
		return &answer{location: withValue(feedURL(name), "said", "changed")}, err
	case "address":
		_, err := s.client.Syndication.ReplaceFeedAddress(r.Context(), &akinv1.ReplaceFeedAddressRequest{Feed: name})
		return &answer{location: withValue(feedURL(name), "said", "readdressed")}, err
	case "delete":
		return s.deleteFeed(r, name)
	}
	return nil, refused(http.StatusNotFound, "There is no such page", "Nothing is done there.")
}

// deleteFeed takes a feed away. What it looked for stays in the form, so that it can be
// made again.
func (s *Site) deleteFeed(r *http.Request, name string) (*answer, error) {
	f, err := s.client.Feeds.GetFeed(r.Context(), &akinv1.GetFeedRequest{Name: name})
	if err != nil {
		return nil, err
	}
	if _, err := s.client.Feeds.DeleteFeed(r.Context(), &akinv1.DeleteFeedRequest{Name: name}); err != nil {
		return nil, err
	}
	form := formOf(f)
	v := form.values()
	v.Set("said", "unfollowed")
	return &answer{location: "/feeds?" + v.Encode()}, nil
}

// nearerThan says in words what a percentile means, as the command line does. A paper of
// 20,000 is .005 of a hundred.
func nearerThan(percentile float64) string {
	if percentile >= 100 {
		return "nearer than all papers it was held against"
	}
	return "nearer than " + strings.TrimRight(strings.TrimRight(strconv.FormatFloat(percentile, 'f', 3, 64), "0"), ".") + " % of the papers"
}
