package rpc_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"akin/internal/rpc/rpctest"
	akinv1 "akin/proto/akin/v1"
)

// mapped gives a server with a number of papers, and its map when that is made.
func mapped(t *testing.T, papers int) (*rpctest.Server, *akinv1.GetMapResponse) {
	t.Helper()
	s := rpctest.Serve(t, rpctest.Options{})
	req := &akinv1.BatchUpsertPapersRequest{}
	for n := range papers {
		req.Papers = append(req.Papers, &akinv1.Paper{
			Id: fmt.Sprintf("p%02d", n), Title: fmt.Sprintf("word%d of subject", n%3), Abstract: fmt.Sprintf("own%d", n), Categories: []string{"cs.LG"},
			Authors: []*akinv1.Author{{Name: "A"}, {Name: "B"}, {Name: "C"}, {Name: "D"}},
		})
	}
	if _, err := s.Client.Papers.BatchUpsertPapers(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		m, err := s.Client.Map.GetMap(t.Context(), &akinv1.GetMapRequest{})
		if err != nil {
			t.Fatal(err)
		}
		switch m.GetState() {
		case akinv1.MapState_MAP_STATE_READY:
			return s, m
		case akinv1.MapState_MAP_STATE_BUILDING:
			if m.GetTag() != "" || len(m.GetPoints()) > 0 || m.GetCollectionPaperCount() != uint32(papers) {
				t.Errorf("while it is made: %v", m)
			}
		case akinv1.MapState_MAP_STATE_BEHIND, akinv1.MapState_MAP_STATE_UNSPECIFIED:
			t.Fatalf("the state is %v", m.GetState())
		}
	}
	t.Fatal("there is no map after five minutes")
	return nil, nil
}

func TestMap(t *testing.T) {
	s, m := mapped(t, 40)
	if m.GetPaperCount() != 40 || len(m.GetCategories()) != 40 || len(m.GetClusters()) != 40 || len(m.GetCategoryValues()) != 1 || len(m.GetClusterValues()) == 0 {
		t.Errorf("the map is %v", m)
	}
	again, err := s.Client.Map.GetMap(t.Context(), &akinv1.GetMapRequest{KnownTag: m.GetTag()})
	if err != nil || again.GetTag() != m.GetTag() || len(again.GetPoints()) > 0 || len(again.GetClusterValues()) > 0 {
		t.Errorf("for who has it: %v, %v", again, err)
	}
	short, err := s.Client.Map.GetMap(t.Context(), &akinv1.GetMapRequest{Summary: true})
	if err != nil || len(short.GetPoints()) > 0 || len(short.GetClusterValues()) != len(m.GetClusterValues()) {
		t.Errorf("the summary: %v, %v", short, err)
	}
	papers, err := s.Client.Map.GetMapPapers(t.Context(), &akinv1.GetMapPapersRequest{Tag: m.GetTag(), Numbers: []uint32{39, 0}})
	if err != nil || len(papers.GetPapers()) != 2 || papers.GetPapers()[0].GetNumber() != 39 || papers.GetPapers()[0].GetMoreAuthors() != 1 {
		t.Fatalf("papers: %v, %v", papers, err)
	}
	found, err := s.Client.Map.FindOnMap(t.Context(), &akinv1.FindOnMapRequest{Tag: m.GetTag(), Ids: []string{papers.GetPapers()[0].GetId(), "nobody"}})
	if err != nil || len(found.GetNumbers()) != 1 || found.GetNumbers()[0] != 39 || found.GetMissingCount() != 1 {
		t.Errorf("found: %v, %v", found, err)
	}
	all, err := s.Client.Map.FindOnMap(t.Context(), &akinv1.FindOnMapRequest{Filter: `category = "cs.LG"`})
	if err != nil || len(all.GetNumbers()) != 40 {
		t.Errorf("all: %v, %v", all, err)
	}
	resp, err := http.Post(s.URL+"/v1/map:find", "application/json", strings.NewReader(`{"ids":["p01"]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "numbers") {
		t.Errorf("over HTTP: %s %s, %v", resp.Status, body, err)
	}
}

func TestMapRefusals(t *testing.T) {
	s, m := mapped(t, 3)
	get := func(req *akinv1.GetMapPapersRequest) error {
		_, err := s.Client.Map.GetMapPapers(t.Context(), req)
		return err
	}
	_, both := s.Client.Map.FindOnMap(t.Context(), &akinv1.FindOnMapRequest{Ids: []string{"p01"}, Filter: "year > 2000"})
	_, filter := s.Client.Map.FindOnMap(t.Context(), &akinv1.FindOnMapRequest{Filter: "("})
	_, unknown := s.Client.Map.GetMap(t.Context(), &akinv1.GetMapRequest{Collection: "nowhere"})
	_, bad := s.Client.Map.GetMap(t.Context(), &akinv1.GetMapRequest{Collection: "no such name"})
	without := rpctest.Serve(t, rpctest.Options{EmbedOnly: true})
	_, none := without.Client.Map.GetMap(t.Context(), &akinv1.GetMapRequest{})
	for name, x := range map[string]struct {
		err  error
		want codes.Code
	}{
		"another map":          {get(&akinv1.GetMapPapersRequest{Tag: "other", Numbers: []uint32{0}}), codes.FailedPrecondition},
		"a number beyond":      {get(&akinv1.GetMapPapersRequest{Tag: m.GetTag(), Numbers: []uint32{3}}), codes.InvalidArgument},
		"ids and a filter":     {both, codes.InvalidArgument},
		"a bad filter":         {filter, codes.InvalidArgument},
		"no such collection":   {unknown, codes.NotFound},
		"a bad name":           {bad, codes.InvalidArgument},
		"a server that embeds": {none, codes.FailedPrecondition},
	} {
		if got := status.Code(x.err); got != x.want {
			t.Errorf("%s: %v", name, x.err)
		}
	}
}
