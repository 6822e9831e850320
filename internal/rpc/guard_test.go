package rpc_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"

	"akin/internal/access"
	"akin/internal/admit"
	"akin/internal/catalog/local"
	"akin/internal/client"
	"akin/internal/courier"
	"akin/internal/engine"
	"akin/internal/feed/ledger"
	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/library/shelf"
	"akin/internal/paper"
	"akin/internal/rpc"
	"akin/internal/rpc/rpctest"
	"akin/internal/store"
	akinv1 "akin/proto/akin/v1"
)

// house is a server with keys, over sockets.
type house struct {
	keys       access.File
	ring       *access.Ring
	limits     *access.Limiter
	audit      string
	log        *shared
	grpc, http string
	methods    map[string]grpc.ServiceInfo
}

// shared is a log that several goroutines write.
type shared struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// houseOptions say how a house differs from the usual one.
type houseOptions struct {
	rules  access.Rules
	open   []string
	certs  *access.Certificates
	quotas access.Quotas
	// proxies are trusted.
	proxies access.Proxies
}

func newHouse(t *testing.T, o houseOptions) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{keys: access.In(dir + "/access"), audit: dir + "/audit.jsonl", log: &shared{}, limits: access.NewLimiter(o.quotas)}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := store.Open(dir+"/data", store.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := local.Open(t.Context(), local.Config{Store: s, Space: rpctest.Space(), Snapshots: dir + "/snapshots"})
	if err != nil {
		t.Fatal(err)
	}
	if h.ring, err = access.OpenRing(h.keys, o.rules, log); err != nil {
		t.Fatal(err)
	}
	audit := access.NewAudit(h.audit, nil, log)
	bounds := rpc.Bounds{Calls: admit.New(admit.Config{}), Bulk: admit.New(admit.Config{}), Timeouts: rpc.DefaultTimeouts()}
	e := engine.New(engine.OneModel{Model: &rpctest.Words{}}, c, bounds.Bulk)
	server := rpc.NewServer(e, rpc.About{Version: "test", Index: "exact"}, bounds, log)
	server.AuditTo(audit)
	libraries := library.New(shelf.New(s.DB(), s.Moved), nil)
	server.KeepLibraries(librarian.New(libraries, e, nil))
	server.KeepFeeds(courier.New(ledger.New(s.DB(), s.Moved), c, e, libraries, courier.Options{}))
	guard := &rpc.Guard{Ring: h.ring, Limits: h.limits, Proxies: o.proxies, Open: o.open}
	var config *tls.Config
	if o.certs != nil {
		config = o.certs.Config()
	}
	g := server.Guarded(guard, config)
	h.methods = g.GetServiceInfo()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	memory := bufconn.Listen(1 << 20)
	go g.Serve(listener)
	go g.Serve(memory)
	inside, err := grpc.NewClient("passthrough:///test", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return memory.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := rpc.NewGateway(t.Context(), inside, rpc.GatewayOptions{Guard: guard}, log)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(gateway)
	h.grpc, h.http = listener.Addr().String(), web.URL
	t.Cleanup(func() {
		web.Close()
		err := inside.Close()
		g.Stop()
		if err := errors.Join(err, server.Close(), audit.Close(), c.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return h
}

// key makes a key, which the server knows at once.
func (h *house) key(t *testing.T, s access.Spec) string {
	t.Helper()
	_, token, err := h.keys.Create(s, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	h.ring.Check(time.Now())
	return token
}

func (h *house) client(t *testing.T, s client.Security) *client.Client {
	t.Helper()
	c, err := client.DialSecure(h.grpc, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func with(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// reason gives code and reason of an error.
func reason(err error) string {
	s := status.Convert(err)
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return s.Code().String() + " " + info.GetReason()
		}
	}
	return s.Code().String()
}

// ask calls any method with an empty request, which every message can be read from.
func ask(ctx context.Context, conn *grpc.ClientConn, name string, m grpc.MethodInfo) error {
	if !m.IsClientStream && !m.IsServerStream {
		return conn.Invoke(ctx, name, &emptypb.Empty{}, &emptypb.Empty{})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, name)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(&emptypb.Empty{}); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	stream.CloseSend()
	if err := stream.RecvMsg(&emptypb.Empty{}); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// What each method needs, said once more: a method that is not here, or is called with
// less, fails.
var wanted = map[string]string{
	"/akin.v1.InfoService/GetServerInfo": "", "/akin.v1.EmbeddingService/GetModel": "",
	"/grpc.health.v1.Health/Check": "", "/grpc.health.v1.Health/List": "", "/grpc.health.v1.Health/Watch": "",
	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": "", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": "",

	"/akin.v1.PaperService/GetPaper": "read", "/akin.v1.PaperService/BatchGetPapers": "read", "/akin.v1.PaperService/ListPapers": "read",
	"/akin.v1.PaperService/CountValues": "read", "/akin.v1.PaperService/ListDays": "read", "/akin.v1.PaperService/ExportPapers": "read",
	"/akin.v1.SearchService/Search": "read", "/akin.v1.SearchService/Similar": "read", "/akin.v1.SearchService/Recommend": "read",
	"/akin.v1.SearchService/GetNovelty": "read", "/akin.v1.SearchService/FindDuplicates": "read",
	"/akin.v1.MapService/GetMap": "read", "/akin.v1.MapService/GetMapPapers": "read", "/akin.v1.MapService/FindOnMap": "read",
	"/akin.v1.EmbeddingService/Embed": "read", "/akin.v1.EmbeddingService/Tokenize": "read", "/akin.v1.EmbeddingService/EmbedStream": "read",

	"/akin.v1.PaperService/UpsertPaper": "read,write", "/akin.v1.PaperService/BatchUpsertPapers": "write", "/akin.v1.PaperService/DeletePaper": "write",
	"/akin.v1.PaperService/BatchDeletePapers": "write", "/akin.v1.PaperService/ImportPapers": "write",

	"/akin.v1.LibraryService/GetLibrary": "read", "/akin.v1.LibraryService/ListLibraries": "read", "/akin.v1.LibraryService/ListEntries": "read",
	"/akin.v1.LibraryService/GetEntries": "read", "/akin.v1.LibraryService/ExportLibrary": "read", "/akin.v1.LibraryService/GetMissed": "read",
	"/akin.v1.LibraryService/SuggestRatings": "read",
	"/akin.v1.LibraryService/CreateLibrary":  "read,write", "/akin.v1.LibraryService/UpdateLibrary": "read,write",
	"/akin.v1.LibraryService/DeleteLibrary": "read,write", "/akin.v1.LibraryService/UndeleteLibrary": "read,write",
	"/akin.v1.LibraryService/SetEntries": "read,write", "/akin.v1.LibraryService/RemoveEntries": "read,write",
	"/akin.v1.LibraryService/ImportLibrary": "read,write", "/akin.v1.LibraryService/MergeLibraries": "read,write",
	"/akin.v1.LibraryService/AdoptLibraries": "admin",

	"/akin.v1.FeedService/GetFeed": "read", "/akin.v1.FeedService/ListFeeds": "read", "/akin.v1.FeedService/PreviewFeed": "read",
	"/akin.v1.FeedService/ListFeedItems": "read", "/akin.v1.FeedService/WatchFeed": "read", "/akin.v1.FeedService/CreateFeed": "read,write",
	"/akin.v1.FeedService/UpdateFeed": "read,write", "/akin.v1.FeedService/DeleteFeed": "read,write",

	"/akin.v1.DigestService/GetDigest": "read", "/akin.v1.DigestService/ListDigests": "read", "/akin.v1.DigestService/PreviewDigest": "read",
	"/akin.v1.DigestService/GetDigestStatus": "read", "/akin.v1.DigestService/Subscribe": "read", "/akin.v1.DigestService/ReportBounce": "admin",
	"/akin.v1.DigestService/CreateDigest": "read,write", "/akin.v1.DigestService/UpdateDigest": "read,write",
	"/akin.v1.DigestService/DeleteDigest": "read,write", "/akin.v1.DigestService/SendDigest": "read,write",
	"/akin.v1.DigestService/ConfirmSubscription": "", "/akin.v1.DigestService/Unsubscribe": "", "/akin.v1.DigestService/Act": "",

	"/akin.v1.SourceService/CreateSource": "admin", "/akin.v1.SourceService/GetSource": "admin", "/akin.v1.SourceService/ListSources": "admin",
	"/akin.v1.SourceService/UpdateSource": "admin", "/akin.v1.SourceService/DeleteSource": "admin", "/akin.v1.SourceService/RunSource": "admin",
	"/akin.v1.SourceService/PauseSource": "admin", "/akin.v1.SourceService/ResumeSource": "admin", "/akin.v1.SourceService/ListSourceRuns": "admin",
	"/akin.v1.SourceService/ListSourceRefusals":  "admin",
	"/akin.v1.SyndicationService/GetFeedAddress": "read", "/akin.v1.SyndicationService/ReplaceFeedAddress": "read,write",
	"/akin.v1.SyndicationService/ReadAddressedFeed": "", "/akin.v1.SyndicationService/ReadAddressedList": "",

	"/akin.v1.BindingService/GetBinding": "read", "/akin.v1.BindingService/ListBindings": "read", "/akin.v1.BindingService/ListUnmatchedItems": "read",
	"/akin.v1.BindingService/BindLibrary": "read,write", "/akin.v1.BindingService/UnbindLibrary": "read,write",
	"/akin.v1.BindingService/SyncLibrary": "read,write",

	"/akin.v1.AdminService/CreateSnapshot": "admin", "/akin.v1.AdminService/ListSnapshots": "admin", "/akin.v1.AdminService/Verify": "admin",
	"/google.longrunning.Operations/GetOperation": "admin", "/google.longrunning.Operations/ListOperations": "admin",
	"/google.longrunning.Operations/WaitOperation": "admin", "/google.longrunning.Operations/CancelOperation": "admin",
	"/google.longrunning.Operations/DeleteOperation": "admin",
}

func scopesOf(t *testing.T, text string) access.Scope {
	t.Helper()
	if text == "" {
		return 0
	}
	s, err := access.ParseScopes(strings.Split(text, ","))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every method with every set of scopes, with no key and with one that is not good;
// with what is open, and with nothing open.
func TestEveryScopeAndMethod(t *testing.T) {
	for _, open := range [][]string{rpc.OpenGroups(), nil} {
		h := newHouse(t, houseOptions{open: open})
		conn := plainConn(t, h.grpc)
		tokens := map[string]string{"none": "", "bad": "akin_nonsense"}
		for s := access.Scope(1); s <= access.All; s++ {
			tokens[s.String()] = h.key(t, access.Spec{Name: "k " + s.String(), Scopes: s})
		}
		left := len(wanted)
		for service, info := range h.methods {
			for _, m := range info.Methods {
				name := "/" + service + "/" + m.Name
				need, ok := wanted[name]
				if !ok {
					t.Errorf("%s is new: say what it needs", name)
					continue
				}
				left--
				if m.Name == "Watch" && open != nil {
					continue // goes on for ever
				}
				for kind, token := range tokens {
					checkCall(t, conn, name, m, need, kind, token, open != nil)
				}
			}
		}
		if left != 0 {
			t.Errorf("%d methods are not there any more", left)
		}
	}
}

func checkCall(t *testing.T, conn *grpc.ClientConn, name string, m grpc.MethodInfo, need, kind, token string, open bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(with(t.Context(), token), 5*time.Minute)
	defer cancel()
	if m.Name == "Watch" && strings.Contains(kind, "read") {
		return // goes on for ever
	}
	got := reason(ask(ctx, conn, name, m))
	want := ""
	if need == "" && !open {
		need = "read"
	}
	switch {
	case need == "":
	case kind == "none":
		want = "Unauthenticated CREDENTIALS_MISSING"
	case kind == "bad":
		want = "Unauthenticated CREDENTIALS_INVALID"
	case !scopesOf(t, kind).Has(scopesOf(t, need)):
		want = "PermissionDenied SCOPE_MISSING"
	}
	refused := strings.HasPrefix(got, "Unauthenticated") || strings.HasPrefix(got, "PermissionDenied")
	if want != "" && got != want || want == "" && refused {
		t.Errorf("%s with %s: %s, want %q", name, kind, got, want)
	}
}

func plainConn(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// call sends a request to the gateway.
func (h *house) call(t *testing.T, method, path, body, token string, header ...string) (int, http.Header, string) {
	t.Helper()
	if token != "" {
		header = append(header, "Authorization", "Bearer "+token)
	}
	return (&served{Server: &rpctest.Server{URL: h.http}}).call(t, method, path, body, header...)
}

// No route of the gateway lets a key do what it may not, and none forgets to say who
// calls.
func TestEveryRoute(t *testing.T) {
	h := newHouse(t, houseOptions{open: rpc.OpenGroups()})
	reader := h.key(t, access.Spec{Name: "reader", Scopes: access.Read})
	writer := h.key(t, access.Spec{Name: "writer", Scopes: access.Write})
	admin := h.key(t, access.Spec{Name: "admin", Scopes: access.Admin})
	one := `{"id":"a","title":"t"}`
	for _, r := range []struct{ method, path, body, may string }{
		{"GET", "/v1/papers", "", "reader"},
		{"GET", "/v1/papers/a", "", "reader"},
		{"GET", "/v1/papers:export", "", "reader"},
		{"POST", "/v1/papers:batchGet", `{"ids":["a"]}`, "reader"},
		{"GET", "/v1/papers:batchGet?ids=a", "", "reader"},
		{"GET", "/v1/search?query=x", "", "reader"},
		{"POST", "/v1/search", `{"query":"x"}`, "reader"},
		{"POST", "/v1/similar", `{"text":{"title":"x"}}`, "reader"},
		{"POST", "/v1/recommend", `{"positive":[{"text":{"title":"x"}}]}`, "reader"},
		{"GET", "/v1/duplicates", "", "reader"},
		{"POST", "/v1/embeddings", `{"input":"x","model":"default"}`, "reader"},
		{"POST", "/v1/papers:batchUpsert", `{"papers":[{"id":"b","title":"t"}]}`, "writer"},
		{"POST", "/v1/papers:batchDelete", `{"ids":["b"]}`, "writer"},
		{"DELETE", "/v1/papers/b", "", "writer"},
		{"PATCH", "/v1/papers/a", one, ""},
		{"PATCH", "/v1/papers/a?allow_missing=true", one, ""},
		{"GET", "/v1/operations", "", "admin"},
		{"GET", "/v1/operations/x", "", "admin"},
		{"POST", "/v1/operations/x:cancel", "{}", "admin"},
		{"DELETE", "/v1/operations/x", "", "admin"},
		{"GET", "/v1/snapshots", "", "admin"},
		{"POST", "/v1/snapshots", `{"name":"s"}`, "admin"},
		{"GET", "/v1/info", "", "all"},
		{"GET", "/v1/models", "", "all"},
		{"GET", "/healthz", "", "all"},
		{"GET", "/readyz", "", "all"},
		{"GET", "/openapi.json", "", "all"},
	} {
		for who, token := range map[string]string{"nobody": "", "bad": "x.y.z", "reader": reader, "writer": writer, "admin": admin} {
			code, header, body := h.call(t, r.method, r.path, r.body, token)
			want := 403
			switch {
			case r.may == "all":
				want = 200
			case who == "nobody" || who == "bad":
				want = 401
			case who == r.may:
				want = 0 // anything else
			}
			refused := code == 401 || code == 403
			if want == 0 && (refused || code == 405 || code == 501) || want != 0 && code != want {
				t.Errorf("%s %s by %s: %d %s, want %d", r.method, r.path, who, code, body, want)
			}
			stream := r.path == "/v1/papers:export" || r.path == "/v1/duplicates" // whose errors the library writes
			if code == 401 && !stream && header.Get("WWW-Authenticate") != `Bearer realm="akin"` {
				t.Errorf("%s %s: challenge %q", r.method, r.path, header.Get("WWW-Authenticate"))
			}
		}
	}
}

// Credentials that could be read in two ways are none.
func TestAmbiguousCredentials(t *testing.T) {
	h := newHouse(t, houseOptions{})
	reader, writer := h.key(t, access.Spec{Name: "reader", Scopes: access.Read}), h.key(t, access.Spec{Name: "writer", Scopes: access.Write})
	conn := plainConn(t, h.grpc)
	for name, said := range map[string][]string{
		"two keys": {"Bearer " + reader, "Bearer " + writer}, "no scheme": {reader}, "basic": {"Basic " + reader}, "empty": {"Bearer "}, "a word more": {"Bearer " + reader + " x"},
	} {
		ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": said})
		if err := conn.Invoke(ctx, akinv1.PaperService_ListPapers_FullMethodName, &emptypb.Empty{}, &emptypb.Empty{}); reason(err) != "Unauthenticated CREDENTIALS_INVALID" {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": {"bearer  " + reader}})
	if err := conn.Invoke(ctx, akinv1.PaperService_ListPapers_FullMethodName, &emptypb.Empty{}, &emptypb.Empty{}); err != nil {
		t.Error("a scheme in lower case:", err)
	}
	if code, _, body := h.call(t, "GET", "/v1/papers", "", reader, "Grpc-Metadata-Authorization", "Bearer "+writer); code != 401 {
		t.Errorf("two headers: %d %s", code, body)
	}
	if code, _, body := h.call(t, "GET", "/v1/papers", "", "", "Authorization", "Bearer caf\xe9"); code != 401 {
		t.Errorf("not ASCII: %d %s", code, body)
	}
}

// A key that may use some collections uses no others, in no message of a stream.
func TestCollections(t *testing.T) {
	h := newHouse(t, houseOptions{open: rpc.OpenGroups()})
	c := h.client(t, client.Security{Token: h.key(t, access.Spec{Name: "k", Scopes: access.Read | access.Write, Collections: []string{"other"}})})
	const denied = "PermissionDenied COLLECTION_DENIED"
	for _, name := range []string{"", paper.DefaultCollection, "none"} {
		_, listErr := c.Papers.ListPapers(t.Context(), &akinv1.ListPapersRequest{Collection: name})
		_, deleteErr := c.Papers.DeletePaper(t.Context(), &akinv1.DeletePaperRequest{Collection: name, Id: "a"})
		export, err := c.Papers.ExportPapers(t.Context(), &akinv1.ExportPapersRequest{Collection: name})
		if err == nil {
			_, err = export.Recv()
		}
		for _, err := range []error{listErr, deleteErr, err} {
			if reason(err) != denied {
				t.Errorf("collection %q: %v", name, err)
			}
		}
	}
	if _, err := c.Papers.ListPapers(t.Context(), &akinv1.ListPapersRequest{Collection: "other"}); reason(err) == denied {
		t.Error(err)
	}
	for _, messages := range [][]string{{""}, {paper.DefaultCollection}, {"other", paper.DefaultCollection}} {
		stream, err := c.Papers.ImportPapers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range messages {
			stream.Send(&akinv1.ImportPapersRequest{Collection: name, Paper: &akinv1.Paper{Id: "a", Title: "t"}})
		}
		stream.CloseSend()
		for err == nil {
			_, err = stream.Recv()
		}
		if got := reason(err); got != denied && (len(messages) == 1 || !strings.HasPrefix(got, "NotFound")) {
			t.Errorf("messages for %q: %v", messages, err)
		}
	}
}

// Streams and calls end within a moment of their key, and as what they are.
func TestRevokedWhileItGoesOn(t *testing.T) {
	h := newHouse(t, houseOptions{})
	c := h.client(t, client.Security{Token: h.key(t, access.Spec{Name: "k", Scopes: access.Read | access.Write})})
	imports, err := c.Papers.ImportPapers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := imports.Send(&akinv1.ImportPapersRequest{Paper: &akinv1.Paper{Id: "a", Title: "t"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := imports.Recv(); err != nil {
		t.Fatal(err)
	}
	embeds, err := c.Embed.EmbedStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := embeds.Send(&akinv1.EmbedStreamRequest{Input: &akinv1.EmbedInput{Input: &akinv1.EmbedInput_Text{Text: "x"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := embeds.Recv(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Feeds.CreateFeed(t.Context(), &akinv1.CreateFeedRequest{Feed: &akinv1.Feed{Name: "f", Authors: []string{"A B"}}}); err != nil {
		t.Fatal(err)
	}
	watch, err := c.Feeds.WatchFeed(t.Context(), &akinv1.WatchFeedRequest{Feed: "f"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.keys.Revoke("k", time.Now()); err != nil {
		t.Fatal(err)
	}
	h.ring.Check(time.Now())
	const invalid = "Unauthenticated CREDENTIALS_INVALID"
	if _, err := imports.Recv(); reason(err) != invalid {
		t.Error("the import:", err)
	}
	if _, err := embeds.Recv(); reason(err) != invalid {
		t.Error("the embedding:", err)
	}
	if _, err := watch.Recv(); reason(err) != invalid {
		t.Error("who watches a feed:", err)
	}
	if _, err := c.Papers.ListPapers(t.Context(), &akinv1.ListPapersRequest{}); reason(err) != invalid {
		t.Error("the next call:", err)
	}
}

// Quotas are told over gRPC and HTTP alike, by key and by address, and a proxy's word
// counts only if it is trusted.
func TestQuotas(t *testing.T) {
	proxies, err := access.ParseProxies([]string{"127.0.0.1", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, houseOptions{proxies: proxies, open: []string{rpc.OpenHealth}, quotas: access.Quotas{Address: access.Quota{Rate: 0.3}}})
	slow := h.key(t, access.Spec{Name: "slow", Scopes: access.Read, Quota: access.Quota{Rate: 0.1}})
	c := h.client(t, client.Security{Token: slow})
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-forwarded-for", "198.51.100.1")
	if _, err := c.Papers.ListPapers(ctx, &akinv1.ListPapersRequest{}); err != nil {
		t.Fatal(err)
	}
	_, err = c.Papers.ListPapers(ctx, &akinv1.ListPapersRequest{})
	details := fmt.Sprint(status.Convert(err).Details())
	if reason(err) != "ResourceExhausted QUOTA_EXCEEDED" || !strings.Contains(details, "retry_delay") || !strings.Contains(details, `subject:"key `) {
		t.Errorf("%v %s", err, details)
	}
	code, header, body := h.call(t, "GET", "/v1/papers", "", slow)
	if code != 429 || header.Get("Retry-After") == "" || header.Get("Retry-After") == "0" || !strings.Contains(body, "QUOTA_EXCEEDED") {
		t.Errorf("%d %v %s", code, header, body)
	}
	code, header, body = h.call(t, "POST", "/v1/embeddings", `{"input":"x","model":"default"}`, slow)
	if code != 429 || header.Get("Retry-After") == "" || !strings.Contains(body, "rate_limit_error") {
		t.Errorf("%d %v %s", code, header, body)
	}
	quick := h.key(t, access.Spec{Name: "quick", Scopes: access.Read})
	for i, from := range []string{"203.0.113.9", "203.0.113.9", "203.0.113.9", "203.0.113.9", "203.0.113.8"} {
		code, _, body := h.call(t, "GET", "/v1/papers", "", quick, "X-Forwarded-For", "1.1.1.1, "+from)
		if want := map[bool]int{true: 429, false: 200}[i == 3]; code != want {
			t.Errorf("call %d from %s: %d %s", i+1, from, code, body)
		}
	}
	for range 5 {
		if code, _, body := h.call(t, "GET", "/readyz", "", ""); code != 200 {
			t.Errorf("health: %d %s", code, body)
		}
	}
}

// The audit log says who did what to what, and neither it nor the log has secrets or
// texts of papers.
func TestAuditAndSecrets(t *testing.T) {
	h := newHouse(t, houseOptions{})
	writer := h.key(t, access.Spec{Name: "lab", Owner: "ann", Scopes: access.All})
	reader := h.key(t, access.Spec{Name: "reader", Scopes: access.Read})
	c := h.client(t, client.Security{Token: writer})
	const title, abstract, query = "Planted titlesecret", "planted abstractsecret of a paper", "planted querysecret"
	full := &akinv1.Paper{Id: "arXiv:1", Title: title, Abstract: abstract}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-request-id", "req-1")
	if _, err := c.Papers.UpsertPaper(ctx, &akinv1.UpsertPaperRequest{Paper: full}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Papers.BatchUpsertPapers(t.Context(), &akinv1.BatchUpsertPapersRequest{Papers: []*akinv1.Paper{full, {Id: "b", Title: title}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Papers.DeletePaper(t.Context(), &akinv1.DeletePaperRequest{Id: "nope"}); status.Code(err) != codes.NotFound {
		t.Fatal(err)
	}
	err := c.Import(t.Context(), sending(full, full, full), func(*akinv1.ImportPapersResponse) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Admin.CreateSnapshot(t.Context(), &akinv1.CreateSnapshotRequest{Name: "snap"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Search.Search(t.Context(), &akinv1.SearchRequest{Query: query}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Operations.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{}); err != nil {
		t.Fatal(err)
	}
	h.call(t, "DELETE", "/v1/papers/b", "", writer)
	h.call(t, "DELETE", "/v1/papers/b", "", reader)
	h.call(t, "DELETE", "/v1/papers/b", "", "")
	h.call(t, "DELETE", "/v1/papers/b", "", writer[:len(writer)-1]+"x")
	h.call(t, "GET", "/v1/papers?authorization="+writer, "", "x")

	raw, err := os.ReadFile(h.audit)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(raw)) {
		var e access.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Request == "" || !strings.HasPrefix(e.Address, "127.0.0.1:") || time.Since(e.Time) > time.Hour {
			t.Errorf("%s", line)
		}
		_, action, _ := strings.Cut(e.Action, "/")
		lines = append(lines, strings.Join([]string{e.Owner, e.Key, action, e.Collection, fmt.Sprint(e.Papers), strings.Join(e.IDs, " "), e.Snapshot, e.Result, e.Reason}, "|"))
	}
	want := []string{
		"ann|lab|UpsertPaper|papers|1|arXiv:1||OK|",
		"ann|lab|BatchUpsertPapers|papers|2|arXiv:1 b||OK|",
		"ann|lab|DeletePaper|papers|1|nope||NotFound|PAPER_NOT_FOUND",
		"ann|lab|ImportPapers|papers|3|arXiv:1 arXiv:1 arXiv:1||OK|",
		"ann|lab|CreateSnapshot||0||snap|OK|",
		"ann|lab|DeletePaper|papers|1|b||OK|",
	}
	if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("audit:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
	if !strings.Contains(string(raw), `"request":"req-1"`) {
		t.Error("the request's id is not in the audit log")
	}
	for _, secret := range []string{writer[14:], reader[14:], "titlesecret", "abstractsecret", "querysecret"} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("the audit log has %q", secret)
		}
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("the log has %q:\n%s", secret, h.log)
		}
	}
}

// sending gives papers to an import, one by one.
func sending(papers ...*akinv1.Paper) func(context.Context) (*akinv1.ImportPapersRequest, error) {
	return func(context.Context) (*akinv1.ImportPapersRequest, error) {
		if len(papers) == 0 {
			return nil, io.EOF
		}
		p := papers[0]
		papers = papers[1:]
		return &akinv1.ImportPapersRequest{Paper: p}, nil
	}
}

// What strangers send is refused before it is read.
func TestStrangersSendNothing(t *testing.T) {
	h := newHouse(t, houseOptions{})
	h.key(t, access.Spec{Name: "k", Scopes: access.Read})
	pr, pw := io.Pipe()
	defer pw.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.http+"/v1/search", pr)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultTransport.RoundTrip(req) // the body never comes
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Error(resp.Status)
	}
	stream, err := plainConn(t, h.grpc).NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, akinv1.SearchService_Search_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(&emptypb.Empty{}); reason(err) != "Unauthenticated CREDENTIALS_MISSING" {
		t.Error(err)
	}
}

// authority makes certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T, dir, name string) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(dir, name+".pem")}
	a.key = newKey(t)
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, a.file, "CERTIFICATE", raw)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue writes a certificate for this machine, and its key.
func (a *authority) issue(t *testing.T, name string, end time.Time) (certFile, keyFile string) {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: end,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(a.file)
	certFile, keyFile = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	writePEM(t, certFile, "CERTIFICATE", raw)
	writePEM(t, keyFile, "PRIVATE KEY", der)
	return certFile, keyFile
}

func writePEM(t *testing.T, path, kind string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What goes wrong with TLS is said in words.
func TestTLSFaults(t *testing.T) {
	dir := t.TempDir()
	ours, theirs := newAuthority(t, dir, "ours"), newAuthority(t, dir, "theirs")
	cert, key := ours.issue(t, "server", time.Now().Add(time.Hour))
	clientCert, clientKey := ours.issue(t, "client", time.Now().Add(time.Hour))
	otherCert, otherKey := theirs.issue(t, "other", time.Now().Add(time.Hour))
	certs, err := access.OpenCertificates(cert, key, ours.file, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, houseOptions{certs: certs})
	token := h.key(t, access.Spec{Name: "k", Scopes: access.Admin})
	call := func(s client.Security) error {
		s.Token = token
		_, err := h.client(t, s).Admin.ListSnapshots(t.Context(), &akinv1.ListSnapshotsRequest{}) // is not tried again
		return err
	}
	for name, c := range map[string]struct {
		security client.Security
		want     string // empty is good
	}{
		"right":                            {client.Security{CA: ours.file, Cert: clientCert, Key: clientKey}, ""},
		"another authority":                {client.Security{CA: theirs.file, Cert: clientCert, Key: clientKey}, "not trusted here; name the right one with --tls-ca"},
		"no certificate":                   {client.Security{CA: ours.file}, "it may ask for a client's certificate (--cert and --key)"},
		"another authority's certificate":  {client.Security{CA: ours.file, Cert: otherCert, Key: otherKey}, "it may not take the certificate of --cert"},
		"in clear, to a server that isn't": {client.Security{}, "error reading server preface"},
	} {
		if err := call(c.security); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	ours.issue(t, "server", time.Now().Add(-time.Minute))
	if err := certs.Reload(); err != nil {
		t.Fatal(err)
	}
	if err := call(client.Security{CA: ours.file, Cert: clientCert, Key: clientKey}); err == nil || !strings.Contains(err.Error(), "which is not now") {
		t.Error("expired:", err)
	}
	plain := newHouse(t, houseOptions{})
	_, err = plain.client(t, client.Security{TLS: true}).Admin.ListSnapshots(t.Context(), &akinv1.ListSnapshotsRequest{})
	if err == nil || !strings.Contains(err.Error(), "does not speak TLS") {
		t.Error("TLS to a port without:", err)
	}
	if _, err := client.DialSecure("192.0.2.1:1", client.Security{Token: token}); err == nil || !strings.Contains(err.Error(), "in clear") || strings.Contains(err.Error(), token) {
		t.Error("a key in clear:", err)
	}
}

// While keys and certificates are changed, no call fails.
func TestReloadUnderLoad(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir, "ca")
	cert, key := ca.issue(t, "server", time.Now().Add(time.Hour))
	certs, err := access.OpenCertificates(cert, key, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, houseOptions{certs: certs})
	token := h.key(t, access.Spec{Name: "k", Scopes: access.Read})
	stop := make(chan struct{})
	var calls atomic.Int64
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for {
				c, err := client.DialSecure(h.grpc, client.Security{CA: ca.file, Token: token})
				if err != nil {
					t.Error(err)
					return
				}
				for range 5 {
					if _, err := c.Papers.ListPapers(t.Context(), &akinv1.ListPapersRequest{}); err != nil {
						t.Error("a call failed:", err)
					}
					calls.Add(1)
				}
				c.Close()
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for i := range 10 {
		before := calls.Load()
		ca.issue(t, "server", time.Now().Add(time.Hour))
		certs.Check(time.Now())
		h.key(t, access.Spec{Name: fmt.Sprint("other ", i), Scopes: access.Read})
		for calls.Load() < before+10 && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
	}
	close(stop)
	group.Wait()
}

// Health tells of itself also while a key is asked for, unless that is closed.
func TestHealthIsOpen(t *testing.T) {
	h := newHouse(t, houseOptions{open: []string{rpc.OpenHealth}})
	h.key(t, access.Spec{Name: "k", Scopes: access.Read})
	conn := plainConn(t, h.grpc)
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
	if _, err := akinv1.NewInfoServiceClient(conn).GetServerInfo(t.Context(), &akinv1.GetServerInfoRequest{}); reason(err) != "Unauthenticated CREDENTIALS_MISSING" {
		t.Error(err)
	}
	closed := newHouse(t, houseOptions{})
	token := closed.key(t, access.Spec{Name: "k", Scopes: access.Read})
	if code, _, _ := closed.call(t, "GET", "/readyz", "", ""); code != 401 {
		t.Error(code)
	}
	if code, _, _ := closed.call(t, "GET", "/readyz", "", token); code != 200 {
		t.Error(code)
	}
}
