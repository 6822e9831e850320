package rpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/access"
	"akin/internal/courier"
	"akin/internal/engine"
	"akin/internal/feed"
	"akin/internal/paper"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

// feedService is FeedService.
type feedService struct {
	akinv1.UnimplementedFeedServiceServer
	server *Server
}

// Sizes of pages of feeds and items.
const (
	defaultFeedPage = 100
	maxFeedPage     = 1_000
	// stillAlive is how long a stream of items is silent at most.
	stillAlive = time.Minute
)

// open gives what keeps feeds and whose they are.
func (s *feedService) open(ctx context.Context) (*courier.Courier, string, error) {
	if s.server.feeds == nil {
		return nil, "", s.server.without("this server keeps no feeds")
	}
	owner, err := ownerOf(ctx)
	return s.server.feeds, owner, err
}

// about is open for a call about a feed that is there, whose collection the caller must be
// allowed to use.
func (s *feedService) about(ctx context.Context, field, name string) (*courier.Courier, string, error) {
	c, owner, err := s.open(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := feed.CheckName(field, name); err != nil {
		return nil, "", err
	}
	if caller := access.CallerOf(ctx); caller != nil && len(caller.Collections) > 0 {
		st, err := c.Get(ctx, owner, name)
		if err != nil {
			return nil, "", err
		}
		if !caller.May(st.Collection) {
			return nil, "", access.NeedsCollection()
		}
	}
	return c, owner, nil
}

// CreateFeed implements FeedService.
func (s *feedService) CreateFeed(ctx context.Context, req *akinv1.CreateFeedRequest) (*akinv1.Feed, error) {
	c, owner, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	f, err := s.fromFeed(ctx, req.GetFeed())
	if err != nil {
		return nil, err
	}
	st, err := c.Create(ctx, owner, f)
	return s.toState(&st, err)
}

// fromFeed reads what callers set of a feed, whose collection they must be allowed to use.
func (s *feedService) fromFeed(ctx context.Context, in *akinv1.Feed) (f feed.Feed, err error) {
	if err := checkEnum("feed.mode", in.GetMode()); err != nil {
		return f, err
	}
	if err := checkEnum("feed.breadth", in.GetBreadth()); err != nil {
		return f, err
	}
	if in.GetCollection() != "" || in.GetLibrary() == "" {
		if err := mayUse(ctx, in.GetCollection()); err != nil {
			return f, err
		}
	}
	if in.GetLibrary() != "" { // whose collection is the feed's
		libraries := &libraryService{server: s.server}
		if _, _, err := libraries.about(ctx, in.GetLibrary()); err != nil {
			return f, err
		}
	}
	return feed.Feed{
		Name: in.GetName(), DisplayName: in.GetDisplayName(), Collection: in.GetCollection(),
		Query: feed.Query{Text: in.GetText(), PaperID: in.GetPaperId(), Library: in.GetLibrary(), Authors: in.GetAuthors()},
		Mode:  feedModes[in.GetMode()], Filter: in.GetFilter(), Breadth: feed.Breadth(in.GetBreadth()), MaxPerDay: int(in.GetMaxPerDay()),
	}, nil
}

var feedModes = map[akinv1.Mode]feed.Mode{ //nolint:gochecknoglobals // a constant table
	akinv1.Mode_MODE_UNSPECIFIED: feed.Hybrid,
	akinv1.Mode_MODE_HYBRID:      feed.Hybrid,
	akinv1.Mode_MODE_SEMANTIC:    feed.Semantic,
	akinv1.Mode_MODE_LEXICAL:     feed.Lexical,
}

var toFeedMode = map[feed.Mode]akinv1.Mode{ //nolint:gochecknoglobals // a constant table
	feed.Hybrid:   akinv1.Mode_MODE_HYBRID,
	feed.Semantic: akinv1.Mode_MODE_SEMANTIC,
	feed.Lexical:  akinv1.Mode_MODE_LEXICAL,
}

// GetFeed implements FeedService.
func (s *feedService) GetFeed(ctx context.Context, req *akinv1.GetFeedRequest) (*akinv1.Feed, error) {
	c, owner, err := s.about(ctx, "name", req.GetName())
	if err != nil {
		return nil, err
	}
	st, err := c.Get(ctx, owner, req.GetName())
	return s.toState(&st, err)
}

// feedPage defaults and checks how many items a page has.
func feedPage(size int32, evidence bool) (int, error) {
	switch {
	case size == 0 && evidence:
		return engine.MaxEvidence, nil
	case size < 0:
		return 0, paper.InvalidField("page_size", "is %d; it must not be negative (0 means %d, at most %d)", size, defaultFeedPage, maxFeedPage)
	case size == 0:
		return defaultFeedPage, nil
	}
	return min(int(size), maxFeedPage), nil
}

// ListFeeds implements FeedService.
func (s *feedService) ListFeeds(ctx context.Context, req *akinv1.ListFeedsRequest) (*akinv1.ListFeedsResponse, error) {
	c, owner, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	size, err := feedPage(req.GetPageSize(), false)
	if err != nil {
		return nil, err
	}
	after, err := readPageToken(req.GetPageToken(), "feeds")
	if err != nil {
		return nil, err
	}
	all, err := c.List(ctx, owner)
	if err != nil {
		return nil, err
	}
	resp, left := new(akinv1.ListFeedsResponse), newRoom(ctx)
	for i := range all {
		if all[i].Name <= after || mayUse(ctx, all[i].Collection) != nil {
			continue
		}
		one := s.feedOf(&all[i])
		if n := len(resp.GetFeeds()); n == size || !left.takes(n == 0, one) {
			resp.NextPageToken = pageToken(resp.GetFeeds()[n-1].GetName(), "feeds")
			break
		}
		resp.Feeds = append(resp.Feeds, one)
	}
	return resp, nil
}

// feedFields are the fields of Feed that callers change, in groups of which one excludes
// the others.
var feedFields = []protoreflect.Name{ //nolint:gochecknoglobals // a constant table
	"display_name", "text", "paper_id", "library", "authors", "mode", "filter", "breadth", "max_per_day",
}

// changesOf reads which fields of a feed a request changes.
func changesOf(mask *fieldmaskpb.FieldMask, in *akinv1.Feed) (map[protoreflect.Name]bool, error) {
	fields := (&akinv1.Feed{}).ProtoReflect().Descriptor().Fields()
	out := make(map[protoreflect.Name]bool)
	for _, path := range pathsIn(mask) {
		if path == "*" {
			for _, name := range feedFields {
				out[name] = true
			}
			continue
		}
		f := fieldOf(fields, path)
		switch {
		case f != nil && f.Name() == "name": // what the request is about
		case f == nil || !slices.Contains(feedFields, f.Name()):
			return nil, paper.InvalidField("update_mask", "has path %.80q; display_name, text, paper_id, library, authors, mode, filter, breadth and max_per_day can be changed, or \"*\", which is all", path)
		default:
			out[f.Name()] = true
		}
	}
	if len(pathsIn(mask)) == 0 {
		for _, name := range feedFields {
			out[name] = in.ProtoReflect().Has(fields.ByName(name))
		}
	}
	return out, nil
}

// UpdateFeed implements FeedService.
func (s *feedService) UpdateFeed(ctx context.Context, req *akinv1.UpdateFeedRequest) (*akinv1.Feed, error) {
	in := req.GetFeed()
	c, owner, err := s.about(ctx, "feed.name", in.GetName())
	if err != nil {
		return nil, err
	}
	changes, err := changesOf(req.GetUpdateMask(), in)
	if err != nil {
		return nil, err
	}
	set, err := s.fromFeed(ctx, in)
	if err != nil {
		return nil, err
	}
	st, err := c.Update(ctx, owner, in.GetName(), func(f *feed.Feed) { change(f, &set, changes) })
	return s.toState(&st, err)
}

// change sets the fields of a feed that are to change. What it looks for is one thing.
func change(f, set *feed.Feed, changes map[protoreflect.Name]bool) {
	if changes["text"] && set.Query.Text != "" || changes["paper_id"] && set.Query.PaperID != "" ||
		changes["library"] && set.Query.Library != "" || changes["authors"] && len(set.Query.Authors) > 0 {
		f.Query = feed.Query{}
	}
	for name, to := range map[protoreflect.Name]func(){
		"display_name": func() { f.DisplayName = set.DisplayName },
		"text":         func() { f.Query.Text = set.Query.Text },
		"paper_id":     func() { f.Query.PaperID = set.Query.PaperID },
		"library":      func() { f.Query.Library = set.Query.Library },
		"authors":      func() { f.Query.Authors = set.Query.Authors },
		"mode":         func() { f.Mode = set.Mode },
		"filter":       func() { f.Filter = set.Filter },
		"breadth":      func() { f.Breadth = set.Breadth },
		"max_per_day":  func() { f.MaxPerDay = set.MaxPerDay },
	} {
		if changes[name] {
			to()
		}
	}
}

// DeleteFeed implements FeedService.
func (s *feedService) DeleteFeed(ctx context.Context, req *akinv1.DeleteFeedRequest) (*akinv1.DeleteFeedResponse, error) {
	c, owner, err := s.about(ctx, "name", req.GetName())
	if err != nil {
		return nil, err
	}
	if err := c.Delete(ctx, owner, req.GetName()); err != nil {
		return nil, err
	}
	return &akinv1.DeleteFeedResponse{}, nil
}

// shownItems says what is shown of items.
type shownItems struct {
	papers, evidence bool
	mask             *fieldmaskpb.FieldMask
}

// check reads the mask, and holds the page to what evidence allows.
func (o *shownItems) check(mask *fieldmaskpb.FieldMask, size int) (err error) {
	if o.evidence && size > engine.MaxEvidence {
		return paper.InvalidField("page_size", "is %d; with evidence it is %d at most", size, engine.MaxEvidence)
	}
	o.mask, err = readMask("read_mask", mask)
	return err
}

// items gives the wire form of items, as far as they fit.
func (s *feedService) items(ctx context.Context, f *feed.Feed, items []feed.Item, o shownItems) ([]*akinv1.FeedItem, error) {
	var papers map[string]*paper.Record
	if o.papers && len(items) > 0 {
		var err error
		if papers, err = s.papers(ctx, f, items); err != nil {
			return nil, err
		}
	}
	evidence := make([][]engine.Evidence, len(items))
	if o.evidence {
		var err error
		if evidence, err = s.server.feeds.Evidence(ctx, f, items); err != nil {
			return nil, err
		}
	}
	left := newRoom(ctx)
	out := make([]*akinv1.FeedItem, 0, len(items))
	for i := range items {
		it := toItem(&items[i])
		if r := papers[items[i].PaperID]; r != nil {
			it.Paper = masked(wire.ToRecord(r), o.mask)
		}
		it.Evidence = toEvidence(evidence[i])
		if !left.takes(i == 0, it) {
			break
		}
		out = append(out, it)
	}
	return out, nil
}

// papers reads the papers of items, by their ids: not what else has the name of one that
// was deleted.
func (s *feedService) papers(ctx context.Context, f *feed.Feed, items []feed.Item) (map[string]*paper.Record, error) {
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = items[i].PaperID
	}
	out := make(map[string]*paper.Record, len(items))
	err := s.server.engine.GetEach(ctx, f.Collection, ids, func(i int, r *paper.Record) bool {
		if r.ID == ids[i] {
			out[r.ID] = r
		}
		return true
	}, func(int) {})
	return out, err
}

func toItem(it *feed.Item) *akinv1.FeedItem {
	out := &akinv1.FeedItem{
		Cursor: it.Cursor, PaperId: it.PaperID, MatchTime: toTime(it.Time), Sequence: it.Sequence,
		Score: it.Score, Cosine: it.Cosine, Percentile: it.Percentile,
	}
	for _, r := range it.Reasons {
		out.Reasons = append(out.Reasons, &akinv1.FeedReason{Kind: akinv1.FeedReasonKind(r.Kind), Name: r.Name, Share: r.Share})
	}
	return out
}

// PreviewFeed implements FeedService.
func (s *feedService) PreviewFeed(ctx context.Context, req *akinv1.PreviewFeedRequest) (*akinv1.PreviewFeedResponse, error) {
	c, owner, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	size, err := feedPage(req.GetPageSize(), req.GetEvidence())
	if err != nil {
		return nil, err
	}
	shown := shownItems{papers: req.GetIncludePapers(), evidence: req.GetEvidence()}
	if err := shown.check(req.GetReadMask(), size); err != nil {
		return nil, err
	}
	f, err := s.fromFeed(ctx, req.GetFeed())
	if err != nil {
		return nil, err
	}
	if f.Name != "" {
		if err := feed.CheckName("feed.name", f.Name); err != nil {
			return nil, err
		}
	}
	p, err := c.Preview(ctx, owner, f, int(req.GetDays()))
	if err != nil {
		return nil, err
	}
	if err := mayUse(ctx, p.Feed.Collection); err != nil {
		return nil, err
	}
	items := p.Items[:min(size, len(p.Items))]
	if err := c.Explain(ctx, &p.Feed, items); err != nil {
		return nil, err
	}
	resp := &akinv1.PreviewFeedResponse{
		TotalSize: int32(p.Total), MatchedCount: int32(p.Matched), LookedCount: int32(p.Looked), Cut: p.Cut,
		Feed: s.feedOf(&feed.State{Feed: p.Feed, Calibration: p.Calibration}),
	}
	resp.Items, err = s.items(ctx, &p.Feed, items, shown)
	return resp, err
}

// ListFeedItems implements FeedService.
func (s *feedService) ListFeedItems(ctx context.Context, req *akinv1.ListFeedItemsRequest) (*akinv1.ListFeedItemsResponse, error) {
	size, err := feedPage(req.GetPageSize(), req.GetEvidence())
	if err != nil {
		return nil, err
	}
	shown := shownItems{papers: !req.GetIdsOnly(), evidence: req.GetEvidence()}
	if err := shown.check(req.GetReadMask(), size); err != nil {
		return nil, err
	}
	c, owner, err := s.about(ctx, "feed", req.GetFeed())
	if err != nil {
		return nil, err
	}
	of := "items\x00" + req.GetFeed()
	place, err := readPageToken(req.GetPageToken(), of)
	if err != nil {
		return nil, err
	}
	before, _ := strconv.ParseUint(place, 10, 64)
	st, err := c.Get(ctx, owner, req.GetFeed())
	if err != nil {
		return nil, err
	}
	f, items, err := c.ItemsOf(ctx, owner, req.GetFeed(), before, true, size+1)
	if err != nil {
		return nil, err
	}
	resp := &akinv1.ListFeedItemsResponse{TotalSize: int32(st.Progress.Items)}
	if resp.Items, err = s.items(ctx, &f, items[:min(size, len(items))], shown); err != nil {
		return nil, err
	}
	if n := len(resp.GetItems()); n < len(items) && n > 0 {
		resp.NextPageToken = pageToken(strconv.FormatUint(resp.GetItems()[n-1].GetCursor(), 10), of)
	}
	return resp, nil
}

// WatchFeed implements FeedService.
func (s *feedService) WatchFeed(req *akinv1.WatchFeedRequest, stream grpc.ServerStreamingServer[akinv1.WatchFeedResponse]) error {
	ctx := stream.Context()
	shown := shownItems{papers: !req.GetIdsOnly()}
	if err := shown.check(req.GetReadMask(), 0); err != nil {
		return err
	}
	c, owner, err := s.about(ctx, "feed", req.GetFeed())
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	stop := context.AfterFunc(s.server.draining, func() { end(errStopping()) })
	defer stop()
	w := watching{s: s, stream: stream, shown: shown, cursor: req.GetCursor(), begun: req.GetCursor()}
	err = c.Watch(ctx, owner, req.GetFeed(), req.GetCursor(), stillAlive, func(f *feed.Feed, items []feed.Item) error { return w.send(ctx, f, items) })
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
		return cause
	}
	return err
}

func errStopping() error {
	return &paper.Error{
		Kind: paper.Unavailable, Reason: paper.ReasonStopping,
		Message: "the server is stopping; watch again after the cursor of the last item, and nothing is missed",
	}
}

// watching sends items to one caller.
type watching struct {
	s             *feedService
	stream        grpc.ServerStreamingServer[akinv1.WatchFeedResponse]
	shown         shownItems
	cursor, begun uint64
	sent          bool
}

// send sends items, in as many responses as they need; without any, that it is there.
func (w *watching) send(ctx context.Context, f *feed.Feed, items []feed.Item) error {
	if len(items) == 0 {
		return w.stream.Send(&akinv1.WatchFeedResponse{Cursor: w.cursor})
	}
	for len(items) > 0 {
		some, err := w.s.items(ctx, f, items, w.shown)
		if err != nil {
			return err
		}
		resp := &akinv1.WatchFeedResponse{Items: some, Cursor: some[len(some)-1].GetCursor()}
		if !w.sent {
			resp.Missed = some[0].GetCursor() - w.begun - 1
		}
		if err := w.stream.Send(resp); err != nil {
			return err
		}
		w.sent, w.cursor, items = true, resp.GetCursor(), items[len(some):]
	}
	return nil
}

func (s *feedService) toState(st *feed.State, err error) (*akinv1.Feed, error) {
	if err != nil {
		return nil, err
	}
	return s.feedOf(st), nil
}

// feedOf gives the wire form of a feed.
func (s *feedService) feedOf(st *feed.State) *akinv1.Feed {
	p, now := &st.Progress, time.Now()
	out := &akinv1.Feed{
		Name: st.Name, DisplayName: st.DisplayName, Collection: st.Collection,
		Text: st.Query.Text, PaperId: st.Query.PaperID, Library: st.Query.Library, Authors: st.Query.Authors,
		Mode: toFeedMode[st.Mode], Filter: st.Filter, Breadth: akinv1.Breadth(st.Breadth), MaxPerDay: int32(st.MaxPerDay),
		CreateTime: toTime(st.CreateTime), UpdateTime: toTime(st.UpdateTime), ItemCount: int32(p.Items), LastCursor: p.Last,
		Status: statusOf(st, now), Active: st.Calibration.Waits == feed.WaitsForNothing,
		MatchedSequence: st.Following.Cursor, MatchedTime: toTime(st.Following.Time),
		Calibration: toCalibration(st),
	}
	if p.Day == feed.DayOf(now) {
		out.TodayCount = int32(p.DayItems)
	}
	return out
}

func toCalibration(st *feed.State) *akinv1.FeedCalibration {
	c := &st.Calibration
	out := &akinv1.FeedCalibration{
		CreateTime: toTime(c.Made), PaperCount: c.Papers, BackgroundCount: uint32(c.Background), Threshold: c.Threshold,
		SemanticWeight: c.Semantic, LexicalWeight: c.Lexical, Offset: c.Offset,
	}
	for _, t := range c.Terms {
		out.Words = append(out.Words, t.Name)
	}
	return out
}

// statusOf says how a feed is.
func statusOf(st *feed.State, now time.Time) string {
	var said []string
	switch st.Calibration.Waits {
	case feed.WaitsForNothing:
		said = append(said, "Matches new papers.")
	case feed.WaitsForPapers:
		said = append(said, fmt.Sprintf("Waits until the collection has 100 papers to compare with; it had %d.", st.Calibration.Papers))
	case feed.WaitsForLikes:
		said = append(said, fmt.Sprintf("Waits until library %q has a liked paper that the collection has.", st.Query.Library))
	case feed.WaitsForLibrary:
		said = append(said, fmt.Sprintf("Waits for library %q, which is not there.", st.Query.Library))
	case feed.WaitsForPaper:
		said = append(said, fmt.Sprintf("Waits for paper %q, which the collection has not got.", st.Query.PaperID))
	case feed.WaitsForWords:
		said = append(said, "Waits for words: what it looks for has none that count.")
	}
	p := &st.Progress
	if limited := p.LimitTime; !limited.IsZero() && feed.DayOf(limited) == feed.DayOf(now) || p.Day == feed.DayOf(now) && p.DayItems >= st.MaxPerDay {
		said = append(said, fmt.Sprintf("Has found the %d papers that it may today (UTC); further ones are left out.", st.MaxPerDay))
	}
	if g := &st.Following; g.GapTo > 0 {
		said = append(said, fmt.Sprintf("On %s the change log no longer reached back to change %d; the papers changed since then were looked through instead.",
			g.GapTime.Format(time.DateOnly), g.GapFrom))
	}
	return strings.Join(said, " ")
}
