package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

// testBadInput sends what clients get wrong; each is answered with a code, a
// reason and the field at fault, and the server goes on.
func testBadInput(t *testing.T, s *server) {
	c, err := client.Dial(s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := t.Context()
	for name, tc := range map[string]struct {
		call          func() error
		code          codes.Code
		reason, field string
	}{
		"empty query":         {func() error { return search(t, c, "", 0) }, codes.InvalidArgument, "INVALID_FIELD", "query"},
		"blank query":         {func() error { return search(t, c, " \n", 0) }, codes.InvalidArgument, "INVALID_FIELD", "query"},
		"query of 10 MB":      {func() error { return search(t, c, strings.Repeat("x", 10<<20), 0) }, codes.InvalidArgument, "INVALID_FIELD", "query"},
		"message of 40 MB":    {func() error { return search(t, c, strings.Repeat("x", 31<<20), 0) }, codes.InvalidArgument, "INVALID_FIELD", "query"},
		"negative page size":  {func() error { return search(t, c, "x", -1) }, codes.InvalidArgument, "INVALID_FIELD", "page_size"},
		"page size zero":      {func() error { return search(t, c, "x", 0) }, codes.OK, "", ""},
		"page size a million": {func() error { return search(t, c, "x", 1_000_000) }, codes.OK, "", ""},
		"unknown paper": {func() error {
			_, err := c.Search.Similar(ctx, &akinv1.SimilarRequest{PaperIds: []string{"none"}})
			return err
		}, codes.NotFound, "PAPER_NOT_FOUND", ""},
		"neither id nor text": {func() error {
			_, err := c.Search.Similar(ctx, &akinv1.SimilarRequest{})
			return err
		}, codes.InvalidArgument, "INVALID_FIELD", "paper_ids"},
		"no likes": {func() error {
			_, err := c.Search.Recommend(ctx, &akinv1.RecommendRequest{})
			return err
		}, codes.InvalidArgument, "INVALID_FIELD", "positive"},
		"a like twice": {func() error {
			like := &akinv1.Example{Example: &akinv1.Example_PaperId{PaperId: "x"}}
			_, err := c.Search.Recommend(ctx, &akinv1.RecommendRequest{Positive: []*akinv1.Example{like, like}})
			return err
		}, codes.InvalidArgument, "INVALID_FIELD", "positive[1].paper_id"},
		"unknown collection": {func() error {
			_, err := c.Search.Search(ctx, &akinv1.SearchRequest{Query: "x", Collection: "other"})
			return err
		}, codes.NotFound, "COLLECTION_NOT_FOUND", ""},
		"bad collection name": {func() error {
			_, err := c.Search.Search(ctx, &akinv1.SearchRequest{Query: "x", Collection: "../x"})
			return err
		}, codes.InvalidArgument, "INVALID_FIELD", "collection"},
		"paper without text": {func() error {
			_, err := c.Papers.UpsertPaper(ctx, &akinv1.UpsertPaperRequest{Paper: &akinv1.Paper{Id: "x"}})
			return err
		}, codes.InvalidArgument, "INVALID_FIELD", "paper.title"},
		"long text that must not be cut": {func() error {
			_, err := c.Embed.Embed(ctx, &akinv1.EmbedRequest{
				Truncation: akinv1.Truncation_TRUNCATION_ERROR,
				Inputs:     []*akinv1.EmbedInput{{Input: &akinv1.EmbedInput_Text{Text: strings.Repeat("word ", 999)}}},
			})
			return err
		}, codes.InvalidArgument, "TEXT_TOO_LONG", "inputs[0]"},
		"min score": {func() error {
			score := 7.5
			_, err := c.Search.Search(ctx, &akinv1.SearchRequest{Query: "x", MinScore: &score})
			return err
		}, codes.InvalidArgument, "INVALID_FIELD", "min_score"},
	} {
		t.Run(name, func(t *testing.T) { checkStatus(t, tc.call(), tc.code, tc.reason, tc.field) })
	}
}

func search(t *testing.T, c *client.Client, query string, size int32) error {
	resp, err := c.Search.Search(t.Context(), &akinv1.SearchRequest{Query: query, PageSize: size})
	if err == nil && (size == 0 && len(resp.GetResults()) != 10 || size > 1000 && len(resp.GetResults()) != 132) {
		t.Errorf("page size %d gave %d results", size, len(resp.GetResults()))
	}
	return err
}

func checkStatus(t *testing.T, err error, code codes.Code, reason, field string) {
	t.Helper()
	s := status.Convert(err)
	if s.Code() != code {
		t.Fatalf("%v, want code %v", err, code)
	}
	if code == codes.OK {
		return
	}
	var gotReason, gotField string
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			gotReason = d.GetReason()
		case *errdetails.BadRequest:
			gotField = d.GetFieldViolations()[0].GetField()
		}
	}
	if gotReason != reason || gotField != field {
		t.Errorf("reason %q, field %q, want %q, %q: %v", gotReason, gotField, reason, field, err)
	}
}

// testHTTP talks JSON to the gateway, with ids that are hard on paths.
func testHTTP(t *testing.T, s *server) {
	for _, id := range []string{"a/b", "arXiv:1/2", "50% off", "x y", "a:batchGet", "ümläut+plus?q#f", "dot.", "a//b"} {
		body, err := json.Marshal(map[string]any{"id": id, "title": "A paper called " + id})
		if err != nil {
			t.Fatal(err)
		}
		call(t, http.StatusOK, http.MethodPost, s.http+"/v1/papers", string(body), "")
		escaped := s.http + "/v1/papers/" + url.PathEscape(id)
		if got := call(t, http.StatusOK, http.MethodGet, escaped, "", ""); got["id"] != id {
			t.Errorf("get %q gave %v", id, got["id"])
		}
		if got := call(t, http.StatusOK, http.MethodGet, s.http+"/v1/papers:batchGet?ids="+url.QueryEscape(id), "", ""); len(got["papers"].([]any)) != 1 {
			t.Errorf("batchGet %q gave %v", id, got)
		}
		call(t, http.StatusOK, http.MethodDelete, escaped, "", "")
		call(t, http.StatusNotFound, http.MethodGet, escaped, "", "")
	}
	got := call(t, http.StatusOK, http.MethodPost, s.http+"/v1/search", `{"query":"graph neural networks","pageSize":1}`, "")
	first := got["results"].([]any)[0].(map[string]any)
	if first["paper"].(map[string]any)["title"] == "" || first["score"].(float64) < 0.3 {
		t.Errorf("search gave %v", first)
	}
	call(t, http.StatusBadRequest, http.MethodPost, s.http+"/v1/search", `{"query":""}`, "")
	call(t, http.StatusBadRequest, http.MethodPost, s.http+"/v1/search", "{\"query\":\"\xff\xfe\"}", "")
	call(t, http.StatusBadRequest, http.MethodPost, s.http+"/v1/search", `{"query":`, "")
	call(t, http.StatusNotFound, http.MethodGet, s.http+"/v1/nothing", "", "")
	call(t, http.StatusMethodNotAllowed, http.MethodDelete, s.http+"/v1/search", "", "")
	call(t, http.StatusBadRequest, http.MethodGet, s.http+"/v1/search?query=%FF%FE", "", "")
	call(t, http.StatusBadRequest, http.MethodGet, s.http+"/v1/search?query=x&page_sise=3", "", "")
	call(t, http.StatusOK, http.MethodGet, s.http+"/v1/search?query=x&page_size=3&readMask=id,title", "", "")
	call(t, http.StatusBadRequest, http.MethodPatch, s.http+"/v1/papers/arXiv:1810.04805?update_mask=revision", `{"title":"x"}`, "")
	call(t, http.StatusForbidden, http.MethodPost, s.http+"/v1/search", `{"query":"x"}`, "evil.example")
	call(t, http.StatusBadRequest, http.MethodPost, s.http+"/v1/search", fmt.Sprintf(`{"query":%q}`, strings.Repeat("x", 10<<20)), "")
	resp, err := http.Post(s.http+"/v1/papers", "text/plain", strings.NewReader(`{"id":"x","title":"y"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("a write that is not JSON: %s", resp.Status)
	}
	if spec := call(t, http.StatusOK, http.MethodGet, s.http+"/openapi.json", "", ""); spec["paths"].(map[string]any)["/v1/search"] == nil {
		t.Error("the OpenAPI file does not know /v1/search")
	}
	call(t, http.StatusOK, http.MethodGet, s.http+"/readyz", "", "")
}

// call sends a request and expects a status; it gives the JSON answer.
func call(t *testing.T, want int, method, address, body, host string) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if host != "" {
		req.Host = host
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != want {
		t.Errorf("%s %.100s: %s, want %d: %.300s", method, address, resp.Status, want, raw)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Errorf("%s %.100s: not JSON: %.300q", method, address, raw)
	}
	if want >= 400 && (out["message"] == "" || len(out["details"].([]any)) == 0) {
		t.Errorf("%s %.100s: an error without message or details: %.300s", method, address, raw)
	}
	return out
}

// A connection that never says anything does not hold up the stop.
func TestStopIsBounded(t *testing.T) {
	s := host(t, t.TempDir()+"/data")
	conn, err := net.Dial("tcp", s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.stop(t) // the test's own limit is the bound: a busy machine is slow
}
