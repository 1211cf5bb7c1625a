package atlas_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/atlas"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/store"
)

// newAtlas draws nothing yet: no set is active.
func newAtlas(t testing.TB) *atlas.Atlas {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), filepath.Join(dir, "kantsten.db"))
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	must(t, db.Migrate(t.Context()))
	blobs, err := blob.OpenDisk(filepath.Join(dir, "media"))
	must(t, err)
	t.Cleanup(func() { must(t, blobs.Close()) })
	return &atlas.Atlas{Boundaries: &routing.Boundaries{
		Sets: store.BoundarySets{DB: db}, Blobs: blobs, CacheDir: filepath.Join(dir, "boundaries"), Log: slog.New(slog.DiscardHandler),
	}}
}

// activate imports areas and puts them in force.
func activate(t testing.TB, a *atlas.Atlas, about routing.About, areas ...geo.Feature) {
	t.Helper()
	var b geo.Builder
	for _, area := range areas {
		must(t, b.Add(area))
	}
	set, _, err := a.Boundaries.Import(t.Context(), &b, about, time.Now())
	must(t, err)
	must(t, a.Boundaries.Activate(t.Context(), set.ID, time.Now()))
}

func square(code, name string, west, south, side float64) geo.Feature {
	b := orb.Bound{Min: orb.Point{west, south}, Max: orb.Point{west + side, south + side}}
	return geo.Feature{Code: code, Name: name, Geometry: orb.MultiPolygon{{b.ToRing()}}}
}

// twoSquares are neighbours; the second has a hole in it.
func twoSquares() []geo.Feature {
	holed := square("2262", "Timrå", 17.5, 62, 0.5)
	hole := orb.Bound{Min: orb.Point{17.6, 62.1}, Max: orb.Point{17.8, 62.3}}.ToRing()
	holed.Geometry = orb.MultiPolygon{append(holed.Geometry.(orb.MultiPolygon)[0], hole)}
	return []geo.Feature{square("2281", "Sundsvall", 17, 62, 0.5), holed}
}

func TestNothingIsDrawnWithoutBoundaries(t *testing.T) {
	t.Parallel()
	a := newAtlas(t)
	for what, err := range map[string]error{"tile": second(a.Tile(0, 0, 0)), "outline": second(a.Outline("2281", 5))} {
		if p := problem.As(err); p == nil || p.Kind != problem.Unavailable || p.RetryAfter == 0 {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second(_ atlas.Document, err error) error { return err }

func TestTilesThatDoNotExist(t *testing.T) {
	t.Parallel()
	a := newAtlas(t)
	activate(t, a, routing.About{Source: "squares"}, twoSquares()...)
	for _, tt := range []struct {
		z, x, y int
		field   string
	}{
		{-1, 0, 0, "z"}, {23, 0, 0, "z"}, {1 << 40, 0, 0, "z"}, {0, 1, 0, "x"}, {5, -1, 0, "x"}, {5, 32, 0, "x"},
		{5, 0, 32, "y"}, {22, 0, 1 << 22, "y"}, {5, 0, -1 << 62, "y"},
	} {
		p := problem.As(second(a.Tile(tt.z, tt.x, tt.y)))
		if p == nil || p.Kind != problem.BadRequest || len(p.Fields) != 1 || p.Fields[0].Field != tt.field {
			t.Errorf("%+v: %v", tt, p)
		}
	}
}

func TestOutline(t *testing.T) {
	t.Parallel()
	a := newAtlas(t)
	activate(t, a, routing.About{Source: "squares", Licence: "CC0", Approximate: true}, append(twoSquares(), square("dot", "", 18.5, 62, 0.00001))...)
	var f struct {
		Type, ID   string
		Properties struct {
			Code, Name, Source, Licence string
			Approximate                 bool
		}
		Geometry struct {
			Type        string
			Coordinates [][][][2]float64
		}
	}
	for _, tt := range []struct {
		code            string
		zoom            int
		polygons, rings int
	}{{"2281", 8, 1, 1}, {"2262", 8, 1, 2}, {"2262", 99, 1, 2}, {"dot", 99, 1, 1}, {"dot", 8, 0, 0}, {"2281", -5, 1, 1}} {
		doc, err := a.Outline(tt.code, tt.zoom)
		must(t, err)
		f.Geometry.Coordinates = nil
		must(t, json.Unmarshal(doc.Body, &f))
		g := f.Geometry
		if f.ID != tt.code || f.Properties.Code != tt.code || f.Properties.Licence != "CC0" || f.Properties.Source != "squares" || !f.Properties.Approximate || g.Type != "MultiPolygon" {
			t.Errorf("%+v: %s", tt, doc.Body)
		}
		if g.Coordinates == nil || len(g.Coordinates) != tt.polygons || tt.polygons > 0 && len(g.Coordinates[0]) != tt.rings {
			t.Errorf("%+v: %s", tt, doc.Body)
		}
	}
	if err := second(a.Outline("9999", 8)); !problem.Is(err, problem.NotFound) {
		t.Errorf("an unknown area: %v", err)
	}
}

func TestWhatWasDrawnIsKeptWithinBounds(t *testing.T) {
	t.Parallel()
	a := newAtlas(t)
	a.MaxBytes = 20_000
	activate(t, a, routing.About{Source: "squares"}, twoSquares()...)
	x, y, _ := geo.TileAt(17.5, 62.2, 8)
	first, err := a.Tile(8, x, y)
	must(t, err)
	if again, err := a.Tile(8, x, y); err != nil || &again.Body[0] != &first.Body[0] {
		t.Errorf("drawn again: %v", err)
	}
	for i := range 2000 {
		if _, err := a.Tile(12, i, i); err != nil {
			t.Fatal(err)
		}
	}
	if bytes, entries := a.Kept(); bytes > a.MaxBytes || entries < 10 || entries > 100 {
		t.Errorf("%d bytes in %d entries are kept", bytes, entries)
	}
	again, err := a.Tile(8, x, y)
	must(t, err)
	if &again.Body[0] == &first.Body[0] || again.Tag != first.Tag {
		t.Error("what was pushed out is still there, or is drawn differently")
	}
}

func TestLargeDocumentsArePacked(t *testing.T) {
	t.Parallel()
	a := newAtlas(t)
	activate(t, a, routing.About{Source: strings.Repeat("squares ", 200)}, twoSquares()...)
	doc, err := a.Outline("2281", 8)
	must(t, err)
	z, err := gzip.NewReader(bytes.NewReader(doc.Packed))
	must(t, err)
	body, err := io.ReadAll(z)
	must(t, err)
	if !bytes.Equal(body, doc.Body) || len(doc.Packed) > len(doc.Body)/2 {
		t.Errorf("%d bytes packed, %d plain", len(doc.Packed), len(doc.Body))
	}
	x, y, _ := geo.TileAt(17.25, 62.25, 15)
	tile, err := a.Tile(15, x, y)
	must(t, err)
	if tile.Packed != nil || len(tile.Body) == 0 {
		t.Errorf("a tile of %d bytes is packed", len(tile.Body))
	}
}

func TestManyMayDraw(t *testing.T) {
	t.Parallel()
	a := newAtlas(t)
	a.MaxBytes = 5_000
	activate(t, a, routing.About{Source: "squares"}, twoSquares()...)
	var group sync.WaitGroup
	for k := range 4 {
		group.Go(func() {
			for i := range 300 {
				if _, err := a.Tile(9, (i*(k+1))%512, i%512); err != nil {
					t.Error(err)
				}
				if _, err := a.Outline("2281", i%14); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
