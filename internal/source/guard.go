package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"

	"akin/internal/source/hop"
)

// dialer connects to hosts.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// guard says which hosts may be asked, and which addresses may be dialled for them. It
// does not change.
type guard struct {
	// named are the hosts that the configuration names, private those of them whose
	// addresses may be private.
	named, private []string
	proxy          *url.URL      // nil is none
	resolver       *net.Resolver // nil is the system's
}

// newGuard makes the guard of settings.
func newGuard(s Settings, resolver *net.Resolver) *guard {
	g := &guard{resolver: resolver}
	for _, c := range s.Sources {
		if h := c.host(); h != "" {
			g.named = append(g.named, h)
		}
	}
	for _, h := range s.Hosts {
		g.named = append(g.named, hop.Bare(h))
	}
	for _, h := range s.PrivateHosts {
		g.private = append(g.private, hop.Bare(h))
	}
	if s.Proxy != "" {
		g.proxy, _ = url.Parse(s.Proxy) // which was checked
	}
	return g
}

// names says whether the configuration names a host.
func (g *guard) names(host string) bool { return slices.Contains(g.named, host) }

// allowed are the networks that a host may be in beside the internet.
func (g *guard) allowed(host string) (all []netip.Prefix) {
	if g.proxy != nil && host == hop.Host(g.proxy) || slices.Contains(g.private, host) {
		for _, text := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "::1/128", "fc00::/7"} {
			all = append(all, netip.MustParsePrefix(text))
		}
	}
	if !g.names(host) {
		return all
	}
	if host == "localhost" {
		return append(all, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	if addr, err := netip.ParseAddr(host); err == nil { // which no name server can turn into another
		all = append(all, netip.PrefixFrom(addr.WithZone(""), addr.BitLen()))
	}
	return all
}

// dial connects to an address of a host, if that may be dialled. It is looked at when it
// is dialled, so that it does not matter what a name server said before.
func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial %q: %w", address, err)
	}
	options := []ssrf.Option{ssrf.WithAnyPort()}
	for _, p := range g.allowed(hop.Bare(host)) {
		if p.Addr().Is4() {
			options = append(options, ssrf.WithAllowedV4Prefixes(p))
		} else {
			options = append(options, ssrf.WithAllowedV6Prefixes(p))
		}
	}
	safe := ssrf.New(options...)
	d := net.Dialer{Timeout: dialTimeout, Resolver: g.resolver, Control: func(network, address string, c syscall.RawConn) error {
		if err := safe.Safe(network, address, c); err != nil {
			return &addressError{host: host, address: address, cause: err}
		}
		return nil
	}}
	return d.DialContext(ctx, network, address)
}

// addressError says that a host has an address that must not be dialled.
type addressError struct {
	host, address string
	cause         error
}

func (e *addressError) Error() string {
	ip, _, err := net.SplitHostPort(e.address)
	if err != nil {
		ip = e.address
	}
	return fmt.Sprintf("%s has the address %s, which is not one of the internet; if that is right, name it in source-private-hosts", e.host, ip)
}

func (e *addressError) Unwrap() error { return e.cause }

// checkURL says why an address may not be asked.
func (g *guard) checkURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, lasting(err, "%.200q is no address of the web", address)
	}
	if host := hostOf(address); !g.names(host) {
		return nil, lasting(nil, "the host %q is not named in the configuration: add it to source-hosts", host)
	}
	return u, nil
}

// errTooManyRedirects ends a chain.
var errTooManyRedirects = errors.New("too many redirects")
