package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/store"
)

// longestWrite is how long a write transaction may take at most, in milliseconds,
// so that who files a report meanwhile does not notice.
const longestWrite = 100

// said is how many successors the operator names at the first activation.
const said = 250

// sets measures the write transactions of importing and activating a set of
// 36,000 areas, of handing open reports over to them, and of going back, while the
// program serves and reports are filed.
//
// The commands run in this process, as they would in one of their own, so that the
// store tells of each of their transactions and of no others. Reports are handed
// over by the program that serves: its transactions are those of its metrics, with
// those of the filings that share them.
func (b *bench) sets(ctx context.Context) error {
	for _, e := range engines() {
		if err := b.setsOn(ctx, e); err != nil {
			return fmt.Errorf("on %s: %w", e, err)
		}
	}
	return nil
}

// operator is who works on boundary sets beside a serving program.
type operator struct {
	boundaries *routing.Boundaries
	close      func() error

	mu     sync.Mutex
	writes []store.Write
}

// newOperator wires what the commands need, as the program does.
func newOperator(ctx context.Context, s site) (*operator, error) {
	address := s.url
	if address == "" {
		address = s.file()
	}
	db, err := store.Open(ctx, address)
	if err != nil {
		return nil, err
	}
	blobs, err := blob.Open(ctx, "", s.data)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	o := &operator{close: func() error { return errors.Join(blobs.Close(), db.Close()) }}
	db.Observe = func(w store.Write) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.writes = append(o.writes, w)
	}
	o.boundaries = &routing.Boundaries{
		Sets: store.BoundarySets{DB: db}, Blobs: blobs, CacheDir: filepath.Join(s.data, "operator"), Log: slog.New(slog.DiscardHandler),
	}
	return o, nil
}

// taken returns the transactions since the last call.
func (o *operator) taken() []store.Write {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.writes
	o.writes = nil
	return all
}

func (b *bench) setsOn(ctx context.Context, e engine) (err error) {
	s, err := b.newSite(ctx, e, "sets")
	if err != nil {
		return err
	}
	if s.metrics, err = freeAddr(ctx); err != nil {
		return err
	}
	p, err := s.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	o, err := newOperator(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	tiles, err := tilingBuilder(newTiling(180, 200, 0).areas())
	if err != nil {
		return err
	}
	set, _, err := o.boundaries.Import(ctx, tiles, routing.About{Source: "made up"}, time.Now())
	if err != nil {
		return err
	}
	watch, err := s.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, watch.Close()) }()
	m := &setsMeasured{bench: b, operator: o, program: p, metrics: s.metrics, jobs: watch, engine: e}
	if m.areas, m.heirs, err = m.both(ctx, set); err != nil {
		return err
	}
	return m.run(ctx, set)
}

func tilingBuilder(areas []geo.Feature) (*geo.Builder, error) {
	var builder geo.Builder
	for _, a := range areas {
		if err := builder.Add(a); err != nil {
			return nil, err
		}
	}
	return &builder, nil
}

// setsMeasured is the measurement on one database.
type setsMeasured struct {
	*bench
	*operator
	program *process
	metrics string  // where the program serves them
	jobs    *sql.DB // of the program
	engine  engine
	areas   []area               // whose positions lie in both sets
	heirs   []routing.Succession // of the areas of the first set in the second
	alone   float64              // p99 of a filing, milliseconds
}

// both lists the areas whose positions a set has, too, and who owns the first.
func (m *setsMeasured) both(ctx context.Context, set routing.Set) (areas []area, heirs []routing.Succession, err error) {
	loaded, err := m.boundaries.Load(ctx, set)
	if err != nil {
		return nil, nil, err
	}
	for _, a := range m.country.areas {
		inside := len(a.places) > 0
		for _, p := range a.places {
			_, owned := loaded.Index.Owner(p.Lon(), p.Lat())
			inside = inside && owned
		}
		if !inside {
			continue
		}
		areas = append(areas, a)
		owner, _ := loaded.Index.Owner(a.places[0].Lon(), a.places[0].Lat())
		if code, _ := loaded.Index.Area(owner); len(heirs) < said {
			heirs = append(heirs, routing.Succession{Old: a.code, New: code})
		}
	}
	return areas, heirs, nil
}

// run files reports, and measures each step beside more of them.
func (m *setsMeasured) run(ctx context.Context, set routing.Set) error {
	if err := m.file(ctx); err != nil {
		return err
	}
	activate := func(opts routing.Options) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := m.boundaries.ActivateWith(ctx, set.ID, opts, time.Now())
			return err
		}
	}
	what := fmt.Sprintf("activate %d areas, %d successors", set.Areas, len(m.heirs))
	if err := m.step(ctx, what, activate(routing.Options{Heirs: m.heirs, Reroute: true})); err != nil {
		return err
	}
	if err := m.rerouted(ctx); err != nil {
		return err
	}
	if err := m.step(ctx, "undo", func(ctx context.Context) error {
		_, err := m.boundaries.Undo(ctx, routing.Municipality, routing.Options{}, time.Now())
		return err
	}); err != nil {
		return err
	}
	return m.step(ctx, "activate again", activate(routing.Options{Heirs: m.heirs}))
}

// file files the reports that are to be handed over, and measures a while how long
// it takes when nothing else goes on.
func (m *setsMeasured) file(ctx context.Context) error {
	connections, err := connectAll(ctx, m.program.addr, 8)
	if err != nil {
		return err
	}
	defer closeAll(connections)
	var left atomic.Int64
	left.Store(int64(m.size.open))
	filer := contender{name: "program", do: func(_ context.Context, w int) error {
		if left.Add(-1) < 0 {
			return nil
		}
		_, at := anywhere(m.areas)
		_, err := connections[w].roundTrip(newReport(at), 201)
		return err
	}}
	for left.Load() > 0 {
		if _, _, err := work(ctx, filer, len(connections), m.size.round/2); err != nil {
			return err
		}
	}
	m.taken() // of the import
	took, err := m.meanwhile(ctx, func(context.Context) error {
		time.Sleep(4 * m.size.round)
		return nil
	})
	if err == nil {
		m.alone = 1000 * quantile(took, 0.99)
	}
	return err
}

// rerouted waits until the program has handed over what goes elsewhere since the
// activation, which has left it to do.
func (m *setsMeasured) rerouted(ctx context.Context) error {
	before, err := m.program.writes(ctx, m.metrics)
	if err != nil {
		return err
	}
	began := time.Now()
	took, err := m.meanwhile(ctx, func(ctx context.Context) error {
		return noneLeft(ctx, m.jobs, `SELECT count(*) FROM jobs WHERE NOT parked AND kind = 'reroute'`)
	})
	if err != nil {
		return err
	}
	after, err := m.program.writes(ctx, m.metrics)
	if err != nil {
		return err
	}
	var moved int
	if err := m.jobs.QueryRowContext(ctx, `SELECT count(*) FROM updates WHERE origin = 'boundaries'`).Scan(&moved); err != nil {
		return fmt.Errorf("count the reports that were handed over: %w", err)
	}
	what := fmt.Sprintf("sets, %s, reroute %d reports", m.engine, moved)
	say("  %s: %.1f s, %d filings meanwhile", what, time.Since(began).Seconds(), len(took))
	longest, all := after.since(before)
	m.table.add(line{
		what: what + ": longest write transaction at most", measured: fmt.Sprintf("%.4g ms", longest),
		target: fmt.Sprintf("≤ %d ms", longestWrite), reached: yes(longest <= longestWrite),
	})
	m.table.add(line{what: "  of how many, with those of filings", measured: fmt.Sprint(all)})
	m.filings(took)
	return nil
}

// step does one thing while reports are filed, and says what its transactions were
// and how long the filings took.
func (m *setsMeasured) step(ctx context.Context, what string, do func(context.Context) error) error {
	began := time.Now()
	took, err := m.meanwhile(ctx, do)
	if err != nil {
		return err
	}
	var held []float64
	most := 0
	for _, w := range m.taken() {
		held = append(held, float64(w.Held.Microseconds())/1000)
		most = max(most, w.Statements)
	}
	what = fmt.Sprintf("sets, %s, %s", m.engine, what)
	say("  %s: %.1f s, %d filings meanwhile", what, time.Since(began).Seconds(), len(took))
	m.table.add(under(what+": longest write transaction", quantile(held, 1), longestWrite, "ms"))
	m.table.add(line{what: "  of how many; their p99; statements at most", measured: fmt.Sprintf("%d; %.1f ms; %d", len(held), quantile(held, 0.99), most)})
	m.filings(took)
	return nil
}

// filings says how long the filings took beside a step.
func (m *setsMeasured) filings(took []float64) {
	p99, longest := 1000*quantile(took, 0.99), 1000*quantile(took, 1)
	m.table.add(line{
		what: "  p99 of filings meanwhile, and the longest (rival: p99 alone)", measured: fmt.Sprintf("%.1f ms, %.1f ms", p99, longest),
		rival: fmt.Sprintf("%.1f ms", m.alone), ratio: fmt.Sprintf("%.2f", p99/m.alone),
	})
}

// meanwhile does something while reports are filed, some 30 a second, and returns
// how many seconds each of these took.
func (m *setsMeasured) meanwhile(ctx context.Context, do func(context.Context) error) (took []float64, err error) {
	const filers, pause = 4, 100 * time.Millisecond
	connections, err := connectAll(ctx, m.program.addr, filers)
	if err != nil {
		return nil, err
	}
	defer closeAll(connections)
	var over atomic.Bool
	var wait sync.WaitGroup
	all, errs := make([][]float64, filers), make([]error, filers)
	for w := range filers {
		wait.Go(func() {
			for !over.Load() && errs[w] == nil {
				_, at := anywhere(m.areas)
				began := time.Now()
				_, errs[w] = connections[w].roundTrip(newReport(at), 201)
				all[w] = append(all[w], time.Since(began).Seconds())
				time.Sleep(pause)
			}
		})
	}
	err = do(ctx)
	over.Store(true)
	wait.Wait()
	for _, t := range all {
		took = append(took, t...)
	}
	return took, errors.Join(append(errs, err)...)
}
