package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// connection is a keep-alive connection to the program. It writes requests that
// are bytes already: what the load generator spends is taken from the program.
type connection struct {
	conn net.Conn
	in   *bufio.Reader
	body bytes.Buffer
}

func connect(ctx context.Context, addr string) (*connection, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect to the program: %w", err)
	}
	return &connection{conn: c, in: bufio.NewReaderSize(c, 64<<10)}, nil
}

// connectAll opens n connections.
func connectAll(ctx context.Context, addr string, n int) ([]*connection, error) {
	all := make([]*connection, n)
	for i := range all {
		var err error
		if all[i], err = connect(ctx, addr); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func closeAll(all []*connection) {
	for _, c := range all {
		_ = c.conn.Close() // nothing is on its way
	}
}

// patience is how long an answer may take before the run is given up.
const patience = time.Minute

// roundTrip sends a request and returns the answer's body, which is good until
// the next call.
func (c *connection) roundTrip(request []byte, want int) ([]byte, error) {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	c.body.Reset()
	if _, err := io.Copy(&c.body, res.Body); err != nil {
		return nil, fmt.Errorf("receive the body: %w", err)
	}
	if err := res.Body.Close(); err != nil {
		return nil, fmt.Errorf("receive the body: %w", err)
	}
	if res.StatusCode != want {
		return nil, fmt.Errorf("the program answered %s: %s", res.Status, c.body.Bytes())
	}
	return c.body.Bytes(), nil
}

// get is a GET request's bytes.
func get(target string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\n\r\n", target)
}

// post is a POST request's bytes.
func post(target, contentType string, body []byte) []byte {
	head := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
		target, contentType, len(body))
	return append(head, body...)
}
