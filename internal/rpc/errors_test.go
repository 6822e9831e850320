package rpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"akin/internal/paper"
	"akin/internal/rpc"
	"akin/internal/rpc/rpctest"
	akinv1 "akin/proto/akin/v1"
)

// told is what an error says to programs.
type told struct {
	code     codes.Code
	message  string
	reason   string
	metadata map[string]string
	// violations are descriptions by field.
	violations map[string]string
	resource   string
	retry      time.Duration
	quota      bool
}

func tell(t *testing.T, s *status.Status) told {
	t.Helper()
	out := told{code: s.Code(), message: s.Message(), violations: map[string]string{}}
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			if d.GetDomain() != "akin" {
				t.Errorf("the domain is %q", d.GetDomain())
			}
			out.reason, out.metadata = d.GetReason(), d.GetMetadata()
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				out.violations[v.GetField()] = v.GetDescription()
				if v.GetReason() != out.reason {
					t.Errorf("the violation's reason is %q, the error's %q", v.GetReason(), out.reason)
				}
			}
		case *errdetails.ResourceInfo:
			out.resource = d.GetResourceType() + " " + d.GetResourceName()
		case *errdetails.RetryInfo:
			out.retry = d.GetRetryDelay().AsDuration()
		case *errdetails.QuotaFailure:
			out.quota = len(d.GetViolations()) == 1 && d.GetViolations()[0].GetDescription() != ""
		case *errdetails.RequestInfo:
			if d.GetRequestId() == "" {
				t.Error("the request has no id")
			}
		default:
			t.Errorf("a detail of type %T", d)
		}
	}
	return out
}

// statusOf reads an error that came over HTTP, which is a google.rpc.Status.
func statusOf(t *testing.T, body string) *status.Status {
	t.Helper()
	s := new(spb.Status)
	if err := protojson.Unmarshal([]byte(body), s); err != nil {
		t.Fatalf("no google.rpc.Status: %v: %s", err, body)
	}
	return status.FromProto(s)
}

const secret = "/var/lib/akin: sst 000012 of pebble"

// kindsOfErrors has every kind of error as the engine may give it, and what becomes
// of it.
func kindsOfErrors() map[string]struct {
	err    error
	want   told
	http   int
	logged bool
} {
	cause := errors.New(secret)
	return map[string]struct {
		err    error
		want   told
		http   int
		logged bool
	}{
		"invalid": {
			&paper.Error{Kind: paper.Invalid, Reason: paper.ReasonTextTooLong, Message: "too long", Violations: []paper.Violation{{Field: "a", Description: "is bad"}, {Field: "b[3].c", Description: "is worse"}}, Metadata: map[string]string{"tokens": "9"}, Cause: cause},
			told{code: codes.InvalidArgument, message: "too long: a is bad; b[3].c is worse", reason: paper.ReasonTextTooLong, metadata: map[string]string{"tokens": "9"}, violations: map[string]string{"a": "is bad", "b[3].c": "is worse"}},
			http.StatusBadRequest, false,
		},
		"not found": {
			paper.MissingPaper("arXiv:1"),
			told{code: codes.NotFound, message: `paper "arXiv:1" is not in the collection; import it, or look it up with list`, reason: paper.ReasonPaperNotFound, resource: "paper arXiv:1"},
			http.StatusNotFound, false,
		},
		"failed precondition": {
			&paper.Error{Kind: paper.FailedPrecondition, Reason: paper.ReasonSpaceMismatch, Message: "another space", Cause: cause},
			told{code: codes.FailedPrecondition, message: "another space", reason: paper.ReasonSpaceMismatch},
			http.StatusBadRequest, false,
		},
		"exhausted": {
			&paper.Error{Kind: paper.Exhausted, Reason: paper.ReasonQueueFull, Message: "full", RetryAfter: 1500 * time.Millisecond},
			told{code: codes.ResourceExhausted, message: "full", reason: paper.ReasonQueueFull, retry: 1500 * time.Millisecond, quota: true},
			http.StatusTooManyRequests, false,
		},
		"unavailable": {
			&paper.Error{Kind: paper.Unavailable, Reason: paper.ReasonStopping, Message: "stopping", RetryAfter: time.Second},
			told{code: codes.Unavailable, message: "stopping", reason: paper.ReasonStopping, retry: time.Second},
			http.StatusServiceUnavailable, false,
		},
		"data loss": {
			&paper.Error{Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Message: "the store is damaged", Cause: cause},
			told{code: codes.DataLoss, message: "the store is damaged", reason: paper.ReasonCorrupt},
			http.StatusInternalServerError, true,
		},
		"unsupported": {
			&paper.Error{Kind: paper.Unsupported, Reason: paper.ReasonUnsupported, Message: "not in this build"},
			told{code: codes.Unimplemented, message: "not in this build", reason: paper.ReasonUnsupported},
			http.StatusNotImplemented, false,
		},
		"overdue": {
			&paper.Error{Kind: paper.Overdue, Reason: paper.ReasonServerDeadline, Message: "too slow"},
			told{code: codes.DeadlineExceeded, message: "too slow", reason: paper.ReasonServerDeadline},
			http.StatusGatewayTimeout, false,
		},
		"internal, classified": {
			&paper.Error{Kind: paper.Internal, Reason: "BROKEN", Message: "something is broken", Cause: cause},
			told{code: codes.Internal, message: "something is broken", reason: "BROKEN"},
			http.StatusInternalServerError, true,
		},
		"a kind that there is not": {
			&paper.Error{Kind: 99, Reason: "ODD", Message: "odd"},
			told{code: codes.Internal, message: "odd", reason: "ODD"},
			http.StatusInternalServerError, false,
		},
		"wrapped": {
			fmt.Errorf("read %s: %w", secret, &paper.Error{Kind: paper.Unavailable, Reason: paper.ReasonStopping, Message: "stopping"}),
			told{code: codes.Unavailable, message: "stopping", reason: paper.ReasonStopping},
			http.StatusServiceUnavailable, false,
		},
		"nobody's": {
			fmt.Errorf("open: %w", cause),
			told{code: codes.Internal, message: "internal error; the server's log says more", reason: "INTERNAL"},
			http.StatusInternalServerError, true,
		},
		"a deadline": {
			fmt.Errorf("%s: %w", secret, context.DeadlineExceeded),
			told{code: codes.DeadlineExceeded, message: "the deadline passed before the answer was ready; allow more time", reason: "DEADLINE_EXCEEDED"},
			http.StatusGatewayTimeout, false,
		},
		"a caller that gave up": {
			fmt.Errorf("%s: %w", secret, context.Canceled),
			told{code: codes.Canceled, message: "the caller gave up", reason: "CANCELED"},
			499, false,
		},
	}
}

// Each kind of error has its code, its details and its HTTP status, and what is
// meant for the log stays there.
func TestKindsOfErrors(t *testing.T) {
	for name, c := range kindsOfErrors() {
		t.Run(name, func(t *testing.T) {
			s := serveWith(t, rpctest.Options{EmbedOnly: true})
			s.Model.Hook(func(context.Context, string) error { return c.err })
			_, err := s.Embed.Embed(t.Context(), &akinv1.EmbedRequest{Inputs: plainInputs("x")})
			c.want.is(t, "gRPC", status.Convert(err))
			code, header, body := s.call(t, "POST", "/v1/embed", `{"inputs":[{"text":"x"}]}`)
			if code != c.http {
				t.Errorf("HTTP status %d, want %d", code, c.http)
			}
			c.want.is(t, "HTTP", statusOf(t, body))
			if want := map[bool]string{true: fmt.Sprint(int((c.want.retry + time.Second - 1) / time.Second))}[c.want.retry > 0]; header.Get("Retry-After") != want {
				t.Errorf("Retry-After is %q, want %q", header.Get("Retry-After"), want)
			}
			if logged := strings.Contains(s.Log(), "sst 000012"); logged != c.logged {
				t.Errorf("is the cause in the log? %v: %s", logged, s.Log())
			}
		})
	}
}

func (want told) is(t *testing.T, over string, s *status.Status) {
	t.Helper()
	got := tell(t, s)
	if want.violations == nil {
		want.violations = map[string]string{}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("over %s: %+v\nwant %+v", over, got, want)
	}
	if strings.Contains(s.String()+fmt.Sprint(s.Details()), "sst 000012") {
		t.Errorf("over %s, the caller is told what belongs into the log: %v %v", over, s, s.Details())
	}
}

func plainInputs(texts ...string) (inputs []*akinv1.EmbedInput) {
	for _, text := range texts {
		inputs = append(inputs, &akinv1.EmbedInput{Input: &akinv1.EmbedInput_Text{Text: text}})
	}
	return inputs
}

// A handler that panics is an internal error for its caller, without the panic's
// text, and the server goes on.
func TestPanics(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	s.Model.Hook(func(_ context.Context, text string) error {
		if strings.Contains(text, "boom") {
			panic(secret)
		}
		return nil
	})
	want := told{code: codes.Internal, message: "internal error; the server's log says more", reason: "INTERNAL"}
	_, err := s.Embed.Embed(t.Context(), &akinv1.EmbedRequest{Inputs: plainInputs("boom")})
	want.is(t, "gRPC", status.Convert(err))
	code, _, body := s.call(t, "POST", "/v1/search", `{"query":"boom"}`)
	if code != http.StatusInternalServerError {
		t.Errorf("HTTP status %d", code)
	}
	want.is(t, "HTTP", statusOf(t, body))
	if log := s.Log(); strings.Count(log, "panic in a handler") != 2 || !strings.Contains(log, "errors_test.go") {
		t.Errorf("the log has no stack: %.500s", log)
	}
	if _, err := s.Embed.Embed(t.Context(), &akinv1.EmbedRequest{Inputs: plainInputs("calm")}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// The errors of single papers in a batch and in a stream name the field from the
// request on, and the others go through.
func TestErrorsOfSinglePapers(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	bad := &akinv1.Paper{Id: "bad", Title: strings.Repeat("x", 4097), Authors: []*akinv1.Author{{Name: "A"}, {Name: strings.Repeat("x", 17<<10)}}}
	good := &akinv1.Paper{Id: "good", Title: "Good"}
	_, err := s.Papers.UpsertPaper(t.Context(), &akinv1.UpsertPaperRequest{Paper: bad})
	single := tell(t, status.Convert(err))
	for _, field := range []string{"paper.title", "paper.authors[1].name"} {
		if single.violations[field] == "" || single.code != codes.InvalidArgument {
			t.Errorf("one paper: %s is not named in %+v", field, single)
		}
	}
	batch, err := s.Papers.BatchUpsertPapers(t.Context(), &akinv1.BatchUpsertPapersRequest{Papers: []*akinv1.Paper{good, bad}})
	if err != nil {
		t.Fatal(err)
	}
	checkOutcomes(t, batch.GetOutcomes(), "papers[1].")
	if got := batch.GetOutcomes()[0]; got.GetChange() != akinv1.Change_CHANGE_CREATED || got.GetId() != "good" {
		t.Errorf("the good one: %v", got)
	}
	stream, err := s.Papers.ImportPapers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range []*akinv1.Paper{good, bad} {
		if err := stream.Send(&akinv1.ImportPapersRequest{Paper: p, Index: uint64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	stream.CloseSend()
	var outcomes []*akinv1.PaperOutcome
	for {
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, resp.GetOutcomes()...)
	}
	checkOutcomes(t, outcomes, "paper.")
	if outcomes[0].GetChange() != akinv1.Change_CHANGE_UNCHANGED {
		t.Errorf("the good one again: %v", outcomes[0])
	}
}

func checkOutcomes(t *testing.T, outcomes []*akinv1.PaperOutcome, prefix string) {
	t.Helper()
	if len(outcomes) != 2 || outcomes[0].GetError() != nil || outcomes[1].GetIndex() != 1 || outcomes[1].GetId() != "bad" {
		t.Fatalf("outcomes: %v", outcomes)
	}
	got := tell(t, status.FromProto(outcomes[1].GetError()))
	if got.code != codes.InvalidArgument || !strings.Contains(got.violations[prefix+"title"], "the limit is 4096") {
		t.Errorf("%s: %+v", prefix, got)
	}
}

// A server without a data directory says so of all that needs one, and embeds.
func TestServerThatOnlyEmbeds(t *testing.T) {
	s := serveWith(t, rpctest.Options{EmbedOnly: true})
	papers, search := s.Papers, s.Search
	for name, call := range map[string]func() error{
		"GetPaper": func() error { _, err := papers.GetPaper(t.Context(), &akinv1.GetPaperRequest{Id: "a"}); return err },
		"BatchGet": func() error {
			_, err := papers.BatchGetPapers(t.Context(), &akinv1.BatchGetPapersRequest{Ids: []string{"a"}})
			return err
		},
		"List": func() error { _, err := papers.ListPapers(t.Context(), &akinv1.ListPapersRequest{}); return err },
		"Count": func() error {
			_, err := papers.CountValues(t.Context(), &akinv1.CountValuesRequest{Field: "venue"})
			return err
		},
		"Upsert": func() error {
			_, err := papers.UpsertPaper(t.Context(), &akinv1.UpsertPaperRequest{Paper: &akinv1.Paper{Id: "a", Title: "x"}})
			return err
		},
		"Delete": func() error {
			_, err := papers.DeletePaper(t.Context(), &akinv1.DeletePaperRequest{Id: "a"})
			return err
		},
		"Search": func() error { _, err := search.Search(t.Context(), &akinv1.SearchRequest{Query: "x"}); return err },
		"Similar": func() error {
			_, err := search.Similar(t.Context(), &akinv1.SimilarRequest{PaperIds: []string{"a"}})
			return err
		},
		"Novelty": func() error {
			_, err := search.GetNovelty(t.Context(), &akinv1.GetNoveltyRequest{PaperIds: []string{"a"}})
			return err
		},
		"Snapshots": func() error { _, err := s.Admin.ListSnapshots(t.Context(), &akinv1.ListSnapshotsRequest{}); return err },
	} {
		got := tell(t, status.Convert(call()))
		if got.code != codes.FailedPrecondition || got.reason != paper.ReasonUnsupported || !strings.Contains(got.message, "data directory") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	info, err := s.Info.GetServerInfo(t.Context(), &akinv1.GetServerInfoRequest{})
	if err != nil || info.GetIndex() != "" || info.GetSpace().GetModel() != "words" || info.GetVersion() != "test" {
		t.Errorf("info: %v, %v", info, err)
	}
	model, err := s.Embed.GetModel(t.Context(), &akinv1.GetModelRequest{})
	if err != nil || model.GetSource() != "nowhere" || model.GetLicense() != "none" || model.GetSpace().GetFingerprint() != info.GetSpace().GetFingerprint() {
		t.Errorf("model: %v, %v", model, err)
	}
	got, err := s.Embed.Embed(t.Context(), &akinv1.EmbedRequest{Inputs: plainInputs("x", "y")})
	if err != nil || len(got.GetEmbeddings()) != 2 || got.GetSpace() != info.GetSpace().GetFingerprint() {
		t.Errorf("embed: %v, %v", got, err)
	}
}

// What the gateway itself refuses has the form of what the services refuse.
func TestErrorsOfTheGateway(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	for _, c := range []struct {
		method, path, body string
		header             []string
		http               int
		code               codes.Code
		reason, words      string
	}{
		{"GET", "/v1/none", "", nil, 404, codes.NotFound, "NO_SUCH_METHOD", "there is no /v1/none; /openapi.json lists"},
		{"PUT", "/v1/papers", "{}", nil, 405, codes.Unimplemented, "METHOD_NOT_ALLOWED", "PUT is not a method of /v1/papers"},
		{"HEAD", "/v1/papers:export", "", nil, 405, 0, "", ""},
		{"POST", "/v1/search", "{", nil, 400, codes.InvalidArgument, "BAD_REQUEST", "ends in the middle of its JSON"},
		{"POST", "/v1/search", "null", nil, 400, codes.InvalidArgument, "BAD_REQUEST", ""},
		{"POST", "/v1/search", `{"query":"x"}`, []string{"Content-Type", "text/plain"}, 415, codes.InvalidArgument, "NOT_JSON", `Content-Type is "text/plain"; send application/json`},
		{"POST", "/v1/search", `{"query":"x"}`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, codes.InvalidArgument, "NOT_JSON", "application/json"},
		{"POST", "/v1/search", `{"query":"x"}`, []string{"Content-Type", "multipart/form-data; boundary=x"}, 415, codes.InvalidArgument, "NOT_JSON", "application/json"},
		{"POST", "/v1/search", `{"query":"x"}`, []string{"Content-Type", ""}, 415, codes.InvalidArgument, "NOT_JSON", `Content-Type is ""`},
		{"POST", "/v1/search", `{"query":"x"}`, []string{"Content-Type", "application/jsonp"}, 415, codes.InvalidArgument, "NOT_JSON", "application/jsonp"},
		{"GET", "/v1/papers?filter=%FF", "", nil, 400, codes.InvalidArgument, "NOT_UTF8", "UTF-8"},
		{"GET", "/v1/papers/%FF", "", nil, 400, codes.InvalidArgument, "NOT_UTF8", "UTF-8"},
		{"GET", "/v1/papers?nope=1", "", nil, 400, codes.InvalidArgument, "BAD_REQUEST", `"nope" is not one of this method`},
		{"GET", "/v1/papers", "", []string{"Grpc-Timeout", "5"}, 400, codes.InvalidArgument, "INVALID_FIELD", "Grpc-Timeout"},
		{"GET", "/v1/info", "", []string{"Akin-Max-Response-Bytes", "7"}, 400, codes.InvalidArgument, "INVALID_FIELD", "write a number of bytes"},
	} {
		code, header, body := s.call(t, c.method, c.path, c.body, c.header...)
		if code != c.http || header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %d, %q %s", c.method, c.path, code, header.Get("Content-Type"), body)
			continue
		}
		if c.method == "HEAD" {
			continue
		}
		got := tell(t, statusOf(t, body))
		if got.code != c.code || got.reason != c.reason || !strings.Contains(got.message, c.words) || strings.Contains(body, "rpc error") {
			t.Errorf("%s %s %v: %+v", c.method, c.path, c.header, got)
		}
	}
	for _, media := range []string{"application/json; charset=utf-8", "Application/JSON", " application/json "} {
		if code, _, body := s.call(t, "POST", "/v1/search", `{"query":"x"}`, "Content-Type", media); code != 200 {
			t.Errorf("%q: %d %s", media, code, body)
		}
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/info", http.NoBody)
	req.Host = "evil.example.org"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	if got := tell(t, statusOf(t, string(raw))); resp.StatusCode != http.StatusForbidden || got.reason != "UNKNOWN_HOST" || !strings.Contains(got.message, "--http-host") {
		t.Errorf("another host: %d %+v", resp.StatusCode, got)
	}
	if code, _, body := s.call(t, "GET", "/healthz", ""); code != 200 || !json.Valid([]byte(body)) {
		t.Errorf("healthz: %d %s", code, body)
	}
}

// The header Grpc-Timeout ends a call like a gRPC deadline, and is refused where it
// says no time.
func TestTimeoutOverHTTP(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	s.Model.Hook(func(ctx context.Context, text string) error {
		if text == "forever" {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	for _, header := range []string{"5", "S", "-1S", "1.5S", "5s", "5 S", "0S", "99999999999999999999S", "5SS", "+5S", "0x5S", "\u00b5"} {
		code, _, body := s.call(t, "GET", "/v1/info", "", "Grpc-Timeout", header)
		got := tell(t, statusOf(t, body))
		if code != 400 || got.code != codes.InvalidArgument || got.reason != paper.ReasonInvalidField || !strings.Contains(got.violations["Grpc-Timeout"], "such as 5S") {
			t.Errorf("%q: %d %+v", header, code, got)
		}
	}
	for _, header := range []string{"5S", "1H", "1M", "60000m", "60000000u", "60000000000n", "99999999999H", "00005S"} {
		if code, _, body := s.call(t, "GET", "/v1/info", "", "Grpc-Timeout", header); code != 200 {
			t.Errorf("%q: %d %s", header, code, body)
		}
	}
	for path, body := range map[string]string{"/v1/search": `{"query":"forever"}`, "/v1/embeddings": `{"input":"forever","model":"default"}`} {
		code, _, answer := s.call(t, "POST", path, body, "Grpc-Timeout", "20m")
		if code != http.StatusGatewayTimeout {
			t.Errorf("%s: %d %s", path, code, answer)
		}
	}
}
