package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/huandu/go-sqlbuilder"
	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/report"
)

// Around implements report.Store by one query: the index of places gives the
// nearest, whole rows and photos are read of those.
func (s Reports) Around(ctx context.Context, a report.Around) ([]report.Neighbour, error) {
	f, err := newFilter(report.Query{Near: &orb.Point{a.Lon, a.Lat}, RadiusM: a.RadiusM, Statuses: a.Statuses, Limit: a.Limit})
	if err != nil || len(f.ranges) == 0 {
		return nil, err
	}
	query, args := f.nearest(a.Photos).Build()
	rows, err := s.query(ctx, query, args...)
	found, err := collect(rows, err, scanNeighbour)
	if err != nil {
		return nil, s.asProblem(fmt.Errorf("list the reports around a place: %w", err))
	}
	return joined(found), nil
}

// neighbourColumns are what a report.Neighbour has; the hash of one photo stands
// behind them.
const neighbourColumns = `r.id, r.reference, r.service, r.status, r.lat, r.lon, r.accuracy_m, r.address, r.description,
	r.supported_by, r.created_at, r.text_held`

// nearest asks for the nearest reports, each once for each of its photos if they
// are wanted. The inner query reads nothing but the index; see byPlace.
func (f filter) nearest(photos bool) *sqlbuilder.SelectBuilder {
	ids := sqlbuilder.PostgreSQL.NewSelectBuilder().Select("id AS shown_id")
	ids.From(f.around(ids, f.lookedAt()))
	f.rest(ids)
	limit(ids.OrderBy(f.squared(ids), "id DESC"), f.q.Limit)
	b := sqlbuilder.PostgreSQL.NewSelectBuilder()
	b.From(b.BuilderAs(ids, "shown")).Join("reports AS r", "r.id = shown_id")
	if !photos {
		return b.Select(neighbourColumns, "NULL")
	}
	b.JoinWithOption(sqlbuilder.LeftJoin, "photos AS p", "p.report = r.id")
	return b.Select(neighbourColumns, "p.likeness").OrderBy("r.id")
}

func scanNeighbour(row scanner) (n report.Neighbour, err error) {
	var status string
	var accuracy sql.NullFloat64
	var supported, created int64
	var hash sql.NullInt64
	err = row.Scan(&n.ID, &n.Reference, &n.Service, &status, &n.Lat, &n.Lon, &accuracy, &n.Address, &n.Description,
		&supported, &created, &n.TextHeld, &hash)
	n.Status, n.SupportedBy, n.CreatedAt = report.Status(status), int(supported), fromMicros(created)
	if accuracy.Valid {
		n.AccuracyM = &accuracy.Float64
	}
	if hash.Valid {
		n.Hashes = []photo.Likeness{photo.Likeness(hash.Int64)} // #nosec G115 -- 64 bits, stored as they are
	}
	return n, err
}

// joined puts the photos of one report, which stand in rows beside each other,
// together.
func joined(rows []report.Neighbour) []report.Neighbour {
	out := rows[:0]
	for _, n := range rows {
		if last := len(out) - 1; last >= 0 && out[last].ID == n.ID {
			out[last].Hashes = append(out[last].Hashes, n.Hashes...)
			continue
		}
		out = append(out, n)
	}
	return out
}
