package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/feed"
	"akin/internal/rpc"
	akinv1 "akin/proto/akin/v1"
)

// fed is a server with enough papers for feeds to be calibrated by.
type fed struct {
	*testing.T
	*served
	akinv1.FeedServiceClient
}

func feeding(t *testing.T) *fed {
	t.Helper()
	s := &fed{T: t, served: serve(t, rpc.GatewayOptions{})}
	s.FeedServiceClient = s.Feeds
	var papers []*akinv1.Paper
	for i := range 150 {
		papers = append(papers, &akinv1.Paper{
			Id: fmt.Sprintf("old%03d", i), Title: fmt.Sprintf("Topic%d and theme%d", i%30, i%7), Abstract: fmt.Sprintf("words%d of topic%d", i, i%30),
			Categories: []string{"c.X"}, Authors: []*akinv1.Author{{Name: "Somebody Else"}},
		})
	}
	s.upsert(t, papers...)
	return s
}

// bread makes papers that feeds about bread want.
func bread(n int, more string) *akinv1.Paper {
	return &akinv1.Paper{
		Id: fmt.Sprintf("bread%d", n), Title: "Sourdough bread with rye", Abstract: fmt.Sprintf("Sourdough bread rye number%d %s", n, more),
		Categories: []string{"c.B"}, Authors: []*akinv1.Author{{Name: "Ada Lovelace"}},
	}
}

func (s *fed) create(f *akinv1.Feed) *akinv1.Feed {
	s.Helper()
	made, err := s.CreateFeed(s.Context(), &akinv1.CreateFeedRequest{Feed: f})
	if err != nil {
		s.Fatal(err)
	}
	return made
}

// untilMatched is how long a test waits for what is matched at once, on however busy a machine.
const untilMatched = 5 * time.Minute

// items gives the ids of the items of a feed, the newest first, once it has n.
func (s *fed) items(name string, n int) []string {
	s.Helper()
	for deadline := time.Now().Add(untilMatched); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		resp, err := s.ListFeedItems(s.Context(), &akinv1.ListFeedItemsRequest{Feed: name})
		if err != nil {
			s.Fatal(err)
		}
		if len(resp.GetItems()) >= n {
			var ids []string
			for _, it := range resp.GetItems() {
				ids = append(ids, it.GetPaperId())
			}
			return ids
		}
	}
	s.Fatalf("feed %s has not got %d items", name, n)
	return nil
}

// settled waits until all changes were matched.
func (s *fed) settled(name string) *akinv1.Feed {
	s.Helper()
	marker := fmt.Sprintf("marker-%d", time.Now().UnixNano())
	s.create(&akinv1.Feed{Name: marker, Authors: []string{"Marker Person"}})
	s.upsert(s.T, &akinv1.Paper{Id: marker, Title: "Marker", Authors: []*akinv1.Author{{Name: "Marker Person"}}})
	s.items(marker, 1)
	if _, err := s.DeleteFeed(s.Context(), &akinv1.DeleteFeedRequest{Name: marker}); err != nil {
		s.Fatal(err)
	}
	f, err := s.GetFeed(s.Context(), &akinv1.GetFeedRequest{Name: name})
	if err != nil {
		s.Fatal(err)
	}
	return f
}

func (s *fed) like(ids ...string) {
	s.Helper()
	for _, id := range ids {
		_, err := s.Libraries.SetEntries(s.Context(), &akinv1.SetEntriesRequest{
			Library: "main", CreateLibrary: true, Entries: []*akinv1.Entry{{PaperId: id, Mark: akinv1.Mark_MARK_LIKED}},
		})
		if err != nil {
			s.Fatal(err)
		}
	}
}

func TestFeeds(t *testing.T) {
	s := feeding(t)
	s.upsert(t, bread(0, ""))
	s.like("bread0")
	made := s.create(&akinv1.Feed{Name: "text", DisplayName: "Bread", Text: "sourdough bread"})
	if !made.GetActive() || made.GetCollection() != "papers" || made.GetMaxPerDay() != feed.DefaultMaxPerDay || made.GetBreadth() != akinv1.Breadth_BREADTH_BALANCED ||
		made.GetCalibration().GetBackgroundCount() != 151 || len(made.GetCalibration().GetWords()) != 2 {
		t.Errorf("%v", made)
	}
	s.create(&akinv1.Feed{Name: "words", Text: "sourdough bread", Mode: akinv1.Mode_MODE_LEXICAL, Breadth: akinv1.Breadth_BREADTH_BROAD})
	s.create(&akinv1.Feed{Name: "paper", PaperId: "bread0"})
	s.create(&akinv1.Feed{Name: "library", Library: "main"})
	s.create(&akinv1.Feed{Name: "people", Authors: []string{"Lovelace, A."}})
	s.create(&akinv1.Feed{Name: "filtered", Authors: []string{"Ada Lovelace"}, Filter: "category = c.Z"})
	s.create(&akinv1.Feed{Name: "without", Text: "sourdough bread -poison", Breadth: akinv1.Breadth_BREADTH_BROAD})
	s.upsert(t, bread(1, ""), &akinv1.Paper{Id: "other", Title: "Topic3 and theme2", Abstract: "nothing of that"}, bread(2, "poison"))
	for name, want := range map[string][]string{
		"people": {"bread1", "bread2"}, "words": {"bread1", "bread2"}, "paper": {"bread1", "bread2"}, "library": {"bread1", "bread2"}, "without": {"bread1"},
	} {
		got := s.items(name, len(want))
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("feed %s has %v, want %v", name, got, want)
		}
	}
	if f := s.settled("filtered"); f.GetItemCount() != 0 {
		t.Errorf("a filter that nothing passes lets through: %v", f)
	}
	// The same papers again, and with what no feed reads: nothing matches again.
	again := bread(1, "")
	again.Signals = map[string]float64{"up": 3}
	s.upsert(t, again, bread(2, "poison"))
	if f := s.settled("people"); f.GetItemCount() != 2 || f.GetLastCursor() != 2 {
		t.Errorf("a paper that did not change for the feed matched again: %v", f)
	}
	// A feed that is made later does not get what only changed its signals.
	s.create(&akinv1.Feed{Name: "late", Authors: []string{"Ada Lovelace"}})
	again.Signals["up"] = 4
	s.upsert(t, again)
	if f := s.settled("late"); f.GetItemCount() != 0 {
		t.Errorf("a feed got a paper whose signals changed: %v", f)
	}
	again.Authors = append(again.Authors, &akinv1.Author{Name: "Alan Turing"})
	s.upsert(t, again)
	if got := s.items("late", 1); !slices.Equal(got, []string{"bread1"}) {
		t.Errorf("a paper whose authors changed: %v", got)
	}
}

func TestFeedItems(t *testing.T) {
	s := feeding(t)
	s.upsert(t, bread(0, ""))
	s.like("bread0")
	s.create(&akinv1.Feed{Name: "library", Library: "main", MaxPerDay: 4, Breadth: akinv1.Breadth_BREADTH_BROAD})
	for i := range 6 {
		s.upsert(t, bread(i+1, ""))
	}
	f := s.settled("library")
	if f.GetItemCount() != 4 || f.GetTodayCount() != 4 || !strings.Contains(f.GetStatus(), "4 papers that it may today") {
		t.Errorf("%v", f)
	}
	resp, err := s.ListFeedItems(t.Context(), &akinv1.ListFeedItemsRequest{Feed: "library", PageSize: 3, Evidence: true, ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"title"}}})
	if err != nil || len(resp.GetItems()) != 3 || resp.GetNextPageToken() == "" || resp.GetTotalSize() != 4 {
		t.Fatalf("%v, %v", resp, err)
	}
	it := resp.GetItems()[0]
	if it.GetCursor() < 4 || // better papers took the places, and cursors, of others
		it.GetPaper().GetTitle() == "" || it.GetPaper().GetAbstract() != "" || len(it.GetEvidence()) == 0 || it.GetPercentile() < 98 ||
		len(it.GetReasons()) != 1 || it.GetReasons()[0].GetName() != "bread0" || it.GetReasons()[0].GetKind() != akinv1.FeedReasonKind_FEED_REASON_KIND_LIKE {
		t.Errorf("%v", it)
	}
	all := s.items("library", 4)
	last := all[len(all)-1]
	if _, err := s.Papers.DeletePaper(t.Context(), &akinv1.DeletePaperRequest{Id: last}); err != nil {
		t.Fatal(err)
	}
	rest, err := s.ListFeedItems(t.Context(), &akinv1.ListFeedItemsRequest{Feed: "library", PageSize: 3, PageToken: resp.GetNextPageToken()})
	if err != nil || len(rest.GetItems()) != 1 || rest.GetItems()[0].GetPaperId() != last || rest.GetItems()[0].GetPaper() != nil || rest.GetNextPageToken() != "" {
		t.Errorf("%v, %v", rest, err)
	}
}

func TestUpdateFeed(t *testing.T) {
	s := feeding(t)
	s.create(&akinv1.Feed{Name: "f", Text: "sourdough bread", Filter: "category = c.B", DisplayName: "old"})
	update := func(f *akinv1.Feed, paths ...string) (*akinv1.Feed, error) {
		f.Name = "f"
		return s.Feeds.UpdateFeed(t.Context(), &akinv1.UpdateFeedRequest{Feed: f, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
	}
	f, err := update(&akinv1.Feed{Authors: []string{"Ada Lovelace"}, DisplayName: "new"})
	if err != nil || f.GetText() != "" || len(f.GetAuthors()) != 1 || f.GetFilter() != "category = c.B" || f.GetDisplayName() != "new" {
		t.Fatalf("%v, %v", f, err)
	}
	if f, err = update(&akinv1.Feed{}, "filter"); err != nil || f.GetFilter() != "" || f.GetDisplayName() != "new" {
		t.Errorf("%v, %v", f, err)
	}
	if _, err := update(&akinv1.Feed{}, "authors"); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a feed that looks for nothing: %v", err)
	}
	if _, err := update(&akinv1.Feed{}, "collection"); status.Code(err) != codes.InvalidArgument {
		t.Errorf("another collection: %v", err)
	}
	s.upsert(t, bread(1, ""))
	if got := s.items("f", 1); !slices.Equal(got, []string{"bread1"}) {
		t.Errorf("an updated feed has %v", got)
	}
}

func TestPreviewFeed(t *testing.T) {
	s := feeding(t)
	for i := range 5 {
		s.upsert(t, bread(i, ""))
	}
	resp, err := s.PreviewFeed(t.Context(), &akinv1.PreviewFeedRequest{
		Feed: &akinv1.Feed{Text: "sourdough bread", Breadth: akinv1.Breadth_BREADTH_BROAD, MaxPerDay: 2}, IncludePapers: true, Evidence: true, PageSize: 10,
	})
	if err != nil || len(resp.GetItems()) != 2 || resp.GetLookedCount() != 155 || resp.GetTotalSize() != 2 || resp.GetMatchedCount() < 3 ||
		!strings.HasPrefix(resp.GetItems()[0].GetPaperId(), "bread") || resp.GetItems()[0].GetPaper() == nil || len(resp.GetItems()[0].GetEvidence()) == 0 {
		t.Errorf("%v, %v", resp, err)
	}
	if list, err := s.ListFeeds(t.Context(), &akinv1.ListFeedsRequest{}); err != nil || len(list.GetFeeds()) != 0 {
		t.Errorf("a preview made %v, %v", list, err)
	}
	s.create(&akinv1.Feed{Name: "people", Authors: []string{"A. Lovelace"}})
	resp, err = s.PreviewFeed(t.Context(), &akinv1.PreviewFeedRequest{Feed: &akinv1.Feed{Name: "people"}})
	if err != nil || len(resp.GetItems()) != 5 || resp.GetItems()[0].GetReasons()[0].GetName() != "A. Lovelace" {
		t.Errorf("%v, %v", resp, err)
	}
}

func TestWatchFeed(t *testing.T) {
	s := feeding(t)
	s.create(&akinv1.Feed{Name: "people", Authors: []string{"Ada Lovelace"}})
	watch := func(cursor uint64) (akinv1.FeedService_WatchFeedClient, context.CancelFunc) {
		ctx, end := context.WithCancel(t.Context())
		stream, err := s.Feeds.WatchFeed(ctx, &akinv1.WatchFeedRequest{Feed: "people", Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		return stream, end
	}
	take := func(stream akinv1.FeedService_WatchFeedClient, n int) (ids []string, cursor uint64) {
		for len(ids) < n {
			resp, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range resp.GetItems() {
				ids = append(ids, it.GetPaperId())
			}
			cursor = resp.GetCursor()
		}
		return ids, cursor
	}
	slow, endSlow := watch(0) // reads nothing until the end
	defer endSlow()
	stream, end := watch(0)
	for i := range 3 {
		s.upsert(t, bread(i, ""))
	}
	ids, cursor := take(stream, 3)
	if !slices.Equal(ids, []string{"bread0", "bread1", "bread2"}) || cursor != 3 {
		t.Errorf("%v, %d", ids, cursor)
	}
	end()
	s.upsert(t, bread(3, ""))
	stream, end = watch(2) // what it has dealt with
	defer end()
	if ids, _ := take(stream, 2); !slices.Equal(ids, []string{"bread2", "bread3"}) {
		t.Errorf("after a disconnect: %v", ids)
	}
	if ids, _ := take(slow, 4); !slices.Equal(ids, []string{"bread0", "bread1", "bread2", "bread3"}) {
		t.Errorf("who is slow got %v", ids)
	}
	if _, err := s.DeleteFeed(t.Context(), &akinv1.DeleteFeedRequest{Name: "people"}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.NotFound {
		t.Errorf("when the feed is gone: %v", err)
	}
	if _, err := slow.Recv(); errors.Is(err, io.EOF) || status.Code(err) != codes.NotFound {
		t.Errorf("when the feed is gone: %v", err)
	}
}

func TestFeedsThatWait(t *testing.T) {
	s := &fed{T: t, served: serve(t, rpc.GatewayOptions{})}
	s.FeedServiceClient = s.Feeds
	f := s.create(&akinv1.Feed{Name: "early", Text: "sourdough bread"})
	if f.GetActive() || !strings.Contains(f.GetStatus(), "100 papers") {
		t.Errorf("%v", f)
	}
	if _, err := s.Libraries.CreateLibrary(t.Context(), &akinv1.CreateLibraryRequest{Library: &akinv1.Library{Name: "main"}}); err != nil {
		t.Fatal(err)
	}
	if f := s.create(&akinv1.Feed{Name: "library", Library: "main"}); f.GetActive() || !strings.Contains(f.GetStatus(), "liked paper") {
		t.Errorf("%v", f)
	}
	var papers []*akinv1.Paper
	for i := range 120 {
		papers = append(papers, &akinv1.Paper{Id: fmt.Sprint(i), Title: fmt.Sprintf("Topic%d", i), Abstract: fmt.Sprintf("about topic%d", i)})
	}
	s.upsert(t, papers...)
	if f := s.settled("early"); !f.GetActive() {
		t.Errorf("%v", f)
	}
	s.upsert(t, bread(1, ""))
	for deadline := time.Now().Add(untilMatched); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if slices.Contains(s.items("early", 1), "bread1") { // beside what was the best before
			break
		}
	}
	if got := s.items("early", 1); got[0] != "bread1" {
		t.Errorf("%v", got)
	}
	s.like("bread1")
	for deadline := time.Now().Add(untilMatched); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if f, err := s.GetFeed(t.Context(), &akinv1.GetFeedRequest{Name: "library"}); err != nil || f.GetActive() {
			break
		}
	}
	s.upsert(t, bread(2, ""))
	if got := s.items("library", 1); !slices.Equal(got, []string{"bread2"}) {
		t.Errorf("%v", got)
	}
}

func TestFeedFaults(t *testing.T) {
	s := feeding(t)
	for name, c := range map[string]struct {
		feed  *akinv1.Feed
		code  codes.Code
		field string
	}{
		"no name":      {&akinv1.Feed{Text: "x"}, codes.InvalidArgument, "feed.name"},
		"no query":     {&akinv1.Feed{Name: "x"}, codes.InvalidArgument, "feed.query"},
		"two queries":  {&akinv1.Feed{Name: "x", Text: "x", PaperId: "old000"}, codes.InvalidArgument, "feed.query"},
		"stop words":   {&akinv1.Feed{Name: "x", Text: "the of and", Mode: akinv1.Mode_MODE_LEXICAL}, codes.InvalidArgument, "feed.text"},
		"no letters":   {&akinv1.Feed{Name: "x", Authors: []string{"123"}}, codes.InvalidArgument, "feed.authors[0]"},
		"a bad filter": {&akinv1.Feed{Name: "x", Text: "x", Filter: "category ="}, codes.InvalidArgument, "feed.filter"},
		"no paper":     {&akinv1.Feed{Name: "x", PaperId: "nothing"}, codes.NotFound, "nothing"},
		"no library":   {&akinv1.Feed{Name: "x", Library: "nothing"}, codes.NotFound, "nothing"},
		"no place":     {&akinv1.Feed{Name: "x", Text: "x", Collection: "nothing"}, codes.NotFound, "nothing"},
		"too many":     {&akinv1.Feed{Name: "x", Text: "x", MaxPerDay: 1_001}, codes.InvalidArgument, "feed.max_per_day"},
	} {
		_, err := s.CreateFeed(t.Context(), &akinv1.CreateFeedRequest{Feed: c.feed})
		if status.Code(err) != c.code || !strings.Contains(fmt.Sprint(err, status.Convert(err).Details()), c.field) {
			t.Errorf("%s: %v %v", name, err, status.Convert(err).Details())
		}
	}
	s.create(&akinv1.Feed{Name: "x", Text: "the of and"}) // which has a meaning
	if _, err := s.CreateFeed(t.Context(), &akinv1.CreateFeedRequest{Feed: &akinv1.Feed{Name: "x", Text: "y"}}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("the same name twice: %v", err)
	}
}

// The gateway has the same, and streams what is watched.
func TestFeedsOverHTTP(t *testing.T) {
	s := feeding(t)
	do := func(method, path, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/v1/feeds", `{"name":"f","authors":["Ada Lovelace"]}`, `"status"`},
		{"GET", "/v1/feeds/f", "", "Ada Lovelace"},
		{"GET", "/v1/feeds", "", `"f"`},
		{"PATCH", "/v1/feeds/f", `{"displayName":"F"}`, `"F"`},
		{"POST", "/v1/feeds:preview", `{"feed":{"name":"f"}}`, "lookedCount"},
		{"GET", "/v1/feeds/f/items", "", "{"},
	} {
		if code, body := do(c.method, c.path, c.body); code != http.StatusOK || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %d %s", c.method, c.path, code, body)
		}
	}
	s.upsert(t, bread(1, ""))
	ctx, end := context.WithTimeout(t.Context(), untilMatched)
	defer end()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/v1/feeds/f:watch", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 64)
	if n, err := io.ReadFull(resp.Body, first); err != nil || !strings.Contains(string(first[:n]), "items") {
		t.Errorf("%s, %v", first[:n], err)
	}
	if code, _ := do("DELETE", "/v1/feeds/f", ""); code != http.StatusOK {
		t.Errorf("delete: %d", code)
	}
}
