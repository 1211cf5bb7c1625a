package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/wkb"

	"github.com/kantsten/kantsten/geo"
)

// postGIS is a database with the areas, and one connection to it.
type postGIS struct {
	conn *pgx.Conn
	over string // what the connection runs over
}

// openPostGIS loads the areas. The error says what is missing where there is no
// PostgreSQL or no PostGIS.
func (b *bench) openPostGIS(ctx context.Context, areas []geo.Feature) (*postGIS, error) {
	if b.postgres == nil {
		var err error
		if b.postgres, err = openPostgres(ctx); err != nil {
			return nil, err
		}
	}
	address, err := b.postgres.create(ctx, "geo", "")
	if err != nil {
		return nil, err
	}
	g := &postGIS{}
	if err := g.connect(ctx, address); err != nil {
		return nil, err
	}
	if err := g.load(ctx, areas); err != nil {
		return nil, errors.Join(err, g.conn.Close(ctx))
	}
	return g, nil
}

// connect takes the server's socket in the file system where it has one that we
// may use, as it is faster than the network.
func (g *postGIS) connect(ctx context.Context, address string) error {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return fmt.Errorf("read the database's address: %w", err)
	}
	if g.conn, err = pgx.ConnectConfig(ctx, config); err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	g.over = "TCP"
	var folders string
	if err := g.conn.QueryRow(ctx, `SHOW unix_socket_directories`).Scan(&folders); err != nil {
		return fmt.Errorf("ask for PostgreSQL's socket: %w", err)
	}
	folder, _, _ := strings.Cut(folders, ",")
	config.Host, config.Fallbacks = strings.TrimSpace(folder), nil
	if local, err := pgx.ConnectConfig(ctx, config); err == nil && strings.HasPrefix(config.Host, "/") {
		_ = g.conn.Close(ctx) // nothing is lost with it
		g.conn, g.over = local, "a Unix socket"
	}
	return nil
}

// load fills the tables. What helps the server is set: no planning for each
// query, no compiling, and one process, as we take one core.
func (g *postGIS) load(ctx context.Context, areas []geo.Feature) error {
	for _, sql := range []string{
		`CREATE EXTENSION postgis`,
		`SET plan_cache_mode = force_generic_plan`, `SET jit = off`, `SET max_parallel_workers_per_gather = 0`,
		`CREATE TABLE areas (id integer PRIMARY KEY, geom geometry NOT NULL)`,
	} {
		if _, err := g.conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("prepare PostGIS: %w", err)
		}
	}
	for i, a := range areas {
		geometry, err := wkb.Marshal(a.Geometry)
		if err != nil {
			return fmt.Errorf("encode area %s: %w", a.Code, err)
		}
		if _, err := g.conn.Exec(ctx, `INSERT INTO areas VALUES ($1, ST_GeomFromWKB($2, 4326))`, i, geometry); err != nil {
			return fmt.Errorf("store area %s: %w", a.Code, err)
		}
	}
	for _, sql := range []string{`CREATE INDEX ON areas USING gist (geom)`, `VACUUM ANALYZE areas`} {
		if _, err := g.conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("prepare PostGIS: %w", err)
		}
	}
	const find = `SELECT id FROM areas WHERE ST_Covers(geom, ST_SetSRID(ST_MakePoint($1, $2), 4326)) LIMIT 1`
	if _, err := g.conn.Prepare(ctx, "find", find); err != nil {
		return fmt.Errorf("prepare a query: %w", err)
	}
	return nil
}

// prepared asks for one point at a time.
func (g *postGIS) prepared(target float64) finder {
	return finder{name: "PostGIS, prepared, over " + g.over, chunk: 20, target: target, owners: func(ctx context.Context, points []orb.Point, out []int) error {
		for i, p := range points {
			err := g.conn.QueryRow(ctx, "find", p[0], p[1]).Scan(&out[i])
			if errors.Is(err, pgx.ErrNoRows) {
				out[i] = geo.None
			} else if err != nil {
				return fmt.Errorf("ask PostGIS: %w", err)
			}
		}
		return nil
	}}
}

// mostJoined is how many points a join is measured with.
const mostJoined = 10_000

// joined lets the server find the areas of all points in one query, and return
// only how many there are.
func (g *postGIS) joined(ctx context.Context, kind string, points []orb.Point, target float64) (finder, error) {
	points = points[:min(len(points), mostJoined)]
	table := "points_" + kind
	if _, err := g.conn.Exec(ctx, `CREATE TABLE `+table+` (geom geometry NOT NULL)`); err != nil {
		return finder{}, fmt.Errorf("make a table of points: %w", err)
	}
	lon, lat := make([]float64, len(points)), make([]float64, len(points))
	for i, p := range points {
		lon[i], lat[i] = p[0], p[1]
	}
	for _, sql := range []string{
		`INSERT INTO ` + table + ` SELECT ST_SetSRID(ST_MakePoint(lon, lat), 4326) FROM unnest($1::float8[], $2::float8[]) AS p (lon, lat)`,
		`CREATE INDEX ON ` + table + ` USING gist (geom)`,
		`VACUUM ANALYZE ` + table,
	} {
		var args []any
		if strings.HasPrefix(sql, "INSERT") {
			args = []any{lon, lat}
		}
		if _, err := g.conn.Exec(ctx, sql, args...); err != nil {
			return finder{}, fmt.Errorf("store points: %w", err)
		}
	}
	join := `SELECT count(*) FROM ` + table + ` p JOIN areas a ON ST_Covers(a.geom, p.geom)`
	return finder{name: "PostGIS, joined in the server", chunk: len(points), target: target, owners: func(ctx context.Context, _ []orb.Point, _ []int) error {
		var n int
		if err := g.conn.QueryRow(ctx, join).Scan(&n); err != nil {
			return fmt.Errorf("join in PostGIS: %w", err)
		}
		return nil
	}}, nil
}
