package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"akin/internal/paper"
	"akin/internal/pending"
	"akin/internal/store"
	akinv1 "akin/proto/akin/v1"
)

// space is that of the tests' data directories. No model has it: what embeds
// nothing needs none.
func space() paper.Space {
	return paper.Space{Model: "words", Pooling: "mean", Template: "{title} {abstract}", MaxTokens: 8, Dimension: 16, Precision: "float32"}
}

// directory makes a data directory with an empty collection.
func directory(t *testing.T) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	s, err := store.Open(data, store.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.EnsureCollection(t.Context(), paper.DefaultCollection, space())
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return data
}

// serving is what serves a data directory in tests: any port, and no model until
// one is needed.
func configOf(t *testing.T, data string) Config {
	t.Helper()
	return Config{Data: data, LazyModel: true, GRPCAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", Home: t.TempDir(), Version: "test"}
}

// logged is a log that tests read.
type logged struct {
	mu sync.Mutex // guards what follows
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// open opens an app that is closed with the test, unless the test did.
func open(t *testing.T, config Config) (*App, *logged) {
	t.Helper()
	log := new(logged)
	a, err := Open(t.Context(), config, log.logger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a, log
}

func dialTo(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// isFree says whether nobody listens on an address and nobody has the directory
// open, and that nothing of a server is left in it.
func isFree(t *testing.T, data string, addresses ...string) {
	t.Helper()
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Errorf("%s is still taken: %v", address, err)
			continue
		}
		l.Close()
	}
	for _, name := range []string{socketFile, servingFile} {
		if _, err := os.Lstat(filepath.Join(data, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
	if _, err := os.Stat(data); err != nil {
		return
	}
	s, err := store.Open(data, store.Options{})
	if err != nil {
		t.Errorf("the directory is still in use: %v", err)
		return
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Parts are closed in the reverse of the order in which they were opened, all of
// them, whatever one of them says, and once.
func TestPartsAreClosedInReverse(t *testing.T) {
	a := &App{log: slog.New(slog.DiscardHandler)}
	var order []int
	faults := map[int]error{1: errors.New("one"), 3: errors.New("three")}
	for i := range 5 {
		a.onClose(func() error { order = append(order, i); return faults[i] })
	}
	ended := make(chan struct{})
	a.serve(func() error { <-ended; return nil })
	a.onClose(func() error { close(ended); return nil })
	err := a.Close()
	if !slices.Equal(order, []int{4, 3, 2, 1, 0}) || !errors.Is(err, faults[1]) || !errors.Is(err, faults[3]) {
		t.Errorf("closed %v, %v", order, err)
	}
	if err := a.Close(); err != nil || len(order) != 5 {
		t.Errorf("closed again: %v, %v", order, err)
	}
}

// Run says where it listens, serves there, and stops when its context ends.
func TestRun(t *testing.T) {
	data := directory(t)
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan Addresses, 2)
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, configOf(t, data), slog.New(slog.DiscardHandler), func(a Addresses) { told <- a })
	}()
	at := <-told
	info, err := akinv1.NewInfoServiceClient(dialTo(t, at.GRPC)).GetServerInfo(t.Context(), &akinv1.GetServerInfoRequest{})
	if err != nil || info.GetVersion() != "test" || info.GetIndex() != "graph" || info.GetSpace().GetModel() != "words" {
		t.Errorf("gRPC: %v, %v", info, err)
	}
	resp, err := http.Get("http://" + at.HTTP + "/v1/papers")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || !json.Valid(body) {
		t.Errorf("HTTP: %d %s, %v", resp.StatusCode, body, err)
	}
	dial, err := Running(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	local, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	if _, err := akinv1.NewPaperServiceClient(local).ListPapers(t.Context(), &akinv1.ListPapersRequest{}); err != nil {
		t.Errorf("by way of the directory: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if len(told) > 0 {
		t.Error("it said twice that it is ready")
	}
	isFree(t, data, at.GRPC, at.HTTP)
}

// A listener that fails ends Run, with its error, and everything is closed.
func TestRunEndsWithItsListener(t *testing.T) {
	data := directory(t)
	a, _ := open(t, configOf(t, data))
	broken, later := errors.New("accept: broken"), errors.New("another one")
	a.serve(func() error { return http.ErrServerClosed })
	a.serve(func() error { return grpc.ErrServerStopped })
	done := make(chan error, 1)
	ready := make(chan struct{})
	go func() { done <- a.run(t.Context(), func(Addresses) { close(ready) }) }()
	<-ready
	select {
	case err := <-done:
		t.Fatalf("it ended with %v before a listener failed", err)
	default:
	}
	a.serve(func() error { return broken })
	if err := <-done; !errors.Is(err, broken) || errors.Is(err, later) {
		t.Errorf("it ended with %v", err)
	}
	isFree(t, data, a.addrs.GRPC, a.addrs.HTTP)
}

// Whatever fails while it starts, what was opened by then is closed.
func TestFailureInTheMiddle(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, c *Config)
		words string
	}{
		{"no directory", func(t *testing.T, c *Config) { c.Data = filepath.Join(t.TempDir(), "none") }, "none"},
		{"the HTTP port is taken", func(_ *testing.T, c *Config) { c.HTTPAddr = taken.Addr().String() }, "listen for HTTP on"},
		{"no model, which is wanted at once", func(_ *testing.T, c *Config) { c.LazyModel = false }, "words"},
		{"a model of another space", func(t *testing.T, c *Config) { c.Model = DefaultModel }, ""},
		{"a model that nobody knows", func(t *testing.T, c *Config) { c.Model = "gpt" }, "gpt"},
		{"what is kept of the model is broken", func(t *testing.T, c *Config) {
			if err := pending.WriteFile(filepath.Join(c.Data, keptFile), []byte("{"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "does not say where a model is"},
		{"an origin that is none", func(_ *testing.T, c *Config) { c.HTTPOrigins = []string{"papers"} }, "write scheme and host"},
		{"an index that there is not", func(_ *testing.T, c *Config) { c.Index = "btree" }, "btree"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := configOf(t, directory(t))
			free, err := net.Listen("tcp", "127.0.0.1:0") // a port that is known
			if err != nil {
				t.Fatal(err)
			}
			config.GRPCAddr = free.Addr().String()
			free.Close()
			c.spoil(t, &config)
			a, err := Open(t.Context(), config, slog.New(slog.DiscardHandler))
			if err == nil {
				a.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), c.words) {
				t.Errorf("the error is %v", err)
			}
			isFree(t, config.Data, config.GRPCAddr)
		})
	}
}

// A port that is taken is found before anything is opened or made.
func TestTakenPortCostsNoStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, set := range map[string]func(*Config){
		"gRPC": func(c *Config) { c.GRPCAddr = taken.Addr().String() },
		"HTTP": func(c *Config) { c.HTTPAddr = taken.Addr().String() },
	} {
		config := configOf(t, filepath.Join(t.TempDir(), "data"))
		config.Create = true
		set(&config)
		_, err := Open(t.Context(), config, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "listen for "+name+" on "+taken.Addr().String()) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(config.Data); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a data directory was made: %v", name, err)
		}
	}
}

// Only one server has a directory; the other says so, and leaves the first alone.
func TestTwoServersOnOneDirectory(t *testing.T) {
	data := directory(t)
	first, _ := open(t, configOf(t, data))
	_, err := Open(t.Context(), configOf(t, data), slog.New(slog.DiscardHandler))
	var refused *paper.Error
	if !errors.As(err, &refused) || refused.Kind != paper.FailedPrecondition || refused.Reason != paper.ReasonDataLocked || !strings.Contains(err.Error(), data) {
		t.Fatalf("the second is told %v", err)
	}
	if _, err := Running(t.Context(), data); err != nil {
		t.Errorf("the first cannot be found any more: %v", err)
	}
	if _, err := akinv1.NewPaperServiceClient(dialTo(t, first.Addresses().GRPC)).ListPapers(t.Context(), &akinv1.ListPapersRequest{}); err != nil {
		t.Errorf("the first does not answer any more: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, _ := open(t, configOf(t, data))
	if second.Addresses().GRPC == "" {
		t.Error("the second does not listen")
	}
}

// Calls under way may finish while the server stops; new ones are refused.
func TestStopWaitsForCalls(t *testing.T) {
	data := directory(t)
	a, log := open(t, configOf(t, data))
	conn := dialTo(t, a.Addresses().GRPC)
	stream, err := akinv1.NewPaperServiceClient(conn).ImportPapers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// An answer says that the handler is at work.
	if err := stream.Send(&akinv1.ImportPapersRequest{Paper: &akinv1.Paper{Id: "a"}, Delete: true}); err != nil {
		t.Fatal(err)
	}
	if resp, err := stream.Recv(); err != nil || len(resp.GetOutcomes()) != 1 {
		t.Fatalf("%v, %v", resp, err)
	}
	closed := make(chan error, 1)
	go func() { closed <- a.Close() }()
	// The port is given back at once, while the stream is under way.
	for {
		late, err := net.Dial("tcp", a.Addresses().GRPC)
		if err != nil {
			break
		}
		late.Close()
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-closed:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	if err := stream.Send(&akinv1.ImportPapersRequest{Paper: &akinv1.Paper{Id: "a"}, Delete: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Errorf("a call under way: %v", err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("it ends with %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), "cutting them off") {
		t.Errorf("it is logged that calls were cut off: %s", log)
	}
	isFree(t, data, a.Addresses().GRPC, a.Addresses().HTTP)
}

// Calls that do not end are cut off.
func TestStopCutsCallsOff(t *testing.T) {
	data := directory(t)
	config := configOf(t, data)
	config.grace = 20 * time.Millisecond
	a, log := open(t, config)
	stream, err := akinv1.NewPaperServiceClient(dialTo(t, a.Addresses().GRPC)).ImportPapers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	watch, err := healthpb.NewHealthClient(dialTo(t, a.Addresses().GRPC)).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := watch.Recv(); err != nil || first.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("before: %v, %v", first, err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if second, err := watch.Recv(); err != nil || second.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("who watches is told %v, %v", second, err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable && status.Code(err) != codes.Canceled {
		t.Errorf("the stream ends with %v", err)
	}
	if !strings.Contains(log.String(), "calls did not end in time; cutting them off") {
		t.Errorf("the log says %s", log)
	}
	isFree(t, data, a.Addresses().GRPC, a.Addresses().HTTP)
}

// What a killed server left in the directory is replaced, and what this one writes
// there is its owner's alone and goes with it.
func TestLeftoversInTheDirectory(t *testing.T) {
	data := directory(t)
	stale, err := net.Listen("unix", filepath.Join(data, socketFile))
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	stale.Close()
	if err := os.WriteFile(filepath.Join(data, servingFile), []byte(`{"format":"akin.server.v1","identity":"of another"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Running(t.Context(), data); !errors.Is(err, ErrNotServed) {
		t.Errorf("before: %v", err)
	}
	a, log := open(t, configOf(t, data))
	if _, err := Running(t.Context(), data); err != nil || strings.Contains(log.String(), "WARN") {
		t.Errorf("it cannot be found: %v, %s", err, log)
	}
	for _, name := range []string{socketFile, servingFile} {
		entry, err := os.Stat(filepath.Join(data, name))
		if err != nil || entry.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, entry.Mode(), err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	isFree(t, data)
}

// Where no socket can be made, the server serves without one and says so; a server
// that is not asked to listen makes none.
func TestWithoutASocket(t *testing.T) {
	data := directory(t)
	if err := os.MkdirAll(filepath.Join(data, socketFile, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	a, log := open(t, configOf(t, data))
	if !strings.Contains(log.String(), "commands with --data will not find this server") {
		t.Errorf("the log says %s", log)
	}
	if _, err := akinv1.NewPaperServiceClient(dialTo(t, a.Addresses().GRPC)).ListPapers(t.Context(), &akinv1.ListPapersRequest{}); err != nil {
		t.Error(err)
	}
	quiet := configOf(t, directory(t))
	quiet.GRPCAddr, quiet.HTTPAddr = "", ""
	b, _ := open(t, quiet)
	if _, err := Running(t.Context(), quiet.Data); !errors.Is(err, ErrNotServed) {
		t.Errorf("it can be found: %v", err)
	}
	if b.Addresses() != (Addresses{}) {
		t.Errorf("it listens on %v", b.Addresses())
	}
	if _, err := akinv1.NewPaperServiceClient(b.Conn()).ListPapers(t.Context(), &akinv1.ListPapersRequest{}); err != nil {
		t.Errorf("within the process: %v", err)
	}
}

// A model that is opened late and is not there costs the call that needs it, with
// the reason, and nothing else.
func TestModelThatIsNotThere(t *testing.T) {
	a, _ := open(t, configOf(t, directory(t)))
	papers, search := akinv1.NewPaperServiceClient(a.Conn()), akinv1.NewSearchServiceClient(a.Conn())
	for range 2 {
		_, err := papers.UpsertPaper(t.Context(), &akinv1.UpsertPaperRequest{Paper: &akinv1.Paper{Id: "a", Title: "T"}})
		if status.Code(err) == codes.OK || status.Code(err) == codes.Internal {
			t.Errorf("a write: %v", err)
		}
	}
	if _, err := search.Search(t.Context(), &akinv1.SearchRequest{Query: "x", Mode: akinv1.Mode_MODE_LEXICAL}); err != nil {
		t.Errorf("by words: %v", err)
	}
	if _, err := papers.ListPapers(t.Context(), &akinv1.ListPapersRequest{}); err != nil {
		t.Error(err)
	}
	info, err := akinv1.NewInfoServiceClient(a.Conn()).GetServerInfo(t.Context(), &akinv1.GetServerInfoRequest{})
	if err != nil || fmt.Sprint(info.GetSpace().GetDimension()) != "16" {
		t.Errorf("%v, %v", info, err)
	}
}
