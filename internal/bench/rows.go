package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/internal/report"
)

// stored is what differs from one report on the map to the next.
type stored struct {
	id, reference, code, service, status string
	at                                   orb.Point
	created                              time.Time
}

// town is where reports come from: a middle, and how many live there.
type town struct {
	code   string
	middle orb.Point
	until  float64 // sum of the weights up to and with this one
}

// towns gives every municipality its share of reports: the first the most, the
// second half of that, the third a third (Zipf's law, which the sizes of Sweden's
// municipalities come near to), spread over its positions in the same way.
func towns(c country) []town {
	random := rand.New(rand.NewPCG(2, 2))
	var all []town
	sum := 0.0
	for rank, i := range random.Perm(len(c.areas)) {
		for nth, p := range c.areas[i].places {
			sum += 1 / float64(rank+1) / float64(nth+1)
			all = append(all, town{c.areas[i].code, p, sum})
		}
	}
	return all
}

// spread is how far from the middle of their town reports lie, in degrees of
// latitude: a standard deviation of a kilometre.
const spread = 0.009

// invent makes n reports over the last year, oldest first.
func invent(c country, n int) []stored {
	random := rand.New(rand.NewPCG(3, 3))
	all := towns(c)
	services := []string{"pothole", "litter", "graffiti", "other"}
	statuses := []report.Status{report.Received, report.InProgress, report.Fixed, report.Fixed}
	numbers := map[string]int64{}
	end := time.Now().UTC().Truncate(time.Second).Add(-time.Minute)
	out := make([]stored, n)
	for i := range out {
		share := random.Float64() * all[len(all)-1].until
		at, _ := slices.BinarySearchFunc(all, share, func(t town, x float64) int { return cmp.Compare(t.until, x) })
		t := all[at]
		created := end.Add(-time.Duration(n-i) * (365 * 24 * time.Hour / time.Duration(n)))
		numbers[t.code]++
		out[i] = stored{
			id: idAt(created, random), reference: report.Reference(t.code, created.Year(), numbers[t.code]), code: t.code,
			service: services[random.IntN(len(services))], status: string(statuses[random.IntN(len(statuses))]),
			at: orb.Point{
				t.middle.Lon() + random.NormFloat64()*spread/math.Cos(t.middle.Lat()*math.Pi/180),
				t.middle.Lat() + random.NormFloat64()*spread,
			},
			created: created,
		}
	}
	return out
}

// idAt is a UUIDv7 (RFC 9562, 5.7) of a time.
func idAt(at time.Time, random *rand.Rand) string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|0x7000|uint64(random.Uint32()&0xfff))
	binary.BigEndian.PutUint64(id[8:], random.Uint64()&^(3<<62)|2<<62)
	return id.String()
}

// perStatement is how many rows one statement inserts; the driver of SQLite takes
// longer for each argument the more there are.
const perStatement = 60

// insert stores reports by statements of many rows each, in one transaction.
func insert(ctx context.Context, db *sql.DB, set string, all []stored) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("load reports: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after the commit it does nothing
	stmt, err := tx.PrepareContext(ctx, insertRows(set, perStatement))
	if err != nil {
		return fmt.Errorf("load reports: %w", err)
	}
	defer func() { _ = stmt.Close() }() // ends with its transaction
	for batch := range slices.Chunk(all, perStatement) {
		var args []any
		for _, r := range batch {
			args = append(args, r.id, r.reference, r.code, r.service, r.status, r.at.Lat(), r.at.Lon(),
				report.Quadkey(r.at.Lat(), r.at.Lon()), r.created.UnixMicro())
		}
		if len(batch) == perStatement {
			_, err = stmt.ExecContext(ctx, args...)
		} else {
			_, err = tx.ExecContext(ctx, insertRows(set, len(batch)), args...)
		}
		if err != nil {
			return fmt.Errorf("load reports: %w", err)
		}
	}
	return tx.Commit()
}

// description is the text of every report on the map.
const description = "Djupt hål i höger körfält, strax efter busshållplatsen. Cyklister väjer ut i trafiken."

// insertRows is the statement that stores n reports; what is the same in all of
// them stands in its text.
func insertRows(set string, n int) string {
	const args = 9
	var b strings.Builder
	b.WriteString(`INSERT INTO reports (id, reference, jurisdiction, service, status, lat, lon, quadkey, created_at, updated_at,
		close_reason, planned_for, duplicate_of, delivery, assignee, returns, accuracy_m, address, description, search,
		attributes, language, private, origin, person, outside, boundary_set, photo_count, supported_by, token_epoch, closed_at, version, case_id, joined, text_held, held_updates) VALUES `)
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		a := i * args
		fmt.Fprintf(&b, `($%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, '', '', '', 'delivered', '', 0, 8, 'Storgatan 12', '%s', '%s', '{}', 'sv', FALSE, 'v1', '', FALSE, '%s', 0, 0, 0, 0, 1, '', 0, FALSE, 0)`,
			a+1, a+2, a+3, a+4, a+5, a+6, a+7, a+8, a+9, a+9, description, strings.ToLower(description), set)
	}
	return b.String()
}

// boxWith returns the box around the middle of the busiest town that holds n of
// the reports: as far as the n-th of them lies, a square on the ground.
func boxWith(c country, all []stored, n int) orb.Bound {
	middle := towns(c)[0].middle
	narrow := math.Cos(middle.Lat() * math.Pi / 180)
	far := make([]float64, len(all))
	for i, r := range all {
		far[i] = max(math.Abs(r.at.Lat()-middle.Lat()), math.Abs(r.at.Lon()-middle.Lon())*narrow)
	}
	slices.Sort(far)
	d := (far[n-1] + far[n]) / 2
	return orb.Bound{
		Min: orb.Point{middle.Lon() - d/narrow, middle.Lat() - d},
		Max: orb.Point{middle.Lon() + d/narrow, middle.Lat() + d},
	}
}

// newestIn returns the ids of the newest n reports in a box, newest first.
func newestIn(all []stored, box orb.Bound, n int) []string {
	var ids []string
	for _, r := range slices.Backward(all) {
		if len(ids) < n && box.Contains(r.at) {
			ids = append(ids, r.id)
		}
	}
	return ids
}
