package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
)

// statement is one that the program has sent, with its arguments.
type statement struct {
	query string
	args  []any
}

// record returns the statements of the transaction in which the program stores a
// report, from BEGIN to COMMIT without these two. It learns them by standing
// between the program and PostgreSQL while file files one report, so they are
// what the program sends and cannot come apart from it. They hold for SQLite too:
// the program has one SQL for both.
func record(ctx context.Context, s site, file func(ctx context.Context, addr string) error) ([]statement, error) {
	server, err := url.Parse(s.url)
	if err != nil {
		return nil, fmt.Errorf("record a filing: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("record a filing: %w", err)
	}
	defer func() { _ = l.Close() }() // ends listen
	t := &tap{server: server.Host}
	go t.listen(ctx, l)

	through := *server
	through.Host = l.Addr().String()
	tapped := s
	tapped.url = through.String()
	p, err := tapped.serve(ctx)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(file(ctx, p.addr), p.stop()); err != nil {
		return nil, fmt.Errorf("record a filing: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.filing) == 0 {
		return nil, errors.New("record a filing: no transaction stored a report")
	}
	return decode(ctx, s.url, t.filing)
}

// tap passes on what a client and PostgreSQL say to each other, and listens to
// the client.
type tap struct {
	server string
	mu     sync.Mutex
	filing []sent // of the transaction that stored a report
}

// sent is a statement as it went over the wire.
type sent struct {
	query string
	bind  pgproto3.Bind
}

func (t *tap) listen(ctx context.Context, l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return // closed
		}
		go t.pass(ctx, client)
	}
}

func (t *tap) pass(ctx context.Context, client net.Conn) {
	defer func() { _ = client.Close() }() // a copy
	server, err := new(net.Dialer).DialContext(ctx, "tcp", t.server)
	if err != nil {
		return // the client sees a closed connection
	}
	defer func() { _ = server.Close() }() // a copy
	go func() {
		_, _ = io.Copy(client, server) // the client sees whatever breaks it off
		_ = client.Close()
	}()
	r, w := io.Pipe()
	go t.hear(r)
	_, _ = io.Copy(server, io.TeeReader(client, w)) // the same
	_ = w.Close()                                   // never fails
}

// hear follows one connection: named statements, and what is run between a begin
// and a commit.
func (t *tap) hear(r *io.PipeReader) {
	defer func() { _, _ = io.Copy(io.Discard, r) }() // a message that is not understood must not block
	c := &conversation{named: map[string]string{}}
	if c.startup(r) != nil {
		return
	}
	for {
		kind, body, err := message(r)
		if err != nil {
			return
		}
		if filing := c.take(kind, body); filing != nil {
			t.mu.Lock()
			t.filing = filing
			t.mu.Unlock()
		}
	}
}

// conversation is what is known of one connection.
type conversation struct {
	named  map[string]string // prepared statements
	within []sent            // of the transaction under way
}

// startup skips the first message, which alone has no letter.
func (c *conversation) startup(r io.Reader) error {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, r, int64(binary.BigEndian.Uint32(length[:]))-4)
	return err
}

// message reads one message of the frontend: a letter, the length, the body.
func message(r io.Reader) (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	body = make([]byte, binary.BigEndian.Uint32(head[1:])-4)
	_, err = io.ReadFull(r, body)
	return head[0], body, err
}

// take returns the statements of a transaction that stored a report when it
// commits, and nothing otherwise.
func (c *conversation) take(kind byte, body []byte) []sent {
	switch kind {
	case 'P':
		var m pgproto3.Parse
		if m.Decode(body) == nil {
			c.named[m.Name] = m.Query
		}
	case 'B':
		var s sent
		if s.bind.Decode(bytes.Clone(body)) == nil {
			s.query = c.named[s.bind.PreparedStatement]
			c.within = append(c.within, s)
		}
	case 'Q':
		var m pgproto3.Query
		if m.Decode(body) != nil {
			return nil
		}
		done := c.within
		c.within = nil
		if strings.HasPrefix(m.String, "commit") && storesReport(done) {
			return done
		}
	}
	return nil
}

func storesReport(all []sent) bool {
	for _, s := range all {
		if strings.HasPrefix(s.query, "INSERT INTO reports ") {
			return true
		}
	}
	return false
}

// decode turns arguments as they went over the wire into values; PostgreSQL says
// of what types they are.
func decode(ctx context.Context, address string, all []sent) ([]statement, error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("decode a filing: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // only read from
	var out []statement
	for _, s := range all {
		described, err := conn.Prepare(ctx, "", s.query)
		if err != nil {
			return nil, fmt.Errorf("decode a filing: %w", err)
		}
		st := statement{query: s.query}
		for i, raw := range s.bind.Parameters {
			v, err := value(conn.TypeMap(), described.ParamOIDs[i], format(s.bind.ParameterFormatCodes, i), raw)
			if err != nil {
				return nil, fmt.Errorf("decode argument %d of %s: %w", i+1, s.query, err)
			}
			st.args = append(st.args, v)
		}
		out = append(out, st)
	}
	return out, nil
}

func value(types *pgtype.Map, oid uint32, format int16, raw []byte) (any, error) {
	t, ok := types.TypeForOID(oid)
	if !ok {
		return nil, fmt.Errorf("type %d is not known", oid)
	}
	return t.Codec.DecodeValue(types, oid, format, raw)
}

// format of argument i: none is text for all, one holds for all.
func format(codes []int16, i int) int16 {
	switch len(codes) {
	case 0:
		return pgtype.TextFormatCode
	case 1:
		return codes[0]
	}
	return codes[i]
}
