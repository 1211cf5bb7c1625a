package egress

import (
	"fmt"
	"net/netip"
	"syscall"

	"code.dny.dev/ssrf"
)

const (
	httpsPort      = 443
	lowestFreePort = 1024
)

type controlFunc = func(network, address string, c syscall.RawConn) error

// guard decides which addresses may be dialled.
type guard struct {
	allow  []netip.Prefix
	only   bool // refuse all else
	public *ssrf.Guardian
}

func newGuard(allow []netip.Prefix, only bool) guard {
	g := guard{public: ssrf.New(ssrf.WithAnyPort()), only: only}
	for _, p := range allow {
		g.allow = append(g.allow, unmapped(p))
	}
	return g
}

// unmapped writes a prefix of IPv4-mapped addresses as the IPv4 prefix it
// stands for, since addresses are compared in that form.
func unmapped(p netip.Prefix) netip.Prefix {
	const mappedBits = 96
	if p.Addr().Is4In6() && p.Bits() >= mappedBits {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mappedBits)
	}
	return p.Masked()
}

// controlSecure is the [net.Dialer] control of https connections.
func (g guard) controlSecure(network, address string, _ syscall.RawConn) error {
	to, err := parseDialled(network, address)
	if err != nil {
		return err
	}
	return g.refuse(to)
}

// controlPlain is the [net.Dialer] control of http connections.
func (g guard) controlPlain(network, address string, _ syscall.RawConn) error {
	to, err := parseDialled(network, address)
	if err != nil {
		return err
	}
	if !g.allowed(to.Addr()) {
		return fmt.Errorf("%w: http is spoken only within the allow-list", ErrRefused)
	}
	return nil
}

func parseDialled(network, address string) (netip.AddrPort, error) {
	if network != "tcp4" && network != "tcp6" {
		return netip.AddrPort{}, fmt.Errorf("%w: network %s", ErrRefused, network)
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%w: parse dialled address: %w", ErrRefused, err)
	}
	return to, nil
}

// allowed reports whether the operator excepted the address.
func (g guard) allowed(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range g.allow {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// refuse returns nil for what may be reached over https, else [ErrRefused].
func (g guard) refuse(to netip.AddrPort) error {
	a := to.Addr().Unmap()
	if g.allowed(a) {
		return nil
	}
	if g.only {
		return fmt.Errorf("%w: not on the allow-list", ErrRefused)
	}
	if p := to.Port(); p != httpsPort && p < lowestFreePort {
		return fmt.Errorf("%w: port %d", ErrRefused, p)
	}
	if err := g.public.SafeAddr(a); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return nil
}
