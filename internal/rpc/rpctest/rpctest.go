// Package rpctest serves the API within the process, over memory and HTTP, for the
// tests of those who serve it and of those who call it. The server is the real one
// over a real, small data directory; only its model is made up: each word has a
// vector of its own, and a text is the sum of its words.
package rpctest

import (
	"bytes"
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"akin/internal/admit"
	"akin/internal/atlas"
	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/client"
	"akin/internal/courier"
	"akin/internal/embed"
	"akin/internal/engine"
	"akin/internal/feed/ledger"
	"akin/internal/follow"
	"akin/internal/follow/register"
	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/library/shelf"
	"akin/internal/paper"
	"akin/internal/rpc"
	"akin/internal/seal"
	"akin/internal/share"
	"akin/internal/source"
	"akin/internal/source/logbook"
	"akin/internal/source/zotero"
	"akin/internal/store"
	"akin/internal/vec"
)

// Space is what Words embeds into.
func Space() paper.Space {
	return paper.Space{Model: "words", Pooling: "mean", Template: "{title} {abstract}", MaxTokens: 8, Dimension: 16, Precision: "float32"}
}

// Words embeds a text as the sum of one random vector a word, and takes each word
// for a token. It is safe for concurrent use.
type Words struct {
	mu   sync.Mutex // guards what follows
	hook func(ctx context.Context, text string) error
}

// Hook makes Embed call f for each text first; its errors and panics become Embed's.
func (w *Words) Hook(f func(ctx context.Context, text string) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hook = f
}

// Space implements engine.Embedder.
func (*Words) Space() paper.Space { return Space() }

// Text implements engine.Embedder.
func (*Words) Text(title, abstract string) string { return title + " " + abstract }

// Embed implements engine.Embedder.
func (w *Words) Embed(ctx context.Context, texts []string, _ embed.Options) ([]embed.Embedding, embed.Timing, error) {
	w.mu.Lock()
	hook := w.hook
	w.mu.Unlock()
	out := make([]embed.Embedding, len(texts))
	for i, text := range texts {
		if hook != nil {
			if err := hook(ctx, text); err != nil {
				return nil, embed.Timing{}, err
			}
		}
		v, err := Vector(text)
		if err != nil {
			return nil, embed.Timing{}, err
		}
		out[i] = embed.Embedding{Vector: v, Tokens: 8}
	}
	return out, embed.Timing{}, nil
}

// Vector is what a text is embedded as.
func Vector(text string) ([]float32, error) {
	v := make([]float32, Space().Dimension)
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		h := fnv.New64a()
		h.Write([]byte(word))
		random := rand.New(rand.NewPCG(1, h.Sum64()))
		for k := range v {
			v[k] += float32(random.NormFloat64())
		}
	}
	return v, vec.Normalize(v)
}

// Tokenize implements engine.Tokenizer.
func (*Words) Tokenize(text string, most int, detail bool) (t embed.Tokens, err error) {
	at := 0
	for word := range strings.FieldsSeq(text) {
		if most > 0 && len(t.IDs) == most {
			t.Truncated = true
			break
		}
		t.IDs = append(t.IDs, 2773)
		if detail {
			t.Pieces = append(t.Pieces, word)
			t.Offsets = append(t.Offsets, [2]int{at, at + len(word)})
		}
		at += len(word) + 1
	}
	return t, nil
}

// CheckLength implements engine.Tokenizer; no text is too long.
func (*Words) CheckLength(string, string, embed.Options) error { return nil }

// Options say how to serve. The zero value of a field means its default.
type Options struct {
	Gateway rpc.GatewayOptions
	// Bounds default to gates that are wide open, and the usual timeouts.
	Bounds rpc.Bounds
	// Zotero answers for Zotero's server; nil knows nothing. ZoteroKeys and LibraryFiles
	// say what libraries may follow.
	Zotero       http.Handler
	ZoteroKeys   follow.Keys
	LibraryFiles follow.Files
	// PublicURL is the address under which the server thinks that it is reached; "" is
	// none, and then feeds have no addresses.
	PublicURL string
	// EmbedOnly serves without a data directory.
	EmbedOnly bool
	// Sources are the settings of sources, which are not followed.
	Sources source.Settings
	// Log is where the server logs to; default what Log gives.
	Log *slog.Logger
}

// Server is a server with an empty collection.
type Server struct {
	// Conn is a connection of a client that sets nothing.
	Conn *grpc.ClientConn
	// Client is akin's own, over a connection of its own.
	Client *client.Client
	// URL is where the gateway answers, over a socket of this machine.
	URL   string
	Model *Words

	drain   func()
	store   *store.Store // nil without a data directory
	log     lockedBuffer
	dir     string
	closers []func() error
}

// Serve starts a server that is stopped with the test.
func Serve(t testing.TB, options Options) *Server {
	t.Helper()
	s, err := Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// complete sets the bounds that are left out to those that nobody meets.
func (o *Options) complete() {
	if o.Bounds.Calls == nil {
		o.Bounds.Calls = admit.New(admit.Config{})
	}
	if o.Bounds.Bulk == nil {
		o.Bounds.Bulk = admit.New(admit.Config{})
	}
	if o.Bounds.Timeouts == nil {
		o.Bounds.Timeouts = rpc.DefaultTimeouts()
	}
}

// Start starts a server. Close it.
func Start(options Options) (_ *Server, err error) {
	s := &Server{Model: &Words{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	options.complete()
	log := options.Log
	if log == nil {
		log = slog.New(slog.NewTextHandler(&s.log, nil))
	}
	about := rpc.About{Version: "test", License: "none", Source: "nowhere"}
	var cat catalog.Catalog
	if !options.EmbedOnly {
		about.Index = "exact"
		if cat, err = s.open(); err != nil {
			return nil, err
		}
	}
	e := engine.New(engine.OneModel{Model: s.Model}, cat, options.Bounds.Bulk)
	server := rpc.NewServer(e, about, options.Bounds, log)
	if s.store != nil {
		libraries := library.New(shelf.New(s.store.DB(), s.store.Moved), nil)
		b := librarian.New(libraries, e, nil)
		server.KeepLibraries(b)
		if err := s.bind(server, e, b, &options); err != nil {
			return nil, err
		}
		server.KeepFeeds(s.follow(cat, e, libraries))
	}
	var tracing []grpc.DialOption
	if err := s.keepSources(server, e, options.Sources, log); err != nil {
		return nil, err
	}
	if t := options.Gateway.Telemetry; t != nil {
		server.Observe(t)
		tracing = append(tracing, grpc.WithStatsHandler(t.ClientHandler()))
	}
	s.onClose(server.Close)
	if cat != nil {
		maps := atlas.New(cat, atlas.Options{Follow: time.Millisecond})
		s.onClose(maps.Close)
		server.ServeMaps(maps)
	}
	if err := s.listen(server, options.Gateway, tracing, log); err != nil {
		return nil, err
	}
	return s, nil
}

// listen lets clients reach the server, directly and over the gateway, whose connection
// has the options of tracing.
func (s *Server) listen(server *rpc.Server, options rpc.GatewayOptions, tracing []grpc.DialOption, log *slog.Logger) error {
	listener := bufconn.Listen(1 << 20)
	g := server.GRPC()
	go g.Serve(listener) //nolint:errcheck // it ends with Stop
	s.onClose(func() error { g.Stop(); return nil })
	large := grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(rpc.MaxMessageBytes), grpc.MaxCallSendMsgSize(rpc.MaxMessageBytes))
	room, err := s.dial(listener, append(tracing, large)...)
	if err != nil {
		return err
	}
	s.Client = client.New(room)
	if s.Conn, err = s.dial(listener); err != nil {
		return err
	}
	gateway, err := rpc.NewGateway(context.Background(), room, options, log)
	if err != nil {
		return err
	}
	web := httptest.NewServer(gateway)
	s.onClose(func() error { web.Close(); return nil })
	s.drain = func() { web.Close(); g.GracefulStop() }
	s.URL = web.URL
	return nil
}

// bind lets libraries follow what the options allow, when they are asked to.
func (s *Server) bind(server *rpc.Server, e *engine.Engine, b *librarian.Librarian, options *Options) error {
	if options.Zotero == nil {
		options.Zotero = http.NotFoundHandler()
	}
	zoteroServer := httptest.NewServer(options.Zotero)
	s.onClose(func() error { zoteroServer.Close(); return nil })
	asks, err := zotero.New(zoteroServer.URL, zoteroServer.Client(), "test")
	if err != nil {
		return err
	}
	f := follow.New(follow.Config{
		Shelves: register.New(s.store.DB(), s.store.Moved), Libraries: b.Libraries, Papers: b, Collections: e, Zotero: asks,
		Keys: options.ZoteroKeys, Files: options.LibraryFiles, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	})
	s.onClose(f.Close)
	server.FollowWith(f)
	return s.share(server, options.PublicURL)
}

// share gives feeds addresses.
func (s *Server) share(server *rpc.Server, public string) error {
	if public == "" {
		return nil
	}
	secrets, err := seal.Open(filepath.Join(filepath.Dir(s.dir), seal.FileName))
	if err != nil {
		return err
	}
	server.ShareFeeds(share.New(s.store.DB(), s.store.Moved, secrets), public)
	return nil
}

// follow matches feeds until the server is closed.
func (s *Server) follow(cat catalog.Catalog, e *engine.Engine, libraries *library.Libraries) *courier.Courier {
	feeds := courier.New(ledger.New(s.store.DB(), s.store.Moved), cat, e, libraries, courier.Options{Look: 10 * time.Millisecond})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- feeds.Run(ctx) }()
	s.onClose(func() error {
		stop()
		return <-done
	})
	return feeds
}

// keepSources gives the server sources that nothing follows.
func (s *Server) keepSources(server *rpc.Server, e *engine.Engine, settings source.Settings, log *slog.Logger) error {
	if s.store == nil {
		return nil
	}
	sources, err := source.New(context.Background(), source.Options{
		Book: logbook.New(s.store.DB(), s.store.Moved), Papers: e, Settings: settings, Version: "test", Writable: s.store.Writable, Log: log,
	})
	if err != nil {
		return err
	}
	s.onClose(sources.Close)
	server.KeepSources(sources)
	return nil
}

// Close stops the server and removes its data.
func (s *Server) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// Drain waits until all calls have ended, with all that is told of them, and takes no
// more.
func (s *Server) Drain() { s.drain() }

// Log gives what the server logged.
func (s *Server) Log() string { return s.log.String() }

// Dir is the data directory.
func (s *Server) Dir() string { return s.dir }

func (s *Server) onClose(f func() error) { s.closers = append(s.closers, f) }

// open makes a data directory and its catalog.
func (s *Server) open() (catalog.Catalog, error) {
	parent, err := os.MkdirTemp("", "akin-rpctest-")
	if err != nil {
		return nil, err
	}
	s.onClose(func() error { return os.RemoveAll(parent) })
	s.dir = filepath.Join(parent, "data")
	kept, err := store.Open(s.dir, store.Options{Create: true, Beside: []store.Beside{
		{Prefixes: shelf.Prefixes(), Verify: shelf.Verify},
		{Prefixes: ledger.Prefixes(), Verify: ledger.Verify},
		{Prefixes: logbook.Prefixes(), Verify: logbook.Verify},
		{Prefixes: register.Prefixes(), Verify: register.Verify},
		{Verify: share.Verify},
	}})
	if err != nil {
		return nil, err
	}
	s.store = kept
	s.onClose(kept.Close)
	cat, err := local.Open(context.Background(), local.Config{Store: kept, Space: Space(), Snapshots: filepath.Join(parent, "snapshots")})
	if err != nil {
		return nil, err
	}
	s.onClose(cat.Close)
	return cat, nil
}

func (s *Server) dial(listener *bufconn.Listener, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient("passthrough:///test", append(options,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))...)
	if err != nil {
		return nil, err
	}
	s.onClose(conn.Close)
	return conn, nil
}

// lockedBuffer is a buffer that is written and read by several goroutines.
type lockedBuffer struct {
	mu sync.Mutex // guards what follows
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
