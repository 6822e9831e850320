package access

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"akin/internal/paper"
)

// Proxies are the machines whose word on where a call comes from is believed.
type Proxies []netip.Prefix

// ParseProxies reads addresses and networks.
func ParseProxies(list []string) (Proxies, error) {
	var all Proxies
	for _, text := range list {
		text = strings.TrimSpace(text)
		prefix, err := netip.ParsePrefix(text)
		if ip, ipErr := netip.ParseAddr(text); ipErr == nil {
			prefix, err = netip.PrefixFrom(ip.Unmap().WithZone(""), ip.Unmap().BitLen()), nil
		}
		if err != nil {
			return nil, paper.Invalidf("the trusted proxy %.80q is neither an address nor a network; write it like 10.0.0.7 or 10.0.0.0/8", text)
		}
		all = append(all, prefix.Masked())
	}
	return all, nil
}

// trusts says whether an address is a proxy's.
func (p Proxies) trusts(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	for _, prefix := range p {
		if prefix.Contains(ip) {
			return true
		}
	}
	return false
}

// Client says where a call comes from: the connection's address, or, if that is a
// proxy's, the right-most one of Forwarded (RFC 7239) or X-Forwarded-For that is not, without its
// port.
// What a proxy does not set it may hand on from its client: when both headers are
// there and name different clients, neither is believed.
func (p Proxies) Client(remote string, forwarded, xForwardedFor []string) string {
	if at, ok := addressOf(remote); !ok || !p.trusts(at) {
		return remote
	}
	var named string
	switch {
	case len(forwarded) == 0:
		named = p.last(commaList(xForwardedFor), plainHop)
	case len(xForwardedFor) == 0:
		named = p.last(commaList(forwarded), forwardedHop)
	default:
		named = p.last(commaList(forwarded), forwardedHop)
		if p.last(commaList(xForwardedFor), plainHop) != named {
			named = ""
		}
	}
	if named == "" {
		return remote
	}
	return named
}

// Secure says that a client came over TLS to a proxy: the connection is from one, and it
// says so itself, in the right-most part of Forwarded (RFC 7239) or X-Forwarded-Proto.
// Where both are there, both must say it.
func (p Proxies) Secure(remote string, forwarded, xForwardedProto []string) bool {
	if at, ok := addressOf(remote); !ok || !p.trusts(at) {
		return false
	}
	var said []string
	if hops := commaList(forwarded); len(hops) > 0 {
		if scheme := partOf(hops[len(hops)-1], "proto"); scheme != "" {
			said = append(said, scheme)
		}
	}
	if hops := commaList(xForwardedProto); len(hops) > 0 {
		said = append(said, plainHop(hops[len(hops)-1]))
	}
	return len(said) > 0 && !slices.ContainsFunc(said, func(scheme string) bool { return !strings.EqualFold(scheme, "https") })
}

// last walks the hops from the right, as long as they are proxies', and gives the
// client; empty if a hop is no address.
func (p Proxies) last(hops []string, read func(string) string) (client string) {
	for i := len(hops) - 1; i >= 0; i-- {
		at := read(hops[i])
		ip, ok := addressOf(at)
		if !ok {
			return client
		}
		client = ip.String()
		if !p.trusts(ip) {
			return client
		}
	}
	return client
}

func commaList(values []string) (all []string) {
	for _, v := range values {
		all = append(all, strings.Split(v, ",")...)
	}
	return all
}

func plainHop(hop string) string { return strings.TrimSpace(hop) }

// forwardedHop gives what for= has of an element.
func forwardedHop(hop string) string { return partOf(hop, "for") }

// partOf gives a named part of an element of Forwarded; "" if it has none.
func partOf(hop, part string) string {
	for pair := range strings.SplitSeq(hop, ";") {
		name, value, _ := strings.Cut(pair, "=")
		if strings.EqualFold(strings.TrimSpace(name), part) {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

// hostOf is an address without port and brackets.
func hostOf(at string) string {
	if host, _, err := net.SplitHostPort(at); err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(at, "["), "]")
}

func addressOf(at string) (netip.Addr, bool) {
	ip, err := netip.ParseAddr(hostOf(at))
	return ip.Unmap(), err == nil
}

// Machine is what an address, with or without a port, is charged as. Who has one IPv6
// address has all of its /64, and could come from another one each time; on the same
// link, each address is a neighbour's.
func Machine(at string) string {
	host := hostOf(at)
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if ip = ip.Unmap(); ip.Is4() || ip.IsLinkLocalUnicast() {
		return ip.String()
	}
	return netip.PrefixFrom(ip.WithZone(""), 64).Masked().String()
}
