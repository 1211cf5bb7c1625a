package store

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/kantsten/kantsten/internal/report"
)

// shownColumns are what a list of public reports reads of each, which are no voices;
// listedColumns what any list reads, and reportColumns all but those that only a
// search looks at. Each column of a hundred rows takes SQLite some 15 µs.
const (
	shownColumns = `id, reference, jurisdiction, service, status, close_reason, planned_for, duplicate_of,
	delivery, lat, lon, accuracy_m, address, description, attributes, language, outside,
	photo_count, supported_by, created_at, updated_at, closed_at, version, joined, text_held`
	listedColumns = shownColumns + `, private, case_id, assignee, held_updates`
	reportColumns = listedColumns + `, returns, origin, person, boundary_set, token_epoch`
)

// reportRow reads rows into reports, one after the other. A page has a hundred
// rows of two dozen columns: they are scanned into plain types, for which
// database/sql needs no reflection, by pointers that are taken once.
type reportRow struct {
	r                                           report.Report
	status, closeReason, delivery, attributes   string
	accuracy                                    sql.NullFloat64
	photos, supported, created, updated, closed int64
	joined, returns, held                       int64
	origin                                      string
	columns                                     []any
}

func newShownRow() *reportRow {
	w := &reportRow{}
	r := &w.r
	w.columns = []any{
		&r.ID, &r.Reference, &r.Jurisdiction, &r.Service, &w.status, &w.closeReason, &r.PlannedFor, &r.DuplicateOf,
		&w.delivery, &r.Lat, &r.Lon, &w.accuracy, &r.Address, &r.Description, &w.attributes, &r.Language, &r.Outside,
		&w.photos, &w.supported, &w.created, &w.updated, &w.closed, &r.Version, &w.joined, &r.TextHeld,
	}
	return w
}

func newListedRow() *reportRow {
	w := newShownRow()
	w.columns = append(w.columns, &w.r.Private, &w.r.CaseID, &w.r.Assignee, &w.held)
	return w
}

func newReportRow() *reportRow {
	w := newListedRow()
	w.columns = append(w.columns, &w.returns, &w.origin, &w.r.PersonID, &w.r.BoundarySet, &w.r.TokenEpoch)
	return w
}

func (w *reportRow) scan(row scanner) (report.Report, error) {
	if err := row.Scan(w.columns...); err != nil {
		return report.Report{}, err
	}
	r := w.r
	r.Status, r.CloseReason = report.Status(w.status), report.CloseReason(w.closeReason)
	r.Delivery, r.Origin = report.Delivery(w.delivery), report.Origin(w.origin)
	r.PhotoCount, r.SupportedBy, r.Joined, r.Returns, r.HeldUpdates = int(w.photos), int(w.supported), int(w.joined), int(w.returns), int(w.held)
	r.CreatedAt, r.UpdatedAt, r.ClosedAt = fromMicros(w.created), fromMicros(w.updated), fromMicros(w.closed)
	if w.accuracy.Valid {
		metres := w.accuracy.Float64
		r.AccuracyM = &metres
	}
	if w.attributes == "{}" {
		return r, nil
	}
	if err := json.Unmarshal([]byte(w.attributes), &r.Attributes); err != nil {
		return r, fmt.Errorf("read the attributes of report %s: %w", r.ID, err)
	}
	return r, nil
}
