package egress

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer is a DNS server on loopback: each name has the answers it gives in
// turn, the last one for ever. An unknown name is NXDOMAIN, a name without
// answers is a server failure.
type nameServer struct {
	mu    sync.Mutex
	names map[string][]netip.Addr
}

// newResolver serves the names until the test ends.
func newResolver(t *testing.T, names map[string][]netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{names: names}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve(conn)
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	addr := conn.LocalAddr().String()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp4", addr)
	}}
}

func (s *nameServer) serve(conn *net.UDPConn) {
	buf := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		var query dnsmessage.Message
		if query.Unpack(buf[:n]) != nil || len(query.Questions) != 1 {
			continue
		}
		out, err := s.answer(query)
		if err != nil {
			continue
		}
		_, _ = conn.WriteToUDPAddrPort(out, from)
	}
}

func (s *nameServer) answer(query dnsmessage.Message) ([]byte, error) {
	q := query.Questions[0]
	msg := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: query.ID, Response: true, RecursionAvailable: true},
		Questions: query.Questions,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	addrs, known := s.names[strings.ToLower(q.Name.String())]
	switch {
	case !known:
		msg.RCode = dnsmessage.RCodeNameError
	case len(addrs) == 0:
		msg.RCode = dnsmessage.RCodeServerFailure
	default:
		msg.Answers = s.records(q, addrs)
	}
	return msg.Pack()
}

// records answers with the first address of the question's type; asking for it
// uses it up if another stands behind it.
func (s *nameServer) records(q dnsmessage.Question, addrs []netip.Addr) []dnsmessage.Resource {
	head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
	a := addrs[0]
	switch {
	case q.Type == dnsmessage.TypeA && a.Is4():
		if len(addrs) > 1 {
			s.names[q.Name.String()] = addrs[1:]
		}
		return []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AResource{A: a.As4()}}}
	case q.Type == dnsmessage.TypeAAAA && a.Is6():
		return []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}}}
	}
	return nil
}
