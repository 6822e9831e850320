package cli_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

// pageOf asks for a page of a list.
type pageOf func(ctx context.Context, size int32, token string) (response, error)

// response is what the answers of the three queries share.
type response interface {
	GetResults() []*akinv1.Result
	GetNextPageToken() string
}

// Who pages through a list while papers come, change and go sees one list: each
// result once, ranks ascending, nothing that came later, and everything that was
// there all the time.
func TestPagesUnderWrites(t *testing.T) {
	s, c := serveSample(t)
	stay := make(map[string]bool)
	all, err := c.Papers.ListPapers(t.Context(), &akinv1.ListPapersRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var victims []string
	for i, p := range all.GetPapers() {
		if i%4 == 0 {
			victims = append(victims, p.GetId())
		} else {
			stay[p.GetId()] = true
		}
	}
	search := func(req *akinv1.SearchRequest) pageOf {
		return func(ctx context.Context, size int32, token string) (response, error) {
			req.Query, req.PageSize, req.PageToken = "attention for language", size, token
			return c.Search.Search(ctx, req)
		}
	}
	kinds := map[string]pageOf{
		"search":   search(&akinv1.SearchRequest{}),
		"semantic": search(&akinv1.SearchRequest{Mode: akinv1.Mode_MODE_SEMANTIC}),
		"recency":  search(&akinv1.SearchRequest{Recency: .5}),
		"diverse":  search(&akinv1.SearchRequest{Diversity: .5}),
		"grouped":  search(&akinv1.SearchRequest{GroupBy: akinv1.GroupBy_GROUP_BY_VENUE, GroupSize: 2}),
		"clusters": search(&akinv1.SearchRequest{GroupBy: akinv1.GroupBy_GROUP_BY_CLUSTER, GroupSize: 5}),
		"recommend": func(ctx context.Context, size int32, token string) (response, error) {
			return c.Search.Recommend(ctx, &akinv1.RecommendRequest{
				Positive: []*akinv1.Example{{Example: &akinv1.Example_Text{Text: &akinv1.Text{Title: "attention"}}}}, PageSize: size, PageToken: token,
			})
		},
	}
	done := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() { keepWriting(t, c, done, victims) })
	var readers sync.WaitGroup
	for name, ask := range kinds {
		readers.Go(func() {
			whole := name != "grouped" && name != "clusters"
			for round := range 3 {
				pageThrough(t, fmt.Sprint(name, " ", round), ask, stay, whole)
			}
		})
	}
	readers.Wait()
	close(done)
	writer.Wait()
	if got, err := c.Papers.BatchGetPapers(t.Context(), &akinv1.BatchGetPapersRequest{Ids: victims}); err != nil || len(got.GetPapers()) == len(victims) {
		t.Errorf("nothing was deleted meanwhile: %v", err)
	}
	s.stop(t)
}

// keepWriting inserts papers, changes them, and deletes them and the victims,
// until it is told to stop.
func keepWriting(t *testing.T, c *client.Client, done <-chan struct{}, victims []string) {
	ctx := context.Background()
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		default:
		}
		id := fmt.Sprint("new ", i)
		for _, title := range []string{"Attention for language", "Attention for vision"} {
			if _, err := c.Papers.UpsertPaper(ctx, &akinv1.UpsertPaperRequest{Paper: &akinv1.Paper{Id: id, Title: title}}); err != nil {
				t.Error(err)
				return
			}
		}
		gone := []string{id}
		if i < len(victims) {
			gone = append(gone, victims[i])
		}
		if _, err := c.Papers.BatchDeletePapers(ctx, &akinv1.BatchDeletePapersRequest{Ids: gone}); err != nil {
			t.Error(err)
			return
		}
	}
}

// pageThrough reads a list to its end in pages of several sizes. Whole lists hold
// all papers.
func pageThrough(t *testing.T, name string, ask pageOf, stay map[string]bool, whole bool) {
	seen := make(map[string]bool)
	var last int32
	for token, n := "", 0; n == 0 || token != ""; n++ {
		page, err := ask(t.Context(), []int32{5, 1, 9, 2}[n%4], token)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		for _, r := range page.GetResults() {
			id := r.GetPaper().GetId()
			if seen[id] || r.GetRank() <= last {
				t.Errorf("%s: %s has rank %d after %d, seen before: %v", name, id, r.GetRank(), last, seen[id])
			}
			seen[id], last = true, r.GetRank()
		}
		token = page.GetNextPageToken()
	}
	if len(seen) == 0 {
		t.Errorf("%s: no results", name)
	}
	for id := range stay {
		if whole && !seen[id] {
			t.Errorf("%s: %s is lost", name, id)
		}
	}
}
