package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/paulmach/orb"
)

// filingTarget is the share of the bare statements' speed that the program has to
// reach.
const filingTarget = 0.6

// filing measures filing on both databases.
func (b *bench) filing(ctx context.Context) error {
	statements, was, templates, err := b.learn(ctx)
	if err != nil {
		return err
	}
	for _, e := range engines() {
		if err := b.filingOn(ctx, e, templates[e], statements, was); err != nil {
			return fmt.Errorf("on %s: %w", e, err)
		}
	}
	return nil
}

// learn makes an installation on each database, and records a filing on the one
// that is on PostgreSQL.
func (b *bench) learn(ctx context.Context) (filing []statement, was recorded, templates map[engine]site, err error) {
	templates = map[engine]site{}
	for _, e := range engines() {
		if templates[e], err = b.newSite(ctx, e, "filing"); err != nil {
			return nil, was, nil, err
		}
	}
	taught, err := b.copySite(ctx, templates[postgreSQL], "taught")
	if err != nil {
		return nil, was, nil, err
	}
	place := b.country.areas[0]
	was = recorded{code: place.code, at: place.places[0], time: time.Now(), year: int64(time.Now().Year())}
	filing, err = record(ctx, taught, func(ctx context.Context, addr string) error {
		c, err := connect(ctx, addr)
		if err != nil {
			return err
		}
		defer closeAll([]*connection{c})
		_, err = c.roundTrip(newReport(was.at), 201)
		return err
	})
	if err != nil {
		return nil, was, nil, err
	}
	db, err := taught.open()
	if err != nil {
		return nil, was, nil, err
	}
	was.set, err = activeSet(ctx, db)
	say("a filing is a transaction of %d statements", len(filing))
	return filing, was, templates, errors.Join(err, db.Close())
}

// newReport is the request that files a report at a position.
func newReport(at orb.Point) []byte {
	body, err := json.Marshal(map[string]any{
		"service": "pothole", "lat": at.Lat(), "lon": at.Lon(), "accuracy_m": 8,
		"address":     "Storgatan 12, vid busshållplatsen",
		"description": "Djupt hål i höger körfält, strax efter busshållplatsen. Cyklister väjer ut i trafiken.",
	})
	if err != nil {
		panic(err) // a map of plain values
	}
	return post("/v1/reports", "application/json", body)
}

// filingOn measures filing on one database with each number of writers.
func (b *bench) filingOn(ctx context.Context, e engine, template site, filing []statement, was recorded) (err error) {
	other, err := b.copySite(ctx, template, "rival")
	if err != nil {
		return err
	}
	rival, err := newReplay(ctx, other, filing, was)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rival.close()) }()
	p, err := template.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	watch, err := template.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, watch.Close()) }()
	f := filers{program: p, jobs: watch, rival: rival}
	for _, writers := range b.size.writers {
		if err := b.filingBy(ctx, f, fmt.Sprintf("%s, %d writers", e, writers), writers, b.country.areas); err != nil {
			return err
		}
	}
	most := b.size.writers[len(b.size.writers)-1]
	return b.filingBy(ctx, f, fmt.Sprintf("%s, %d writers, one municipality", e, most), most, b.country.areas[:1])
}

// filers are who files.
type filers struct {
	program *process
	jobs    *sql.DB // of the program, to see when it has caught up
	rival   *replay
}

// filingBy lets them file in turns and reports how they compare.
func (b *bench) filingBy(ctx context.Context, f filers, what string, writers int, areas []area) error {
	connections, err := connectAll(ctx, f.program.addr, writers)
	if err != nil {
		return err
	}
	defer closeAll(connections)
	bare, err := prepareBare(ctx, f.rival.db)
	if err != nil {
		return err
	}
	defer func() { _ = bare.Close() }() // its database is closed soon
	var caughtUp []float64
	results, err := contest(ctx, b.size, writers,
		contender{
			name: "program",
			do: func(_ context.Context, w int) error {
				_, at := anywhere(areas)
				_, err := connections[w].roundTrip(newReport(at), 201)
				return err
			},
			settle: func(ctx context.Context) error {
				began := time.Now()
				defer func() { caughtUp = append(caughtUp, time.Since(began).Seconds()) }()
				return noJobs(ctx, f.jobs)
			},
		},
		contender{name: "statements", do: func(ctx context.Context, _ int) error {
			code, at := anywhere(areas)
			return f.rival.file(ctx, code, at)
		}},
		contender{name: "rows", do: func(ctx context.Context, _ int) error {
			_, err := bare.ExecContext(ctx, uuid.Must(uuid.NewV7()).String(), "a row")
			return err
		}},
	)
	if err != nil {
		return err
	}
	program, statements, rows := results["program"].rate(), results["statements"].rate(), results["rows"].rate()
	say("  jobs of a round were done %.2f s after its end", median(caughtUp))
	measured := fmt.Sprintf("%.0f/s (p99 %.1f ms)", program, 1000*quantile(results["program"].took, 0.99))
	b.table.add(atLeast("file, "+what, measured, fmt.Sprintf("%.0f/s same statements", statements), program/statements, filingTarget))
	b.table.add(atLeast("file, "+what, measured, fmt.Sprintf("%.0f/s one-row inserts", rows), program/rows, 0))
	return nil
}

// anywhere is a position in one of the areas.
func anywhere(areas []area) (code string, at orb.Point) {
	a := areas[rand.IntN(len(areas))]
	return a.code, a.places[rand.IntN(len(a.places))]
}

// prepareBare prepares the insert of one row into a table of its own.
func prepareBare(ctx context.Context, db *sql.DB) (*sql.Stmt, error) {
	if _, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS bare (id TEXT PRIMARY KEY, body TEXT NOT NULL)`); err != nil {
		return nil, fmt.Errorf("make a bare table: %w", err)
	}
	stmt, err := db.PrepareContext(ctx, `INSERT INTO bare (id, body) VALUES ($1, $2)`)
	if err != nil {
		return nil, fmt.Errorf("prepare a bare insert: %w", err)
	}
	return stmt, nil
}

// noJobs waits until the program has done the jobs that filing left.
func noJobs(ctx context.Context, db *sql.DB) error {
	return noneLeft(ctx, db, `SELECT count(*) FROM jobs WHERE NOT parked`)
}

// noneLeft waits until the program has done the jobs that a query counts.
func noneLeft(ctx context.Context, db *sql.DB, query string) error {
	for deadline := time.Now().Add(5 * patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var left int
		if err := db.QueryRowContext(ctx, query).Scan(&left); err != nil {
			return fmt.Errorf("count the jobs: %w", err)
		}
		if left == 0 {
			return nil
		}
	}
	return errors.New("the program does not catch up with its jobs")
}
