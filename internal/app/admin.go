package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/netutil"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"akin/internal/paper"
	"akin/internal/rpc"
)

// adminWrite is how long an answer of the admin address may take: profiles run for as
// long as they are asked to.
const adminWrite = 2 * time.Minute

// adminConnections is how many connections the admin address has at once.
const adminConnections = 64

// serveAdmin serves metrics, health and profiles on an address of their own. Profiles
// show what is in memory, and nobody is asked for a key here: others than this machine
// reach it only where the configuration says that they may.
func (a *App) serveAdmin(listener net.Listener) {
	server := &http.Server{
		Handler: a.adminHandler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: adminWrite, IdleTimeout: idleTimeout,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	a.serve(func() error { return server.Serve(listener) })
	a.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			return server.Close() // a profile that is being taken
		}
		return nil
	})
}

// listenAdmin opens the admin address; nil if none is asked for.
func (a *App) listenAdmin(ctx context.Context) (net.Listener, error) {
	addr := a.config.AdminAddr
	if addr == "" {
		return nil, nil //nolint:nilnil // not asked for
	}
	loopback, err := loopbackOf(ctx, addr)
	if err != nil {
		return nil, &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonInvalidField, Cause: err,
			Message: fmt.Sprintf("--admin-addr %q cannot be listened on: %v", addr, err),
		}
	}
	at := loopback
	if loopback == "" {
		at = addr
		if !a.config.AdminPublic {
			return nil, &paper.Error{
				Kind: paper.Invalid, Reason: paper.ReasonInvalidField,
				Message: fmt.Sprintf("--admin-addr %q is not a loopback address: whoever reaches it sees metrics, and in profiles what is in memory. "+
					"Listen on 127.0.0.1 or [::1], or add --admin-public where only those reach it who may", addr),
			}
		}
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", at)
	if err != nil {
		return nil, fmt.Errorf("listen for --admin-addr on %s: %w", addr, err)
	}
	a.onClose(func() error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	if loopback == "" {
		a.log.Warn(fmt.Sprintf("metrics and profiles are open to whoever reaches %s, since --admin-public is set", l.Addr()))
	}
	a.addrs.Admin = l.Addr().String()
	return netutil.LimitListener(l, adminConnections), nil
}

// adminHandler answers on the admin address. A page elsewhere that gets a browser to
// ask is refused by the name that it asks for.
func (a *App) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.telemetry.Metrics())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", a.readyz)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !plainHost(r.Host) {
			http.Error(w, "ask for the address itself, not for a name", http.StatusForbidden)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

// plainHost says whether a request's host is an IP address or localhost.
func plainHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || strings.EqualFold(host, "localhost")
}

// readyz answers 200 while calls are taken, and says what of them is refused. It asks
// over the connection within the process, which needs no key.
func (a *App) readyz(w http.ResponseWriter, r *http.Request) {
	health := healthpb.NewHealthClient(a.conn)
	var down []string
	for _, name := range []string{"", rpc.WritesHealth, rpc.DataHealth} {
		resp, err := health.Check(r.Context(), &healthpb.HealthCheckRequest{Service: name})
		if err == nil && resp.GetStatus() == healthpb.HealthCheckResponse_SERVING {
			continue
		}
		if name == "" {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		down = append(down, name)
	}
	if len(down) > 0 { // queries are answered all the same
		fmt.Fprintf(w, "ready, but not for %s\n", strings.Join(down, " and "))
		return
	}
	fmt.Fprintln(w, "ready")
}
