package rpc_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcgzip "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/client"
	"akin/internal/paper"
	"akin/internal/rpc"
	"akin/internal/rpc/rpctest"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

// served is a server with a small collection.
type served struct {
	*rpctest.Server
	*client.Client
}

func serve(t *testing.T, options rpc.GatewayOptions) *served {
	t.Helper()
	return serveWith(t, rpctest.Options{Gateway: options})
}

func serveWith(t *testing.T, options rpctest.Options) *served {
	t.Helper()
	s := rpctest.Serve(t, options)
	return &served{Server: s, Client: s.Client}
}

func (s *served) upsert(t *testing.T, papers ...*akinv1.Paper) {
	t.Helper()
	got, err := s.Papers.BatchUpsertPapers(t.Context(), &akinv1.BatchUpsertPapersRequest{Papers: papers})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range got.GetOutcomes() {
		if o.GetError() != nil {
			t.Fatal(o.GetError())
		}
	}
}

// call sends a request and gives status, header and body.
func (s *served) call(t *testing.T, method, path, body string, header ...string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(raw)
}

func TestFieldMasksInEitherSpelling(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	s.upsert(t, &akinv1.Paper{Id: "a", Title: "Masks of ytterbium", ArxivId: "2001.00001", Venue: "V"})
	for _, tc := range []struct {
		mask string
		has  []string // of the paper in the answer
	}{
		{"arxiv_id", []string{"arxivId"}},
		{"arxivId", []string{"arxivId"}},
		{"arxiv_id, title", []string{"arxivId", "title"}},
		{"arxivId,,venue", []string{"arxivId", "venue"}},
		{"", []string{"arxivId", "id", "title", "venue"}},
		{"*", []string{"arxivId", "id", "title", "venue"}},
		{"nope", nil},
		{"title.x", nil},
	} {
		query := "read_mask=" + url.QueryEscape(tc.mask)
		quoted, _ := json.Marshal(tc.mask)
		list, _ := json.Marshal(strings.Split(tc.mask, ","))
		for _, r := range []struct{ method, path, body string }{
			{"GET", "/v1/papers/a?" + query, ""},
			{"GET", "/v1/papers/a?readMask=" + url.QueryEscape(tc.mask), ""},
			{"GET", "/v1/papers?" + query, ""},
			{"GET", "/v1/papers:export?" + query, ""},
			{"GET", "/v1/papers:batchGet?ids=a&" + query, ""},
			{"POST", "/v1/papers:batchGet", fmt.Sprintf(`{"ids":["a"],"read_mask":%s}`, quoted)},
			{"GET", "/v1/search?query=ytterbium&" + query, ""},
			{"POST", "/v1/search", fmt.Sprintf(`{"query":"ytterbium","read_mask":%s}`, quoted)},
			{"POST", "/v1/search", fmt.Sprintf(`{"query":"ytterbium","readMask":%s}`, quoted)},
			{"POST", "/v1/search", fmt.Sprintf(`{"query":"ytterbium","readMask":%s}`, list)},
			{"POST", "/v1/search", fmt.Sprintf(`{"query":"ytterbium","readMask":{"paths":%s}}`, list)},
			{"POST", "/v1/similar", fmt.Sprintf(`{"text":{"title":"x"},"read_mask":%s}`, quoted)},
			{"POST", "/v1/recommend", fmt.Sprintf(`{"positive":[{"text":{"title":"x"}}],"read_mask":%s}`, quoted)},
		} {
			code, _, body := s.call(t, r.method, r.path, r.body)
			if tc.has == nil {
				if !strings.Contains(body, "read_mask has path") || code != 200 && code != 400 {
					t.Errorf("%s %s %s: %d %s", r.method, r.path, r.body, code, body)
				}
				continue
			}
			if got := fieldsOfPaper(body); code != 200 || !slices.Equal(got, tc.has) {
				t.Errorf("%s %s %s: %d, fields %v, want %v", r.method, r.path, r.body, code, got, tc.has)
			}
		}
	}
	for _, body := range []string{`{"query":"x","read_mask":7}`, `{"query":"x","read_mask":{"paths":1}}`} {
		if code, _, got := s.call(t, "POST", "/v1/search", body); code != 400 || !strings.Contains(got, "read_mask is no field mask") {
			t.Errorf("%s: %d %s", body, code, got)
		}
	}
}

// fieldsOfPaper gives the text fields that the first paper of an answer has.
func fieldsOfPaper(body string) (names []string) {
	at := strings.Index(body, `"id":`)
	if at < 0 {
		return nil
	}
	for _, name := range []string{"arxivId", "id", "title", "venue"} {
		_, after, _ := strings.Cut(body[at:], `"`+name+`":`)
		after, _, _ = strings.Cut(strings.TrimSpace(after), ",")
		if len(after) > 2 && !strings.HasPrefix(after, `""`) {
			names = append(names, name)
		}
	}
	return names
}

func TestPatchChangesWhatItsBodyNames(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	for _, tc := range []struct {
		path, body string
		code       int
		want       string // in the answer
		venue      string
		year       int32
		pages      string
	}{
		{"a", `{"publish_date":{"year":2020}}`, 200, "", "V", 2020, "7"},
		{"a", `{"publishDate":{"year":2021,"month":5}}`, 200, "", "V", 2021, "7"},
		{"a?update_mask=publishDate", `{"publishDate":{"year":2020}}`, 200, "", "V", 2020, "7"},
		{"a?updateMask=publish_date", `{"publishDate":{"year":2020},"venue":"W"}`, 200, "", "V", 2020, "7"},
		{"a?update_mask=", `{"venue":"W"}`, 200, "", "W", 2001, "7"},
		{"a", `{"metadata":{"x":"1"}}`, 200, "", "V", 2001, ""},
		{"a", `{"id":"a","venue":"W","revision":"9","createTime":"2020-01-01T00:00:00Z"}`, 200, "", "W", 2001, "7"},
		{"a?update_mask=venue", `{}`, 200, "", "", 2001, "7"},
		{"a", `{}`, 400, "the body names no field to change", "V", 2001, "7"},
		{"a", `{"id":"a"}`, 400, "the body names no field to change", "V", 2001, "7"},
		{"a", `{"vennue":"W"}`, 400, "vennue", "V", 2001, "7"},
		{"a?update_mask=revision", `{"venue":"W"}`, 400, "output only", "V", 2001, "7"},
		{"a?update_mask=metadata.pages", `{"metadata":{"pages":"8"}}`, 400, "only whole fields can be named", "V", 2001, "7"},
		{"a", `[]`, 400, "", "V", 2001, "7"},
		{"none?allow_missing=false", `{"venue":"W"}`, 404, "none", "V", 2001, "7"},
	} {
		s.upsert(t, &akinv1.Paper{Id: "a", Title: "T", Venue: "V", PublishDate: wire.ToDate(paper.Date{Year: 2001, Month: 3, Day: 4}), Metadata: map[string]string{"pages": "7"}})
		code, _, body := s.call(t, "PATCH", "/v1/papers/"+tc.path, tc.body)
		if code != tc.code || !strings.Contains(body, tc.want) || strings.Contains(body, "rpc error") {
			t.Errorf("PATCH %s %s: %d %s, want %d", tc.path, tc.body, code, body, tc.code)
		}
		got, err := s.Papers.GetPaper(t.Context(), &akinv1.GetPaperRequest{Id: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if got.GetTitle() != "T" || got.GetVenue() != tc.venue || got.GetPublishDate().GetYear() != tc.year || got.GetMetadata()["pages"] != tc.pages {
			t.Errorf("PATCH %s %s made %v", tc.path, tc.body, got)
		}
		if tc.year == 2020 && got.GetPublishDate().GetMonth() != 0 {
			t.Errorf("PATCH %s %s keeps part of the date that was there: %v", tc.path, tc.body, got.GetPublishDate())
		}
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	s.upsert(t, &akinv1.Paper{Id: "a/b", Title: "T"})
	for path, want := range map[string]int{
		"/healthz": 200, "/readyz": 200, "/openapi.json": 200, "/v1/info": 200, "/v1/papers/a/b": 200, "/v1/papers/none": 404, "/v1/models": 200,
		"/v1/papers": 200, "/v1/search?query=x": 200, "/v1/none": 404, "/v1/recommend": 405, "/v1/papers:export": 405, "/v1/duplicates": 405,
	} {
		if code, _, body := s.call(t, "HEAD", path, ""); code != want || body != "" {
			t.Errorf("HEAD %s: %d %q, want %d", path, code, body, want)
		}
	}
}

func packed(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}

func TestGzip(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	for i := range 20 {
		s.upsert(t, &akinv1.Paper{Id: fmt.Sprint(i), Title: "Compressed " + strings.Repeat("words ", 50)})
	}
	got, err := akinv1.NewPaperServiceClient(s.Conn).ListPapers(t.Context(), &akinv1.ListPapersRequest{}, grpc.UseCompressor(grpcgzip.Name))
	if err != nil || len(got.GetPapers()) != 20 {
		t.Errorf("gRPC with compression: %d papers, %v", len(got.GetPapers()), err)
	}
	for _, path := range []string{"/v1/papers", "/v1/papers:export", "/openapi.json"} {
		code, header, body := s.call(t, "GET", path, "", "Accept-Encoding", "gzip")
		if code != 200 || header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %d, encoding %q", path, code, header.Get("Content-Encoding"))
			continue
		}
		z, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(z)
		if _, _, want := s.call(t, "GET", path, "", "Accept-Encoding", "identity"); err != nil || len(plain) != len(want) {
			t.Errorf("%s: %d bytes, %v; without compression %d", path, len(plain), err, len(want))
		}
	}
	for _, tc := range []struct {
		body, encoding string
		code           int
		want           string
	}{
		{packed(`{"query":"words"}`), "gzip", 200, `"results"`},
		{packed(`{"query":`), "gzip", 400, "BAD_REQUEST"},
		{`{"query":"words"}`, "gzip", 400, "not gzip"},
		{`{"query":"words"}`, "br", 415, `Content-Encoding is \"br\"`},
		{packed(`{"query":"` + strings.Repeat("x", 33<<20) + `"}`), "gzip", 413, "BODY_TOO_LARGE"},
	} {
		if code, _, body := s.call(t, "POST", "/v1/search", tc.body, "Content-Encoding", tc.encoding); code != tc.code || !strings.Contains(body, tc.want) {
			t.Errorf("%s of %d bytes: %d %.300s", tc.encoding, len(tc.body), code, body)
		}
	}
}

func TestOtherPages(t *testing.T) {
	closed, open := serve(t, rpc.GatewayOptions{}), serve(t, rpc.GatewayOptions{Origins: []string{"https://papers.example.org"}})
	ask := func(s *served, method, origin string, header ...string) http.Header {
		_, got, _ := s.call(t, method, "/v1/info", "", append(header, "Origin", origin)...)
		return got
	}
	if got := ask(closed, "GET", "https://papers.example.org").Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("without origins, %q may read", got)
	}
	if got := ask(open, "GET", "https://papers.example.org").Get("Access-Control-Allow-Origin"); got != "https://papers.example.org" {
		t.Errorf("the origin may not read: %q", got)
	}
	if got := ask(open, "GET", "https://evil.example.org").Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("another origin may read: %q", got)
	}
	if got := ask(open, "OPTIONS", "https://papers.example.org", "Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "content-type"); got.Get("Access-Control-Allow-Methods") != "PATCH" {
		t.Errorf("a preflight is answered %v", got)
	}
	for _, origin := range []string{"papers.example.org", "https://*.example.org", "https://papers.example.org/", "https://papers.example.org/x", ""} {
		if _, err := rpc.NewGateway(t.Context(), open.Conn, rpc.GatewayOptions{Origins: []string{origin}}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "write scheme and host") {
			t.Errorf("origin %q: %v", origin, err)
		}
	}
}

func TestErrorsOverHTTP(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	for _, tc := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "/v1/papers?pagesize=3", "", 400, `query parameter \"pagesize\" is not one of this method`},
		{"GET", "/v1/papers?page_size=x", "", 400, "page_size"},
		{"GET", "/v1/papers?page_size=-1", "", 400, "must not be negative"},
		{"POST", "/v1/search", `{"query":`, 400, "ends in the middle of its JSON"},
		{"POST", "/v1/search", `{"qurey":"x"}`, 400, "qurey"},
		{"POST", "/v1/search", `{"query":"x","page_size":"y"}`, 400, "pageSize"},
		{"GET", "/v1/papers/none", "", 404, `paper \"none\" is not in the collection`},
		{"PUT", "/v1/papers", `{}`, 405, "PUT is not a method of"},
		{"GET", "/v1/none", "", 404, "there is no /v1/none"},
		{"GET", "/v1/models/gpt", "", 404, "model_not_found"},
		{"GET", "/v1/papers?filter=%5B", "", 400, "at column 1"},
		{"GET", "/v1/papers", "", 200, `"papers"`},
	} {
		code, _, body := s.call(t, tc.method, tc.path, tc.body)
		if code != tc.code || !strings.Contains(body, tc.want) || strings.Contains(body, "rpc error") {
			t.Errorf("%s %s %s: %d %s", tc.method, tc.path, tc.body, code, body)
		}
	}
	if code, _, body := s.call(t, "GET", "/v1/models", ""); code != 200 || !strings.Contains(body, `"id":"words"`) || !strings.Contains(body, `"object":"list"`) {
		t.Errorf("models: %d %s", code, body)
	}
	if code, _, body := s.call(t, "GET", "/v1/models/words", ""); code != 200 || !strings.Contains(body, `"object":"model"`) {
		t.Errorf("a model: %d %s", code, body)
	}
}

// The OpenAPI file names every route that is served, each once.
func TestOpenAPI(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	_, _, body := s.call(t, "GET", "/openapi.json", "")
	var doc struct {
		OpenAPI string
		Info    struct{ Title string }
		Paths   map[string]map[string]any
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") || doc.Info.Title != "akin" {
		t.Errorf("it is of version %q and has the title %q", doc.OpenAPI, doc.Info.Title)
	}
	for _, path := range []string{"/v1/embeddings", "/v1/models", "/healthz", "/readyz", "/v1/search", "/v1/papers/{id}"} {
		if doc.Paths[path] == nil {
			t.Errorf("%s is not there", path)
		}
	}
	templates := make(map[string]string)
	for path, item := range doc.Paths {
		made := path
		for strings.Contains(made, "{") {
			before, rest, _ := strings.Cut(made, "{")
			_, after, _ := strings.Cut(rest, "}")
			made = before + "x" + after
		}
		if other, ok := templates[made]; ok {
			t.Errorf("%s and %s are the same", path, other)
		}
		templates[made] = path
		for method := range item {
			sent := ""
			if method == "post" || method == "patch" {
				sent = `{"vennue":1}`
			}
			code, _, answer := s.call(t, strings.ToUpper(method), made, sent)
			if code == 405 || strings.Contains(answer, "NO_SUCH_METHOD") {
				t.Errorf("%s %s is not served: %d %s", method, path, code, answer)
			}
		}
	}
}

// A client that sets nothing takes 4 MiB: whatever the papers hold, it can read all
// of them, page by page.
func TestAnswersAreCutByTheirSize(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	const n = 60
	large := strings.Repeat("full text ", 12_000) // 120 kB
	for i := range n {
		s.upsert(t, &akinv1.Paper{Id: fmt.Sprintf("p%02d", i), Title: fmt.Sprintf("Search for the boson in channel %d", i), Metadata: map[string]string{"text": large}})
	}
	papers, search, tokens := akinv1.NewPaperServiceClient(s.Conn), akinv1.NewSearchServiceClient(s.Conn), akinv1.NewEmbeddingServiceClient(s.Conn)
	off := false
	for name, page := range map[string]func(token string) (sizedAnswer, []string, error){
		"Search": func(token string) (sizedAnswer, []string, error) {
			r, err := search.Search(t.Context(), &akinv1.SearchRequest{Query: "boson channel", PageSize: n, CollapseVersions: &off, PageToken: token})
			return r, resultIDs(r.GetResults()), err
		},
		"Similar": func(token string) (sizedAnswer, []string, error) {
			r, err := search.Similar(t.Context(), &akinv1.SimilarRequest{PaperIds: []string{"p01"}, IncludeSelf: true, PageSize: n, CollapseVersions: &off, PageToken: token})
			return r, resultIDs(r.GetResults()), err
		},
		"Recommend": func(token string) (sizedAnswer, []string, error) {
			r, err := search.Recommend(t.Context(), &akinv1.RecommendRequest{
				Positive: []*akinv1.Example{{Example: &akinv1.Example_Text{Text: &akinv1.Text{Title: "boson"}}}}, PageSize: n, CollapseVersions: &off, PageToken: token,
			})
			return r, resultIDs(r.GetResults()), err
		},
		"ListPapers": func(token string) (sizedAnswer, []string, error) {
			r, err := papers.ListPapers(t.Context(), &akinv1.ListPapersRequest{PageSize: 1000, PageToken: token})
			return r, paperIDs(r.GetPapers()), err
		},
		"BatchGetPapers": func(token string) (sizedAnswer, []string, error) {
			req := &akinv1.BatchGetPapersRequest{PageToken: token}
			for i := range n {
				req.Ids = append(req.Ids, fmt.Sprintf("p%02d", i), fmt.Sprintf("none%02d", i))
			}
			r, err := papers.BatchGetPapers(t.Context(), req)
			return r, append(paperIDs(r.GetPapers()), r.GetMissingIds()...), err
		},
	} {
		var all []string
		pages := 0
		for token := ""; pages == 0 || token != ""; pages++ {
			r, ids, err := page(token)
			if err != nil || proto.Size(r) > 4<<20 || len(ids) == 0 {
				t.Fatalf("%s: page %d of %d bytes with %d papers, %v", name, pages, proto.Size(r), len(ids), err)
			}
			all, token = append(all, ids...), r.GetNextPageToken()
		}
		slices.Sort(all)
		want := n
		if name == "BatchGetPapers" {
			want = 2 * n
		}
		if all = slices.Compact(all); len(all) != want || pages != 2 {
			t.Errorf("%s gave %d papers on %d pages", name, len(all), pages)
		}
	}
	stream, err := papers.ExportPapers(t.Context(), &akinv1.ExportPapersRequest{})
	if err != nil {
		t.Fatal(err)
	}
	exported := 0
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || proto.Size(r) > 2<<20 {
			t.Fatalf("export: %d bytes, %v", proto.Size(r), err)
		}
		exported += len(r.GetPapers())
	}
	if exported != n {
		t.Errorf("%d papers were exported", exported)
	}
	masked, err := search.Search(t.Context(), &akinv1.SearchRequest{Query: "boson", PageSize: n, CollapseVersions: &off, ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"id"}}})
	if err != nil || len(masked.GetResults()) != n {
		t.Errorf("with a mask, a page has %d papers, %v", len(masked.GetResults()), err)
	}
	testTokenPages(t, tokens)
	testAskingForMore(t, s, papers)
}

// sizedAnswer is an answer in pages.
type sizedAnswer interface {
	proto.Message
	GetNextPageToken() string
}

func resultIDs(results []*akinv1.Result) (ids []string) {
	for _, r := range results {
		ids = append(ids, r.GetPaper().GetId())
	}
	return ids
}

func paperIDs(papers []*akinv1.Paper) (ids []string) {
	for _, p := range papers {
		ids = append(ids, p.GetId())
	}
	return ids
}

// testTokenPages reads the tokens of long texts page by page.
func testTokenPages(t *testing.T, tokens akinv1.EmbeddingServiceClient) {
	const first, second = 300_000, 200_000
	req := &akinv1.TokenizeRequest{Texts: []string{strings.Repeat("word ", first), "", strings.Repeat("other ", second)}, Detail: true}
	counts := make([]int, len(req.GetTexts()))
	pages := 0
	for more := true; more; more = req.PageToken != "" {
		r, err := tokens.Tokenize(t.Context(), req)
		if err != nil || proto.Size(r) > 4<<20 {
			t.Fatalf("page %d of %d bytes: %v", pages, proto.Size(r), err)
		}
		for i, part := range r.GetResults() {
			if len(part.GetPieces()) != len(part.GetIds()) || len(part.GetOffsets()) != len(part.GetIds()) {
				t.Fatalf("page %d: %d ids, %d pieces, %d offsets", pages, len(part.GetIds()), len(part.GetPieces()), len(part.GetOffsets()))
			}
			counts[int(r.GetFirstText())+i] += len(part.GetIds())
		}
		pages++
		req.PageToken = r.GetNextPageToken()
	}
	if !slices.Equal(counts, []int{first, 0, second}) || pages < 2 {
		t.Errorf("%d pages have %v tokens", pages, counts)
	}
	req.PageToken = "AAAAAAAA"
	if _, err := tokens.Tokenize(t.Context(), req); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a foreign token: %v", err)
	}
}

// testAskingForMore reads a paper that is larger than a client takes by default.
func testAskingForMore(t *testing.T, s *served, papers akinv1.PaperServiceClient) {
	huge := &akinv1.Paper{Id: "huge", Title: "Everybody wrote this"}
	for range 1000 {
		huge.Authors = append(huge.Authors, &akinv1.Author{Name: strings.Repeat("x", 5_000)})
	}
	written, err := papers.UpsertPaper(t.Context(), &akinv1.UpsertPaperRequest{Paper: huge})
	if err != nil || written.GetPaper().GetId() != "huge" || written.GetPaper().GetRevision() == 0 || written.GetPaper().GetAuthors() != nil {
		t.Errorf("a write says %.200v, %v", written, err)
	}
	_, err = papers.GetPaper(t.Context(), &akinv1.GetPaperRequest{Id: "huge"})
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "this call takes 4194304") || !strings.Contains(err.Error(), wire.ResponseLimitKey) {
		t.Errorf("too large: %v", err)
	}
	reason := ""
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			reason = info.GetReason()
		}
	}
	if reason != paper.ReasonResponseTooLarge {
		t.Errorf("the reason is %q", reason)
	}
	more := metadata.AppendToOutgoingContext(t.Context(), wire.ResponseLimitKey, strconv.Itoa(8<<20))
	if got, err := papers.GetPaper(more, &akinv1.GetPaperRequest{Id: "huge"}, grpc.MaxCallRecvMsgSize(8<<20)); err != nil || len(got.GetAuthors()) != 1000 {
		t.Errorf("asked for 8 MiB: %v", err)
	}
	for _, limit := range []string{"x", "-1", "100"} {
		bad := metadata.AppendToOutgoingContext(t.Context(), wire.ResponseLimitKey, limit)
		if _, err := papers.GetPaper(bad, &akinv1.GetPaperRequest{Id: "huge"}); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "write a number of bytes") {
			t.Errorf("asked for %s: %v", limit, err)
		}
	}
	if got, err := s.Papers.GetPaper(t.Context(), &akinv1.GetPaperRequest{Id: "huge"}); err != nil || len(got.GetAuthors()) != 1000 {
		t.Errorf("akin's own client: %v", err)
	}
	if code, _, body := s.call(t, "GET", "/v1/papers/huge", ""); code != 200 || len(body) < 5_000_000 {
		t.Errorf("HTTP: %d, %d bytes", code, len(body))
	}
	if code, _, body := s.call(t, "GET", "/v1/papers/huge", "", wire.ResponseLimitKey, "4194304"); code != 400 || !strings.Contains(body, "RESPONSE_TOO_LARGE") {
		t.Errorf("HTTP with a limit: %d %.300s", code, body)
	}
	if code, _, body := s.call(t, "GET", "/v1/papers?read_mask=id&page_size=1000", "", wire.ResponseLimitKey, "300000"); code != 200 || strings.Contains(body, "full text") {
		t.Errorf("HTTP with a small limit: %d %.300s", code, body)
	}
	info, err := s.Info.GetServerInfo(t.Context(), &akinv1.GetServerInfoRequest{})
	if l := info.GetLimits(); err != nil || l.GetDefaultResponseBytes() != 4<<20 || l.GetMaxResponseBytes() != 32<<20 {
		t.Errorf("limits are %v, %v", l, err)
	}
}
