package store

import (
	"context"
	"fmt"
	"time"

	"github.com/huandu/go-sqlbuilder"

	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/problem"
)

// Jobs is the job.Store. A lease is a run_at in the future: a claimed job whose
// worker dies becomes due again by itself.
type Jobs struct{ *DB }

var _ job.Store = Jobs{}

const jobColumns = `id, kind, key, payload, run_at, attempts, created_at`

func scanJob(row scanner) (job.Job, error) {
	var j job.Job
	var payload string
	var runAt, created int64
	err := row.Scan(&j.ID, &j.Kind, &j.Key, &payload, &runAt, &j.Attempts, &created)
	j.Payload, j.RunAt, j.CreatedAt = []byte(payload), fromMicros(runAt), fromMicros(created)
	return j, err
}

// Claim leases up to n due jobs. On SQLite, where a claim needs the one writer,
// a look at the index first keeps idle polling from writing at all.
func (s Jobs) Claim(ctx context.Context, kinds []string, n int, lease time.Duration, now time.Time) (js []job.Job, err error) {
	if len(kinds) == 0 {
		return nil, nil
	}
	due, err := s.due(ctx, now)
	if err != nil || !due {
		return nil, err
	}
	b := sqlbuilder.PostgreSQL.NewSelectBuilder().Select("id").From("jobs")
	b.Where("NOT parked", b.LE("run_at", micros(now)))
	in(b, "kind", kinds)
	b.OrderBy("run_at").Limit(n)
	picked, args := b.Build()
	until := fmt.Sprintf("$%d", len(args)+1)
	// Materialized, lest a planner asks the inner question more than once and so
	// locks more than n.
	query := `WITH picked AS MATERIALIZED (` + picked + s.dialect.skipLocked + `)
		UPDATE jobs SET attempts = attempts + 1, run_at = ` + until + `
		WHERE id IN (SELECT id FROM picked) RETURNING ` + jobColumns
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.rows(ctx, query, append(args, micros(now.Add(lease)))...)
		js, err = collect(rows, err, scanJob)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim jobs: %w", err)
	}
	return js, nil
}

func (s Jobs) due(ctx context.Context, now time.Time) (bool, error) {
	var one int
	due, err := s.one(ctx, `SELECT 1 FROM jobs WHERE NOT parked AND run_at <= $1 LIMIT 1`, []any{micros(now)}, &one)
	if err != nil {
		return false, fmt.Errorf("look for due jobs: %w", err)
	}
	return due, nil
}

// Done finishes jobs.
func (s Jobs) Done(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	b := sqlbuilder.PostgreSQL.NewDeleteBuilder().DeleteFrom("jobs")
	b.Where(b.In("id", sqlbuilder.List(ids)))
	return s.run(ctx, "finish jobs", b)
}

// Retry ends the lease and makes the job due at a time.
func (s Jobs) Retry(ctx context.Context, id string, at time.Time, reason string) error {
	return s.write1(ctx, "retry a job", `UPDATE jobs SET run_at = $2, reason = $3 WHERE id = $1 AND NOT parked`, id, micros(at), reason)
}

// Park takes a job out of the running. A report whose delivery is given up
// thereby shows so from the same moment.
func (s Jobs) Park(ctx context.Context, id, reason string) error {
	err := s.inTx(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.rows(ctx, `UPDATE jobs SET parked = TRUE, reason = $2 WHERE id = $1 RETURNING `+jobColumns, id, reason)
		parked, err := collect(rows, err, scanJob)
		if err != nil {
			return err
		}
		return t.giveUpDeliveries(ctx, parked)
	})
	if err != nil {
		return fmt.Errorf("park a job: %w", err)
	}
	return nil
}

// Extend moves the end of leases.
func (s Jobs) Extend(ctx context.Context, ids []string, until time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	b := sqlbuilder.PostgreSQL.NewUpdateBuilder().Update("jobs")
	b.Set(b.Assign("run_at", micros(until)))
	b.Where(b.In("id", sqlbuilder.List(ids)), "NOT parked")
	return s.run(ctx, "extend leases", b)
}

func (s Jobs) run(ctx context.Context, what string, b sqlbuilder.Builder) error {
	query, args := b.BuildWithFlavor(sqlbuilder.PostgreSQL)
	return s.write1(ctx, what, query, args...)
}

func (s Jobs) write1(ctx context.Context, what, query string, args ...any) error {
	err := s.inTx(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.run.ExecContext(ctx, query, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Parked returns up to n parked jobs after an id, oldest first.
func (s Jobs) Parked(ctx context.Context, after string, n int) ([]job.GivenUp, error) {
	rows, err := s.query(ctx, `SELECT `+jobColumns+`, reason FROM jobs WHERE parked AND id > $1 ORDER BY id LIMIT $2`, after, n)
	all, err := collect(rows, err, scanParked)
	if err != nil {
		return nil, s.asProblem(fmt.Errorf("read parked jobs: %w", err))
	}
	return all, nil
}

func scanParked(row scanner) (job.GivenUp, error) {
	var p job.GivenUp
	var payload string
	var runAt, created int64
	err := row.Scan(&p.ID, &p.Kind, &p.Key, &payload, &runAt, &p.Attempts, &created, &p.Reason)
	p.Payload, p.RunAt, p.CreatedAt = []byte(payload), fromMicros(runAt), fromMicros(created)
	return p, err
}

// Unpark makes a parked job due, with its attempts and its age counted anew. It
// is a problem.Conflict where another job with its key has come since: that one
// does the same work.
func (s Jobs) Unpark(ctx context.Context, id string, now time.Time) (j job.GivenUp, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) (err error) {
		var ok bool
		j, ok, err = returned(ctx, t, scanParked, `DELETE FROM jobs WHERE id = $1 AND parked RETURNING `+jobColumns+`, reason`, id)
		if err != nil {
			return fmt.Errorf("unpark job %s: %w", id, err)
		}
		if !ok {
			return problem.New(problem.NotFound, "there is no parked job %q", id)
		}
		j.Attempts, j.RunAt, j.CreatedAt = 0, now, now
		added, err := t.insertJob(ctx, j.Job)
		if err == nil && !added {
			return problem.New(problem.Conflict, "another job does the same work already")
		}
		return err
	})
	if err != nil {
		return job.GivenUp{}, err
	}
	return j, nil
}
