package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/netutil"

	"akin/internal/paper"
)

// listen opens the addresses that are asked for.
func (a *App) listen(ctx context.Context) (grpcListener, httpListener net.Listener, err error) {
	if grpcListener, err = a.listenOn(ctx, "gRPC", "--grpc-addr", a.config.GRPCAddr); err != nil {
		return nil, nil, err
	}
	if httpListener, err = a.listenOn(ctx, "HTTP", "--http-addr", a.config.HTTPAddr); err != nil {
		return nil, nil, err
	}
	if grpcListener != nil {
		a.addrs.GRPC = grpcListener.Addr().String()
	}
	if httpListener != nil {
		a.addrs.HTTP = httpListener.Addr().String()
	}
	return grpcListener, httpListener, nil
}

// listenOn opens one address. One that others than this machine may reach is
// refused, unless keys and TLS keep them out, or the configuration says that it is
// meant, which is warned of.
// This is the only place that listens, so that nothing is open by accident.
func (a *App) listenOn(ctx context.Context, name, flag, addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil //nolint:nilnil // not asked for
	}
	loopback, err := loopbackOf(ctx, addr)
	if err != nil {
		return nil, &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonInvalidField, Cause: err,
			Message: fmt.Sprintf("%s %q cannot be listened on: %v", flag, addr, err),
		}
	}
	at := addr
	switch {
	case loopback != "":
		at = loopback // what was checked, not what the name means the next time
	case !a.config.InsecurePublic && !a.safe():
		return nil, a.notPublic(flag, addr)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", at)
	if err != nil {
		return nil, fmt.Errorf("listen for %s on %s: %w", name, addr, err)
	}
	a.onClose(func() error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	if loopback == "" && !a.safe() {
		a.warnOfPublic(name, l.Addr())
	}
	return netutil.LimitListener(l, maxConnections), nil
}

// notPublic is the error of an address that others may reach, while something is
// missing that keeps them out.
func (a *App) notPublic(flag, addr string) error {
	var missing []string
	if !a.asks() {
		missing = append(missing, "keys (akin key create), without which whoever reaches it could read, change and erase all papers")
	}
	if a.gate == nil || a.gate.certs == nil {
		missing = append(missing, "TLS (--tls-cert and --tls-key), without which papers and keys could be read on their way")
	}
	return &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonInvalidField,
		Message: fmt.Sprintf("%s %q is not a loopback address, and needs %s. Add that, listen on 127.0.0.1 or [::1], or add --insecure-public to open it all the same",
			flag, addr, strings.Join(missing, ", and ")),
	}
}

// warnOfPublic says what --insecure-public allows.
func (a *App) warnOfPublic(name string, addr net.Addr) {
	if a.asks() {
		a.log.Warn(fmt.Sprintf("%s is open to whoever reaches %s, without TLS, since --insecure-public is set: papers and keys can be read on their way", name, addr))
		return
	}
	a.log.Warn(fmt.Sprintf("%s is open to whoever reaches %s: they can read, change and erase all papers, since --insecure-public is set", name, addr))
}

// loopbackOf gives the address with a loopback IP in place of its host, or "" if
// others than this machine may reach it. A name must mean loopback addresses
// only.
func loopbackOf(ctx context.Context, addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("%w; write HOST:PORT, such as 127.0.0.1:7411 or [::1]:7411", err)
	}
	if host == "" {
		return "", nil // all of the machine's addresses
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if !ip.Unmap().IsLoopback() {
			return "", nil
		}
		return addr, nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", fmt.Errorf("the name %q has no address: %w", host, err)
	}
	chosen := ips[0]
	for _, ip := range ips {
		if !ip.Unmap().IsLoopback() {
			return "", nil
		}
		if ip.Unmap().Is4() && !chosen.Unmap().Is4() { // as net.Listen chooses
			chosen = ip
		}
	}
	return net.JoinHostPort(strings.TrimSpace(chosen.Unmap().String()), port), nil
}
