package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/internal/report"
)

// replay files reports by the statements of a recorded filing: the same ones in
// the same order, each time with fresh ids, another position and the time of now.
type replay struct {
	db    *sql.DB
	steps []step
	ids   int    // how many different ids a filing has
	set   string // id of this database's boundary set
}

// step is a recorded statement made ready.
type step struct {
	query    string
	prepared *sql.Stmt // nil on PostgreSQL, whose driver keeps statements itself
	answers  bool      // it returns a row
	numbers  bool      // that row is the report's number
	args     []func(*fresh) any
}

// fresh is what differs from one filing to the next.
type fresh struct {
	ids       []string
	set       string
	code      string
	at        orb.Point
	now       int64
	reference string // known once the number is taken
}

// recorded is what was filed when the statements were recorded.
type recorded struct {
	code string
	at   orb.Point
	year int64
	time time.Time
	set  string
}

var uuidForm = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

// newReplay makes recorded statements ready for a database.
func newReplay(ctx context.Context, s site, filing []statement, was recorded) (*replay, error) {
	db, err := s.open()
	if err != nil {
		return nil, err
	}
	r := &replay{db: db}
	if r.set, err = activeSet(ctx, db); err != nil {
		return nil, err
	}
	known := map[string]int{} // id to its number
	for _, st := range filing {
		p := step{
			query:   st.query,
			answers: strings.HasPrefix(st.query, "SELECT") || strings.Contains(st.query, "RETURNING"),
			numbers: strings.HasPrefix(st.query, "INSERT INTO reference_series"),
		}
		for _, v := range st.args {
			p.args = append(p.args, was.filler(v, known))
		}
		if s.url == "" {
			if p.prepared, err = db.PrepareContext(ctx, st.query); err != nil {
				return nil, fmt.Errorf("prepare a recorded statement: %w", err)
			}
		}
		r.steps = append(r.steps, p)
	}
	r.ids = len(known)
	return r, nil
}

func activeSet(ctx context.Context, db *sql.DB) (id string, err error) {
	if err = db.QueryRowContext(ctx, `SELECT id FROM boundary_sets WHERE active`).Scan(&id); err != nil {
		err = fmt.Errorf("read the active boundary set: %w", err)
	}
	return id, err
}

// filler says how an argument is filled in anew.
func (was recorded) filler(v any, known map[string]int) func(*fresh) any {
	switch v := v.(type) {
	case string:
		return was.text(v, known)
	case float64:
		switch v {
		case was.at.Lat():
			return func(f *fresh) any { return f.at.Lat() }
		case was.at.Lon():
			return func(f *fresh) any { return f.at.Lon() }
		}
	case int64:
		switch {
		case v == report.Quadkey(was.at.Lat(), was.at.Lon()):
			return func(f *fresh) any { return report.Quadkey(f.at.Lat(), f.at.Lon()) }
		case time.UnixMicro(v).Sub(was.time).Abs() < time.Minute:
			return func(f *fresh) any { return f.now }
		}
	}
	return func(*fresh) any { return v }
}

// text fills in the code where it stands alone, and ids, the boundary set and the
// reference wherever they stand.
func (was recorded) text(v string, known map[string]int) func(*fresh) any {
	if v == was.code {
		return func(f *fresh) any { return f.code }
	}
	var parts []func(*fresh) string
	rest := 0
	reference := regexp.QuoteMeta(fmt.Sprintf("%s-%d-", was.code, was.year)) + `\d{6}`
	for _, at := range regexp.MustCompile(uuidForm.String()+"|"+reference).FindAllStringIndex(v, -1) {
		before, found := v[rest:at[0]], v[at[0]:at[1]]
		parts = append(parts, func(*fresh) string { return before }, was.token(found, known))
		rest = at[1]
	}
	if parts == nil {
		return func(*fresh) any { return v }
	}
	return func(f *fresh) any {
		var b strings.Builder
		for _, part := range parts {
			b.WriteString(part(f))
		}
		b.WriteString(v[rest:])
		return b.String()
	}
}

func (was recorded) token(found string, known map[string]int) func(*fresh) string {
	switch {
	case found == was.set:
		return func(f *fresh) string { return f.set }
	case strings.HasPrefix(found, was.code) && len(found) < 36:
		return func(f *fresh) string { return f.reference }
	}
	n, ok := known[found]
	if !ok {
		n = len(known)
		known[found] = n
	}
	return func(f *fresh) string { return f.ids[n] }
}

// file stores one report.
func (r *replay) file(ctx context.Context, code string, at orb.Point) error {
	f := &fresh{set: r.set, code: code, at: at, now: time.Now().UnixMicro(), ids: make([]string, r.ids)}
	for i := range f.ids {
		f.ids[i] = uuid.Must(uuid.NewV7()).String()
	}
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	for _, p := range r.steps {
		if err := p.run(ctx, tx, f); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", p.query, err), tx.Rollback())
		}
	}
	return tx.Commit()
}

func (p step) run(ctx context.Context, tx *sql.Tx, f *fresh) error {
	args := make([]any, len(p.args))
	for i, fill := range p.args {
		args[i] = fill(f)
	}
	if !p.answers {
		var err error
		if p.prepared != nil {
			_, err = tx.StmtContext(ctx, p.prepared).ExecContext(ctx, args...) //nolint:sqlclosecheck // it ends with its transaction
		} else {
			_, err = tx.ExecContext(ctx, p.query, args...)
		}
		return err
	}
	var row *sql.Row
	if p.prepared != nil {
		row = tx.StmtContext(ctx, p.prepared).QueryRowContext(ctx, args...) //nolint:sqlclosecheck // the same
	} else {
		row = tx.QueryRowContext(ctx, p.query, args...)
	}
	if !p.numbers {
		var ignored any
		return row.Scan(&ignored)
	}
	var number int64
	if err := row.Scan(&number); err != nil {
		return err
	}
	f.reference = report.Reference(f.code, time.UnixMicro(f.now).Year(), number)
	return nil
}

// close lets go of the database.
func (r *replay) close() error { return r.db.Close() }
