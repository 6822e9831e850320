package cli

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/client"
	"akin/internal/paper"
	akinv1 "akin/proto/akin/v1"
)

type feedCommand struct {
	List    feedListCommand    `cmd:"" help:"List your feeds, and how they are."`
	Show    feedShowCommand    `cmd:"" help:"Show what a feed looks for, and what it is matched by."`
	Create  feedCreateCommand  `cmd:"" help:"Make a feed: a standing query for new papers."`
	Edit    feedEditCommand    `cmd:"" help:"Change what a feed looks for."`
	Delete  feedDeleteCommand  `cmd:"" help:"Erase a feed with all that it found."`
	Preview feedPreviewCommand `cmd:"" help:"Say what a feed would have sent in the last days."`
	Items   feedItemsCommand   `cmd:"" help:"List what a feed has found, the newest first."`
	Watch   feedWatchCommand   `cmd:"" help:"Print what a feed finds, as it does."`
	Address feedAddressCommand `cmd:"" help:"Print the secret address of a feed, for feed readers."`
}

// Help says what a feed is.
func (feedCommand) Help() string {
	return `A feed is a standing query: every paper that comes into the collection is matched
against it. It looks for a text, for what is like a paper, for what is like the likes of
a library, or for authors. With --data, and on a server without keys, feeds are those of
whoever runs the server; with a key, those of its owner. Papers are matched by a server
that runs.

Examples:
  akin feed preview --text "graph neural networks for molecules"
  akin feed create molecules --text "graph neural networks for molecules" --filter 'category = "cs.LG"'
  akin feed create mine --library main --breadth wide
  akin feed create people --author "Ada Lovelace" --author "Turing, Alan"
  akin feed items molecules`
}

// feedQuery says what a feed looks for.
type feedQuery struct {
	DisplayName *string  `help:"What to show instead of the name." placeholder:"TEXT"`
	Text        *string  `help:"Look for a text, as a search does." placeholder:"TEXT"`
	Paper       *string  `help:"Look for what is like a paper." placeholder:"ID"`
	Library     *string  `help:"Look for what is like the likes of a library." placeholder:"NAME" short:"l"`
	Author      []string `help:"Look for papers of a person; repeat the flag for several." placeholder:"NAME" sep:"none"`
	Mode        *string  `help:"hybrid (meaning and words), semantic or lexical (default: hybrid)." placeholder:"MODE"`
	Filter      *string  `help:"Filter that papers must pass, such as category = \"cs.CL\"." placeholder:"FILTER"`
	Breadth     *string  `help:"How much it lets through: strict (1 of 5,000), focused (2,000), balanced (1,000), wide (200) or broad (50) (default: balanced)." placeholder:"BREADTH"`
	MaxPerDay   *int32   `help:"Papers a day at most (default: 25)." placeholder:"N"`
}

// feed gives what the flags say, and which fields they set.
func (q *feedQuery) feed(name string) (*akinv1.Feed, []string, error) {
	f := &akinv1.Feed{Name: name, Authors: q.Author}
	var paths []string
	for _, text := range []struct {
		path string
		from *string
		to   *string
	}{
		{"display_name", q.DisplayName, &f.DisplayName},
		{"text", q.Text, &f.Text},
		{"paper_id", q.Paper, &f.PaperId},
		{"library", q.Library, &f.Library},
		{"filter", q.Filter, &f.Filter},
	} {
		if text.from != nil {
			*text.to, paths = *text.from, append(paths, text.path)
		}
	}
	if len(q.Author) > 0 {
		paths = append(paths, "authors")
	}
	if q.MaxPerDay != nil {
		f.MaxPerDay, paths = *q.MaxPerDay, append(paths, "max_per_day")
	}
	if q.Mode != nil {
		n, ok := akinv1.Mode_value["MODE_"+strings.ToUpper(*q.Mode)]
		if !ok || n == 0 {
			return nil, nil, paper.InvalidField("mode", "is %q; it is hybrid, semantic or lexical", *q.Mode)
		}
		f.Mode, paths = akinv1.Mode(n), append(paths, "mode")
	}
	if q.Breadth != nil {
		n, ok := akinv1.Breadth_value["BREADTH_"+strings.ToUpper(*q.Breadth)]
		if !ok || n == 0 {
			return nil, nil, paper.InvalidField("breadth", "is %q; it is strict, focused, balanced, wide or broad", *q.Breadth)
		}
		f.Breadth, paths = akinv1.Breadth(n), append(paths, "breadth")
	}
	return f, paths, nil
}

type feedListCommand struct {
	target
	JSON bool `name:"json" help:"Print the feeds as JSON."`
}

// Run lists feeds.
func (c feedListCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	all, req := new(akinv1.ListFeedsResponse), &akinv1.ListFeedsRequest{PageSize: 1000}
	for {
		page, err := cl.Feeds.ListFeeds(e.ctx, req)
		if err != nil {
			return err
		}
		all.Feeds = append(all.Feeds, page.GetFeeds()...)
		if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
			break
		}
	}
	return e.show(c.JSON, all, func() {
		for _, f := range all.GetFeeds() {
			fmt.Fprintf(e.out, "%s  %s: %s, %d today  %s\n",
				oneLine(f.GetName()), feedLooks(f), plural(int(f.GetItemCount()), "paper"), f.GetTodayCount(), oneLine(f.GetDisplayName()))
			e.wrapped("  ", oneLine(f.GetStatus()))
		}
		if len(all.GetFeeds()) == 0 {
			fmt.Fprintln(e.errOut, "No feeds: `akin feed create NAME --text TEXT` makes one.")
		}
	})
}

// feedLooks says what a feed looks for.
func feedLooks(f *akinv1.Feed) string {
	const most = 60
	var text string
	switch {
	case f.GetText() != "":
		text = fmt.Sprintf("%q", f.GetText())
	case f.GetPaperId() != "":
		text = "like " + f.GetPaperId()
	case f.GetLibrary() != "":
		text = "like library " + f.GetLibrary()
	default:
		text = "by " + strings.Join(f.GetAuthors(), "; ")
	}
	if r := []rune(oneLine(text)); len(r) > most {
		return string(r[:most]) + "…"
	}
	return oneLine(text)
}

type feedShowCommand struct {
	Name string `arg:"" help:"Name of the feed."`
	target
	JSON bool `name:"json" help:"Print the feed as JSON."`
}

// Run shows a feed.
func (c feedShowCommand) Run(e *environment) error {
	return e.aboutFeed(c.target, c.JSON, func(cl *client.Client) (*akinv1.Feed, error) {
		return cl.Feeds.GetFeed(e.ctx, &akinv1.GetFeedRequest{Name: c.Name})
	})
}

// aboutFeed calls what answers with a feed, and prints that.
func (e *environment) aboutFeed(t target, asJSON bool, call func(*client.Client) (*akinv1.Feed, error)) error {
	cl, err := e.connect(t, false)
	if err != nil {
		return err
	}
	f, err := call(cl)
	if err != nil {
		return err
	}
	return e.show(asJSON, f, func() { e.feed(f) })
}

// feed prints a feed.
func (e *environment) feed(f *akinv1.Feed) {
	e.fact("name", f.GetName())
	e.fact("shown as", f.GetDisplayName())
	e.fact("text", f.GetText())
	e.fact("paper", f.GetPaperId())
	e.fact("library", f.GetLibrary())
	e.fact("authors", strings.Join(f.GetAuthors(), "; "))
	e.fact("collection", f.GetCollection())
	e.fact("filter", f.GetFilter())
	e.fact("mode", enumWord(f.GetMode(), "MODE_"))
	e.fact("breadth", enumWord(f.GetBreadth(), "BREADTH_"))
	e.fact("a day", fmt.Sprintf("at most %d", f.GetMaxPerDay()))
	if c := f.GetCalibration(); len(f.GetAuthors()) == 0 {
		e.fact("matched by", fmt.Sprintf("scores of at least %.3f, compared with %s on %s",
			c.GetThreshold(), plural(int(c.GetBackgroundCount()), "paper"), c.GetCreateTime().AsTime().Format("2006-01-02")))
		e.fact("words", strings.Join(c.GetWords(), ", "))
	}
	e.fact("found", fmt.Sprintf("%s, %d today", plural(int(f.GetItemCount()), "paper"), f.GetTodayCount()))
	e.fact("status", f.GetStatus())
}

type feedCreateCommand struct {
	Name string `arg:"" help:"Name: a-z, 0-9, - and _."`
	target
	feedQuery
	Collection string `help:"Collection whose papers are matched (default: papers)." placeholder:"NAME"`
	JSON       bool   `name:"json" help:"Print the feed as JSON."`
}

// Run makes a feed.
func (c feedCreateCommand) Run(e *environment) error {
	f, _, err := c.feed(c.Name)
	if err != nil {
		return err
	}
	f.Collection = c.Collection
	return e.aboutFeed(c.target, c.JSON, func(cl *client.Client) (*akinv1.Feed, error) {
		return cl.Feeds.CreateFeed(e.ctx, &akinv1.CreateFeedRequest{Feed: f})
	})
}

type feedEditCommand struct {
	Name string `arg:"" help:"Name of the feed."`
	target
	feedQuery
	JSON bool `name:"json" help:"Print the feed as JSON."`
}

// Help says what stays.
func (feedEditCommand) Help() string {
	return "What no flag says stays as it is, and so does what the feed has found.\n\nExample:\n  akin feed edit molecules --breadth focused --filter ''"
}

// Run changes a feed.
func (c feedEditCommand) Run(e *environment) error {
	f, paths, err := c.feed(c.Name)
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		return &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonInvalidField, Message: "nothing is to change; give --text, --filter, --breadth or another flag",
		}
	}
	return e.aboutFeed(c.target, c.JSON, func(cl *client.Client) (*akinv1.Feed, error) {
		return cl.Feeds.UpdateFeed(e.ctx, &akinv1.UpdateFeedRequest{Feed: f, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
	})
}

type feedDeleteCommand struct {
	Name string `arg:"" help:"Name of the feed."`
	target
}

// Run erases a feed.
func (c feedDeleteCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	if _, err := cl.Feeds.DeleteFeed(e.ctx, &akinv1.DeleteFeedRequest{Name: c.Name}); err != nil {
		return err
	}
	fmt.Fprintln(e.out, "deleted", oneLine(c.Name))
	return nil
}

type feedPreviewCommand struct {
	Name string `arg:"" optional:"" help:"Name of a feed that is there; without one, flags say what to look for."`
	target
	feedQuery
	Days     int32 `help:"Days to look back." default:"30"`
	PageSize int32 `help:"Papers to list." short:"n" default:"20" placeholder:"N"`
	Evidence bool  `help:"Add the sentences that speak for each paper." short:"e"`
	JSON     bool  `name:"json" help:"Print the response as JSON."`
}

// Help shows examples.
func (feedPreviewCommand) Help() string {
	return "Examples:\n  akin feed preview molecules\n  akin feed preview --library main --breadth wide --days 7"
}

// Run previews a feed.
func (c feedPreviewCommand) Run(e *environment) error {
	f, _, err := c.feed(c.Name)
	if err != nil {
		return err
	}
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	resp, err := cl.Feeds.PreviewFeed(e.ctx, &akinv1.PreviewFeedRequest{
		Feed: f, Days: c.Days, PageSize: c.PageSize, IncludePapers: true, ReadMask: shown(c.JSON), Evidence: c.Evidence,
	})
	if err != nil {
		return err
	}
	return e.show(c.JSON, resp, func() {
		e.feedItems(resp.GetItems(), false)
		fmt.Fprintf(e.errOut, "%s of %d that came in %d days; %d match, and at most %d a day are sent.\n",
			plural(int(resp.GetTotalSize()), "paper"), resp.GetLookedCount(), c.Days, resp.GetMatchedCount(), resp.GetFeed().GetMaxPerDay())
		if !resp.GetFeed().GetActive() {
			fmt.Fprintln(e.errOut, oneLine(resp.GetFeed().GetStatus()))
		}
	})
}

// feedItems prints what a feed has found.
func (e *environment) feedItems(items []*akinv1.FeedItem, idsOnly bool) {
	for _, it := range items {
		if idsOnly {
			fmt.Fprintln(e.out, oneLine(it.GetPaperId()))
			continue
		}
		title, by := "(not in the collection any more)", oneLine(it.GetPaperId())
		if p := it.GetPaper(); p != nil {
			title, by = p.GetTitle(), byline(p)
		}
		e.wrapped(it.GetMatchTime().AsTime().Format("2006-01-02")+"  ", title)
		e.wrapped("            ", by)
		if why := feedReason(it); why != "" {
			e.wrapped("            ", why)
		}
		for _, s := range it.GetEvidence() {
			e.wrapped("            ", "> "+oneLine(s.GetText()))
		}
	}
}

// feedReason says what brought a paper.
func feedReason(it *akinv1.FeedItem) string {
	var names []string
	for _, r := range it.GetReasons() {
		if r.GetName() != "" {
			names = append(names, oneLine(r.GetName()))
		}
	}
	var parts []string
	if p := it.GetPercentile(); p > 0 {
		parts = append(parts, fmt.Sprintf("score %.3f, %s", it.GetScore(), nearerThan(p)))
	}
	if len(names) > 0 {
		parts = append(parts, "by "+strings.Join(names, ", "))
	}
	return strings.Join(parts, "; ")
}

// nearerThan says in words what a percentile means, as the page does. A paper of 20,000
// is .005 of a hundred.
func nearerThan(percentile float64) string {
	if percentile >= 100 {
		return "nearer than all papers it was held against"
	}
	return "nearer than " + strings.TrimRight(strings.TrimRight(strconv.FormatFloat(percentile, 'f', 3, 64), "0"), ".") + " % of the papers"
}

// mostEvidence is how many papers a page with evidence has.
const mostEvidence = 20

type feedItemsCommand struct {
	Name string `arg:"" help:"Name of the feed."`
	target
	PageSize int32 `help:"Papers to list; 0 lists all." short:"n" default:"20" placeholder:"N"`
	Evidence bool  `help:"Add the sentences that speak for each paper." short:"e"`
	IDs      bool  `name:"ids" help:"Print ids only."`
	JSON     bool  `name:"json" help:"Print the response of each page as JSON."`
}

// Run lists what a feed has found.
func (c feedItemsCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	req := &akinv1.ListFeedItemsRequest{Feed: c.Name, IdsOnly: c.IDs, ReadMask: shown(c.JSON), Evidence: c.Evidence}
	for left := c.PageSize; ; {
		if req.PageSize = left; left == 0 || c.Evidence && left > mostEvidence {
			req.PageSize = mostEvidence
		}
		resp, err := cl.Feeds.ListFeedItems(e.ctx, req)
		if err != nil {
			return err
		}
		if err := e.show(c.JSON, resp, func() { e.feedItems(resp.GetItems(), c.IDs) }); err != nil {
			return err
		}
		if c.PageSize != 0 {
			if left -= int32(len(resp.GetItems())); left <= 0 {
				return nil
			}
		}
		if req.PageToken = resp.GetNextPageToken(); req.GetPageToken() == "" {
			return nil
		}
	}
}

type feedWatchCommand struct {
	Name string `arg:"" help:"Name of the feed."`
	target
	After uint64 `help:"Cursor of the last item that was dealt with (default: the newest there is)." placeholder:"CURSOR"`
	All   bool   `help:"Begin with all items that are kept."`
	Count int    `help:"End after so many items; 0 never ends." placeholder:"N"`
	IDs   bool   `name:"ids" help:"Print ids only."`
	JSON  bool   `name:"json" help:"Print each item as JSON."`
}

// Help says how to go on.
func (feedWatchCommand) Help() string {
	return "After an interruption, --after with the cursor of the last item misses nothing; --json shows it.\n\nExample:\n  akin feed watch molecules --json"
}

// Run prints what a feed finds.
func (c feedWatchCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	if c.After == 0 && !c.All {
		f, err := cl.Feeds.GetFeed(e.ctx, &akinv1.GetFeedRequest{Name: c.Name})
		if err != nil {
			return err
		}
		c.After = f.GetLastCursor()
	}
	stream, err := cl.Feeds.WatchFeed(e.ctx, &akinv1.WatchFeedRequest{Feed: c.Name, Cursor: c.After, IdsOnly: c.IDs, ReadMask: shown(c.JSON)})
	if err != nil {
		return err
	}
	for n := 0; ; {
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, it := range resp.GetItems() {
			if err := e.show(c.JSON, it, func() { e.feedItems([]*akinv1.FeedItem{it}, c.IDs) }); err != nil {
				return err
			}
			if n++; n == c.Count {
				return nil
			}
		}
	}
}
