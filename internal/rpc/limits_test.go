package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"akin/internal/paper"
	"akin/internal/rpc"
	akinv1 "akin/proto/akin/v1"
)

// invoke calls a method with a request and gives the error of its first answer.
func (s *served) invoke(t *testing.T, method string, req proto.Message) error {
	t.Helper()
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", "."))
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		t.Fatal(err)
	}
	d, ok := found.(protoreflect.MethodDescriptor)
	if !ok {
		t.Fatalf("%s is no method", name)
	}
	answer := newMessage(t, d.Output())
	if !d.IsStreamingClient() && !d.IsStreamingServer() {
		return s.Conn.Invoke(t.Context(), method, req, answer, grpc.MaxCallSendMsgSize(rpc.MaxMessageBytes))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := s.Conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method, grpc.MaxCallSendMsgSize(rpc.MaxMessageBytes))
	if err != nil {
		return err
	}
	if err := errors.Join(stream.SendMsg(req), stream.CloseSend()); err != nil {
		return err
	}
	for {
		err := stream.RecvMsg(answer)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		// The error of a single paper or text is in its answer.
		switch a := answer.(type) {
		case *akinv1.ImportPapersResponse:
			for _, o := range a.GetOutcomes() {
				if o.GetError() != nil {
					return status.ErrorProto(o.GetError())
				}
			}
		case *akinv1.EmbedStreamResponse:
			if a.GetError() != nil {
				return status.ErrorProto(a.GetError())
			}
		}
	}
}

func newMessage(t *testing.T, d protoreflect.MessageDescriptor) proto.Message {
	t.Helper()
	found, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		t.Fatal(err)
	}
	return found.New().Interface()
}

// limited is a request beyond a limit, and what is said of it.
type limited struct {
	method string
	field  string // of the violation
	words  string // in its description
	req    proto.Message
}

func repeat[T any](n int, x T) []T { return slices.Repeat([]T{x}, n) }

func liked(ids ...string) (out []*akinv1.Example) {
	for _, id := range ids {
		out = append(out, &akinv1.Example{Example: &akinv1.Example_PaperId{PaperId: id}})
	}
	return out
}

// long is longer than any field may be.
var long = strings.Repeat("x", 300<<10)

// limitedQueries are searches and the like that ask for too much, or for nothing.
func limitedQueries() []limited {
	const (
		search    = akinv1.SearchService_Search_FullMethodName
		similar   = akinv1.SearchService_Similar_FullMethodName
		recommend = akinv1.SearchService_Recommend_FullMethodName
		novelty   = akinv1.SearchService_GetNovelty_FullMethodName
		copies    = akinv1.SearchService_FindDuplicates_FullMethodName
	)
	text := &akinv1.Example{Example: &akinv1.Example_Text{Text: &akinv1.Text{Title: "x"}}}
	weighing := func(w float64) []*akinv1.Example {
		return []*akinv1.Example{{Example: &akinv1.Example_PaperId{PaperId: "a"}, Weight: w}}
	}
	timed := func(ts *timestamppb.Timestamp) []*akinv1.Example {
		return []*akinv1.Example{{Example: &akinv1.Example_PaperId{PaperId: "a"}, Time: ts}}
	}
	return []limited{
		{search, "query", "is empty", &akinv1.SearchRequest{Query: " \n"}},
		{search, "query", "the limit is 65536", &akinv1.SearchRequest{Query: long}},
		{search, "page_size", "must not be negative", &akinv1.SearchRequest{Query: "x", PageSize: -1}},
		{search, "page_size", "with evidence the limit is 20", &akinv1.SearchRequest{Query: "x", PageSize: 21, Evidence: true}},
		{search, "page_token", "ask for the first page again", &akinv1.SearchRequest{Query: "x", PageToken: "AAAA"}},
		{search, "page_token", "", &akinv1.SearchRequest{Query: "x", PageToken: long}},
		{search, "diversity", "between 0, which is off, and 1", &akinv1.SearchRequest{Query: "x", Diversity: 1.1}},
		{search, "diversity", "between 0, which is off, and 1", &akinv1.SearchRequest{Query: "x", Diversity: math.NaN()}},
		{search, "as_of", "YYYY-MM-DD", &akinv1.SearchRequest{Query: "x", AsOf: "2020-02-30"}},
		{search, "as_of", "YYYY-MM-DD", &akinv1.SearchRequest{Query: "x", AsOf: "2020"}},
		{search, "min_score", "between -1 and 1", &akinv1.SearchRequest{Query: "x", MinScore: proto.Float64(1.5)}},
		{search, "min_score", "between -1 and 1", &akinv1.SearchRequest{Query: "x", MinScore: proto.Float64(math.NaN())}},
		{search, "min_score", "a lexical query does not have", &akinv1.SearchRequest{Query: "x", MinScore: proto.Float64(.5), Mode: akinv1.Mode_MODE_LEXICAL}},
		{search, "rerank", "between 0, which is off, and 100", &akinv1.SearchRequest{Query: "x", Rerank: 101}},
		{search, "rerank", "between 0, which is off, and 100", &akinv1.SearchRequest{Query: "x", Rerank: -1}},
		{search, "recency", "1", &akinv1.SearchRequest{Query: "x", Recency: 1.5}},
		{search, "recency_half_life_days", "36500", &akinv1.SearchRequest{Query: "x", Recency: .5, RecencyHalfLifeDays: 36_501}},
		{search, "group_size", "100", &akinv1.SearchRequest{Query: "x", GroupBy: akinv1.GroupBy_GROUP_BY_VENUE, GroupSize: 101}},
		{search, "group_size", "", &akinv1.SearchRequest{Query: "x", GroupBy: akinv1.GroupBy_GROUP_BY_VENUE, GroupSize: -1}},
		{search, "filter", "the limit is 16384", &akinv1.SearchRequest{Query: "x", Filter: long}},
		{search, "filter", "at column", &akinv1.SearchRequest{Query: "x", Filter: "venue = ("}},
		{search, "collection", "", &akinv1.SearchRequest{Query: "x", Collection: "NOT A NAME"}},
		{search, "collection", "", &akinv1.SearchRequest{Query: "x", Collection: long}},
		{similar, "paper_ids", "give 1 to 100", &akinv1.SimilarRequest{PaperIds: repeat(101, "a")}},
		{similar, "paper_ids", "or a text", &akinv1.SimilarRequest{}},
		{similar, "text", "together with paper_ids", &akinv1.SimilarRequest{PaperIds: []string{"a"}, Text: &akinv1.Text{Title: "x"}}},
		{similar, "text", "neither title nor abstract", &akinv1.SimilarRequest{Text: &akinv1.Text{}}},
		{similar, "text.title", "the limit is 4096", &akinv1.SimilarRequest{Text: &akinv1.Text{Title: long}}},
		{similar, "text.abstract", "the limit is 262144", &akinv1.SimilarRequest{Text: &akinv1.Text{Abstract: long}}},
		{similar, "rerank", "between 0, which is off, and 100", &akinv1.SimilarRequest{PaperIds: []string{"a"}, Rerank: 101}},
		{similar, "filter", "the limit is 16384", &akinv1.SimilarRequest{PaperIds: []string{"a"}, Filter: long}},
		{similar, "as_of", "YYYY-MM-DD", &akinv1.SimilarRequest{PaperIds: []string{"a"}, AsOf: long}},
		{similar, "collection", "", &akinv1.SimilarRequest{PaperIds: []string{"a"}, Collection: long}},
		{similar, "page_token", "", &akinv1.SimilarRequest{PaperIds: []string{"a"}, PageToken: long}},
		{recommend, "positive", "give 1 to 5000", &akinv1.RecommendRequest{Negative: liked("a")}},
		{recommend, "positive", "the limit is 5000", &akinv1.RecommendRequest{Positive: repeat(5001, liked("a")[0])}},
		{recommend, "negative", "the limit is 5000", &akinv1.RecommendRequest{Positive: liked("a"), Negative: repeat(5001, liked("b")[0])}},
		{recommend, "positive", "more than 200 texts", &akinv1.RecommendRequest{Positive: repeat(201, text)}},
		{recommend, "negative", "more than 200 texts", &akinv1.RecommendRequest{Positive: liked("a"), Negative: repeat(201, text)}},
		{recommend, "positive[1]", "neither paper_id nor text", &akinv1.RecommendRequest{Positive: append(liked("a"), &akinv1.Example{})}},
		{recommend, "positive[0].weight", "above 0 and at most 1000", &akinv1.RecommendRequest{Positive: weighing(1001)}},
		{recommend, "positive[0].weight", "above 0 and at most 1000", &akinv1.RecommendRequest{Positive: weighing(-1)}},
		{recommend, "negative[0].weight", "above 0 and at most 1000", &akinv1.RecommendRequest{Positive: liked("a"), Negative: weighing(math.NaN())}},
		{recommend, "positive[0].time", "years 1 to 9999", &akinv1.RecommendRequest{Positive: timed(&timestamppb.Timestamp{Seconds: math.MaxInt64})}},
		{recommend, "negative[0].time", "years 1 to 9999", &akinv1.RecommendRequest{Positive: liked("a"), Negative: timed(&timestamppb.Timestamp{Nanos: -1})}},
		{recommend, "half_life_days", "at most 36500", &akinv1.RecommendRequest{Positive: liked("a"), HalfLifeDays: 36_501}},
		{recommend, "half_life_days", "no example has a time", &akinv1.RecommendRequest{Positive: liked("a"), HalfLifeDays: 5}},
		{recommend, "filter", "the limit is 16384", &akinv1.RecommendRequest{Positive: liked("a"), Filter: long}},
		{recommend, "as_of", "YYYY-MM-DD", &akinv1.RecommendRequest{Positive: liked("a"), AsOf: long}},
		{recommend, "collection", "", &akinv1.RecommendRequest{Positive: liked("a"), Collection: long}},
		{recommend, "page_token", "", &akinv1.RecommendRequest{Positive: liked("a"), PageToken: long}},
		{novelty, "paper_ids", "give 1 to 100", &akinv1.GetNoveltyRequest{PaperIds: repeat(101, "a")}},
		{novelty, "as_of", "", &akinv1.GetNoveltyRequest{PaperIds: []string{"a"}, AsOf: "tomorrow"}},
		{novelty, "collection", "", &akinv1.GetNoveltyRequest{PaperIds: []string{"a"}, Collection: long}},
		{copies, "min_similarity", "between 0 and 1", &akinv1.FindDuplicatesRequest{MinSimilarity: proto.Float64(1.1)}},
		{copies, "filter", "the limit is 16384", &akinv1.FindDuplicatesRequest{Filter: long}},
		{copies, "collection", "", &akinv1.FindDuplicatesRequest{Collection: long}},
	}
}

// limitedPapers are calls for papers that ask for too much, or give too much.
func limitedPapers() []limited {
	const (
		get      = akinv1.PaperService_GetPaper_FullMethodName
		batchGet = akinv1.PaperService_BatchGetPapers_FullMethodName
		list     = akinv1.PaperService_ListPapers_FullMethodName
		days     = akinv1.PaperService_ListDays_FullMethodName
		count    = akinv1.PaperService_CountValues_FullMethodName
		upsert   = akinv1.PaperService_UpsertPaper_FullMethodName
		upserts  = akinv1.PaperService_BatchUpsertPapers_FullMethodName
		del      = akinv1.PaperService_DeletePaper_FullMethodName
		dels     = akinv1.PaperService_BatchDeletePapers_FullMethodName
		imp      = akinv1.PaperService_ImportPapers_FullMethodName
		exp      = akinv1.PaperService_ExportPapers_FullMethodName
	)
	p := func(set func(*akinv1.Paper)) *akinv1.UpsertPaperRequest {
		made := &akinv1.Paper{Id: "a", Title: "T"}
		set(made)
		return &akinv1.UpsertPaperRequest{Paper: made}
	}
	tooMany := make(map[string]string)
	signals := make(map[string]float64)
	for i := range 1001 {
		tooMany[fmt.Sprint(i)], signals[fmt.Sprint(i)] = "x", 1
	}
	some := &akinv1.Paper{Id: "a", Title: "T"}
	return []limited{
		{get, "id", "is empty", &akinv1.GetPaperRequest{}},
		{get, "id", "the limit is 256", &akinv1.GetPaperRequest{Id: long}},
		{get, "id", "control", &akinv1.GetPaperRequest{Id: "a\nb"}},
		{get, "collection", "", &akinv1.GetPaperRequest{Id: "a", Collection: long}},
		{batchGet, "ids", "give 1 to 1000", &akinv1.BatchGetPapersRequest{}},
		{batchGet, "ids", "give 1 to 1000", &akinv1.BatchGetPapersRequest{Ids: repeat(1001, "a")}},
		{batchGet, "page_token", "first page again", &akinv1.BatchGetPapersRequest{Ids: []string{"a"}, PageToken: long}},
		{batchGet, "collection", "", &akinv1.BatchGetPapersRequest{Ids: []string{"a"}, Collection: long}},
		{list, "page_size", "must not be negative", &akinv1.ListPapersRequest{PageSize: -1}},
		{list, "page_token", "first page again", &akinv1.ListPapersRequest{PageToken: "AAAA"}},
		{list, "filter", "the limit is 16384", &akinv1.ListPapersRequest{Filter: long}},
		{list, "collection", "", &akinv1.ListPapersRequest{Collection: long}},
		{list, "order_by", "day desc", &akinv1.ListPapersRequest{OrderBy: "score"}},
		{list, "order_by", "", &akinv1.ListPapersRequest{OrderBy: long}},
		{list, "day", "YYYY-MM-DD", &akinv1.ListPapersRequest{Day: "17 March"}},
		{list, "day", "YYYY-MM-DD", &akinv1.ListPapersRequest{Day: "--03-17"}},
		{list, "day", "YYYY-MM-DD", &akinv1.ListPapersRequest{Day: "2026-02-30"}},
		{list, "day", "", &akinv1.ListPapersRequest{Day: long}},
		{list, "day", "whole date", &akinv1.ListPapersRequest{OrderBy: "trending", Day: "2026-03"}},
		{list, "window", "trending", &akinv1.ListPapersRequest{Window: akinv1.TrendingWindow_TRENDING_WINDOW_DAY}},
		{list, "signal", "trending", &akinv1.ListPapersRequest{OrderBy: "day desc", Signal: "votes"}},
		{list, "signal", "at most 16384", &akinv1.ListPapersRequest{OrderBy: "trending", Signal: long}},
		{list, "page_token", "first page again", &akinv1.ListPapersRequest{OrderBy: "trending", PageToken: "AAAA"}},
		{days, "page_size", "must not be negative", &akinv1.ListDaysRequest{PageSize: -1}},
		{days, "page_token", "first page again", &akinv1.ListDaysRequest{PageToken: long}},
		{days, "from_day", "YYYY-MM-DD", &akinv1.ListDaysRequest{FromDay: long}},
		{days, "filter", "the limit is 16384", &akinv1.ListDaysRequest{Filter: long}},
		{days, "collection", "", &akinv1.ListDaysRequest{Collection: long}},
		{count, "field", "", &akinv1.CountValuesRequest{Field: "nope"}},
		{count, "field", "", &akinv1.CountValuesRequest{Field: long}},
		{count, "limit", "", &akinv1.CountValuesRequest{Field: "venue", Limit: -1}},
		{count, "filter", "the limit is 16384", &akinv1.CountValuesRequest{Field: "venue", Filter: long}},
		{count, "collection", "", &akinv1.CountValuesRequest{Field: "venue", Collection: long}},
		{upsert, "paper", "is missing", &akinv1.UpsertPaperRequest{}},
		{upsert, "paper.id", "the limit is 256", p(func(p *akinv1.Paper) { p.Id = long })},
		{upsert, "paper.title", "the limit is 4096", p(func(p *akinv1.Paper) { p.Title = long })},
		{upsert, "paper.abstract", "the limit is 262144", p(func(p *akinv1.Paper) { p.Abstract = long })},
		{upsert, "paper.authors", "the limit is 10000", p(func(p *akinv1.Paper) { p.Authors = repeat(10_001, &akinv1.Author{Name: "A"}) })},
		{upsert, "paper.authors[0].name", "the limit is 16384", p(func(p *akinv1.Paper) { p.Authors = []*akinv1.Author{{Name: long}} })},
		{upsert, "paper.authors[0].orcid", "is not an ORCID", p(func(p *akinv1.Paper) { p.Authors = []*akinv1.Author{{Name: "A", Orcid: long}} })},
		{upsert, "paper.categories", "the limit is 1000", p(func(p *akinv1.Paper) { p.Categories = repeat(1001, "c") })},
		{upsert, "paper.categories[0]", "the limit is 16384", p(func(p *akinv1.Paper) { p.Categories = []string{long} })},
		{upsert, "paper.urls", "the limit is 1000", p(func(p *akinv1.Paper) { p.Urls = repeat(1001, "https://example.org") })},
		{upsert, "paper.venue", "the limit is 16384", p(func(p *akinv1.Paper) { p.Venue = long })},
		{upsert, "paper.doi", "the limit is 16384", p(func(p *akinv1.Paper) { p.Doi = long })},
		{upsert, "paper.arxiv_id", "the limit is 16384", p(func(p *akinv1.Paper) { p.ArxivId = long })},
		{upsert, "paper.language", "the limit is 16384", p(func(p *akinv1.Paper) { p.Language = long })},
		{upsert, "paper.publish_date", "", p(func(p *akinv1.Paper) { p.PublishDate = &date.Date{Year: 2020, Month: 13} })},
		{upsert, "paper.publish_date", "needs a year", p(func(p *akinv1.Paper) { p.PublishDate = &date.Date{Month: 3, Day: 1} })},
		{upsert, "paper.listed_dates", "the limit is 1000", p(func(p *akinv1.Paper) { p.ListedDates = repeat(1001, &date.Date{Year: 2020}) })},
		{upsert, "paper.listed_dates[0]", "", p(func(p *akinv1.Paper) { p.ListedDates = []*date.Date{{Year: -4}} })},
		{upsert, "paper.signals", "the limit is 1000", p(func(p *akinv1.Paper) { p.Signals = signals })},
		{upsert, `paper.signals["x"]`, "finite", p(func(p *akinv1.Paper) { p.Signals = map[string]float64{"x": math.Inf(1)} })},
		{upsert, "paper.metadata", "the limit is 1000", p(func(p *akinv1.Paper) { p.Metadata = tooMany })},
		{upsert, "paper.metadata", "the limit is 262144", p(func(p *akinv1.Paper) { p.Metadata = map[string]string{"x": long} })},
		{upsert, "update_mask", "output only", &akinv1.UpsertPaperRequest{Paper: some, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"revision"}}}},
		{upsert, "update_mask", "not a field of Paper", &akinv1.UpsertPaperRequest{Paper: some, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"nope"}}}},
		{upsert, "collection", "", &akinv1.UpsertPaperRequest{Paper: some, Collection: long}},
		{upserts, "papers", "give 1 to 1000", &akinv1.BatchUpsertPapersRequest{}},
		{upserts, "papers", "give 1 to 1000", &akinv1.BatchUpsertPapersRequest{Papers: repeat(1001, some)}},
		{upserts, "collection", "", &akinv1.BatchUpsertPapersRequest{Papers: repeat(1, some), Collection: long}},
		{del, "id", "the limit is 256", &akinv1.DeletePaperRequest{Id: long}},
		{del, "collection", "", &akinv1.DeletePaperRequest{Id: "a", Collection: long}},
		{dels, "ids", "give 1 to 1000", &akinv1.BatchDeletePapersRequest{Ids: repeat(1001, "a")}},
		{dels, "collection", "", &akinv1.BatchDeletePapersRequest{Ids: []string{"a"}, Collection: long}},
		{imp, "paper.id", "the limit is 256", &akinv1.ImportPapersRequest{Paper: &akinv1.Paper{Id: long, Title: "T"}}},
		{imp, "space", "give the fingerprint", &akinv1.ImportPapersRequest{Paper: some, Vector: []float32{1}}},
		{imp, "collection", "", &akinv1.ImportPapersRequest{Paper: some, Collection: long}},
		{exp, "filter", "the limit is 16384", &akinv1.ExportPapersRequest{Filter: long}},
		{exp, "collection", "", &akinv1.ExportPapersRequest{Collection: long}},
	}
}

// limitedOthers are the calls that remain.
func limitedOthers() []limited {
	const (
		embeds   = akinv1.EmbeddingService_Embed_FullMethodName
		stream   = akinv1.EmbeddingService_EmbedStream_FullMethodName
		tokenize = akinv1.EmbeddingService_Tokenize_FullMethodName
		snapshot = akinv1.AdminService_CreateSnapshot_FullMethodName
		verify   = akinv1.AdminService_Verify_FullMethodName
		lists    = longrunningpb.Operations_ListOperations_FullMethodName
	)
	return []limited{
		{embeds, "inputs", "give 1 to 256", &akinv1.EmbedRequest{}},
		{embeds, "inputs", "give 1 to 256", &akinv1.EmbedRequest{Inputs: repeat(257, plainInputs("x")[0])}},
		{embeds, "inputs[1]", "is empty", &akinv1.EmbedRequest{Inputs: plainInputs("x", "")}},
		{embeds, "inputs[0]", "the limit is 262144", &akinv1.EmbedRequest{Inputs: plainInputs(long)}},
		{embeds, "inputs[0].title", "the limit is 4096", &akinv1.EmbedRequest{Inputs: []*akinv1.EmbedInput{{Input: &akinv1.EmbedInput_Paper{Paper: &akinv1.Text{Title: long}}}}}},
		{stream, "input", "is empty", &akinv1.EmbedStreamRequest{Input: plainInputs(" ")[0]}},
		{stream, "input", "the limit is 262144", &akinv1.EmbedStreamRequest{Input: plainInputs(long)[0]}},
		{tokenize, "texts", "give 1 to 256", &akinv1.TokenizeRequest{}},
		{tokenize, "texts", "give 1 to 256", &akinv1.TokenizeRequest{Texts: repeat(257, "x")}},
		{tokenize, "texts", "the limit is 16777216", &akinv1.TokenizeRequest{Texts: repeat(56, long)}},
		{tokenize, "max_tokens", "at least 2", &akinv1.TokenizeRequest{Texts: []string{"x"}, MaxTokens: 1}},
		{tokenize, "page_token", "first page again", &akinv1.TokenizeRequest{Texts: []string{"x"}, PageToken: "x"}},
		{snapshot, "name", "1 to 64", &akinv1.CreateSnapshotRequest{Name: long}},
		{snapshot, "name", "1 to 64", &akinv1.CreateSnapshotRequest{Name: "../x"}},
		{verify, "snapshot", "1 to 64", &akinv1.VerifyRequest{Snapshot: "-x"}},
		{lists, "name", `must be empty or "operations"`, &longrunningpb.ListOperationsRequest{Name: "x"}},
		{lists, "filter", "cannot be filtered", &longrunningpb.ListOperationsRequest{Filter: "done = true"}},
		{lists, "page_token", "on the first page", &longrunningpb.ListOperationsRequest{PageToken: "x"}},
	}
}

// limitedLibraries are calls about libraries that ask for too much, or give too much.
func limitedLibraries() []limited {
	const (
		create  = akinv1.LibraryService_CreateLibrary_FullMethodName
		get     = akinv1.LibraryService_GetLibrary_FullMethodName
		lists   = akinv1.LibraryService_ListLibraries_FullMethodName
		update  = akinv1.LibraryService_UpdateLibrary_FullMethodName
		del     = akinv1.LibraryService_DeleteLibrary_FullMethodName
		back    = akinv1.LibraryService_UndeleteLibrary_FullMethodName
		set     = akinv1.LibraryService_SetEntries_FullMethodName
		remove  = akinv1.LibraryService_RemoveEntries_FullMethodName
		entries = akinv1.LibraryService_ListEntries_FullMethodName
		lookup  = akinv1.LibraryService_GetEntries_FullMethodName
		imp     = akinv1.LibraryService_ImportLibrary_FullMethodName
		exp     = akinv1.LibraryService_ExportLibrary_FullMethodName
		merge   = akinv1.LibraryService_MergeLibraries_FullMethodName
		adopt   = akinv1.LibraryService_AdoptLibraries_FullMethodName
		missed  = akinv1.LibraryService_GetMissed_FullMethodName
		suggest = akinv1.LibraryService_SuggestRatings_FullMethodName
	)
	put := func(e *akinv1.Entry) *akinv1.SetEntriesRequest {
		return &akinv1.SetEntriesRequest{Library: "main", Entries: []*akinv1.Entry{e}}
	}
	return []limited{
		{create, "library.name", "1 to 64", &akinv1.CreateLibraryRequest{Library: &akinv1.Library{Name: long}}},
		{create, "library.display_name", "the limit is 200", &akinv1.CreateLibraryRequest{Library: &akinv1.Library{Name: "x", DisplayName: long}}},
		{create, "library.description", "the limit is 4096", &akinv1.CreateLibraryRequest{Library: &akinv1.Library{Name: "x", Description: long}}},
		{create, "collection", "", &akinv1.CreateLibraryRequest{Library: &akinv1.Library{Name: "x", Collection: long}}},
		{get, "name", "1 to 64", &akinv1.GetLibraryRequest{Name: long}},
		{lists, "page_size", "must not be negative", &akinv1.ListLibrariesRequest{PageSize: -1}},
		{lists, "page_token", "first page again", &akinv1.ListLibrariesRequest{PageToken: long}},
		{update, "library.name", "1 to 64", &akinv1.UpdateLibraryRequest{}},
		{update, "update_mask", "can be changed", &akinv1.UpdateLibraryRequest{Library: &akinv1.Library{Name: "main"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{long}}}},
		{del, "name", "1 to 64", &akinv1.DeleteLibraryRequest{Name: long}},
		{back, "name", "1 to 64", &akinv1.UndeleteLibraryRequest{Name: long}},
		{set, "library", "1 to 64", &akinv1.SetEntriesRequest{Library: long, Entries: []*akinv1.Entry{{PaperId: "a"}}}},
		{set, "entries", "give 1 to 1000", &akinv1.SetEntriesRequest{Library: "main"}},
		{set, "entries", "give 1 to 1000", &akinv1.SetEntriesRequest{Library: "main", Entries: repeat(1001, &akinv1.Entry{PaperId: "a"})}},
		{set, "entries[0].paper_id", "the limit is 256", put(&akinv1.Entry{PaperId: long})},
		{set, "entries[0].note", "the limit is 4096", put(&akinv1.Entry{PaperId: "a", Note: long})},
		{set, "entries[0].tags[0]", "the limit is 64", put(&akinv1.Entry{PaperId: "a", Tags: []string{long}})},
		{set, "entries[0].weight", "at most 1000", put(&akinv1.Entry{PaperId: "a", Weight: math.NaN()})},
		{set, "entries[0].read_time", "years 1 to 9999", put(&akinv1.Entry{PaperId: "a", ReadTime: &timestamppb.Timestamp{Nanos: -1}})},
		{set, "entries[0].mark", "is not a value of Mark", put(&akinv1.Entry{PaperId: "a", Mark: 99})},
		{remove, "library", "1 to 64", &akinv1.RemoveEntriesRequest{Library: long, PaperIds: []string{"a"}}},
		{remove, "paper_ids", "give 1 to 1000", &akinv1.RemoveEntriesRequest{Library: "main", PaperIds: repeat(1001, "a")}},
		{entries, "library", "1 to 64", &akinv1.ListEntriesRequest{Library: long}},
		{entries, "page_token", "first page again", &akinv1.ListEntriesRequest{Library: "main", PageToken: long}},
		{entries, "marks[0]", "is not a value of Mark", &akinv1.ListEntriesRequest{Library: "main", Marks: repeat(5000, akinv1.Mark(9))}},
		{entries, "tag", "the limit is 64", &akinv1.ListEntriesRequest{Library: "main", Tag: long}},
		{entries, "text", "the limit is 1000", &akinv1.ListEntriesRequest{Library: "main", Text: long}},
		{entries, "order_by", "create_time", &akinv1.ListEntriesRequest{Library: "main", OrderBy: long}},
		{lookup, "library", "1 to 64", &akinv1.GetEntriesRequest{Library: long, PaperIds: []string{"a"}}},
		{lookup, "paper_ids", "give 1 to 1000", &akinv1.GetEntriesRequest{Library: "-", PaperIds: repeat(1001, "a")}},
		{lookup, "paper_ids[0]", "the limit is 256", &akinv1.GetEntriesRequest{Library: "-", PaperIds: []string{long}}},
		{imp, "library", "1 to 64", &akinv1.ImportLibraryRequest{Library: long, Content: []byte("a")}},
		{imp, "content", "the limit is 4194304", &akinv1.ImportLibraryRequest{Library: "main", Content: bytes.Repeat([]byte("x"), 4<<20+1)}},
		{imp, "tags", "the limit is 32", &akinv1.ImportLibraryRequest{Library: "main", Content: []byte("a"), Tags: repeat(33, "x")}},
		{imp, "tags[0]", "the limit is 64", &akinv1.ImportLibraryRequest{Library: "main", Content: []byte("a"), Tags: []string{long}}},
		{exp, "library", "1 to 64", &akinv1.ExportLibraryRequest{Library: long}},
		{exp, "marks[0]", "is not a value of Mark", &akinv1.ExportLibraryRequest{Library: "main", Marks: []akinv1.Mark{9}}},
		{exp, "tag", "the limit is 64", &akinv1.ExportLibraryRequest{Library: "main", Tag: long}},
		{merge, "library", "1 to 64", &akinv1.MergeLibrariesRequest{Library: long, Sources: []string{"x"}}},
		{merge, "sources", "give 1 to 100", &akinv1.MergeLibrariesRequest{Library: "main", Sources: repeat(101, "x")}},
		{merge, "sources[0]", "1 to 64", &akinv1.MergeLibrariesRequest{Library: "main", Sources: []string{long}}},
		{adopt, "owner", "1 to 256", &akinv1.AdoptLibrariesRequest{Owner: long}},
		{missed, "library", "1 to 64", &akinv1.GetMissedRequest{Library: long}},
		{missed, "newer_than_days", "36500", &akinv1.GetMissedRequest{Library: "main", NewerThanDays: 36_501}},
		{missed, "page_token", "", &akinv1.GetMissedRequest{Library: "main", PageToken: long}},
		{missed, "filter", "the limit is 16384", &akinv1.GetMissedRequest{Library: "main", Filter: long}},
		{missed, "as_of", "YYYY-MM-DD", &akinv1.GetMissedRequest{Library: "main", AsOf: long}},
		{suggest, "library", "1 to 64", &akinv1.SuggestRatingsRequest{Library: long}},
		{suggest, "count", "100", &akinv1.SuggestRatingsRequest{Library: "main", Count: 101}},
		{suggest, "count", "100", &akinv1.SuggestRatingsRequest{Library: "main", Count: -1}},
	}
}

// limitedFeeds are calls about feeds that ask for too much, or give too much.
func limitedFeeds() []limited {
	const (
		create  = akinv1.FeedService_CreateFeed_FullMethodName
		get     = akinv1.FeedService_GetFeed_FullMethodName
		lists   = akinv1.FeedService_ListFeeds_FullMethodName
		update  = akinv1.FeedService_UpdateFeed_FullMethodName
		del     = akinv1.FeedService_DeleteFeed_FullMethodName
		preview = akinv1.FeedService_PreviewFeed_FullMethodName
		items   = akinv1.FeedService_ListFeedItems_FullMethodName
		watch   = akinv1.FeedService_WatchFeed_FullMethodName
	)
	of := func(f *akinv1.Feed) *akinv1.CreateFeedRequest {
		f.Name = "x"
		return &akinv1.CreateFeedRequest{Feed: f}
	}
	return []limited{
		{create, "feed.name", "1 to 64", &akinv1.CreateFeedRequest{Feed: &akinv1.Feed{Name: long, Text: "x"}}},
		{create, "feed.display_name", "the limit is 200", of(&akinv1.Feed{Text: "x", DisplayName: long})},
		{create, "feed.text", "the limit is 8192", of(&akinv1.Feed{Text: long})},
		{create, "feed.paper_id", "the limit is 256", of(&akinv1.Feed{PaperId: long})},
		{create, "library", "1 to 64", of(&akinv1.Feed{Library: long})},
		{create, "feed.authors", "the limit is 1000", of(&akinv1.Feed{Authors: repeat(1001, "Ada Lovelace")})},
		{create, "feed.authors[0]", "the limit is 200", of(&akinv1.Feed{Authors: []string{long}})},
		{create, "feed.filter", "the limit is 16384", of(&akinv1.Feed{Text: "x", Filter: long})},
		{create, "feed.mode", "is not a value of Mode", of(&akinv1.Feed{Text: "x", Mode: 99})},
		{create, "feed.breadth", "is not a value of Breadth", of(&akinv1.Feed{Text: "x", Breadth: 99})},
		{create, "feed.max_per_day", "1 to 1000", of(&akinv1.Feed{Text: "x", MaxPerDay: 1_001})},
		{create, "collection", "", of(&akinv1.Feed{Text: "x", Collection: long})},
		{get, "name", "1 to 64", &akinv1.GetFeedRequest{Name: long}},
		{lists, "page_size", "must not be negative", &akinv1.ListFeedsRequest{PageSize: -1}},
		{lists, "page_token", "first page again", &akinv1.ListFeedsRequest{PageToken: long}},
		{update, "feed.name", "1 to 64", &akinv1.UpdateFeedRequest{}},
		{update, "update_mask", "can be changed", &akinv1.UpdateFeedRequest{Feed: &akinv1.Feed{Name: "main"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{long}}}},
		{del, "name", "1 to 64", &akinv1.DeleteFeedRequest{Name: long}},
		{preview, "feed.name", "1 to 64", &akinv1.PreviewFeedRequest{Feed: &akinv1.Feed{Name: long, Text: "x"}}},
		{preview, "days", "1 to 366", &akinv1.PreviewFeedRequest{Feed: &akinv1.Feed{Text: "x"}, Days: 367}},
		{preview, "page_size", "with evidence it is 20", &akinv1.PreviewFeedRequest{Feed: &akinv1.Feed{Text: "x"}, Evidence: true, PageSize: 21}},
		{preview, "read_mask", "", &akinv1.PreviewFeedRequest{Feed: &akinv1.Feed{Text: "x"}, ReadMask: &fieldmaskpb.FieldMask{Paths: []string{long}}}},
		{items, "feed", "1 to 64", &akinv1.ListFeedItemsRequest{Feed: long}},
		{items, "page_token", "first page again", &akinv1.ListFeedItemsRequest{Feed: "x", PageToken: long}},
		{watch, "feed", "1 to 64", &akinv1.WatchFeedRequest{Feed: long}},
	}
}

// limitedDigests are calls about digests that ask for too much, or give too much.
func limitedDigests() []limited {
	const (
		create  = akinv1.DigestService_CreateDigest_FullMethodName
		get     = akinv1.DigestService_GetDigest_FullMethodName
		update  = akinv1.DigestService_UpdateDigest_FullMethodName
		del     = akinv1.DigestService_DeleteDigest_FullMethodName
		preview = akinv1.DigestService_PreviewDigest_FullMethodName
		send    = akinv1.DigestService_SendDigest_FullMethodName
		state   = akinv1.DigestService_GetDigestStatus_FullMethodName
		bounce  = akinv1.DigestService_ReportBounce_FullMethodName
		ask     = akinv1.DigestService_Subscribe_FullMethodName
		confirm = akinv1.DigestService_ConfirmSubscription_FullMethodName
		leave   = akinv1.DigestService_Unsubscribe_FullMethodName
		act     = akinv1.DigestService_Act_FullMethodName
	)
	at := func(s *akinv1.DigestSchedule) *akinv1.CreateDigestRequest {
		return &akinv1.CreateDigestRequest{Digest: &akinv1.Digest{Name: "d", Schedule: s}}
	}
	return []limited{
		{create, "digest.name", "1 to 64", &akinv1.CreateDigestRequest{Digest: &akinv1.Digest{Name: long}}},
		{create, "digest.address", "no address", &akinv1.CreateDigestRequest{Digest: &akinv1.Digest{Name: "d", Address: long}}},
		{create, "digest.schedule.time", "as 07:00", at(&akinv1.DigestSchedule{Time: long})},
		{create, "digest.schedule.weekday", "only a weekly", at(&akinv1.DigestSchedule{Weekday: akinv1.DigestWeekday_DIGEST_WEEKDAY_MONDAY})},
		{create, "digest.schedule.interval", "not a value of", at(&akinv1.DigestSchedule{Interval: 9})},
		{create, "digest.quiet", "not a value of", &akinv1.CreateDigestRequest{Digest: &akinv1.Digest{Name: "d", Quiet: 9}}},
		{get, "name", "1 to 64", &akinv1.GetDigestRequest{Name: long}},
		{update, "digest.name", "1 to 64", &akinv1.UpdateDigestRequest{Digest: &akinv1.Digest{Name: long}}},
		{del, "name", "1 to 64", &akinv1.DeleteDigestRequest{Name: long}},
		{preview, "name", "1 to 64", &akinv1.PreviewDigestRequest{Name: long}},
		{send, "name", "1 to 64", &akinv1.SendDigestRequest{Name: long}},
		{state, "name", "1 to 64", &akinv1.GetDigestStatusRequest{Name: long}},
		{bounce, "message", "1 to 1048576", &akinv1.ReportBounceRequest{Message: make([]byte, 1<<20+1)}},
		{ask, "address", "no address", &akinv1.SubscribeRequest{Address: long}},
		{ask, "collection", "1 to 64", &akinv1.SubscribeRequest{Address: "a@example.org", Collection: long}},
		{confirm, "token", "1 to 1000", &akinv1.ConfirmSubscriptionRequest{Token: long}},
		{leave, "token", "1 to 1000", &akinv1.UnsubscribeRequest{Token: long}},
		{act, "token", "1 to 1000", &akinv1.ActRequest{Token: long}},
	}
}

// limitedBindings are calls about what libraries follow, and about addresses of feeds,
// that ask for too much, or give too much.
func limitedBindings() []limited {
	const (
		bind      = akinv1.BindingService_BindLibrary_FullMethodName
		unbind    = akinv1.BindingService_UnbindLibrary_FullMethodName
		get       = akinv1.BindingService_GetBinding_FullMethodName
		sync      = akinv1.BindingService_SyncLibrary_FullMethodName
		unmatched = akinv1.BindingService_ListUnmatchedItems_FullMethodName
		address   = akinv1.SyndicationService_GetFeedAddress_FullMethodName
		replace   = akinv1.SyndicationService_ReplaceFeedAddress_FullMethodName
		read      = akinv1.SyndicationService_ReadAddressedFeed_FullMethodName
		list      = akinv1.SyndicationService_ReadAddressedList_FullMethodName
	)
	follows := func(z *akinv1.ZoteroLibrary, tags ...string) *akinv1.BindLibraryRequest {
		return &akinv1.BindLibraryRequest{Library: "main", Binding: &akinv1.Binding{Source: &akinv1.Binding_Zotero{Zotero: z}, Tags: tags}}
	}
	return []limited{
		{bind, "library", "1 to 64", &akinv1.BindLibraryRequest{Library: long}},
		{bind, "binding.tags", "the limit is 32", follows(&akinv1.ZoteroLibrary{}, repeat(33, "x")...)},
		{bind, "binding.tags[0]", "the limit is 64", follows(&akinv1.ZoteroLibrary{}, long)},
		{bind, "binding.zotero.include", "the limit is 100", follows(&akinv1.ZoteroLibrary{Include: repeat(101, "x")})},
		{bind, "binding.zotero.exclude[0]", "1 to 256", follows(&akinv1.ZoteroLibrary{Exclude: []string{long}})},
		{bind, "binding.file.path", "1 to 4096", &akinv1.BindLibraryRequest{Library: "main", Binding: &akinv1.Binding{
			Source: &akinv1.Binding_File{File: &akinv1.ReferenceFile{Path: "/" + long}},
		}}},
		{unbind, "library", "1 to 64", &akinv1.UnbindLibraryRequest{Library: long}},
		{get, "library", "1 to 64", &akinv1.GetBindingRequest{Library: long}},
		{sync, "library", "1 to 64", &akinv1.SyncLibraryRequest{Library: long}},
		{unmatched, "library", "1 to 64", &akinv1.ListUnmatchedItemsRequest{Library: long}},
		{unmatched, "page_size", "must not be negative", &akinv1.ListUnmatchedItemsRequest{Library: "main", PageSize: -1}},
		{unmatched, "page_token", "first page again", &akinv1.ListUnmatchedItemsRequest{Library: "main", PageToken: long}},
		{address, "feed", "1 to 64", &akinv1.GetFeedAddressRequest{Feed: long}},
		{replace, "feed", "1 to 64", &akinv1.ReplaceFeedAddressRequest{Feed: long}},
		{read, "token", "the limit is 1000", &akinv1.ReadAddressedFeedRequest{Token: long}},
		{read, "page_size", "must not be negative", &akinv1.ReadAddressedFeedRequest{PageSize: -1}},
		{list, "token", "the limit is 1000", &akinv1.ReadAddressedListRequest{Token: long}},
	}
}

func limitedMaps() []limited {
	const (
		get    = akinv1.MapService_GetMap_FullMethodName
		papers = akinv1.MapService_GetMapPapers_FullMethodName
		find   = akinv1.MapService_FindOnMap_FullMethodName
	)
	return []limited{
		{get, "collection", "", &akinv1.GetMapRequest{Collection: long}},
		{get, "known_tag", "the limit is 64", &akinv1.GetMapRequest{KnownTag: long}},
		{papers, "collection", "", &akinv1.GetMapPapersRequest{Collection: long}},
		{papers, "tag", "the limit is 64", &akinv1.GetMapPapersRequest{Tag: long}},
		{papers, "numbers", "the limit is 1000", &akinv1.GetMapPapersRequest{Numbers: repeat(1001, uint32(0))}},
		{find, "collection", "", &akinv1.FindOnMapRequest{Collection: long}},
		{find, "tag", "the limit is 64", &akinv1.FindOnMapRequest{Tag: long}},
		{find, "ids", "the limit is 10000", &akinv1.FindOnMapRequest{Ids: repeat(10_001, "a")}},
		{find, "filter", "the limit is 16384", &akinv1.FindOnMapRequest{Filter: long}},
	}
}

// limitedSources are requests to SourceService.
func limitedSources() []limited {
	const (
		create   = akinv1.SourceService_CreateSource_FullMethodName
		get      = akinv1.SourceService_GetSource_FullMethodName
		update   = akinv1.SourceService_UpdateSource_FullMethodName
		del      = akinv1.SourceService_DeleteSource_FullMethodName
		run      = akinv1.SourceService_RunSource_FullMethodName
		pause    = akinv1.SourceService_PauseSource_FullMethodName
		resume   = akinv1.SourceService_ResumeSource_FullMethodName
		runs     = akinv1.SourceService_ListSourceRuns_FullMethodName
		refusals = akinv1.SourceService_ListSourceRefusals_FullMethodName
	)
	bad := &akinv1.Source{
		Name: long, Kind: akinv1.SourceKind_SOURCE_KIND_OAI, Url: "https://x/" + long, Collection: long, Sets: repeat(101, "a"), OverlapDays: 61, WindowDays: 4000, MaxBodyBytes: 1, Prefix: long,
	}
	return []limited{
		{create, "source.name", "1 to 64", &akinv1.CreateSourceRequest{Source: bad}},
		{create, "source.url", "may have 2048", &akinv1.CreateSourceRequest{Source: bad}},
		{create, "source.collection", "1 to 64", &akinv1.CreateSourceRequest{Source: bad}},
		{create, "source.sets", "may have 100", &akinv1.CreateSourceRequest{Source: bad}},
		{create, "source.overlap_days", "2 to 60", &akinv1.CreateSourceRequest{Source: bad}},
		{create, "source.window_days", "1 to 3660", &akinv1.CreateSourceRequest{Source: bad}},
		{create, "source.max_body_bytes", "65536 to", &akinv1.CreateSourceRequest{Source: bad}},
		{create, "source.prefix", "akin reads", &akinv1.CreateSourceRequest{Source: bad}},
		{get, "name", "1 to 64", &akinv1.GetSourceRequest{Name: long}},
		{update, "source.name", "1 to 64", &akinv1.UpdateSourceRequest{Source: bad}},
		{del, "name", "1 to 64", &akinv1.DeleteSourceRequest{Name: long}},
		{run, "name", "1 to 64", &akinv1.RunSourceRequest{Name: long}},
		{pause, "name", "1 to 64", &akinv1.PauseSourceRequest{Name: long}},
		{resume, "name", "1 to 64", &akinv1.ResumeSourceRequest{Name: long}},
		{runs, "name", "1 to 64", &akinv1.ListSourceRunsRequest{Name: long}},
		{refusals, "name", "1 to 64", &akinv1.ListSourceRefusalsRequest{Name: long}},
	}
}

// Each limit of each field is kept, and told: which field, what it may be.
func TestLimits(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	s.upsert(t, &akinv1.Paper{Id: "a", Title: "Alpha", PublishDate: &date.Date{Year: 2020}}, &akinv1.Paper{Id: "b", Title: "Beta"})
	like := []*akinv1.Entry{{PaperId: "a", Mark: akinv1.Mark_MARK_LIKED}}
	if _, err := s.Libraries.SetEntries(t.Context(), &akinv1.SetEntriesRequest{Library: "main", CreateLibrary: true, Entries: like}); err != nil {
		t.Fatal(err)
	}
	tried := make(map[string]bool)
	for _, c := range slices.Concat(limitedQueries(), limitedPapers(), limitedLibraries(), limitedFeeds(), limitedMaps(), limitedSources(), limitedBindings(), limitedDigests(), limitedOthers()) {
		got := tell(t, status.Convert(s.invoke(t, c.method, c.req)))
		description, ok := got.violations[c.field]
		if got.code != codes.InvalidArgument || !ok || !strings.Contains(description, c.words) || description == "" {
			t.Errorf("%s, %s: want %q, got %.400v", c.method, c.field, c.words, fmt.Sprintf("%+v", got))
		}
		if len(got.message) > 8<<10 {
			t.Errorf("%s, %s: the message has %d bytes", c.method, c.field, len(got.message))
		}
		if want := map[bool]string{true: paper.ReasonPageTokenExpired, false: paper.ReasonInvalidField}[c.field == "page_token" && got.reason != paper.ReasonInvalidField]; got.reason != want {
			t.Errorf("%s, %s: reason %q", c.method, c.field, got.reason)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(c.field, "paper."), ".")
		name, _, _ = strings.Cut(name, "[")
		tried[c.method+" "+name] = true
	}
	for _, missing := range untried(tried) {
		t.Errorf("no request of this test goes beyond a limit of %s: add one, with what is said of it", missing)
	}
}

// untried gives the fields of requests that can be long and are not in the tests.
func untried(tried map[string]bool) (missing []string) {
	for m := range methodsOf() {
		fields := m.Input().Fields()
		for i := range fields.Len() {
			f := fields.Get(i)
			grows := f.IsList() || f.Kind() == protoreflect.StringKind || f.Kind() == protoreflect.BytesKind
			name := fmt.Sprintf("/%s/%s %s", m.Parent().FullName(), m.Name(), f.Name())
			if grows && !tried[name] && !slices.Contains([]string{
				"/akin.v1.PaperService/ImportPapers vector", // its space is checked first; see TestVectorsOfAnImport
			}, name) {
				missing = append(missing, name)
			}
		}
	}
	return missing
}

// methodsOf goes through the methods of akin's services.
func methodsOf() func(yield func(protoreflect.MethodDescriptor) bool) {
	return func(yield func(protoreflect.MethodDescriptor) bool) {
		protoregistry.GlobalFiles.RangeFilesByPackage("akin.v1", func(f protoreflect.FileDescriptor) bool {
			for i := range f.Services().Len() {
				methods := f.Services().Get(i).Methods()
				for k := range methods.Len() {
					if !yield(methods.Get(k)) {
						return false
					}
				}
			}
			return true
		})
	}
}

// Every method that has a read mask refuses one that names no field, before it does
// anything else, and every number that an enum does not define.
func TestMasksAndEnumsOfAllMethods(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	s.upsert(t, &akinv1.Paper{Id: "a", Title: "Alpha"})
	masks, enums := 0, 0
	for m := range methodsOf() {
		name := fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name())
		fields := m.Input().Fields()
		for i := range fields.Len() {
			f := fields.Get(i)
			req := newMessage(t, m.Input())
			if id := fields.ByName("id"); id != nil {
				req.ProtoReflect().Set(id, protoreflect.ValueOfString("a"))
			}
			var words string
			at := string(f.Name())
			switch {
			case f.Name() == "read_mask":
				masks++
				mask := &fieldmaskpb.FieldMask{Paths: []string{"title", "no_field"}}
				req.ProtoReflect().Set(f, protoreflect.ValueOfMessage(mask.ProtoReflect()))
				words = `has path "no_field", which is not a field of Paper`
			case f.Enum() != nil && f.IsList():
				enums++
				req.ProtoReflect().Mutable(f).List().Append(protoreflect.ValueOfEnum(99))
				words, at = "is 99, which is not a value of "+string(f.Enum().Name()), at+"[0]"
			case f.Enum() != nil:
				enums++
				req.ProtoReflect().Set(f, protoreflect.ValueOfEnum(99))
				words = "is 99, which is not a value of " + string(f.Enum().Name())
			default:
				continue
			}
			got := tell(t, status.Convert(s.invoke(t, name, req)))
			if got.code != codes.InvalidArgument || !strings.Contains(got.violations[at], words) {
				t.Errorf("%s, %s: %+v", name, f.Name(), got)
			}
		}
	}
	if masks < 7 || enums < 10 {
		t.Errorf("only %d masks and %d enums were tried", masks, enums)
	}
}

// A page size beyond the limit is cut, not refused, and what a server says of its
// limits is what it keeps.
func TestLimitsAreSaid(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	s.upsert(t, &akinv1.Paper{Id: "a", Title: "Alpha"})
	info, err := s.Info.GetServerInfo(t.Context(), &akinv1.GetServerInfoRequest{})
	if err != nil {
		t.Fatal(err)
	}
	l := info.GetLimits()
	for name, c := range map[string]struct {
		method, field string
		limit         int32
		req           func(n int32) proto.Message
	}{
		"max_query_bytes": {akinv1.SearchService_Search_FullMethodName, "query", l.GetMaxQueryBytes(), func(n int32) proto.Message {
			return &akinv1.SearchRequest{Query: long[:n]}
		}},
		"max_title_bytes": {akinv1.PaperService_UpsertPaper_FullMethodName, "paper.title", l.GetMaxTitleBytes(), func(n int32) proto.Message {
			return &akinv1.UpsertPaperRequest{Paper: &akinv1.Paper{Id: "b", Title: long[:n]}}
		}},
		"max_abstract_bytes": {akinv1.PaperService_UpsertPaper_FullMethodName, "paper.abstract", l.GetMaxAbstractBytes(), func(n int32) proto.Message {
			return &akinv1.UpsertPaperRequest{Paper: &akinv1.Paper{Id: "b", Title: "B", Abstract: long[:n]}}
		}},
		"max_batch_size": {akinv1.PaperService_BatchDeletePapers_FullMethodName, "ids", l.GetMaxBatchSize(), func(n int32) proto.Message {
			return &akinv1.BatchDeletePapersRequest{Ids: repeat(int(n), "none")}
		}},
	} {
		if err := s.invoke(t, c.method, c.req(c.limit)); c.limit == 0 || err != nil {
			t.Errorf("%s is %d, and %d are refused: %.200v", name, c.limit, c.limit, err)
		}
		if got := tell(t, status.Convert(s.invoke(t, c.method, c.req(c.limit+1)))); got.violations[c.field] == "" {
			t.Errorf("%s is %d, and %d are taken: %+v", name, c.limit, c.limit+1, got)
		}
	}
	if _, err := s.Search.Search(t.Context(), &akinv1.SearchRequest{Query: "alpha", PageSize: l.GetMaxPageSize() + 1}); err != nil {
		t.Errorf("a larger page: %v", err)
	}
	if l.GetMaxMessageBytes() != rpc.MaxMessageBytes || l.GetPageTokenTtlSeconds() != 600 || l.GetMaxResults() != 1000 {
		t.Errorf("limits: %v", l)
	}
	huge := &akinv1.TokenizeRequest{Texts: []string{strings.Repeat("x", rpc.MaxMessageBytes)}}
	_, err = akinv1.NewEmbeddingServiceClient(s.Conn).Tokenize(t.Context(), huge, grpc.MaxCallSendMsgSize(2*rpc.MaxMessageBytes))
	if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "larger than max") {
		t.Errorf("a message beyond the limit: %.200v", err)
	}
}
