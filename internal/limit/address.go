package limit

import (
	"net/http"
	"net/netip"
	"strings"
)

// Client returns the address that a request came from. Behind proxies that are
// trusted it is the last one in X-Forwarded-For that is not such a proxy: what
// stands before it is the caller's own word. Several header lines are one list
// (RFC 9110, 5.3). ok is false where there is none, as on a Unix socket.
func Client(r *http.Request, trusted []netip.Prefix) (client netip.Addr, ok bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	client = plain(peer.Addr())
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && within(client, trusted); i-- {
		hop, ok := parseHop(hops[i])
		if !ok {
			break // the proxy that wrote this is the last that is known
		}
		client = hop
	}
	return client, true
}

// parseHop reads an address, which some proxies write with a port.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return plain(a), true
	}
	a, err := netip.ParseAddrPort(s)
	return plain(a.Addr()), err == nil
}

// plain is an address without zone, and an IPv4 one as such.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func within(a netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Network is what shares a fate: a /24 of IPv4, and of IPv6 the /64 that one
// household or phone has.
func Network(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits) // fails only for more bits than there are
	return p
}
