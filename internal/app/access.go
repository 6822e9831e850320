package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/test/bufconn"

	"akin/internal/access"
	"akin/internal/paper"
	"akin/internal/rpc"
)

const (
	// accessDir is where a data directory keeps keys and the audit log: beside the store,
	// and in none of its snapshots.
	accessDir = "access"
	// watchEvery is how often keys and certificates are looked at: how long what is
	// revoked may still go on.
	watchEvery = time.Second
	// NoAudit is the name of an audit log that is not written.
	NoAudit = "none"
)

// Access says who may call a server from outside, and how. The zero value of a field
// means its default.
type Access struct {
	// Dir is where the keys are; empty means the folder access of the data directory.
	// Until a key is made there, none is asked for.
	Dir string
	// Anonymous is what somebody without a key may do once there are keys: nothing,
	// which is the default, or "read".
	Anonymous string
	// Closed are the groups of methods that need a key, too: see rpc.OpenGroups. They
	// are open by default.
	Closed []string
	// TLSCert and TLSKey are files of a certificate chain and its key; TLSClientCA has
	// the authorities that clients must have a certificate from, if any.
	TLSCert, TLSKey, TLSClientCA string
	// KeyQuota is that of keys which have none of their own, AddressQuota that of each
	// address.
	KeyQuota, AddressQuota access.Quota
	// TrustedProxies are addresses and networks whose Forwarded and X-Forwarded-For are
	// believed.
	TrustedProxies []string
	// OIDC says whose tokens are taken beside keys.
	OIDC access.OIDCConfig
	// Audit is the file of the audit log; empty means audit.jsonl beside the keys, from
	// the first key on, and NoAudit none.
	Audit string
}

// gate is what an App has of access control.
type gate struct {
	keys   access.File
	ring   *access.Ring
	certs  *access.Certificates // nil without TLS
	limits *access.Limiter
	audit  *access.Audit // nil is none
	guard  *rpc.Guard
}

// accessDir is where the keys of a configuration are; empty if nowhere.
func (c Config) accessDir() string {
	if c.Access.Dir != "" || c.Data == "" {
		return c.Access.Dir
	}
	return filepath.Join(c.Data, accessDir)
}

// Check reports all that is wrong with what a configuration says of access.
func (a Access) Check() error {
	var errs []error
	if a.Anonymous != "" && a.Anonymous != "read" {
		errs = append(errs, paper.Invalidf("--anonymous %q: somebody without a key may only be allowed to read", a.Anonymous))
	}
	for _, group := range a.Closed {
		if !slices.Contains(rpc.OpenGroups(), group) {
			errs = append(errs, paper.Invalidf("--closed %q: there are %s", group, strings.Join(rpc.OpenGroups(), ", ")))
		}
	}
	if (a.TLSCert == "") != (a.TLSKey == "") || a.TLSClientCA != "" && a.TLSCert == "" {
		errs = append(errs, paper.Invalidf("TLS needs --tls-cert and --tls-key; --tls-client-ca comes beside them"))
	}
	_, err := access.ParseProxies(a.TrustedProxies)
	errs = append(errs, err, a.KeyQuota.Check("the quota of keys"), a.AddressQuota.Check("the quota of addresses"))
	_, err = access.NewOIDC(a.OIDC, slog.New(slog.DiscardHandler))
	return errors.Join(append(errs, err)...)
}

// openAccess reads keys and certificates. A server that listens refuses what is
// damaged; a command on a data directory needs no key, and goes on without.
func (a *App) openAccess() (err error) {
	c := a.config.Access
	g := &gate{keys: access.In(a.config.accessDir()), limits: access.NewLimiter(access.Quotas{Key: c.KeyQuota, Address: c.AddressQuota})}
	a.gate = g
	rules := access.Rules{Anonymous: anonymousScope(c.Anonymous)}
	if rules.OIDC, err = access.NewOIDC(c.OIDC, a.log); err != nil {
		return err
	}
	if g.ring, err = access.OpenRing(g.keys, rules, a.log); err != nil {
		if a.config.GRPCAddr != "" || a.config.HTTPAddr != "" {
			return err
		}
		a.log.Warn("the keys cannot be read; commands on the data directory need none", "error", err)
	}
	if c.TLSCert != "" {
		if g.certs, err = access.OpenCertificates(c.TLSCert, c.TLSKey, c.TLSClientCA, a.log); err != nil {
			return err
		}
	}
	proxies, err := access.ParseProxies(c.TrustedProxies)
	if err != nil {
		return err
	}
	if g.audit = a.config.audit(g.ring.Asks, a.log); g.audit != nil {
		a.onClose(g.audit.Close)
	}
	g.guard = &rpc.Guard{Ring: g.ring, Limits: g.limits, Proxies: proxies, Open: without(rpc.OpenGroups(), c.Closed)}
	a.watchAccess()
	return nil
}

func anonymousScope(name string) access.Scope {
	if name == "read" {
		return access.Read
	}
	return 0
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(one string) bool { return slices.Contains(some, one) })
}

// audit gives the log that a configuration names, nil for none. The one that nobody
// named is written from when on something asks for keys.
func (c Config) audit(asks func() bool, log *slog.Logger) *access.Audit {
	switch {
	case c.Access.Audit == NoAudit || c.Access.Audit == "" && c.accessDir() == "":
		return nil
	case c.Access.Audit != "":
		return access.NewAudit(c.Access.Audit, nil, log)
	}
	return access.NewAudit(access.In(c.accessDir()).AuditPath(), asks, log)
}

// watchAccess follows the files of keys and certificates until the end.
func (a *App) watchAccess() {
	if a.config.GRPCAddr == "" && a.config.HTTPAddr == "" {
		return // nobody calls from outside
	}
	done := make(chan struct{})
	a.serving.Add(1)
	go func() {
		defer a.serving.Done()
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				a.gate.ring.Check(now)
				if a.gate.certs != nil {
					a.gate.certs.Check(now)
				}
			case <-done:
				return
			}
		}
	}()
	a.onClose(func() error { close(done); return nil })
}

// ReloadAccess takes over what may change while a server runs, at once: keys and
// certificates from their files, the quotas of c, and a new file of the audit log where
// the old one was moved away. Calls go on. What cannot be read stays as it was, and is
// reported.
func (a *App) ReloadAccess(c Access) error {
	errs := []error{c.KeyQuota.Check("the quota of keys"), c.AddressQuota.Check("the quota of addresses")}
	if errors.Join(errs...) == nil {
		a.gate.limits.Set(access.Quotas{Key: c.KeyQuota, Address: c.AddressQuota})
	}
	errs = append(errs, a.gate.audit.Reopen(), a.gate.ring.Reload())
	if a.gate.certs != nil {
		errs = append(errs, a.gate.certs.Reload())
	}
	a.gate.ring.Check(time.Now())
	return errors.Join(errs...)
}

// safe says whether strangers may reach the server: it asks for keys, and TLS hides
// them on their way.
func (a *App) safe() bool { return a.gate != nil && a.gate.certs != nil && a.gate.ring.Asks() }

// asks says whether the server asks for keys.
func (a *App) asks() bool { return a.gate != nil && a.gate.ring.Asks() }

// tls gives what connections of some protocols are encrypted with; nil for nothing.
func (a *App) tls(protocols ...string) *tls.Config {
	if a.gate.certs == nil {
		return nil
	}
	return a.gate.certs.Config(protocols...)
}

// memoryConn listens and connects within the process; handler is told of calls.
func memoryConn(handler stats.Handler) (*bufconn.Listener, *grpc.ClientConn, error) {
	memory := bufconn.Listen(memoryBuffer)
	conn, err := grpc.NewClient("passthrough:///akin",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return memory.DialContext(ctx) }),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(rpc.MaxMessageBytes), grpc.MaxCallSendMsgSize(rpc.MaxMessageBytes)),
		grpc.WithStatsHandler(handler),
	)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the server within the process: %w", err)
	}
	return memory, conn, nil
}

// auditLocal writes down what was done on this machine without a server.
func (c Config) auditLocal(log *slog.Logger, e access.Event, done error) error {
	dir := c.accessDir()
	asks := func() bool { // the log that nobody named is for those who have keys
		_, err := os.Stat(access.In(dir).Path())
		return dir != "" && err == nil
	}
	audit := c.audit(asks, log)
	if audit == nil || c.Access.Audit == "" && !asks() {
		return nil
	}
	by := access.Local(fmt.Sprintf("uid %d", os.Getuid()))
	e.By(&by)
	e.Time, e.Result = time.Now(), "OK"
	if done != nil {
		e.Result = "Failed"
		var known *paper.Error
		if errors.As(done, &known) {
			e.Reason = known.Reason
		}
	}
	return errors.Join(audit.Append(&e), audit.Close())
}
