package rpc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"akin/internal/rpc"
	"akin/internal/rpc/rpctest"
	akinv1 "akin/proto/akin/v1"
)

// A snapshot is an operation that can be waited for, listed and forgotten, over
// gRPC and HTTP alike.
func TestOperations(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	s.upsert(t, &akinv1.Paper{Id: "a", Title: "Alpha"})
	begun, err := s.Admin.CreateSnapshot(t.Context(), &akinv1.CreateSnapshotRequest{Name: "first"})
	if err != nil {
		t.Fatal(err)
	}
	progress := new(akinv1.OperationProgress)
	if err := begun.GetMetadata().UnmarshalTo(progress); err != nil || progress.GetMethod() != "CreateSnapshot" || progress.GetStartTime() == nil {
		t.Errorf("it begins as %v, %v", progress, err)
	}
	name := begun.GetName()
	if !strings.HasPrefix(name, "operations/") {
		t.Errorf("the name is %q", name)
	}
	ended, err := s.Operations.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(10 * time.Second)})
	if err != nil || !ended.GetDone() || ended.GetError() != nil {
		t.Fatalf("it ends as %v, %v", ended, err)
	}
	made := new(akinv1.Snapshot)
	if err := ended.GetResponse().UnmarshalTo(made); err != nil || made.GetName() != "first" || made.GetPaperCount() != 1 || made.GetSizeBytes() == 0 {
		t.Errorf("the snapshot is %v, %v", made, err)
	}
	if err := ended.GetMetadata().UnmarshalTo(progress); err != nil || progress.GetEndTime().AsTime().Before(progress.GetStartTime().AsTime()) {
		t.Errorf("the progress is %v, %v", progress, err)
	}
	listed, err := s.Operations.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: "operations"})
	if err != nil || len(listed.GetOperations()) != 1 || listed.GetOperations()[0].GetName() != name {
		t.Errorf("listed: %v, %v", listed, err)
	}
	snapshots, err := s.Admin.ListSnapshots(t.Context(), &akinv1.ListSnapshotsRequest{})
	if err != nil || len(snapshots.GetSnapshots()) != 1 || snapshots.GetSnapshots()[0].GetSequence() != made.GetSequence() {
		t.Errorf("snapshots: %v, %v", snapshots, err)
	}
	for _, path := range []string{"/v1/operations", "/v1/" + name} {
		if code, _, body := s.call(t, "GET", path, ""); code != 200 || !strings.Contains(body, name) || !strings.Contains(body, `"done":true`) || !json.Valid([]byte(body)) {
			t.Errorf("GET %s: %d %s", path, code, body)
		}
	}
	if code, _, body := s.call(t, "DELETE", "/v1/"+name, ""); code != 200 {
		t.Errorf("DELETE: %d %s", code, body)
	}
	for method, path := range map[string]string{"GET": "/v1/" + name, "DELETE": "/v1/" + name, "POST": "/v1/" + name + ":cancel"} {
		code, _, body := s.call(t, method, path, map[bool]string{true: "{}"}[method == "POST"])
		if got := tell(t, statusOf(t, body)); code != 404 || got.code != codes.NotFound || !strings.Contains(got.message, name) {
			t.Errorf("%s %s: %d %+v", method, path, code, got)
		}
	}
}

// An operation that fails holds its error, as a call would give it.
func TestOperationThatFails(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	begun, err := s.Admin.Verify(t.Context(), &akinv1.VerifyRequest{Snapshot: "none"})
	if err != nil {
		t.Fatal(err)
	}
	ended, err := s.Operations.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: begun.GetName()})
	if err != nil || !ended.GetDone() || ended.GetResponse() != nil {
		t.Fatalf("it ends as %v, %v", ended, err)
	}
	got := tell(t, status.FromProto(ended.GetError()))
	if got.code != codes.NotFound || got.reason == "" || !strings.Contains(got.message, "none") || strings.Contains(got.message, s.Dir()) {
		t.Errorf("the error is %+v", got)
	}
	if err := s.Follow(t.Context(), begun, new(akinv1.VerifyResponse), nil); status.Code(err) != codes.NotFound {
		t.Errorf("who follows it is told %v", err)
	}
}

// A verification tells what it compared.
func TestVerifyOverTheWire(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	s.upsert(t, &akinv1.Paper{Id: "a", Title: "Alpha"}, &akinv1.Paper{Id: "b", Title: "Beta"})
	begun, err := s.Admin.Verify(t.Context(), &akinv1.VerifyRequest{})
	if err != nil {
		t.Fatal(err)
	}
	found := new(akinv1.VerifyResponse)
	if err := s.Follow(t.Context(), begun, found, nil); err != nil || found.GetPaperCount() != 2 || len(found.GetDifferences()) != 0 || len(found.GetParts()) == 0 {
		t.Errorf("%v, %v", found, err)
	}
}

// WaitOperation answers in time, done or not.
func TestWaitIsBounded(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	if _, err := s.Operations.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: "operations/none", Timeout: durationpb.New(-time.Second)}); status.Code(err) != codes.NotFound {
		t.Errorf("one that there is not: %v", err)
	}
	begun, err := s.Admin.CreateSnapshot(t.Context(), &akinv1.CreateSnapshotRequest{})
	if err != nil {
		t.Fatal(err)
	}
	now, err := s.Operations.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: begun.GetName(), Timeout: durationpb.New(-time.Hour)})
	if err != nil || now.GetName() != begun.GetName() {
		t.Errorf("a wait of less than nothing: %v, %v", now, err)
	}
	if err := s.Follow(t.Context(), begun, new(akinv1.Snapshot), nil); err != nil {
		t.Error(err)
	}
}

// The page token of a list belongs to that list.
func TestPageTokensBelongToTheirLists(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	for i := range 6 {
		s.upsert(t, &akinv1.Paper{Id: fmt.Sprint("p", i), Title: fmt.Sprintf("Alpha %d", i), Venue: "V"})
	}
	list := func(filter, token string) (*akinv1.ListPapersResponse, error) {
		return s.Papers.ListPapers(t.Context(), &akinv1.ListPapersRequest{PageSize: 4, Filter: filter, PageToken: token})
	}
	first, err := list("", "")
	if err != nil || len(first.GetPapers()) != 4 || first.GetTotalSize() != 6 || first.GetNextPageToken() == "" {
		t.Fatalf("%v, %v", first, err)
	}
	second, err := list("", first.GetNextPageToken())
	if err != nil || second.GetNextPageToken() != "" {
		t.Fatalf("%v, %v", second, err)
	}
	if got := append(paperIDs(first.GetPapers()), paperIDs(second.GetPapers())...); !slices.Equal(got, []string{"p0", "p1", "p2", "p3", "p4", "p5"}) {
		t.Errorf("two pages have %v", got)
	}
	if _, err := list(`venue = "V"`, first.GetNextPageToken()); tell(t, status.Convert(err)).reason != "PAGE_TOKEN_EXPIRED" {
		t.Errorf("with another filter: %v", err)
	}
	if _, err := s.Papers.BatchGetPapers(t.Context(), &akinv1.BatchGetPapersRequest{Ids: []string{"p0"}, PageToken: first.GetNextPageToken()}); tell(t, status.Convert(err)).reason != "PAGE_TOKEN_EXPIRED" {
		t.Errorf("with another method: %v", err)
	}
	broken := []byte(first.GetNextPageToken())
	broken[len(broken)-1] ^= 1
	if _, err := list("", string(broken)); tell(t, status.Convert(err)).reason != "PAGE_TOKEN_EXPIRED" {
		t.Errorf("broken: %v", err)
	}
	found, err := s.Search.Search(t.Context(), &akinv1.SearchRequest{Query: "alpha", PageSize: 2})
	if err != nil || found.GetNextPageToken() == "" {
		t.Fatalf("%v, %v", found, err)
	}
	next := func(set func(*akinv1.SearchRequest)) (*akinv1.SearchResponse, error) {
		req := &akinv1.SearchRequest{Query: "alpha", PageSize: 2, PageToken: found.GetNextPageToken()}
		set(req)
		return s.Search.Search(t.Context(), req)
	}
	if got, err := next(func(r *akinv1.SearchRequest) { r.PageSize = 4 }); err != nil || len(got.GetResults()) != 4 || got.GetResults()[0].GetRank() != 3 {
		t.Errorf("a larger next page: %v, %v", got, err)
	}
	for name, set := range map[string]func(*akinv1.SearchRequest){
		"query":     func(r *akinv1.SearchRequest) { r.Query = "beta" },
		"mode":      func(r *akinv1.SearchRequest) { r.Mode = akinv1.Mode_MODE_LEXICAL },
		"fusion":    func(r *akinv1.SearchRequest) { r.Fusion = akinv1.Fusion_FUSION_RRF },
		"filter":    func(r *akinv1.SearchRequest) { r.Filter = `venue = "V"` },
		"exact":     func(r *akinv1.SearchRequest) { r.Exact = true },
		"diversity": func(r *akinv1.SearchRequest) { r.Diversity = .5 },
		"as_of":     func(r *akinv1.SearchRequest) { r.AsOf = "2020-01-01" },
		"min_score": func(r *akinv1.SearchRequest) { r.MinScore = new(float64) },
		"versions":  func(r *akinv1.SearchRequest) { r.CollapseVersions = new(bool) },
		"rerank":    func(r *akinv1.SearchRequest) { r.Rerank = 3 },
		"recency":   func(r *akinv1.SearchRequest) { r.Recency = .5 },
		"group_by":  func(r *akinv1.SearchRequest) { r.GroupBy = akinv1.GroupBy_GROUP_BY_VENUE },
	} {
		if _, err := next(set); tell(t, status.Convert(err)).reason != "PAGE_TOKEN_EXPIRED" {
			t.Errorf("with another %s: %v", name, err)
		}
	}
}

// What the papers of an answer are made of over the wire: scores, groups, matched
// words, evidence, drivers, and why a list is short.
func TestAnswersOverTheWire(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	s.upsert(t,
		&akinv1.Paper{Id: "a", Title: "Gamma rays", Abstract: "We saw gamma rays. Nothing else was seen.", Venue: "V", Authors: []*akinv1.Author{{Name: "Ada"}}},
		&akinv1.Paper{Id: "b", Title: "Gamma bursts", Abstract: "Bursts are short and seldom, and hard to catch.", Venue: "W"},
		&akinv1.Paper{Id: "c", Title: "Quiet suns", Venue: "V"},
	)
	found, err := s.Search.Search(t.Context(), &akinv1.SearchRequest{
		Query: "gamma rays", Explain: true, Evidence: true, IncludeVectors: true, GroupBy: akinv1.GroupBy_GROUP_BY_VENUE, GroupSize: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	best := found.GetResults()[0]
	if best.GetPaper().GetId() != "a" || best.GetRank() != 1 || best.GetGroup() == "" || len(best.GetVector()) != 16 || best.GetParts().GetLexical() <= 0 {
		t.Errorf("the best is %v", best)
	}
	terms := make(map[string]int32)
	for _, m := range best.GetMatchedTerms() {
		terms[m.GetTerm()] = m.GetTitleCount() + m.GetAbstractCount()
	}
	if !maps.Equal(terms, map[string]int32{"gamma": 2, "rays": 2}) && !maps.Equal(terms, map[string]int32{"gamma": 2, "ray": 2}) {
		t.Errorf("it shares %v", terms)
	}
	if len(best.GetEvidence()) == 0 || !strings.Contains(strings.ToLower(best.GetEvidence()[0].GetText()), "gamma") {
		t.Errorf("its evidence is %v", best.GetEvidence())
	}
	sizes := make(map[string]int32)
	for _, g := range found.GetGroups() {
		sizes[g.GetKey()] = g.GetCount()
	}
	if sizes["V"]+sizes["v"] != 2 || sizes["W"]+sizes["w"] != 1 || len(found.GetResults()) != 2 {
		t.Errorf("groups %v of %d results", sizes, len(found.GetResults()))
	}
	if found.GetPlan().GetStrategy() != akinv1.Strategy_STRATEGY_EXACT || found.GetQuery().GetTokens() != 8 || found.GetSequence() == 0 || found.GetTiming() == nil {
		t.Errorf("plan %v, query %v, at %d", found.GetPlan(), found.GetQuery(), found.GetSequence())
	}
	advised, err := s.Search.Recommend(t.Context(), &akinv1.RecommendRequest{Positive: liked("a"), Negative: liked("c"), Strategy: akinv1.RecommendStrategy_RECOMMEND_STRATEGY_TOP_MEAN})
	if err != nil || len(advised.GetResults()) == 0 {
		t.Fatalf("%v, %v", advised, err)
	}
	drivers := advised.GetResults()[0].GetDrivenBy()
	if i := slices.IndexFunc(drivers, func(d *akinv1.Driver) bool { return d.GetLiked() }); i < 0 || drivers[i].GetPaperId() != "a" || drivers[i].GetExample() != 0 {
		t.Errorf("driven by %v", drivers)
	}
	for name, c := range map[string]struct {
		req    *akinv1.SearchRequest
		empty  akinv1.EmptyReason
		reason akinv1.LimitationReason
	}{
		"filter":    {&akinv1.SearchRequest{Query: "gamma", Filter: `venue = "X"`}, akinv1.EmptyReason_EMPTY_REASON_FILTER, akinv1.LimitationReason_LIMITATION_REASON_FILTER},
		"min score": {&akinv1.SearchRequest{Query: "zeta", MinScore: ptr(.999)}, akinv1.EmptyReason_EMPTY_REASON_MIN_SCORE, akinv1.LimitationReason_LIMITATION_REASON_MIN_SCORE},
		"as of":     {&akinv1.SearchRequest{Query: "gamma", AsOf: "1900-01-01"}, akinv1.EmptyReason_EMPTY_REASON_AS_OF, akinv1.LimitationReason_LIMITATION_REASON_AS_OF},
		"no word":   {&akinv1.SearchRequest{Query: "zeta", Mode: akinv1.Mode_MODE_LEXICAL}, akinv1.EmptyReason_EMPTY_REASON_NO_MATCH, akinv1.LimitationReason_LIMITATION_REASON_WORDS},
	} {
		got, err := s.Search.Search(t.Context(), c.req)
		if err != nil || len(got.GetResults()) != 0 || got.GetEmptyReason() != c.empty ||
			!slices.ContainsFunc(got.GetLimitedBy(), func(l *akinv1.Limitation) bool { return l.GetReason() == c.reason }) {
			t.Errorf("%s: %v, limited by %v, %v", name, got.GetEmptyReason(), got.GetLimitedBy(), err)
		}
	}
	novel, err := s.Search.GetNovelty(t.Context(), &akinv1.GetNoveltyRequest{PaperIds: []string{"a"}})
	if err != nil || len(novel.GetNovelties()) != 1 || novel.GetNovelties()[0].GetReason() != akinv1.NoveltyReason_NOVELTY_REASON_NO_DATE || novel.GetNovelties()[0].Distance != nil {
		t.Errorf("%v, %v", novel, err)
	}
}

func ptr[T any](x T) *T { return &x }

// FindDuplicates streams groups, and says how many papers it compared.
func TestDuplicatesOverTheWire(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	s.upsert(t,
		&akinv1.Paper{Id: "one", Title: "On the same matter at some length", ArxivId: "2001.00001"},
		&akinv1.Paper{Id: "two", Title: "Quite another heading", ArxivId: "2001.00001v2"},
		&akinv1.Paper{Id: "three", Title: "Nothing of the kind"},
	)
	stream, err := s.Search.FindDuplicates(t.Context(), &akinv1.FindDuplicatesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var groups []*akinv1.DuplicateGroup
	var last *akinv1.FindDuplicatesResponse
	for resp, err := stream.Recv(); err == nil; resp, err = stream.Recv() {
		groups, last = append(groups, resp.GetGroups()...), resp
	}
	if len(groups) != 1 || len(groups[0].GetPapers()) != 2 || last.GetTotalSize() != 3 {
		t.Fatalf("groups %v, at last %v", groups, last)
	}
	second := groups[0].GetPapers()[1]
	if second.GetReason() != akinv1.CollapseReason_COLLAPSE_REASON_SAME_ARXIV_ID || second.GetTitle() == "" {
		t.Errorf("it is there for %v", second)
	}
}

// An embedding stream answers each text under its index, also those that fail.
func TestEmbedStreamOverTheWire(t *testing.T) {
	s := serveWith(t, rpctest.Options{EmbedOnly: true})
	texts := []string{"alpha", "", "beta gamma"}
	next := 0
	got := make(map[uint64]*akinv1.EmbedStreamResponse)
	err := s.EmbedStream(t.Context(), func(context.Context) (*akinv1.EmbedStreamRequest, error) {
		if next == len(texts) {
			return nil, io.EOF
		}
		next++
		return &akinv1.EmbedStreamRequest{Input: plainInputs(texts[next-1])[0], Index: uint64(10 * next)}, nil
	}, func(r *akinv1.EmbedStreamResponse) error {
		got[r.GetIndex()] = r
		return nil
	})
	if err != nil || len(got) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
	for i, text := range texts {
		r := got[uint64(10*(i+1))]
		if text == "" {
			if said := tell(t, status.FromProto(r.GetError())); said.code != codes.InvalidArgument || said.violations["input"] == "" {
				t.Errorf("an empty text: %+v", said)
			}
			continue
		}
		want, err := rpctest.Vector(text)
		if err != nil || !slices.Equal(r.GetEmbedding().GetVector(), want) || r.GetSpace() != rpctest.Space().Fingerprint() || r.GetError() != nil {
			t.Errorf("%q: %v, %v", text, r, err)
		}
	}
}
