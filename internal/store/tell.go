package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/google/uuid"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/maptile"

	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/notify"
	"github.com/kantsten/kantsten/internal/report"
)

// Areas are found by the zoom-12 tiles that they touch: some 4 km wide in
// Sweden, so that a circle of 20 km has about a hundred.
const (
	tileZoom  = 12
	tileShift = 2 * (report.QuadkeyZoom - tileZoom)

	noTile     = -1 // a tile that no area touches
	noReportID = "" // a report that nobody follows
)

func metresPerLon(lat float64) float64 { return metresPerDegree * math.Cos(lat*math.Pi/180) }

// tilesAround returns the tiles of the box around an area. The exact circle is
// cut out when somebody is told.
func tilesAround(a notify.Area) []int64 {
	box := boxAround(orb.Point{a.Lon, a.Lat}, a.RadiusM)
	tile := func(lat, lon float64) maptile.Tile {
		return maptile.FromQuadkey(uint64(report.Quadkey(lat, lon))>>tileShift, tileZoom) // #nosec G115 -- never negative
	}
	nw, se := tile(box.Top(), box.Left()), tile(box.Bottom(), box.Right())
	var tiles []int64
	for y := nw.Y; y <= se.Y; y++ {
		for x := nw.X; x <= se.X; x++ {
			tiles = append(tiles, int64(maptile.New(x, y, tileZoom).Quadkey())) // #nosec G115 -- 24 bits
		}
	}
	return tiles
}

// tellQuery makes a job for each receiver of an update. Who follows by several
// rows, such as two areas that overlap, is one receiver. A job's id is a
// UUIDv7 put together of the beginning of a fresh one and the random end of the
// subscription's.
const tellQuery = `INSERT INTO jobs (id, kind, key, payload, run_at, attempts, parked, reason, created_at)
	SELECT CAST($1 AS TEXT) || substr(min(id), 20), channel, min(id) || '-' || CAST($2 AS TEXT),
		'{"subscription":"' || min(id) || '","update":"' || CAST($2 AS TEXT) || '"}',
		CAST($3 AS BIGINT), 0, FALSE, '', CAST($3 AS BIGINT)
	FROM subscriptions WHERE active AND id IN (
		SELECT id FROM subscriptions WHERE report IN (
			WITH RECURSIVE below (report) AS (
				SELECT CAST($4 AS TEXT) UNION ALL SELECT m.report FROM below b JOIN merges m ON m.into_report = b.report WHERE $10)
			SELECT report FROM below)
		UNION ALL
		SELECT a.id FROM subscription_tiles t JOIN subscriptions a ON a.id = t.subscription
		WHERE t.tile = $5
			AND (($6 - a.lon) * a.lon_m) * (($6 - a.lon) * a.lon_m) + (($7 - a.lat) * $8) * (($7 - a.lat) * $8) <= a.radius_m * a.radius_m
			AND (a.services = '' OR replace(a.services, CAST($9 AS TEXT), '') <> a.services))
	GROUP BY channel, endpoint, email
	ON CONFLICT (kind, key) WHERE key <> '' AND NOT parked DO NOTHING`

// Tell stores one job for each receiver of an update and finishes the tell job
// itself. Whoever deletes that job's row is the one who tells: a job that is
// carried out twice, after a crash or by two processes, tells once.
func (s Followers) Tell(ctx context.Context, t notify.Telling) error {
	fresh, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make ids of jobs: %w", err)
	}
	of, tile := t.Report.ID, int64(noTile)
	if t.Areas {
		of, tile = noReportID, report.Quadkey(t.Report.Lat, t.Report.Lon)>>tileShift
	}
	return s.inTx(ctx, func(ctx context.Context, x *tx) error {
		n, err := x.exec(ctx, `DELETE FROM jobs WHERE id = $1`, t.JobID)
		if err != nil || n == 0 {
			return err
		}
		if _, err := x.exec(ctx, tellQuery, fresh.String()[:19], t.UpdateID, micros(t.Now), of,
			tile, t.Report.Lon, t.Report.Lat, metresPerDegree, serviceList([]string{t.Report.Service}), t.Voices && !t.Areas); err != nil {
			return fmt.Errorf("store who hears of update %s: %w", t.UpdateID, err)
		}
		return nil
	})
}

// Update returns one entry of a report's history.
func (s Followers) Update(ctx context.Context, id string) (report.Update, bool, error) {
	rows, err := s.query(ctx, `SELECT `+updateColumns+` FROM updates WHERE id = $1`, id)
	all, err := collect(rows, err, scanUpdate)
	if err != nil || len(all) == 0 {
		return report.Update{}, false, s.asProblem(err)
	}
	return all[0], true, nil
}

// SetDelivery moves a report's delivery on, unless it was handed over meanwhile:
// then its new recipient has not got it. Neither version nor time of change move
// with it: nobody who answers the report has to know first that its mail has
// left the house. A case takes its voices along.
func (s Followers) SetDelivery(ctx context.Context, r report.Report, to report.Delivery, atVersion int64) (ok bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		if err := t.stillHeld(ctx, r.Jurisdiction, to, atVersion); err != nil {
			return err
		}
		n, err := t.exec(ctx, `UPDATE reports SET delivery = $4 WHERE id = $1 AND jurisdiction = $2 AND delivery = $3`,
			r.ID, r.Jurisdiction, r.Delivery, to)
		if ok = n == 1; err != nil || !ok {
			return err
		}
		_, err = t.exec(ctx, `UPDATE reports SET delivery = $3 WHERE delivery = $2 AND id IN (SELECT report FROM merges WHERE case_id = $1)`,
			r.ID, r.Delivery, to)
		return err
	})
	return ok, err
}

// giveUpDeliveries marks the reports of deliveries that were parked.
func (t *tx) giveUpDeliveries(ctx context.Context, parked []job.Job) error {
	for _, j := range parked {
		if j.Kind != report.JobDeliver {
			continue
		}
		var of report.DeliverJob
		if err := json.Unmarshal(j.Payload, &of); err != nil {
			continue // parked for that very reason, and of no report
		}
		if _, err := t.exec(ctx, `UPDATE reports SET delivery = $2 WHERE id IN `+ofCase+` AND delivery = $3`,
			of.ReportID, report.Failed, report.Queued); err != nil {
			return fmt.Errorf("mark report %s as not delivered: %w", of.ReportID, err)
		}
	}
	return nil
}
