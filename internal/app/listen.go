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
// refused, unless the configuration says that it is meant, and then warned of.
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
	case !a.config.InsecurePublic:
		return nil, &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonInvalidField,
			Message: fmt.Sprintf("%s %q is not a loopback address: whoever reaches it could read, change and erase all papers. "+
				"Listen on 127.0.0.1 or [::1], or add --insecure-public to open it to all of them", flag, addr),
		}
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
	if loopback == "" {
		a.log.Warn(fmt.Sprintf("%s is open to whoever reaches %s: they can read, change and erase all papers, since --insecure-public is set", name, l.Addr()))
	}
	return netutil.LimitListener(l, maxConnections), nil
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
