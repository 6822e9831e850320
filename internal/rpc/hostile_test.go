package rpc_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"akin/internal/rpc"
	akinv1 "akin/proto/akin/v1"
)

// An error says what is wrong with a request, and does not send back what came.
func TestErrorsAreBrief(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	long := strings.Repeat("x", 100_000)
	for name, c := range map[string]struct{ method, path, body, words string }{
		"a parameter many times":  {"GET", "/v1/papers?" + strings.Repeat("filter=a&", 5_000), "", "is there 5000 times; it takes one value"},
		"both spellings of one":   {"GET", "/v1/papers?page_size=3&pageSize=3&pageSize=4", "", "is there 2 times"},
		"an unknown parameter":    {"GET", "/v1/papers?" + long + "=1", "", "is not one of this method"},
		"a path":                  {"GET", "/v1/" + long, "", "there is no /v1/xxx"},
		"an enum":                 {"POST", "/v1/search", `{"query":"x","mode":"` + long + `"}`, "mode"},
		"a number":                {"POST", "/v1/search", `{"query":"x","page_size":"` + long + `"}`, "pageSize"},
		"an unknown field":        {"POST", "/v1/search", `{"` + long + `":1}`, "unknown field"},
		"an id":                   {"GET", "/v1/papers/" + long, "", ""},
		"a filter":                {"POST", "/v1/search", `{"query":"x","filter":"` + long + `"}`, ""},
		"a page token":            {"POST", "/v1/search", `{"query":"x","page_token":"` + long + `"}`, ""},
		"a name in a mask":        {"POST", "/v1/search", `{"query":"x","read_mask":"` + long + `"}`, ""},
		"half a character":        {"POST", "/v1/search", `{"query":"\ud800"}`, `has \\ud800 at byte 11, which is half of a character`},
		"half of one, in a paper": {"POST", "/v1/papers", `{"title":"\ud800"}`, `has \\ud800 at byte 11`},
		"the other half":          {"POST", "/v1/search", `{"query":"\\\udc00 \ud83d\ude00"}`, `has \\udc00 at byte 13`},
		"two first halves":        {"POST", "/v1/search", `{"query":"\ud83d\ud83d"}`, `has \\ud83d at byte 11`},
		"the beginning of JSON":   {"POST", "/v1/search", `{"query":"x`, "ends in the middle of its JSON, behind byte 11"},
	} {
		code, _, body := s.call(t, c.method, c.path, c.body)
		if code < 400 || code >= 500 || len(body) > 16<<10 || !strings.Contains(body, c.words) {
			t.Errorf("%s: %d, %d bytes, %.300s; want %q", name, code, len(body), body, c.words)
		}
	}
	for _, good := range []string{`{"query":"\ud83d\ude00 \\ud800 x"}`, `{"query":"\\\\ud800"}`} {
		if code, _, body := s.call(t, "POST", "/v1/search", good); code != http.StatusOK {
			t.Errorf("%s: %d %s", good, code, body)
		}
	}
}

// What a body has beside what a request takes is not read to its end.
func TestBodiesOfUnknownFields(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	s.upsert(t, &akinv1.Paper{Id: "p", Title: "One"})
	var fields strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&fields, `"a%d":1,`, i)
	}
	for _, c := range []struct{ method, path, body, words string }{
		{"POST", "/v1/search", `{` + fields.String() + `"query":"x"}`, `unknown field \"a0\"`},
		{"POST", "/v1/search", `{"query":"x",` + fields.String() + `"read_mask":["id"]}`, `unknown field \"a0\"`},
		{"PATCH", "/v1/papers/p", `{` + fields.String() + `"title":"Two"}`, `unknown field \"a0\"`},
		{"POST", "/v1/recommend", `{"positive":[` + strings.Repeat(`{},`, 2_000_000) + `{}]}`, `so many parts`},
		{"POST", "/v1/papers", `{"id":"q","title":"Two","authors":[` + strings.Repeat(`{},`, 2_000_000) + `{}]}`, `so many parts`},
		{"POST", "/v1/search", `{"query":"` + strings.Repeat(`{\"`, 2_000_000) + `"}`, `query`},
		{"POST", "/v1/search", `{` + strings.Repeat(`"query":"x",`, 100_000) + `"query":"x"}`, `duplicate field`},
	} {
		start := time.Now()
		code, _, body := s.call(t, c.method, c.path, c.body)
		if took := time.Since(start); code != http.StatusBadRequest || !strings.Contains(body, c.words) || took > 5*time.Minute {
			t.Errorf("%s %.40s…: %d %.300s after %v, want %q", c.method, c.body, code, body, took, c.words)
		}
	}
}

// What a few megabytes of empty parts would become is found out before, over gRPC as over
// HTTP, and so is what is no message at all.
func TestHollowMessages(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	hollow := bytes.Repeat([]byte{0x0a, 0}, 4<<20) // field 1, empty
	for method, req := range map[string]proto.Message{
		akinv1.PaperService_BatchUpsertPapers_FullMethodName: new(akinv1.BatchUpsertPapersRequest),
		akinv1.PaperService_BatchGetPapers_FullMethodName:    new(akinv1.BatchGetPapersRequest),
		akinv1.PaperService_ImportPapers_FullMethodName:      new(akinv1.ImportPapersRequest),
		akinv1.SearchService_Recommend_FullMethodName:        new(akinv1.RecommendRequest),
		akinv1.SearchService_GetNovelty_FullMethodName:       new(akinv1.GetNoveltyRequest),
		akinv1.EmbeddingService_Embed_FullMethodName:         new(akinv1.EmbedRequest),
		akinv1.EmbeddingService_Tokenize_FullMethodName:      new(akinv1.TokenizeRequest),
	} {
		for want, wire := range map[string][]byte{
			"REQUEST_TOO_HEAVY": hollow, "MALFORMED_MESSAGE": {0x0a, 9, 1},
		} {
			req.ProtoReflect().SetUnknown(wire) // which is sent as it is
			err := s.invoke(t, method, req)
			if got := reason(err); got != "InvalidArgument "+want {
				t.Errorf("%s: %v, %s, want %s", method, err, got, want)
			}
		}
	}
	for _, body := range []string{`{"papers":[` + strings.Repeat(`{},`, 1_000_000) + `{}]}`, `{"ids":[` + strings.Repeat(`"",`, 6_000_000) + `""]}`} {
		path := "/v1/papers:batchUpsert"
		if strings.HasPrefix(body, `{"ids"`) {
			path = "/v1/papers:batchGet"
		}
		if code, _, got := s.call(t, "POST", path, body); code != http.StatusBadRequest || !strings.Contains(got, "REQUEST_TOO_HEAVY") || !strings.Contains(got, "several requests") {
			t.Errorf("%s of %d bytes: %d %.300s", path, len(body), code, got)
		}
	}
}
