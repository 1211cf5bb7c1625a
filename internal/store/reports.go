package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

// Reports is the report.Store.
type Reports struct{ *DB }

var _ report.Store = Reports{}

// Create stores a new report and all that it causes. The number series is
// touched last before the report itself: its row is the one that every report
// to the same jurisdiction waits for.
func (s Reports) Create(ctx context.Context, f report.Filing) (report.Filed, error) {
	var filed report.Filed
	err := s.inTx(ctx, func(ctx context.Context, t *tx) error {
		filed = report.Filed{}
		first, err := t.claimKey(ctx, f.Key, f.Report.ID, micros(f.Report.CreatedAt))
		if err != nil {
			return err
		}
		if first.Replayed {
			filed.Replayed, filed.Fingerprint = true, first.Fingerprint
			filed.Report, err = t.whole(ctx, first.Resource, "")
			return err
		}
		f := f // as it was, should this run again
		if f.Jobs, err = t.worthTelling(ctx, f.Report, f.Jobs); err != nil {
			return err
		}
		filed.LeftJobs = len(f.Jobs) > 0
		if filed.Report, err = t.file(ctx, f); err != nil || len(f.Photos) == 0 {
			return err
		}
		filed.Report.Photos, err = t.photosOf(ctx, f.Report.ID)
		return err
	})
	if err != nil {
		return report.Filed{}, err
	}
	return filed, nil
}

func (t *tx) file(ctx context.Context, f report.Filing) (report.Report, error) {
	r := f.Report
	if err := t.sameRouting(ctx, f.Revision); err != nil {
		return r, err
	}
	if err := t.stillHeld(ctx, r.Jurisdiction, r.Delivery, f.AtVersion); err != nil {
		return r, err
	}
	if !f.Contact.Empty() {
		if _, err := t.exec(ctx, `INSERT INTO contacts (report, name, email, phone) VALUES ($1, $2, $3, $4)`,
			r.ID, f.Contact.Name, f.Contact.Email, f.Contact.Phone); err != nil {
			return r, fmt.Errorf("insert the contact: %w", err)
		}
	}
	if err := t.insertMediaURLs(ctx, r.ID, f.MediaURLs); err != nil {
		return r, err
	}
	if err := t.insertCaused(ctx, r.ID, f.Changes); err != nil {
		return r, err
	}
	var number int64
	if err := t.row(ctx, `INSERT INTO reference_series (jurisdiction, year, last) VALUES ($1, $2, 1)
		ON CONFLICT (jurisdiction, year) DO UPDATE SET last = reference_series.last + 1 RETURNING last`,
		r.Jurisdiction, f.Year).Scan(&number); err != nil {
		return r, fmt.Errorf("take a number: %w", err)
	}
	r.Reference, r.PhotoCount = report.Reference(r.Jurisdiction, f.Year, number), len(f.Photos)
	if err := t.insertReport(ctx, r); err != nil {
		return r, fmt.Errorf("insert report %s: %w", r.ID, err)
	}
	return r, nil
}

// worthTelling leaves out the job that tells of a new report where nobody follows
// an area at its place. That is so for most reports, and the job would be more
// work than filing: it is claimed, looks around, and is deleted.
func (t *tx) worthTelling(ctx context.Context, r report.Report, jobs []job.Job) ([]job.Job, error) {
	var followed bool
	if err := t.row(ctx, `SELECT EXISTS (SELECT 1 FROM subscription_tiles WHERE tile = $1)`,
		report.Quadkey(r.Lat, r.Lon)>>tileShift).Scan(&followed); err != nil {
		return nil, fmt.Errorf("look for followers: %w", err)
	}
	if followed {
		return jobs, nil
	}
	var rest []job.Job // another slice: this may run again
	for _, j := range jobs {
		if j.Kind != report.JobTell {
			rest = append(rest, j)
		}
	}
	return rest, nil
}

// sameRouting makes sure that a report is stored under the boundaries and rules
// that are in force in this very transaction.
func (t *tx) sameRouting(ctx context.Context, revision int64) error {
	var current int64
	err := t.row(ctx, selectRevision).Scan(&current)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read the routing revision: %w", err)
	}
	if current != revision {
		return report.ErrRoutingChanged
	}
	return nil
}

// stillHeld makes sure that a report is held by what its jurisdiction is in this
// very transaction: who gives it a channel either waits for the lock and then
// finds the report to release, or has come before and is seen here.
func (t *tx) stillHeld(ctx context.Context, jurisdiction string, d report.Delivery, version int64) error {
	if d != report.Held {
		return nil
	}
	var current int64
	err := t.row(ctx, `SELECT version FROM jurisdictions WHERE code = $1`+t.db.dialect.lockRow, jurisdiction).Scan(&current)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read the version of jurisdiction %s: %w", jurisdiction, err)
	}
	if current != version {
		return report.ErrChannelChanged
	}
	return nil
}

// claimKey takes an idempotency key for a resource; a key that was taken before
// tells for which. Of two transactions with one key the second waits here.
func (t *tx) claimKey(ctx context.Context, key report.Key, resource string, now int64) (report.Replay, error) {
	first := report.Replay{Fingerprint: key.Fingerprint, Resource: resource}
	if key.Key == "" {
		return first, nil
	}
	n, err := t.exec(ctx, `INSERT INTO idempotency_keys (scope, key, fingerprint, resource, created_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (scope, key) DO NOTHING`,
		key.Scope, key.Key, key.Fingerprint, resource, now)
	if err != nil || n == 1 {
		return first, err
	}
	first.Replayed = true
	err = t.row(ctx, `SELECT fingerprint, resource FROM idempotency_keys WHERE scope = $1 AND key = $2`,
		key.Scope, key.Key).Scan(&first.Fingerprint, &first.Resource)
	return first, err
}

// Replay returns what an idempotency key stands for.
func (s Reports) Replay(ctx context.Context, key report.Key) (report.Replay, bool, error) {
	first := report.Replay{Replayed: true}
	found, err := s.one(ctx, `SELECT fingerprint, resource FROM idempotency_keys WHERE scope = $1 AND key = $2`,
		[]any{key.Scope, key.Key}, &first.Fingerprint, &first.Resource)
	if err != nil {
		return report.Replay{}, false, fmt.Errorf("look an idempotency key up: %w", err)
	}
	return first, found, nil
}

// IDOf returns the id of a report by its reference.
func (s Reports) IDOf(ctx context.Context, reference string) (id string, ok bool, err error) {
	if ok, err = s.one(ctx, `SELECT id FROM reports WHERE reference = $1`, []any{reference}, &id); err != nil {
		return "", false, fmt.Errorf("look for report %s: %w", reference, err)
	}
	return id, ok, nil
}

// Report returns one report by id or reference.
func (s Reports) Report(ctx context.Context, name string) (report.Report, error) {
	where := "id = $1"
	if report.IsReference(name) {
		where = "reference = $1"
	}
	rows, err := s.query(ctx, "SELECT "+reportColumns+" FROM reports WHERE "+where, name)
	all, err := collect(rows, err, newReportRow().scan)
	if err != nil {
		return report.Report{}, s.asProblem(fmt.Errorf("read report: %w", err))
	}
	if len(all) == 0 {
		return report.Report{}, noReport(name)
	}
	return s.withPhotos(ctx, all[0])
}

// OpenReports returns open reports in the order of their ids, those after one. Of
// a case it returns no voices, which go where it goes.
func (s Reports) OpenReports(ctx context.Context, after string, limit int) ([]report.Report, error) {
	rows, err := s.query(ctx, "SELECT "+reportColumns+" FROM reports WHERE id > $1 AND closed_at = 0 AND case_id = '' ORDER BY id LIMIT $2", after, limit)
	all, err := collect(rows, err, newReportRow().scan)
	if err != nil {
		return nil, s.asProblem(fmt.Errorf("read open reports: %w", err))
	}
	return all, nil
}

func noReport(name string) error {
	return problem.New(problem.NotFound, "there is no report %q", name)
}

// whole reads one report with its photos; lock is the dialect's lockRow or empty.
func (t *tx) whole(ctx context.Context, name, lock string) (report.Report, error) {
	r, err := t.report(ctx, name, lock)
	if err != nil || r.PhotoCount == 0 {
		return r, err
	}
	r.Photos, err = t.photosOf(ctx, r.ID)
	return r, err
}

// report reads one report without its photos.
func (t *tx) report(ctx context.Context, name, lock string) (report.Report, error) {
	where := "id = $1"
	if report.IsReference(name) {
		where = "reference = $1"
	}
	r, err := newReportRow().scan(t.row(ctx, "SELECT "+reportColumns+" FROM reports WHERE "+where+lock, name))
	if errors.Is(err, sql.ErrNoRows) {
		return r, noReport(name)
	}
	if err != nil {
		return r, fmt.Errorf("read report: %w", err)
	}
	return r, nil
}

// Update changes one report and stores what the change causes, in one
// transaction. change must have no side effects; it may run more than once.
func (s Reports) Update(ctx context.Context, name string, change func(*report.Report) (report.Changes, error)) (report.Report, error) {
	r, _, err := s.AddOnce(ctx, name, report.Key{}, change)
	return r, err
}

// AddOnce is Update for a call that may come again with the same key.
func (s Reports) AddOnce(ctx context.Context, name string, key report.Key, change func(*report.Report) (report.Changes, error)) (report.Report, report.Replay, error) {
	var r report.Report
	var first report.Replay
	err := s.inTx(ctx, func(ctx context.Context, t *tx) (err error) {
		if r, err = t.whole(ctx, name, t.db.dialect.lockRow); err != nil {
			return err
		}
		if first, err = t.keyUsed(ctx, key); err != nil || first.Replayed {
			return err
		}
		before := r
		caused, err := change(&r)
		if err != nil || caused.None() {
			return err
		}
		if len(caused.Updates) > 0 {
			first, err = t.claimKey(ctx, key, caused.Updates[0].ID, micros(r.UpdatedAt))
			if err != nil || first.Replayed { // somebody else was first, on another report
				r = before
				return err
			}
		}
		if err := t.save(ctx, &r, caused); err != nil || r.CaseID != "" || r.Work() == before.Work() {
			return err
		}
		return t.follow(ctx, r)
	})
	if err != nil {
		return report.Report{}, report.Replay{}, err
	}
	return r, first, nil
}

// save stores a changed report with what the change causes, and gives it its
// next version and its photos as they are then.
func (t *tx) save(ctx context.Context, r *report.Report, caused report.Changes) (err error) {
	if caused.AtVersion != 0 {
		if err := t.stillHeld(ctx, r.Jurisdiction, r.Delivery, caused.AtVersion); err != nil {
			return err
		}
	}
	r.Version++
	r.PhotoCount += len(caused.Photos) - caused.DeletedPhotos()
	if err := t.saveReport(ctx, *r); err != nil {
		return fmt.Errorf("update report %s: %w", r.ID, err)
	}
	if err := t.insertCaused(ctx, r.ID, caused); err != nil || len(caused.Photos)+len(caused.PhotoChanges)+len(caused.NewAlts) == 0 {
		return err
	}
	r.Photos, err = t.photosOf(ctx, r.ID)
	return err
}

// keyUsed looks a key up under the report's lock, before any work is done for it.
func (t *tx) keyUsed(ctx context.Context, key report.Key) (report.Replay, error) {
	var first report.Replay
	if key.Key == "" {
		return first, nil
	}
	err := t.row(ctx, `SELECT fingerprint, resource FROM idempotency_keys WHERE scope = $1 AND key = $2`,
		key.Scope, key.Key).Scan(&first.Fingerprint, &first.Resource)
	if errors.Is(err, sql.ErrNoRows) {
		return first, nil
	}
	first.Replayed = err == nil
	return first, err
}

func (t *tx) insertReport(ctx context.Context, r report.Report) error {
	attributes, err := attributesJSON(r)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO reports (`+reportColumns+`, quadkey, search) VALUES
		($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
		 $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36)`,
		r.ID, r.Reference, r.Jurisdiction, r.Service, r.Status, r.CloseReason, r.PlannedFor, r.DuplicateOf,
		r.Delivery, r.Lat, r.Lon, r.AccuracyM, r.Address, r.Description, attributes, r.Language, r.Outside,
		r.PhotoCount, r.SupportedBy, micros(r.CreatedAt), micros(r.UpdatedAt), micros(r.ClosedAt), r.Version, r.Joined, r.TextHeld,
		r.Private, r.CaseID, r.Assignee, r.HeldUpdates, r.Returns, r.Origin, r.PersonID, r.BoundarySet, r.TokenEpoch,
		report.Quadkey(r.Lat, r.Lon), searchText(r))
	return err
}

// saveReport writes what can change in a report.
func (t *tx) saveReport(ctx context.Context, r report.Report) error {
	attributes, err := attributesJSON(r)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `UPDATE reports SET jurisdiction = $2, status = $3, close_reason = $4, planned_for = $5,
		duplicate_of = $6, delivery = $7, assignee = $8, returns = $9, address = $10, description = $11,
		attributes = $12, search = $13, person = $14, token_epoch = $15, updated_at = $16, closed_at = $17,
		photo_count = $18, version = $19, outside = $20, boundary_set = $21,
		text_held = $22, held_updates = $23, case_id = $24 WHERE id = $1`,
		r.ID, r.Jurisdiction, r.Status, r.CloseReason, r.PlannedFor, r.DuplicateOf, r.Delivery, r.Assignee,
		r.Returns, r.Address, r.Description, attributes, searchText(r), r.PersonID, r.TokenEpoch,
		micros(r.UpdatedAt), micros(r.ClosedAt), r.PhotoCount, r.Version, r.Outside, r.BoundarySet,
		r.TextHeld, r.HeldUpdates, r.CaseID)
	return err
}

func attributesJSON(r report.Report) (string, error) {
	if len(r.Attributes) == 0 {
		return "{}", nil
	}
	b, err := json.Marshal(r.Attributes)
	if err != nil {
		return "", fmt.Errorf("encode the attributes of report %s: %w", r.ID, err)
	}
	return string(b), nil
}

// searchText is what a text search looks in: the words and the reference. It is
// lowered here, because the databases do not agree on how to lower what is not
// ASCII. Held words are not found: whoever searches for a number would learn that
// it stands there.
func searchText(r report.Report) string {
	if r.TextHeld {
		return strings.ToLower(r.Reference)
	}
	return strings.ToLower(r.Description + "\n" + r.Address + "\n" + r.Reference)
}
