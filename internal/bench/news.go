package main

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"time"
)

// How soon a change is in the push service of whoever follows it, and how soon all
// processes use boundaries that one of them has activated, in seconds.
const (
	pushedWithin   = 1
	switchedWithin = 2
)

// news measures how soon a change is known where it has to be.
func (b *bench) news(ctx context.Context) error {
	for _, e := range engines() {
		s, err := b.newSite(ctx, e, "news")
		if err != nil {
			return err
		}
		if err := b.newsOn(ctx, e, s); err != nil {
			return fmt.Errorf("on %s: %w", e, err)
		}
	}
	return nil
}

// newsOn lets two processes serve one installation.
func (b *bench) newsOn(ctx context.Context, e engine, s site) (err error) {
	var both [2]*process
	for i := range both {
		if both[i], err = s.serve(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, both[i].stop()) }()
	}
	pushed, err := b.pushes(ctx, both)
	if err != nil {
		return err
	}
	b.table.add(under(fmt.Sprintf("a change in the follower's push service, %s, median of %d", e, len(pushed)), median(pushed), pushedWithin, "s"))
	b.table.add(under(fmt.Sprintf("a change in the follower's push service, %s, p99", e), quantile(pushed, 0.99), pushedWithin, "s"))
	switched, err := b.switches(ctx, s, both)
	if err != nil {
		return err
	}
	b.table.add(under(fmt.Sprintf("boundaries activated or undone are used by both processes, %s, slowest of %d", e, len(switched)),
		quantile(switched, 1), switchedWithin, "s"))
	return nil
}

// pushes files reports that somebody follows, withdraws them, and returns the
// seconds from the request to the message's arrival. What one process changes,
// either may send.
func (b *bench) pushes(ctx context.Context, both [2]*process) ([]float64, error) {
	service, err := startPushService(ctx)
	if err != nil {
		return nil, err
	}
	defer service.close()
	var clients [2]*connection
	for i, p := range both {
		if clients[i], err = connect(ctx, p.addr); err != nil {
			return nil, err
		}
	}
	defer closeAll(clients[:])
	var took []float64
	for i := range b.size.pushes {
		_, at := anywhere(b.country.areas)
		body, err := clients[i%2].roundTrip(newReport(at), 201)
		if err != nil {
			return nil, err
		}
		var filed struct {
			ID    string `json:"id"`
			Token string `json:"follow_token"`
		}
		if err := json.Unmarshal(body, &filed); err != nil {
			return nil, fmt.Errorf("read a filed report: %w", err)
		}
		if _, err := clients[i%2].roundTrip(post("/v1/subscriptions", "application/json", service.subscription(filed.ID)), 201); err != nil {
			return nil, err
		}
		began := time.Now()
		if _, err := clients[i%2].roundTrip(withdraw(filed.ID, filed.Token), 200); err != nil {
			return nil, err
		}
		select {
		case at := <-service.arrived:
			took = append(took, at.Sub(began).Seconds())
		case <-time.After(patience):
			return nil, errors.New("no push message came")
		}
	}
	return took, nil
}

func withdraw(id, token string) []byte {
	return fmt.Appendf(nil, "DELETE /v1/reports/%s HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\nFollow-Token: %s\r\n\r\n", id, token)
}

// pushService takes push messages and notes when they came; what is in them, the
// tests look at.
type pushService struct {
	server  *http.Server
	origin  string
	key     *ecdh.PrivateKey
	arrived chan time.Time
}

func startPushService(ctx context.Context) (*pushService, error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a browser's key: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for push messages: %w", err)
	}
	p := &pushService{origin: "http://" + l.Addr().String(), key: key, arrived: make(chan time.Time, 1)}
	p.server = &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.arrived <- time.Now()
		w.WriteHeader(http.StatusCreated)
	})}
	go func() { _ = p.server.Serve(l) }() // ends when it is closed
	return p, nil
}

func (p *pushService) close() { _ = p.server.Close() }

// subscription is the body by which a browser follows a report.
func (p *pushService) subscription(report string) []byte {
	auth := make([]byte, 16)
	_, _ = rand.Read(auth) // crypto/rand never fails
	body, err := json.Marshal(map[string]any{
		"report": report, "language": "sv",
		"push": map[string]any{"endpoint": p.origin + "/" + rand.Text(), "keys": map[string]string{
			"p256dh": base64.RawURLEncoding.EncodeToString(p.key.PublicKey().Bytes()),
			"auth":   base64.RawURLEncoding.EncodeToString(auth),
		}},
	})
	if err != nil {
		panic(err) // a map of plain values
	}
	return body
}

// switches activates another boundary set and undoes that, and returns the seconds
// from each commit until the last process uses it. Both sets are of the same
// borders: what is measured is how the processes hear of it.
func (b *bench) switches(ctx context.Context, s site, both [2]*process) ([]float64, error) {
	const other = "other"
	out, err := s.output(ctx, "boundaries", "import", b.country.file, "--source", other)
	if err != nil {
		return nil, err
	}
	next := regexp.MustCompile(`boundaries activate (\S+)`).FindSubmatch(out)
	if next == nil {
		return nil, fmt.Errorf("the import does not say what to activate:\n%s", out)
	}
	was, err := sourceUsed(ctx, both[0])
	if err != nil {
		return nil, err
	}
	var took []float64
	for range b.size.switches {
		for _, step := range []struct {
			args []string
			used string
		}{
			{[]string{"boundaries", "activate", string(next[1])}, other},
			{[]string{"boundaries", "undo"}, was},
		} {
			t, err := s.switched(ctx, both, step.used, step.args...)
			if err != nil {
				return nil, err
			}
			took = append(took, t)
		}
	}
	return took, nil
}

// switched runs a command that makes another set active, and returns the seconds
// from its commit until both processes use the set.
func (s site) switched(ctx context.Context, both [2]*process, source string, args ...string) (float64, error) {
	if err := s.run(ctx, args...); err != nil {
		return 0, err
	}
	db, err := s.open()
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }() // only read from
	var committed int64
	if err := db.QueryRowContext(ctx, `SELECT max(created_at) FROM boundary_activations`).Scan(&committed); err != nil {
		return 0, fmt.Errorf("read when the set became active: %w", err)
	}
	for _, p := range both {
		for used := ""; used != source; time.Sleep(time.Millisecond) {
			if used, err = sourceUsed(ctx, p); err != nil {
				return 0, err
			}
			if time.Since(time.UnixMicro(committed)) > patience {
				return 0, fmt.Errorf("a process keeps the boundaries of %s", used)
			}
		}
	}
	return time.Since(time.UnixMicro(committed)).Seconds(), nil
}

// sourceUsed is the source of the boundaries that a process uses.
func sourceUsed(ctx context.Context, p *process) (string, error) {
	c, err := connect(ctx, p.addr)
	if err != nil {
		return "", err
	}
	defer closeAll([]*connection{c})
	body, err := c.roundTrip(get("/v1/api-info"), 200)
	if err != nil {
		return "", err
	}
	var info struct{ Boundaries string }
	if err := json.Unmarshal(body, &info); err != nil {
		return "", fmt.Errorf("read what a process uses: %w", err)
	}
	return info.Boundaries, nil
}
