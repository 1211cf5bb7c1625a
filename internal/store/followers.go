package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/huandu/go-sqlbuilder"

	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/notify"
	"github.com/kantsten/kantsten/internal/report"
)

// Followers is the notify.FollowerStore.
type Followers struct{ *DB }

var _ notify.FollowerStore = Followers{}

// Replay returns what an idempotency key stands for.
func (s Followers) Replay(ctx context.Context, key report.Key) (report.Replay, bool, error) {
	return Reports(s).Replay(ctx, key)
}

// Follow stores a follower with the tiles of its area and its jobs.
func (s Followers) Follow(ctx context.Context, f notify.Follower, key report.Key, limit *notify.AskLimit, jobs []job.Job) (report.Replay, error) {
	var first report.Replay
	err := s.inTx(ctx, func(ctx context.Context, t *tx) (err error) {
		if first, err = t.claimKey(ctx, key, f.ID, micros(f.CreatedAt)); err != nil || first.Replayed {
			return err
		}
		if err := t.ask(ctx, limit); err != nil {
			return err
		}
		if err := t.insertFollower(ctx, f); err != nil {
			return fmt.Errorf("insert subscription %s: %w", f.ID, err)
		}
		return t.insertJobs(ctx, jobs)
	})
	return first, err
}

// ask counts that an address is asked. Of two transactions that ask the same
// address the second waits at its row, so no two find the same last free place.
func (t *tx) ask(ctx context.Context, limit *notify.AskLimit) error {
	if limit == nil {
		return nil
	}
	n, err := t.exec(ctx, `INSERT INTO subscription_asks (address, since, asked) VALUES ($1, $2, 1)
		ON CONFLICT (address) DO UPDATE SET
			asked = CASE WHEN subscription_asks.since <= $3 THEN 1 ELSE subscription_asks.asked + 1 END,
			since = CASE WHEN subscription_asks.since <= $3 THEN excluded.since ELSE subscription_asks.since END
		WHERE subscription_asks.since <= $3 OR subscription_asks.asked < $4`,
		limit.Address, micros(limit.Now), micros(limit.Since), limit.Count)
	if err != nil {
		return fmt.Errorf("count a question to an address: %w", err)
	}
	if n == 1 {
		return nil
	}
	var since int64
	if err := t.row(ctx, `SELECT since FROM subscription_asks WHERE address = $1`, limit.Address).Scan(&since); err != nil {
		return fmt.Errorf("read since when an address is asked: %w", err)
	}
	return &notify.TooOftenError{RetryAt: fromMicros(since).Add(limit.Now.Sub(limit.Since))}
}

const followerColumns = `id, secret, report, lat, lon, radius_m, services, endpoint, p256dh, auth, email, language,
	active, code_hash, expires_at, created_at`

func (t *tx) insertFollower(ctx context.Context, f notify.Follower) error {
	area, lonM := notify.Area{}, 0.0
	if f.Area != nil {
		area, lonM = *f.Area, metresPerLon(f.Area.Lat)
	}
	_, err := t.exec(ctx, `INSERT INTO subscriptions (`+followerColumns+`, channel, lon_m, tries)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 0)`,
		f.ID, f.SecretHash, sql.NullString{String: f.Report, Valid: f.Report != ""}, area.Lat, area.Lon, area.RadiusM,
		serviceList(f.Services), f.Push.Endpoint, f.Push.P256dh, f.Push.Auth, f.Email, f.Language,
		f.Active, f.CodeHash, micros(f.ExpiresAt), micros(f.CreatedAt), f.Channel(), lonM)
	if err != nil || f.Area == nil {
		return err
	}
	b := sqlbuilder.PostgreSQL.NewInsertBuilder().InsertInto("subscription_tiles").Cols("tile", "subscription")
	for _, tile := range tilesAround(area) {
		b.Values(tile, f.ID)
	}
	query, args := b.Build()
	_, err = t.run.ExecContext(ctx, query, args...)
	return err
}

// serviceList writes codes so that each stands between two commas.
func serviceList(codes []string) string {
	if len(codes) == 0 {
		return ""
	}
	return "," + strings.Join(codes, ",") + ","
}

func scanFollower(row scanner) (notify.Follower, error) {
	var f notify.Follower
	var of sql.NullString
	var area notify.Area
	var services string
	var expires, created int64
	err := row.Scan(&f.ID, &f.SecretHash, &of, &area.Lat, &area.Lon, &area.RadiusM, &services,
		&f.Push.Endpoint, &f.Push.P256dh, &f.Push.Auth, &f.Email, &f.Language,
		&f.Active, &f.CodeHash, &expires, &created)
	if f.Report = of.String; !of.Valid {
		f.Area = &area
	}
	f.Services = splitList(strings.Trim(services, ","))
	f.ExpiresAt, f.CreatedAt = fromMicros(expires), fromMicros(created)
	return f, err
}

// Follower returns one, active or not.
func (s Followers) Follower(ctx context.Context, id string) (notify.Follower, bool, error) {
	rows, err := s.query(ctx, `SELECT `+followerColumns+` FROM subscriptions WHERE id = $1`, id)
	all, err := collect(rows, err, scanFollower)
	if err != nil || len(all) == 0 {
		return notify.Follower{}, false, s.asProblem(err)
	}
	return all[0], true, nil
}

// SetFollowCode gives a live pending follower its code.
func (s Followers) SetFollowCode(ctx context.Context, id, codeHash string, maxTries int, now time.Time) (notify.Follower, bool, error) {
	return s.pending(ctx, `UPDATE subscriptions SET code_hash = $4
		WHERE id = $1 AND NOT active AND tries < $2 AND expires_at > $3 RETURNING `+followerColumns,
		id, maxTries, micros(now), codeHash)
}

// TakeFollowTry counts one try of a live pending follower.
func (s Followers) TakeFollowTry(ctx context.Context, id string, maxTries int, now time.Time) (notify.Follower, bool, error) {
	return s.pending(ctx, `UPDATE subscriptions SET tries = tries + 1
		WHERE id = $1 AND NOT active AND tries < $2 AND expires_at > $3 RETURNING `+followerColumns,
		id, maxTries, micros(now))
}

// pending runs an update of one pending follower and returns it.
func (s Followers) pending(ctx context.Context, query string, args ...any) (f notify.Follower, ok bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.rows(ctx, query, args...)
		all, err := collect(rows, err, scanFollower)
		if ok = len(all) == 1; ok {
			f = all[0]
		}
		return err
	})
	return f, ok, err
}

// Activate makes a live pending follower with this code active, once. Whoever
// has shown to own the address may be asked anew.
func (s Followers) Activate(ctx context.Context, id, codeHash, address string, now time.Time) (ok bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, `UPDATE subscriptions SET active = TRUE, code_hash = '', expires_at = 0
			WHERE id = $1 AND NOT active AND code_hash = $2 AND expires_at > $3`, id, codeHash, micros(now))
		if ok = n == 1; err != nil || !ok {
			return err
		}
		_, err = t.exec(ctx, `DELETE FROM subscription_asks WHERE address = $1`, address)
		return err
	})
	return ok, err
}

// Unfollow deletes the follower with this secret.
func (s Followers) Unfollow(ctx context.Context, secretHash string) error {
	return s.write(ctx, `DELETE FROM subscriptions WHERE secret = $1`, secretHash)
}

// Drop deletes a follower.
func (s Followers) Drop(ctx context.Context, id string) error {
	return s.write(ctx, `DELETE FROM subscriptions WHERE id = $1`, id)
}

// SweepFollowers deletes what was not confirmed in time, and old counts.
func (s Followers) SweepFollowers(ctx context.Context, askedBefore, now time.Time) error {
	return s.inTx(ctx, func(ctx context.Context, t *tx) error {
		if _, err := t.exec(ctx, `DELETE FROM subscriptions WHERE NOT active AND expires_at <= $1`, micros(now)); err != nil {
			return err
		}
		_, err := t.exec(ctx, `DELETE FROM subscription_asks WHERE since <= $1`, micros(askedBefore))
		return err
	})
}

// write runs one statement as a transaction.
func (s Followers) write(ctx context.Context, query string, args ...any) error {
	return s.inTx(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, query, args...)
		return err
	})
}
