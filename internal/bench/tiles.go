package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kantsten/kantsten/geo"
)

// The zooms at which tiles are asked for: those of a country down to a street.
const firstTileZoom, lastTileZoom = 5, 16

// tiles measures vector tiles on one connection: what the first of every zoom
// waits for, then tiles that nobody has asked for, then the same again.
func (b *bench) tiles(ctx context.Context) (err error) {
	s, err := b.newSite(ctx, sqlite, "tiles")
	if err != nil {
		return err
	}
	p, err := s.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	c, err := connect(ctx, p.addr)
	if err != nil {
		return err
	}
	defer closeAll([]*connection{c})
	began := time.Now()
	for zoom := range geo.FullZoom {
		if _, err := c.roundTrip(get(tileAround(b.country.areas[0], zoom)), 200); err != nil {
			return err
		}
	}
	b.table.add(line{what: "simplified borders of all zooms, " + b.country.source, measured: fmt.Sprintf("%.2f s", time.Since(began).Seconds())})
	requests := b.country.tiles()
	for _, what := range []string{"never asked for", "asked for before"} {
		began := time.Now()
		for _, r := range requests {
			if _, err := c.roundTrip(r, 200); err != nil {
				return err
			}
		}
		rate := float64(len(requests)) / time.Since(began).Seconds()
		b.table.add(line{what: "vector tiles " + what + ", one client", measured: fmt.Sprintf("%.0f/s", rate)})
	}
	return nil
}

// tiles returns requests for different tiles, each with an area in its middle or so.
func (c country) tiles() [][]byte {
	seen := map[string]bool{}
	var requests [][]byte
	for _, a := range c.areas {
		for zoom := firstTileZoom; zoom <= lastTileZoom; zoom++ {
			if path := tileAround(a, zoom); !seen[path] {
				seen[path] = true
				requests = append(requests, get(path))
			}
		}
	}
	return requests
}

func tileAround(a area, zoom int) string {
	x, y, _ := geo.TileAt(a.places[0][0], a.places[0][1], zoom)
	return fmt.Sprintf("/tiles/areas/%d/%d/%d.mvt", zoom, x, y)
}
