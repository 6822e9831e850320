package rpc_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"akin/internal/access"
	"akin/internal/admit"
	"akin/internal/rpc"
	"akin/internal/rpc/rpctest"
	akinv1 "akin/proto/akin/v1"
)

// strangeIDs are ids that need care in a path.
func strangeIDs() []string {
	return []string{
		"plain", "a/b", "a/b/c", "arXiv:2112.09118", "10.1234/x(5)y", "50%", "%2F", "a b", "a:b", "p:export", "a?b", "a#b", "a&b=c", "a+b",
		"ä–ö", "日本", "..", "a/../b", ".", "a;b", `a"b`, `a\b`, "{id}", "a//b", "title:00ff", strings.Repeat("x", 256),
	}
}

// Any id can be read, changed and deleted over HTTP, escaped as a path segment is.
func TestIDsInPaths(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	for _, id := range strangeIDs() {
		t.Run(id, func(t *testing.T) {
			path := "/v1/papers/" + url.PathEscape(id)
			body, _ := json.Marshal(map[string]string{"id": id, "title": "One"})
			if code, _, got := s.call(t, "POST", "/v1/papers", string(body)); code != 200 {
				t.Fatalf("POST: %d %s", code, got)
			}
			if code, _, got := s.call(t, "PATCH", path, `{"title":"Two"}`); code != 200 || !strings.Contains(got, `"CHANGE_UPDATED"`) {
				t.Errorf("PATCH %s: %d %s", path, code, got)
			}
			var read struct{ ID, Title string }
			code, _, got := s.call(t, "GET", path, "")
			if err := json.Unmarshal([]byte(got), &read); err != nil || code != 200 || read.ID != id || read.Title != "Two" {
				t.Errorf("GET %s: %d %s", path, code, got)
			}
			if code, _, got := s.call(t, "DELETE", path, ""); code != 200 {
				t.Errorf("DELETE %s: %d %s", path, code, got)
			}
			code, _, got = s.call(t, "GET", path, "")
			if said := tell(t, statusOf(t, got)); code != 404 || said.resource != "paper "+id {
				t.Errorf("GET %s of nothing: %d %+v", path, code, said)
			}
			if code, _, _ := s.call(t, "DELETE", path, ""); code != 404 {
				t.Errorf("DELETE %s of nothing: %d", path, code)
			}
			if code, _, got := s.call(t, "DELETE", path+"?allow_missing=true", ""); code != 200 {
				t.Errorf("DELETE %s of nothing, which may be missing: %d %s", path, code, got)
			}
		})
	}
	query := url.Values{"ids": strangeIDs()}
	code, _, got := s.call(t, "GET", "/v1/papers:batchGet?"+query.Encode(), "")
	var missing struct{ MissingIDs []string }
	if err := json.Unmarshal([]byte(got), &missing); err != nil || code != 200 || !slices.Equal(missing.MissingIDs, strangeIDs()) {
		t.Errorf("batchGet: %d %v %v", code, missing, err)
	}
}

// An export over HTTP is a line of JSON a group, and its errors come before the
// first of them.
func TestExportOverHTTP(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	var want []string
	for i := range 7 {
		id := fmt.Sprint("p", i)
		want = append(want, id)
		s.upsert(t, &akinv1.Paper{Id: id, Title: "Paper " + id, Venue: "V"})
	}
	code, _, body := s.call(t, "GET", "/v1/papers:export?include_vectors=true&read_mask=id", "")
	var got []string
	for line := range strings.Lines(body) {
		var group struct {
			Result struct {
				Papers []struct {
					Paper  struct{ ID, Title string }
					Vector []float64
				}
			}
		}
		if err := json.Unmarshal([]byte(line), &group); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		for _, p := range group.Result.Papers {
			got = append(got, p.Paper.ID)
			if p.Paper.Title != "" || len(p.Vector) != rpctest.Space().Dimension {
				t.Errorf("of %s there is the title %q and %d numbers", p.Paper.ID, p.Paper.Title, len(p.Vector))
			}
		}
	}
	if slices.Sort(got); code != 200 || !slices.Equal(got, want) {
		t.Errorf("%d: %v", code, got)
	}
	code, _, body = s.call(t, "GET", "/v1/papers:export?filter=%28", "")
	if code != 400 || !strings.Contains(body, "filter") {
		t.Errorf("a bad filter: %d %s", code, body)
	}
	// A client that goes away in the middle.
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/v1/papers:export", http.NoBody)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	resp.Body.Close()
	if code, _, _ := s.call(t, "GET", "/v1/papers/p0", ""); code != 200 {
		t.Errorf("afterwards: %d", code)
	}
}

// What clients of OpenAI's endpoint send is understood, or refused in its shape.
func TestOpenAIRoute(t *testing.T) {
	s := serveWith(t, rpctest.Options{EmbedOnly: true})
	vector, err := rpctest.Vector("alpha beta")
	if err != nil {
		t.Fatal(err)
	}
	many, _ := json.Marshal(map[string]any{"model": "words", "input": repeat(300, "alpha beta")})
	for _, c := range []struct {
		name, body string
		n          int
	}{
		{"one text", `{"model":"words","input":"alpha beta"}`, 1},
		{"a list", `{"model":"default","input":["alpha beta","Alpha  Beta"]}`, 2},
		{"another case", `{"model":"WORDS","input":["alpha beta"],"encoding_format":"float","dimensions":16,"user":"u"}`, 1},
		{"base64", `{"model":"words","input":["alpha beta"],"encoding_format":"base64"}`, 1},
		{"more than one call takes", string(many), 300},
	} {
		code, header, body := s.call(t, "POST", "/v1/embeddings", c.body)
		var got struct {
			Object, Model string
			Data          []struct {
				Object    string
				Index     int
				Embedding json.RawMessage
				Truncated bool
			}
			Usage struct {
				PromptTokens int `json:"prompt_tokens"`
				TotalTokens  int `json:"total_tokens"`
			}
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 {
			t.Fatalf("%s: %d %v %.300s", c.name, code, err, body)
		}
		if got.Object != "list" || got.Model != "words" || len(got.Data) != c.n || got.Usage.PromptTokens != 8*c.n || got.Usage.TotalTokens != 8*c.n || header.Get("X-Akin-Truncated") != "0" {
			t.Errorf("%s: %q of %s, %d vectors, %+v, cut %s", c.name, got.Object, got.Model, len(got.Data), got.Usage, header.Get("X-Akin-Truncated"))
		}
		for i, d := range got.Data {
			if d.Index != i || d.Object != "embedding" || !slices.Equal(numbers(t, d.Embedding), vector) {
				t.Fatalf("%s: vector %d is %s", c.name, i, d.Embedding)
			}
		}
	}
	tooMany, _ := json.Marshal(map[string]any{"model": "words", "input": repeat(2049, "x")})
	for _, c := range []struct {
		method, body string
		code         int
		kind, param  string
		words        string
	}{
		{"GET", "", 405, "invalid_request_error", "", "send a POST"},
		{"POST", `{`, 400, "invalid_request_error", "", "not the JSON"},
		{"POST", "{\"model\":\"words\",\"input\":\"\xff\"}", 400, "invalid_request_error", "", "UTF-8"},
		{"POST", `{"model":"words"}`, 400, "invalid_request_error", "input", "input"},
		{"POST", `{"model":"words","input":[]}`, 400, "invalid_request_error", "input", "give 1 to 2048"},
		{"POST", string(tooMany), 400, "invalid_request_error", "input", "give 1 to 2048"},
		{"POST", `{"model":"words","input":[1,2]}`, 400, "invalid_request_error", "input", "token ids are not supported"},
		{"POST", `{"model":"words","input":[""]}`, 400, "invalid_request_error", "input", "is empty"},
		{"POST", `{"model":"gpt","input":"x"}`, 404, "invalid_request_error", "model", `ask for "default" or "words"`},
		{"POST", `{"input":"x"}`, 404, "invalid_request_error", "model", "is not served here"},
		{"POST", `{"model":"words","input":"x","dimensions":8}`, 400, "invalid_request_error", "dimensions", "only gives 16"},
		{"POST", `{"model":"words","input":"x","encoding_format":"hex"}`, 400, "invalid_request_error", "encoding_format", "neither float nor base64"},
	} {
		code, _, body := s.call(t, c.method, "/v1/embeddings", c.body)
		checkOpenAIError(t, code, c.code, body, c.kind, c.param, c.words)
	}
	for name, c := range kindsOfErrors() {
		s.Model.Hook(func(context.Context, string) error { return c.err })
		code, header, body := s.call(t, "POST", "/v1/embeddings", `{"model":"words","input":"x"}`)
		kind, param := "server_error", ""
		switch c.want.code {
		case codes.InvalidArgument:
			kind, param = "invalid_request_error", "input"
		case codes.ResourceExhausted:
			kind = "rate_limit_error"
			if header.Get("Retry-After") != "2" {
				t.Errorf("%s: Retry-After %q", name, header.Get("Retry-After"))
			}
		}
		checkOpenAIError(t, code, c.http, body, kind, param, c.want.message)
	}
}

// checkOpenAIError checks an error in the endpoint's shape.
func checkOpenAIError(t *testing.T, code, want int, body, kind, param, words string) {
	t.Helper()
	var got struct {
		Error struct{ Message, Type, Param string }
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || code != want || got.Error.Type != kind || got.Error.Param != param ||
		!strings.Contains(got.Error.Message, words) || strings.Contains(body, "sst 000012") {
		t.Errorf("%d %v %.300s, want %d, type %q, param %q and %q", code, err, body, want, kind, param, words)
	}
}

// numbers reads a vector, as a list or as base64.
func numbers(t *testing.T, raw json.RawMessage) (v []float32) {
	t.Helper()
	if json.Unmarshal(raw, &v) == nil {
		return v
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		t.Fatal(err)
	}
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for ; len(packed) >= 4; packed = packed[4:] {
		v = append(v, math.Float32frombits(binary.LittleEndian.Uint32(packed)))
	}
	return v
}

// settled waits until no call works or waits.
func settled(t *testing.T, gate *admit.Gate) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(time.Millisecond) {
		if n := gate.Counts(); n.Running+n.Waiting == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("calls are still under way: %+v", gate.Counts())
		}
	}
}

// A stream whose client goes away gives its places back, and what was acknowledged
// stays.
func TestStreamsThatEndEarly(t *testing.T) {
	bounds := rpc.Bounds{Calls: admit.New(admit.Config{}), Bulk: admit.New(admit.Config{})}
	s := serveWith(t, rpctest.Options{Bounds: bounds})
	for name, c := range map[string]struct {
		open func(context.Context) (recv func() error, err error)
		code codes.Code
	}{
		"an import of nothing": {func(ctx context.Context) (func() error, error) {
			stream, err := s.Papers.ImportPapers(ctx)
			if err != nil {
				return nil, err
			}
			return func() error { _, err := stream.Recv(); return err }, stream.CloseSend()
		}, codes.OK},
		"an embedding of nothing": {func(ctx context.Context) (func() error, error) {
			stream, err := s.Embed.EmbedStream(ctx)
			if err != nil {
				return nil, err
			}
			return func() error { _, err := stream.Recv(); return err }, stream.CloseSend()
		}, codes.OK},
	} {
		recv, err := c.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := recv(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := s.Papers.ImportPapers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// One that came whole before the client waited for it is acknowledged while the
	// stream is open: nothing else comes.
	if err := stream.Send(&akinv1.ImportPapersRequest{Paper: &akinv1.Paper{Id: "first", Title: "First"}}); err != nil {
		t.Fatal(err)
	}
	if resp, err := stream.Recv(); err != nil || len(resp.GetOutcomes()) != 1 {
		t.Fatalf("acknowledged: %v, %v", resp, err)
	}
	blocked := make(chan struct{})
	s.Model.Hook(func(ctx context.Context, _ string) error {
		close(blocked)
		<-ctx.Done()
		return ctx.Err()
	})
	if err := stream.Send(&akinv1.ImportPapersRequest{Paper: &akinv1.Paper{Id: "second", Title: "Second"}}); err != nil {
		t.Fatal(err)
	}
	<-blocked // its papers are being embedded
	cancel()
	if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("a stream that was cancelled: %v", err)
	}
	s.Model.Hook(nil)
	settled(t, bounds.Bulk)
	got, err := s.Papers.BatchGetPapers(t.Context(), &akinv1.BatchGetPapersRequest{Ids: []string{"first", "second"}})
	if err != nil || !slices.Equal(paperIDs(got.GetPapers()), []string{"first"}) || !slices.Equal(got.GetMissingIds(), []string{"second"}) {
		t.Errorf("afterwards: %v, %v", got, err)
	}
	exported, err := s.Papers.ExportPapers(t.Context(), &akinv1.ExportPapersRequest{Filter: "("})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exported.Recv(); status.Code(err) != codes.InvalidArgument {
		t.Errorf("an export with a bad filter: %v", err)
	}
	settled(t, bounds.Calls)
}

// The vectors of an import are those of the server's space, or refused.
func TestVectorsOfAnImport(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	space := rpctest.Space().Fingerprint()
	good, err := rpctest.Vector("made elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	bad := slices.Clone(good)
	bad[3] = float32(math.NaN())
	doubled := slices.Clone(good)
	for i := range doubled {
		doubled[i] *= 2
	}
	for _, c := range []struct {
		name   string
		vector []float32
		space  string
		code   codes.Code
		words  string
	}{
		{"good", good, space, codes.OK, ""},
		{"another space", good, strings.Repeat("0", 64), codes.FailedPrecondition, "cannot be compared"},
		{"too short", good[:15], space, codes.InvalidArgument, "has 15 numbers; the space has 16"},
		{"too long", append(slices.Clone(good), 0), space, codes.InvalidArgument, "has 17 numbers; the space has 16"},
		{"not finite", bad, space, codes.InvalidArgument, "at position 3; give finite numbers"},
		{"not a unit", doubled, space, codes.InvalidArgument, "divide it by its length"},
	} {
		err := s.invoke(t, akinv1.PaperService_ImportPapers_FullMethodName, &akinv1.ImportPapersRequest{
			Paper: &akinv1.Paper{Id: c.name, Title: "Nothing alike"}, Vector: c.vector, Space: c.space,
		})
		if status.Code(err) != c.code || c.words != "" && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	got, err := s.Search.Search(t.Context(), &akinv1.SearchRequest{Query: "made elsewhere", Mode: akinv1.Mode_MODE_SEMANTIC, IncludeVectors: true})
	if err != nil || len(got.GetResults()) != 1 || !slices.Equal(got.GetResults()[0].GetVector(), good) {
		t.Errorf("%v, %v", got, err)
	}
}

// What says that a client came over TLS is taken away from everybody but proxies that
// are trusted.
func TestSchemeOfPage(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<%s>", strings.Join(r.Header.Values("X-Forwarded-Proto"), ","))
	})
	trusted, err := access.ParseProxies([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		guard *rpc.Guard
		want  string
	}{
		"nobody is asked": {nil, "<>"}, "nobody is trusted": {&rpc.Guard{}, "<>"}, "the client is a proxy": {&rpc.Guard{Proxies: trusted}, "<https>"},
	} {
		s := rpctest.Serve(t, rpctest.Options{Gateway: rpc.GatewayOptions{Page: page, Guard: c.guard}})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Add("X-Forwarded-Proto", "http")
		req.Header.Add("X-Forwarded-Proto", "https")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != c.want {
			t.Errorf("%s: %v: %s, want %s", name, err, body, c.want)
		}
	}
}

// Pages of other names, which lead a browser here, get nothing; what is no browser need
// not name a host.
func TestHosts(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{Hosts: []string{"papers.example.org"}})
	for request, want := range map[string]int{
		"GET /healthz HTTP/1.1\r\nHost: localhost:99": 200, "GET /healthz HTTP/1.1\r\nHost: [::1]:99": 200, "GET /healthz HTTP/1.1\r\nHost: Papers.Example.org": 200,
		"GET /healthz HTTP/1.0": 200, "GET /healthz HTTP/1.0\r\nHost: evil.example.org": 403, "GET /healthz HTTP/1.1": 400,
		"GET /healthz HTTP/1.1\r\nHost: ": 403, "GET /healthz HTTP/1.1\r\nHost: evil.example.org": 403, "GET /healthz HTTP/1.1\r\nHost: localhost.evil.example.org": 403,
		"GET /healthz HTTP/1.1\r\nHost: localhost@evil.example.org": 400, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1.nip.io": 403, "GET /healthz HTTP/1.1\r\nHost: 0.0.0.0": 403,
		"GET http://evil.example.org/healthz HTTP/1.1\r\nHost: localhost": 403,
	} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, request+"\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		conn.Close()
		if fields := strings.Fields(string(got)); err != nil || len(fields) < 2 || fields[1] != strconv.Itoa(want) {
			t.Errorf("%q: %v, %.80q, want %d", request, err, got, want)
		}
	}
}

// TestPage: what is not the API goes to the page, whose calls carry the caller's
// credentials; the API stays as it is.
func TestPage(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		md, _ := metadata.FromOutgoingContext(r.Context())
		fmt.Fprintf(w, "page %s %s", r.URL.EscapedPath(), strings.Join(md.Get("authorization"), ","))
	})
	s := rpctest.Serve(t, rpctest.Options{Gateway: rpc.GatewayOptions{Page: page}})
	for path, want := range map[string]string{
		"/": "page / Bearer x", "/paper/a%2Fb//..": "page /paper/a%2Fb//.. Bearer x", "/v1x": "page /v1x Bearer x", "/v1/nothing": "NO_SUCH_METHOD", "/healthz": "SERVING",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer x")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %v: %s", path, err, body)
		}
	}
}

// What calls cannot carry of a header is refused as the sender's fault, and what they need
// not is left out, however long it is.
func TestHeadersThatCallsCannotCarry(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	long := strings.Repeat("x", 20_000)
	for _, c := range []struct {
		key, value string
		code       int
		reason     string
	}{
		{"Cookie", "a=" + long, 200, ""},
		{"Referer", "http://localhost/?q=" + long, 200, ""},
		{"Grpc-Metadata-Cookie", "short", 200, ""},
		{"Authorization", "Bearer " + long, 431, "HEADER_TOO_LARGE"},
		{"Grpc-Metadata-Other", long, 431, "HEADER_TOO_LARGE"},
		{"X-Forwarded-For", long, 431, "HEADER_TOO_LARGE"},
		{"X-Forwarded-For", "\xff", 400, "BAD_HEADER"},
		{"Grpc-Metadata-Other", "\xff", 400, "BAD_HEADER"},
		{"Grpc-Metadata-O!her", "x", 400, "BAD_HEADER"},
		{"akin-max-response-bytes", "\xff", 400, "BAD_HEADER"},
	} {
		code, _, body := s.call(t, "GET", "/v1/papers", "", c.key, c.value)
		if code != c.code || !strings.Contains(body, c.reason) {
			t.Errorf("%s: %.20q: %d %.300s", c.key, c.value, code, body)
		}
	}
}

// A body is one object: what stands behind it is not passed over.
func TestBodiesWithMoreBehind(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	for body, want := range map[string]int{
		`{"query":"x"}`: 200, " {\"query\":\"x } ] \\\" {\"}\r\n\t ": 200,
		`{"query":"x"}{"query":"y"}`: 400, "{\"query\":\"x\"}\x00": 400, `{"query":"x"}]`: 400, `{"query":"x"},`: 400,
	} {
		if code, _, got := s.call(t, "POST", "/v1/search", body); code != want {
			t.Errorf("%q: %d %.300s", body, code, got)
		}
	}
}
