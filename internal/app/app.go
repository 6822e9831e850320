// Package app wires akin together: configuration, the order in which parts
// start and stop, and the addresses that they listen on.
//
// Run serves until its context ends; Open starts the same parts and gives a
// connection to them within the process. Tests and the command line use
// nothing else, so that there is one way to run akin.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"akin/internal/atlas"
	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/engine"
	"akin/internal/notify"
	"akin/internal/paper"
	"akin/internal/rpc"
	"akin/internal/source"
	"akin/internal/store"
	"akin/internal/telemetry"
	"akin/internal/web"
)

const (
	// defaultGrace is how long calls may take to end when the server stops.
	defaultGrace = 10 * time.Second
	// headerTimeout bounds how slowly an HTTP client may send its header.
	headerTimeout = 10 * time.Second
	// readTimeout bounds what the gateway does not read itself.
	readTimeout = 30 * time.Second
	// idleTimeout is how long an HTTP connection may wait for its next request.
	idleTimeout = 2 * time.Minute
	// maxHeader bounds the header of an HTTP request, whose query may be in its
	// address.
	maxHeader = 256 << 10
	// maxConnections is how many connections each address has at once; others wait
	// until one is closed.
	maxConnections = 1_024
	memoryBuffer   = 1 << 20
	// checkAfter is when the store's files begin to be checked in the background: what
	// the first answers need goes first.
	checkAfter = 2 * time.Second
	// restAfter is when memory of the start is given back.
	restAfter = time.Second
)

// App is a running akin. Its parts are closed in the reverse of the order in
// which they were opened.
type App struct {
	config  Config
	log     *slog.Logger
	closers []func() error
	gate    *gate
	server  *rpc.Server
	grpc    *grpc.Server // for whoever runs the server
	outside *grpc.Server // for everybody else; nil if it does not listen
	conn    *grpc.ClientConn
	gateway *grpc.ClientConn // to outside
	serving sync.WaitGroup
	failed  chan error   // first failure of a listener
	local   net.Listener // in the data directory; nil if there is none
	addrs   Addresses

	store     *store.Store    // nil without a data directory, and for readers of a cluster
	sources   *source.Manager // nil without a store
	digests   *notify.Digests // nil if no mail is sent
	telemetry *telemetry.Telemetry
	// reloads apply a changed configuration to parts that can take one.
	reloads []reload
	// writes says that this server is the writer of a cluster.
	writes bool
	// fence says whether it still is; nil without a cluster.
	fence  func() error
	before sync.Once // guards writtenBefore
	// writtenBefore is when a change was last acknowledged before the start.
	writtenBefore time.Time
}

// Addresses are what the server listens on; empty if it does not.
type Addresses struct {
	GRPC  string
	HTTP  string
	Admin string
}

// Run serves until ctx ends, then stops in order: no new calls, calls under way
// finish, indexes and store close. ready is called once with the addresses.
func Run(ctx context.Context, config Config, log *slog.Logger, ready func(Addresses)) error {
	for {
		a, err := Open(ctx, config, log)
		if err != nil {
			return err
		}
		err = a.run(ctx, ready)
		if !errors.Is(err, errTurn) {
			return err
		}
		log.Info("starting anew", "because", err)
		config, ready = a.again(config), nil
	}
}

// again is the configuration of a server that takes another turn, on the same addresses.
func (a *App) again(config Config) Config {
	for _, addr := range []struct {
		to  *string
		was string
	}{{&config.GRPCAddr, a.addrs.GRPC}, {&config.HTTPAddr, a.addrs.HTTP}, {&config.AdminAddr, a.addrs.Admin}} {
		if strings.HasSuffix(*addr.to, ":0") {
			*addr.to = addr.was
		}
	}
	return config
}

// run serves until ctx ends or a listener fails, and closes all.
func (a *App) run(ctx context.Context, ready func(Addresses)) (err error) {
	if ready != nil {
		ready(a.addrs)
	}
	a.letGo()
	resting, stop := context.WithCancel(ctx)
	var rest sync.WaitGroup
	rest.Go(func() { a.rest(resting) })
	err = a.wait(ctx)
	stop()
	rest.Wait()
	return errors.Join(err, a.Close())
}

// letGo gives back pages of the program that the start alone needed.
func (a *App) letGo() {
	if err := letGoOfProgram(); err != nil {
		a.log.Debug("memory of the start is kept", "error", err)
	}
}

// rest gives back what the start took beside what it keeps, once the first answers had
// their turn: how much garbage there is otherwise is left to chance, and stays until as
// much memory again is asked for.
func (a *App) rest(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(restAfter):
	}
	debug.FreeOSMemory()
	a.letGo()
}

// Open starts everything. Close it.
func Open(ctx context.Context, config Config, log *slog.Logger) (_ *App, err error) {
	if config, err = config.withDefaults(); err != nil {
		return nil, err
	}
	a := &App{config: config, log: log, failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err := a.openAccess(); err != nil {
		return nil, err
	}
	// Addresses first: a port that is taken should not cost a start.
	grpcListener, httpListener, err := a.listen(ctx)
	if err != nil {
		return nil, err
	}
	adminListener, err := a.listenAdmin(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.openTelemetry(); err != nil {
		return nil, err
	}
	embedder, cat, about, err := a.openParts(ctx)
	if err != nil {
		return nil, err
	}
	bounds, model := config.bounds(), observeModel(embedder, a.telemetry)
	e := engine.New(engine.OneModel{Model: model}, cat, bounds.Bulk)
	a.server = rpc.NewServer(e, about, bounds, log)
	a.server.Observe(a.telemetry)
	a.server.AuditTo(a.gate.audit)
	if err := a.openBeside(ctx, cat, e); err != nil {
		return nil, err
	}
	e.Watch(a.telemetry)
	a.onClose(a.server.Close)
	if cat != nil && !a.clustered() { // a map is made of all vectors, which a cluster is not asked for
		a.serveMaps(cat, bounds)
	}
	a.onReload("access", func(c Config) error { return a.ReloadAccess(c.Access) })
	if err := a.watch(e, bounds, model, a.store); err != nil {
		return nil, err
	}
	if err := a.serveGRPC(); err != nil {
		return nil, err
	}
	if err := a.serveOutside(grpcListener, httpListener != nil); err != nil {
		return nil, err
	}
	if httpListener != nil {
		if err := a.serveHTTP(ctx, httpListener); err != nil {
			return nil, err
		}
	}
	if adminListener != nil {
		a.serveAdmin(adminListener)
	}
	a.startBeside(grpcListener != nil || httpListener != nil)
	return a, nil
}

// serveMaps serves maps of the catalog's collections, which are made while no calls are
// answered, or slowly.
func (a *App) serveMaps(c catalog.Catalog, bounds rpc.Bounds) {
	maps := atlas.New(c, atlas.Options{Log: a.log, Busy: func() bool {
		now := bounds.Calls.Counts()
		return now.Running+now.Waiting > 0
	}})
	a.onClose(maps.Close)
	a.server.ServeMaps(maps)
}

// Conn is a connection to the server within the process.
func (a *App) Conn() *grpc.ClientConn { return a.conn }

// Addresses gives what the server listens on.
func (a *App) Addresses() Addresses { return a.addrs }

// Close stops everything, last opened first. It may be called again.
func (a *App) Close() error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i]())
	}
	a.closers = nil
	a.serving.Wait()
	return errors.Join(errs...)
}

func (a *App) onClose(f func() error) { a.closers = append(a.closers, f) }

// openParts opens what answers: the model, and the catalog if there is a data
// directory, which says what its model is unless the configuration does.
func (a *App) openParts(ctx context.Context) (engineModel, catalog.Catalog, rpc.About, error) {
	if a.config.Cluster.Address != "" {
		return a.openCluster(ctx)
	}
	if a.config.Data == "" {
		model, about, err := a.openEmbedder()
		return model, nil, about, err
	}
	if err := errors.Join(papersElsewhere(a.config.Data), unfilled(a.config.Data)); err != nil {
		return nil, nil, rpc.About{}, err
	}
	s, err := store.Open(a.config.Data, store.Options{
		Create: a.config.Create, ReadOnlyOnDamage: a.config.ReadOnlyOnDamage, Logger: a.log, Beside: beside(), CheckAfter: checkAfter,
	})
	if err != nil {
		return nil, nil, rpc.About{}, err
	}
	a.onClose(s.Close)
	a.store = s
	kept, err := a.config.follow(s)
	if err != nil {
		return nil, nil, rpc.About{}, err
	}
	model, about, err := a.openModel(kept)
	if err != nil {
		return nil, nil, rpc.About{}, err
	}
	about.Index, about.Writable, about.Damage, about.Started = a.config.Index, s.Refusal, s.Damage, time.Now()
	about.Written = func(ctx context.Context) time.Time {
		ctx, cancel := context.WithTimeout(ctx, figuresTimeout)
		defer cancel()
		return a.lastWrite(ctx, s)
	}
	cat, err := a.openCatalog(ctx, s, model.Space())
	if err != nil {
		return nil, nil, rpc.About{}, err
	}
	if a.config.GRPCAddr != "" {
		if a.local, err = a.listenLocal(ctx, s); err != nil {
			a.log.Warn("commands with --data will not find this server; --server reaches it", "error", err)
		}
	}
	return model, cat, about, nil
}

func (a *App) openCatalog(ctx context.Context, s *store.Store, space paper.Space) (catalog.Catalog, error) {
	c, err := local.Open(ctx, local.Config{
		Store: s, Space: space, Index: local.IndexKind(a.config.Index), Dir: indexesOf(a.config.Data), Log: a.log, Done: a.telemetry.Event,
		Snapshots: a.config.snapshots(), Program: a.config.Version, Followed: followedBy(s),
	})
	if err != nil {
		return nil, err
	}
	a.onClose(c.Close)
	if writable := s.Writable() == nil; !writable { // the directory is left as it is
		return c, nil
	}
	if err := a.config.keep(space); err != nil {
		a.log.Warn("the next start will not know where the model is, which its flags can say", "error", err)
	}
	return c, nil
}

// serveGRPC serves whoever runs the server: within the process, and over the socket in
// the data directory.
func (a *App) serveGRPC() error {
	memory, conn, err := memoryConn(a.telemetry.ClientHandler())
	if err != nil {
		return err
	}
	a.grpc = a.server.GRPC()
	a.serve(func() error { return a.grpc.Serve(memory) })
	if a.local != nil {
		a.serve(func() error { return a.grpc.Serve(a.local) })
	}
	a.onClose(func() error { return a.stopGRPC(a.grpc) })
	a.conn = conn
	a.onClose(conn.Close)
	return nil
}

// serveOutside serves everybody else, who are asked for keys: on the listener, if any,
// and for the gateway.
func (a *App) serveOutside(listener net.Listener, gateway bool) error {
	if listener == nil && !gateway {
		return nil
	}
	a.outside = a.server.Guarded(a.gate.guard, a.tls())
	if listener != nil {
		a.serve(func() error { return a.outside.Serve(listener) })
	}
	a.onClose(func() error { return a.stopGRPC(a.outside) })
	if !gateway {
		return nil
	}
	memory, conn, err := memoryConn(a.telemetry.ClientHandler())
	if err != nil {
		return err
	}
	a.serve(func() error { return a.outside.Serve(memory) })
	a.gateway = conn
	a.onClose(conn.Close)
	return nil
}

// serve runs a server until it is stopped and reports an early end.
func (a *App) serve(run func() error) {
	a.serving.Add(1)
	go func() {
		defer a.serving.Done()
		if err := run(); err != nil && !errors.Is(err, grpc.ErrServerStopped) && !errors.Is(err, http.ErrServerClosed) {
			select {
			case a.failed <- err:
			default:
			}
		}
	}()
}

// stopGRPC lets calls under way finish, but not for ever.
func (a *App) stopGRPC(server *grpc.Server) error {
	a.server.Drain()
	done := make(chan struct{})
	go func() {
		server.GracefulStop()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(a.config.grace):
		a.log.Warn("calls did not end in time; cutting them off", "after", a.config.grace)
		server.Stop()
		<-done
	}
	return nil
}

func (a *App) serveHTTP(ctx context.Context, listener net.Listener) error {
	page, err := web.New(a.gateway, a.log)
	if err != nil {
		return err
	}
	page.Publish(a.config.PublicURL)
	gateway, err := rpc.NewGateway(context.WithoutCancel(ctx), a.gateway, rpc.GatewayOptions{
		Hosts: a.config.httpHosts(), Origins: a.config.HTTPOrigins, Guard: a.gate.guard, Telemetry: a.telemetry, Page: page,
	}, a.log)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: gateway, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelWarn), TLSConfig: a.tls("h2", "http/1.1"),
	}
	a.serve(func() error {
		if server.TLSConfig != nil {
			return server.ServeTLS(listener, "", "")
		}
		return server.Serve(listener)
	})
	a.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), a.config.grace)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			return server.Close()
		}
		return nil
	})
	return nil
}
