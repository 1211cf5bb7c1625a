package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/internal/catalog"
)

// What a view of the map has to reach: the share of the bare query's speed, and
// milliseconds for all but the slowest hundredth.
const (
	mapTarget = 0.6
	mapP99    = 20
)

// shown is how many reports a page of the map holds.
const shown = 100

// maps measures views of the map on both databases.
func (b *bench) maps(ctx context.Context) error {
	all := invent(b.country, b.size.reports)
	for _, e := range engines() {
		if err := b.mapOn(ctx, e, all); err != nil {
			return fmt.Errorf("on %s: %w", e, err)
		}
	}
	return nil
}

func (b *bench) mapOn(ctx context.Context, e engine, all []stored) (err error) {
	s, err := b.newSite(ctx, e, "map")
	if err != nil {
		return err
	}
	say("loading %d reports into %s", len(all), e)
	if err := b.load(ctx, s, all); err != nil {
		return err
	}
	p, err := s.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	db, err := s.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(poolSize) // reading, SQLite takes as many as there are
	db.SetMaxIdleConns(poolSize)
	for _, held := range []int{shown, len(all) / 10} {
		v, err := newView(ctx, db, p.addr, boxWith(b.country, all, held), all)
		if err != nil {
			return err
		}
		for _, clients := range []int{1, 8} {
			if err := b.view(ctx, v, p.addr, fmt.Sprintf("%s, %d of %d in the box", e, held, len(all)), clients); err != nil {
				return errors.Join(err, v.rows.Close())
			}
		}
		if err := v.rows.Close(); err != nil {
			return err
		}
	}
	return nil
}

// load stores the reports, and lets PostgreSQL learn what autovacuum would soon
// have taught it.
func (b *bench) load(ctx context.Context, s site, all []stored) error {
	db, err := s.open()
	if err != nil {
		return err
	}
	if s.url == "" {
		if _, err := db.ExecContext(ctx, `PRAGMA synchronous = OFF; PRAGMA cache_size = -300000`); err != nil {
			return errors.Join(err, db.Close())
		}
	}
	set, err := activeSet(ctx, db)
	if err == nil {
		err = insert(ctx, db, set, all)
	}
	if err == nil && s.url != "" {
		_, err = db.ExecContext(ctx, `VACUUM ANALYZE reports`)
	}
	return errors.Join(err, db.Close())
}

// view is one view of the map, for the program and for the rival.
type view struct {
	request []byte
	addr    string
	ids     []any // what it shows, newest first
	rows    *sql.Stmt
	names   names
}

// names are what the rows do not hold: the program keeps them in memory, so the
// rival may too.
type names struct {
	base          string
	jurisdictions map[string]jurisdictionRef
	services      map[string]string
}

func newView(ctx context.Context, db *sql.DB, addr string, box orb.Bound, all []stored) (*view, error) {
	target := fmt.Sprintf("/v1/reports?limit=%d&bbox=%.7f,%.7f,%.7f,%.7f", shown, box.Left(), box.Bottom(), box.Right(), box.Top())
	v := &view{request: get(target), addr: addr}
	for _, id := range newestIn(all, box, shown) {
		v.ids = append(v.ids, id)
	}
	var err error
	if v.names, err = readNames(ctx, db, "http://"+addr); err != nil {
		return nil, err
	}
	marks := make([]string, len(v.ids))
	for i := range marks {
		marks[i] = "$" + strconv.Itoa(i+1)
	}
	v.rows, err = db.PrepareContext(ctx, `SELECT id, reference, jurisdiction, service, status, close_reason, planned_for, duplicate_of,
		delivery, lat, lon, accuracy_m, address, description, attributes, language, private, outside, supported_by, joined,
		created_at, updated_at, closed_at, version
		FROM reports WHERE id IN (`+strings.Join(marks, ", ")+`) ORDER BY id DESC`)
	if err != nil {
		return nil, fmt.Errorf("prepare the rows of the map: %w", err)
	}
	return v, v.agree(ctx)
}

// agree makes sure that the program and the rival answer alike.
func (v *view) agree(ctx context.Context) error {
	c, err := connect(ctx, v.addr)
	if err != nil {
		return err
	}
	defer closeAll([]*connection{c})
	body, err := c.roundTrip(v.request, 200)
	if err != nil {
		return err
	}
	own, err := v.write(ctx)
	if err != nil {
		return err
	}
	var theirs, ours map[string]any
	if err := errors.Join(json.Unmarshal(body, &theirs), json.Unmarshal(own, &ours)); err != nil {
		return fmt.Errorf("compare the answers: %w", err)
	}
	if !reflect.DeepEqual(theirs["reports"], ours["reports"]) {
		return fmt.Errorf("the program and the rival do not show the same:\n%.1500s\n%.1500s", body, own)
	}
	return nil
}

// view measures one view of the map.
func (b *bench) view(ctx context.Context, v *view, addr, what string, clients int) error {
	connections, err := connectAll(ctx, addr, clients)
	if err != nil {
		return err
	}
	defer closeAll(connections)
	results, err := contest(ctx, b.size, clients,
		contender{name: "program", do: func(_ context.Context, w int) error {
			_, err := connections[w].roundTrip(v.request, 200)
			return err
		}},
		contender{name: "rows", do: func(ctx context.Context, _ int) error {
			_, err := v.write(ctx)
			return err
		}},
	)
	if err != nil {
		return err
	}
	program, rows := results["program"], results["rows"]
	what = fmt.Sprintf("map, %s, %d clients", what, clients)
	b.table.add(atLeast(what, fmt.Sprintf("%.0f/s", program.rate()), fmt.Sprintf("%.0f/s rows by id", rows.rate()),
		program.rate()/rows.rate(), mapTarget))
	l := under(what+", p99", 1000*quantile(program.took, 0.99), mapP99, "ms")
	l.rival = fmt.Sprintf("%.3g ms", 1000*quantile(rows.took, 0.99))
	b.table.add(l)
	return nil
}

// The wire shape of what the map shows, as the contract has it.
type (
	reportList struct {
		Reports []reportJSON `json:"reports"`
	}
	reportJSON struct {
		ID           string          `json:"id"`
		Reference    string          `json:"reference"`
		Jurisdiction jurisdictionRef `json:"jurisdiction"`
		Service      string          `json:"service"`
		ServiceName  string          `json:"service_name"`
		Status       string          `json:"status"`
		CloseReason  string          `json:"close_reason,omitempty"`
		PlannedFor   string          `json:"planned_for,omitempty"`
		DuplicateOf  string          `json:"duplicate_of,omitempty"`
		Delivery     string          `json:"delivery"`
		Lat          float64         `json:"lat"`
		Lon          float64         `json:"lon"`
		AccuracyM    float64         `json:"accuracy_m"`
		Address      string          `json:"address"`
		Description  string          `json:"description"`
		Attributes   map[string]any  `json:"attributes,omitempty"`
		Photos       []string        `json:"photos"`
		Language     string          `json:"language"`
		Private      bool            `json:"private"`
		Outside      bool            `json:"outside,omitempty"`
		SupportCount int             `json:"support_count"`
		Voices       int             `json:"voices"`
		Routing      string          `json:"routing"`
		CreatedAt    time.Time       `json:"created_at"`
		UpdatedAt    time.Time       `json:"updated_at"`
		ClosedAt     time.Time       `json:"closed_at,omitzero"`
		Version      int64           `json:"version"`
		Links        reportLinks     `json:"links"`
	}
	reportLinks struct {
		Self    string `json:"self"`
		Updates string `json:"updates"`
		Routing string `json:"routing"`
		Photos  string `json:"photos"`
	}
	jurisdictionRef struct {
		Code    string `json:"code"`
		Name    string `json:"name"`
		Channel string `json:"channel"`
	}
)

// write reads the rows by their ids and writes them by encoding/json.
func (v *view) write(ctx context.Context) ([]byte, error) {
	rows, err := v.rows.QueryContext(ctx, v.ids...)
	if err != nil {
		return nil, fmt.Errorf("read the rows of the map: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err below says what went wrong
	list := reportList{Reports: make([]reportJSON, 0, len(v.ids))}
	for rows.Next() {
		r, err := v.names.scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read the rows of the map: %w", err)
		}
		list.Reports = append(list.Reports, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the rows of the map: %w", err)
	}
	return json.Marshal(list)
}

// scan reads one row into its wire shape.
func (n names) scan(rows *sql.Rows) (reportJSON, error) {
	r := reportJSON{Photos: []string{}, Routing: "area"}
	var code, attributes string
	var created, updated, closed int64
	if err := rows.Scan(&r.ID, &r.Reference, &code, &r.Service, &r.Status, &r.CloseReason, &r.PlannedFor, &r.DuplicateOf,
		&r.Delivery, &r.Lat, &r.Lon, &r.AccuracyM, &r.Address, &r.Description, &attributes, &r.Language, &r.Private,
		&r.Outside, &r.SupportCount, &r.Voices, &created, &updated, &closed, &r.Version); err != nil {
		return r, err
	}
	if attributes != "{}" {
		if err := json.Unmarshal([]byte(attributes), &r.Attributes); err != nil {
			return r, err
		}
	}
	r.Voices += 1 + r.SupportCount // it holds who has joined
	r.CreatedAt, r.UpdatedAt = time.UnixMicro(created).UTC(), time.UnixMicro(updated).UTC()
	if closed != 0 {
		r.ClosedAt = time.UnixMicro(closed).UTC()
	}
	r.Jurisdiction, r.ServiceName = n.jurisdictions[code], n.services[r.Service]
	self := n.base + "/v1/reports/" + r.ID
	r.Links = reportLinks{Self: self, Updates: self + "/updates", Routing: self + "/routing", Photos: self + "/photos"}
	return r, nil
}

func readNames(ctx context.Context, db *sql.DB, base string) (names, error) {
	n := names{base: base, jurisdictions: map[string]jurisdictionRef{}, services: map[string]string{}}
	for _, code := range []string{"pothole", "litter", "graffiti", "other"} {
		if svc, ok := catalog.Base().Service(code); ok {
			n.services[code] = svc.Name.In("sv")
		}
	}
	rows, err := db.QueryContext(ctx, `SELECT code, name, channel FROM jurisdictions`)
	if err != nil {
		return n, fmt.Errorf("read the municipalities: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err below says what went wrong
	for rows.Next() {
		var j jurisdictionRef
		if err := rows.Scan(&j.Code, &j.Name, &j.Channel); err != nil {
			return n, fmt.Errorf("read the municipalities: %w", err)
		}
		n.jurisdictions[j.Code] = j
	}
	return n, rows.Err()
}
