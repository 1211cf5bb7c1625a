package store_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/auth/storetest"
	"github.com/kantsten/kantsten/internal/pgtest"
	"github.com/kantsten/kantsten/internal/store"
)

// The suite's races, such as fifty guesses at one code, run over two handles to
// the same database, as two processes would.
func TestAuthSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Fixture { return authFixture(t, sqliteURL(t)) })
}

func TestAuthPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Fixture { return authFixture(t, pgtest.URL(t)) })
}

func authFixture(t *testing.T, url string) storetest.Fixture {
	t.Helper()
	d := newDatabase(t, url)
	raw := d.raw(t)
	return storetest.Fixture{
		Store: store.Auth{DB: d.DB},
		Peer:  store.Auth{DB: d.open(t)},
		Jobs:  func(ctx context.Context) ([]auth.Job, error) { return authJobs(ctx, raw) },
	}
}

// authJobs lists the stored jobs by the id that their payload carries.
func authJobs(ctx context.Context, db *sql.DB) ([]auth.Job, error) {
	rows, err := db.QueryContext(ctx, `SELECT kind, payload FROM jobs ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err says what went wrong
	var jobs []auth.Job
	for rows.Next() {
		var payload []byte
		var body struct{ ID string }
		var j auth.Job
		if err := rows.Scan(&j.Kind, &payload); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(payload, &body); err != nil {
			return nil, err
		}
		j.ID = body.ID
		jobs = append(jobs, j)
	}
	return jobs, rows.Err()
}
