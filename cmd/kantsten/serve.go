package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kantsten/kantsten/api"
)

// How long a stopping process lets requests and jobs finish.
const shutdownGrace = 20 * time.Second

func serveCommand(flags *flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	isDemo := flags.Bool("demo", false, "seed a demo installation; listens on loopback and sends nothing outside")
	return func(ctx context.Context, cfg Config, args []string, out io.Writer) error {
		if len(args) > 0 {
			return misused("serve takes no words, only flags")
		}
		return serve(ctx, cfg, *isDemo, out)
	}
}

// serve runs the API and the workers until ctx ends, and then finishes what it
// has begun.
func serve(ctx context.Context, cfg Config, isDemo bool, out io.Writer) (err error) {
	if isDemo {
		if err := onLoopback(cfg.Addr); err != nil {
			return err
		}
	}
	p, err := open(ctx, cfg, isDemo, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if isDemo {
		if err := p.mayBeDemo(ctx); err != nil {
			return err
		}
	}
	if err := p.makeUploadDir(); err != nil {
		return err
	}
	if err := p.loadBoundaries(ctx, isDemo); err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if isDemo {
		if err := p.startDemo(ctx, out); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	p.tuneMemory()
	return p.serveOn(ctx, listener)
}

// tuneMemory gives back what building an index needed, and lets the heap grow
// twice as far as Go does by itself before it is cleaned: it is small, so views of
// the map alone have it cleaned every few requests (18 % of the time, by profile).
// What photos may take, and as much again, bounds it.
func (p *program) tuneMemory() {
	debug.FreeOSMemory()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(2*p.cfg.PhotoMemory + 256<<20)
	}
}

// serveOn serves until ctx ends or a part of the program fails.
func (p *program) serveOn(ctx context.Context, listener net.Listener) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var parts sync.WaitGroup
	start := func(part func(context.Context) error) {
		parts.Go(func() {
			if err := part(ctx); err != nil {
				stop(err)
			}
		})
	}
	ready := &atomic.Bool{}
	handler, err := p.handler(ready)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	start(p.boundaries.Run)
	start(p.runner.Run)
	start(p.sweep)
	start(p.serveMetrics)
	ready.Store(true)
	p.log.InfoContext(ctx, "listening", "addr", listener.Addr().String(), "base_url", p.cfg.BaseURL, "version", version)
	start(func(ctx context.Context) error { return serveHTTP(ctx, listener, handler, ready, p.cfg.Drain) })
	parts.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// serveHTTP answers requests until ctx ends and, for as long as drain says, while
// it is no longer ready; then it lets nobody in any more and finishes what is
// under way.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, ready *atomic.Bool, drain time.Duration) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		// A phone on a bad network takes minutes for its photos.
		ReadTimeout: 15 * time.Minute, WriteTimeout: 15 * time.Minute,
		MaxHeaderBytes: 32 << 10, ErrorLog: quiet(),
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	if ready != nil {
		ready.Store(false)
	}
	// From Shutdown on net/http answers nobody new, so that without this time no
	// watcher could ever read that the process is not ready.
	select {
	case err := <-done:
		return fmt.Errorf("serve: %w", err)
	case <-time.After(drain):
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		return errors.Join(fmt.Errorf("finish requests: %w", err), srv.Close())
	}
	return nil
}

// quiet drops what net/http says of broken connections: it names addresses.
func quiet() *log.Logger {
	return slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
}

// handler is everything that the main address serves.
func (p *program) handler(ready *atomic.Bool) (http.Handler, error) {
	server := p.server()
	edge := &api.Edge{
		Log: p.log, BaseURL: p.cfg.BaseURL, Gate: p.gate(), Answered: server.Answered,
		Identify: server.Identify, Current: server.Current, Observe: p.metrics.request,
	}
	beside := append(api.Health(func(ctx context.Context) error { return p.ready(ctx, ready) }), server.Media(edge))
	beside = append(append(beside, server.Unfollow(edge)...), api.Invitation()...)
	v1, err := edge.Handler(server, beside...)
	if err != nil {
		return nil, err
	}
	v1 = edge.Before(v1, api.TilesPrefix, &api.Tiles{Server: server, Edge: edge})
	return edge.Before(v1, api.Open311Prefix, &api.Open311{Server: server, Gate: edge.Gate}), nil
}

// ready tells whether requests are welcome: the process is not stopping, the
// boundaries are loaded and the database answers.
func (p *program) ready(ctx context.Context, serving *atomic.Bool) error {
	switch {
	case !serving.Load():
		return errors.New("starting or stopping")
	case p.boundaries.Active() == nil:
		return errors.New("no boundaries are loaded: kantsten boundaries import")
	case p.db.Ping(ctx) != nil:
		return errors.New("the database does not answer")
	}
	return nil
}

// serveMetrics serves /metrics on an address of its own, which a reverse proxy
// in front of the main one does not show to the world.
func (p *program) serveMetrics(ctx context.Context) error {
	if p.cfg.MetricsAddr == "off" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", p.cfg.MetricsAddr)
	if err != nil {
		return fmt.Errorf("listen for metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", p.metrics.handler())
	return serveHTTP(ctx, l, mux, nil, 0)
}

// sweepEvery is how often what nobody needs any more is deleted.
const sweepEvery = 10 * time.Minute

// sweep runs all sweeps at once and then again and again.
func (p *program) sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		for what, sweep := range p.sweeps() {
			if err := sweep(ctx); err != nil && ctx.Err() == nil {
				p.log.ErrorContext(ctx, "a sweep failed and comes again", "what", what, "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
