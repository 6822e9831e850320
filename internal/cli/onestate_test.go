package cli_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	akinv1 "akin/proto/akin/v1"
)

// Through gRPC: while papers change their venue to and fro, no paper of an answer
// has another venue than the filter asked for, on any page.
func TestVenuesUnderWrites(t *testing.T) {
	_, c := serveSample(t)
	all, err := c.Papers.ListPapers(t.Context(), &akinv1.ListPapersRequest{PageSize: 60})
	if err != nil {
		t.Fatal(err)
	}
	papers := all.GetPapers()
	venues := []string{"FLIPA", "FLIPB"}
	flip := func(ctx context.Context, k int) error {
		req := &akinv1.BatchUpsertPapersRequest{}
		for i, p := range papers {
			p.Venue = venues[(i+k)%2]
			req.Papers = append(req.Papers, p)
		}
		_, err := c.Papers.BatchUpsertPapers(ctx, req)
		return err
	}
	if err := flip(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for k := 1; ; k++ {
			select {
			case <-done:
				return
			default:
			}
			if err := flip(t.Context(), k); err != nil {
				t.Error(err)
				return
			}
		}
	})
	given := 0
	for round := range 6 {
		venue := venues[round%2]
		filter := "venue = " + venue
		asks := map[string]pageOf{
			"search": func(ctx context.Context, size int32, token string) (response, error) {
				return c.Search.Search(ctx, &akinv1.SearchRequest{Query: "attention for language", Mode: akinv1.Mode(round % 4), Filter: filter, PageSize: size, PageToken: token})
			},
			"similar": func(ctx context.Context, size int32, token string) (response, error) {
				return c.Search.Similar(ctx, &akinv1.SimilarRequest{PaperIds: []string{papers[0].GetId()}, Filter: filter, PageSize: size, PageToken: token})
			},
			"recommend": func(ctx context.Context, size int32, token string) (response, error) {
				return c.Search.Recommend(ctx, &akinv1.RecommendRequest{
					Positive: []*akinv1.Example{{Example: &akinv1.Example_PaperId{PaperId: papers[1].GetId()}}}, Filter: filter, PageSize: size, PageToken: token,
				})
			},
		}
		for name, ask := range asks {
			for token, page := "", 1; page == 1 || token != ""; page++ {
				got, err := ask(t.Context(), 10, token)
				if err != nil {
					t.Fatal(name, err)
				}
				for _, r := range got.GetResults() {
					given++
					if v := r.GetPaper().GetVenue(); v != venue {
						t.Errorf("%s, page %d: %s gave %s of %s", name, page, filter, r.GetPaper().GetId(), v)
					}
				}
				token = got.GetNextPageToken()
			}
		}
		listed, err := c.Papers.ListPapers(t.Context(), &akinv1.ListPapersRequest{Filter: filter, PageSize: 100})
		if err != nil || len(listed.GetPapers()) != len(papers)/2 {
			t.Error(fmt.Sprintf("list: %d papers", len(listed.GetPapers())), err)
		}
	}
	close(done)
	writer.Wait()
	if given == 0 {
		t.Error("nothing was found")
	}
}
