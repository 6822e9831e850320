package cli_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

// A batch in which an id goes away from its stored text and back again ends.
func TestBatchBackAndForth(t *testing.T) {
	s := host(t, filepath.Join(t.TempDir(), "data"))
	c, err := client.Dial(s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	one, two := &akinv1.Paper{Id: "a", Title: "One"}, &akinv1.Paper{Id: "a", Title: "Two"}
	for _, papers := range [][]*akinv1.Paper{{one}, {two, one}, {two, one, two}} {
		resp, err := c.Papers.BatchUpsertPapers(ctx, &akinv1.BatchUpsertPapersRequest{Papers: papers})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range resp.GetOutcomes() {
			if o.GetError() != nil {
				t.Errorf("%v", o)
			}
		}
		got, err := c.Papers.GetPaper(ctx, &akinv1.GetPaperRequest{Id: "a"})
		if err != nil || got.GetTitle() != papers[len(papers)-1].GetTitle() {
			t.Errorf("%v, %v", got, err)
		}
	}
}
