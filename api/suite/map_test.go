package suite

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/maptile"
	"github.com/paulmach/orb/planar"

	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
)

func TestMap(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		t.Run("a tile shows who owns a place", func(t *testing.T) { tileShowsOwners(t, s) })
		t.Run("tiles are kept by whoever has them", func(t *testing.T) { mapIsKept(t, s, "/tiles/areas/8/140/71.mvt") })
		t.Run("so are borders", func(t *testing.T) { mapIsKept(t, s, "/v1/jurisdictions/2281/boundary?zoom=8") })
		t.Run("any page may read tiles", func(t *testing.T) { tilesAreOpen(t, s) })
		t.Run("what is no tile is refused by name", func(t *testing.T) { badTiles(t, s) })
		t.Run("borders of a jurisdiction", func(t *testing.T) { borders(t, s) })
		t.Run("borders that are not there", func(t *testing.T) { badBorders(t, s) })
		t.Run("another set is shown at once", func(t *testing.T) { mapFollowsTheSet(t, s) })
	})
}

// tileAt reads the tile that a place lies in.
func (s *system) tileAt(t *testing.T, at place, zoom maptile.Zoom) (apitest.Response, mvt.Layers) {
	t.Helper()
	tile := maptile.At(orb.Point{at.lon, at.lat}, zoom)
	res := s.in(t).Get(tilePath(tile))
	layers, err := mvt.Unmarshal(res.Body)
	must(t, err)
	layers.ProjectToWGS84(tile)
	return res, layers
}

func tilePath(tile maptile.Tile) string {
	return fmt.Sprintf("/tiles/areas/%d/%d/%d.mvt", tile.Z, tile.X, tile.Y)
}

func tileShowsOwners(t *testing.T, s *system) {
	for at, want := range map[place]string{inSundsvall: sundsvall, inStockholm: stockholm, inGoteborg: goteborg, atSea: ""} {
		for _, zoom := range []maptile.Zoom{7, 10, 12, 13, 17, 22} {
			res, layers := s.tileAt(t, at, zoom)
			if want == "" {
				res.Want(http.StatusNoContent)
				continue
			}
			if len(layers) != 1 || layers[0].Name != "areas" || layers[0].Extent != 4096 || layers[0].Version != 2 {
				t.Fatalf("zoom %d: %d layers", zoom, len(layers))
			}
			got := ""
			for _, f := range layers[0].Features {
				if contains(f.Geometry, orb.Point{at.lon, at.lat}) {
					got += f.Properties.MustString("code")
				}
				if f.Properties.MustString("name") == "" || f.Properties["approximate"] != false {
					t.Errorf("zoom %d: properties %v", zoom, f.Properties)
				}
			}
			if got != want {
				t.Errorf("zoom %d: %v is in %q, want %q", zoom, at, got, want)
			}
		}
	}
}

func contains(g orb.Geometry, p orb.Point) bool {
	switch g := g.(type) {
	case orb.Polygon:
		return planar.PolygonContains(g, p)
	case orb.MultiPolygon:
		return planar.MultiPolygonContains(g, p)
	}
	return false
}

func mapIsKept(t *testing.T, s *system, path string) {
	first := s.in(t).Get(path).Want(http.StatusOK)
	tag := first.Header.Get("ETag")
	if got := first.Header.Get("Cache-Control"); got != "public, max-age=60, must-revalidate" {
		t.Errorf("Cache-Control: %s", got)
	}
	if !strings.Contains(strings.Join(first.Header.Values("Vary"), ","), "Accept-Encoding") {
		t.Errorf("Vary: %v", first.Header.Values("Vary"))
	}
	for _, known := range []string{tag, strings.TrimPrefix(tag, "W/"), `"x", ` + tag, "*"} {
		res := s.in(t).With("If-None-Match", known).Get(path).Want(http.StatusNotModified)
		if res.Header.Get("ETag") != tag || len(res.Body) > 0 {
			t.Errorf("%s: ETag %s, %d bytes", known, res.Header.Get("ETag"), len(res.Body))
		}
	}
	for _, unknown := range []string{`"x"`, `W/"`, ",,,", "W/"} {
		s.in(t).With("If-None-Match", unknown).Get(path).Want(http.StatusOK)
	}
	head := s.in(t).Send(http.MethodHead, path, nil).Want(http.StatusOK)
	if head.Header.Get("ETag") != tag {
		t.Errorf("HEAD: ETag %s, want %s", head.Header.Get("ETag"), tag)
	}
}

func tilesAreOpen(t *testing.T, s *system) {
	const path = "/tiles/areas/8/140/71.mvt"
	res := s.in(t).With("Authorization", "Bearer of no meaning").Get(path).Want(http.StatusOK)
	if res.Header.Get("Access-Control-Allow-Origin") != "*" || res.Header.Get("Content-Type") != "application/vnd.mapbox-vector-tile" {
		t.Errorf("headers: %v", res.Header)
	}
	if allow := s.in(t).Send(http.MethodOptions, path, nil).Want(http.StatusNoContent).Header.Get("Access-Control-Allow-Methods"); !strings.Contains(allow, "GET") {
		t.Errorf("a page may %s", allow)
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, "BREW"} {
		if allow := s.in(t).Send(method, path, nil).Want(http.StatusMethodNotAllowed).Header.Get("Allow"); allow != "GET, HEAD, OPTIONS" {
			t.Errorf("%s: Allow %q", method, allow)
		}
	}
}

func badTiles(t *testing.T, s *system) {
	tests := []struct {
		path, field string // "" where there is nothing by this address
	}{
		{"/areas/23/0/0.mvt", "z"},
		{"/areas/-1/0/0.mvt", "z"},
		{"/areas/8.0/0/0.mvt", "z"},
		{"/areas/999999999999999999999/0/0.mvt", "z"},
		{"/areas/0/1/0.mvt", "x"},
		{"/areas/0/0/1.mvt", "y"},
		{"/areas/8/256/0.mvt", "x"},
		{"/areas/8/-1/0.mvt", "x"},
		{"/areas/8/0/256.mvt", "y"},
		{"/areas/8/0/-1.mvt", "y"},
		{"/areas/22/4194304/0.mvt", "x"},
		{"/areas/8/1e2/0.mvt", "x"},
		{"/areas/8/0x1/0.mvt", "x"},
		{"/areas/8/+1/0.mvt", "x"},
		{"/areas/8/01/0.mvt", "x"},
		{"/areas/8/NaN/0.mvt", "x"},
		{"/areas/8//0.mvt", "x"},
		{"/areas/8/1%2F2/0.mvt", "x"},
		{"/areas/8/%31/0.mvt", "x"},
		{"/areas/8/1%00/0.mvt", "x"},
		{"/areas/8/٣/0.mvt", "x"},
		{"/areas/8/0/.mvt", "y"},
		{"/areas/8/0/0.mvt.mvt", "y"},
		{"/areas/8/0/..mvt", "y"},
		{"", ""}, {"/", ""}, {"/areas", ""}, {"/areas/8/0/0", ""}, {"/areas/8/0/0.png", ""}, {"/areas/8/0/0.MVT", ""},
		{"/areas/8/0/0.mvt/", ""}, {"/areas/8/0/0/0.mvt", ""}, {"/areas%2F8/0/0.mvt", ""},
		{"/roads/8/0/0.mvt", ""}, {"/AREAS/8/0/0.mvt", ""}, {"/" + strings.Repeat("a", 5000) + "/8/0/0.mvt", ""},
	}
	for _, tt := range tests {
		t.Run(tt.path[:min(len(tt.path), 40)], func(t *testing.T) {
			res := s.in(t).Get("/tiles" + tt.path)
			if tt.field == "" {
				res.Want(http.StatusNotFound).WantProblem(problem.NotFound)
				return
			}
			p := problemAt(t, res, http.StatusBadRequest, tt.field)
			if len(p.Errors) != 1 || res.Header.Get("Cache-Control") != "no-cache" {
				t.Errorf("errors %v, Cache-Control %q", p.Errors, res.Header.Get("Cache-Control"))
			}
		})
	}
}

func borders(t *testing.T, s *system) {
	read := func(path string) *geojson.Feature {
		t.Helper()
		res := s.in(t).Get(path).Want(http.StatusOK)
		if got := res.Header.Get("Content-Type"); got != "application/geo+json" {
			t.Errorf("%s: Content-Type %s", path, got)
		}
		f, err := geojson.UnmarshalFeature(res.Body)
		must(t, err)
		return f
	}
	full := read("/v1/jurisdictions/sundsvall.se/boundary")
	want := orb.MultiPolygon{{{{17, 62}, {17.5, 62}, {17.5, 62.6}, {17, 62.6}, {17, 62}}}}
	if !orb.Equal(full.Geometry, want) || full.ID != sundsvall {
		t.Errorf("id %v, geometry %v", full.ID, full.Geometry)
	}
	p := full.Properties
	if p["code"] != sundsvall || p["name"] != "Sundsvall" || p["approximate"] != false || p["source"] != "rectangles" || p["licence"] != "none" {
		t.Errorf("properties %v", p)
	}
	if !orb.Equal(read("/v1/jurisdictions/2281/boundary?zoom=22").Geometry, want) {
		t.Error("zoom 22 is not the whole border")
	}
	for _, zoom := range []string{"0", "4", "9", "12"} {
		west, east := read("/v1/jurisdictions/2281/boundary?zoom="+zoom), read("/v1/jurisdictions/0180/boundary?zoom="+zoom)
		shared := 0
		for v := range vertices(west.Geometry) {
			if vertices(east.Geometry)[v] {
				shared++
			}
		}
		if shared < 2 && zoom != "0" {
			t.Errorf("zoom %s: neighbours share %d vertices: %v, %v", zoom, shared, west.Geometry, east.Geometry)
		}
	}
}

func vertices(g orb.Geometry) map[orb.Point]bool {
	out := map[orb.Point]bool{}
	for _, polygon := range g.(orb.MultiPolygon) {
		for _, ring := range polygon {
			for _, v := range ring {
				out[v] = true
			}
		}
	}
	return out
}

func badBorders(t *testing.T, s *system) {
	for _, code := range []string{"9999", "..", "%2F", "2281%2F", "%00", strings.Repeat("9", 5000)} {
		if res := s.in(t).Get("/v1/jurisdictions/" + code + "/boundary"); res.Status != http.StatusNotFound {
			t.Errorf("%.20s: %s", code, res)
		}
	}
	s.in(t).Get("/v1/jurisdictions/2281/boundary/").Want(http.StatusNotFound)
	for _, zoom := range []string{"-1", "23", "1.5", "NaN", "1e400", "", "8,9", "0x8", "99999999999999999999"} {
		problemAt(t, s.in(t).Get("/v1/jurisdictions/2281/boundary?zoom="+zoom), http.StatusUnprocessableEntity, "zoom")
	}
	problemAt(t, s.in(t).Get("/v1/jurisdictions/2281/boundary?zoom=1&zoom=2"), http.StatusUnprocessableEntity, "zoom")
}

// Nothing of the set before is shown: what was kept of it has another name.
func mapFollowsTheSet(t *testing.T, s *system) {
	const tile, outline = "/tiles/areas/8/140/71.mvt", "/v1/jurisdictions/0180/boundary"
	before := s.in(t).Get(tile).Want(http.StatusOK).Header.Get("ETag")
	s.in(t).Get(outline).Want(http.StatusOK)
	var areas geo.Builder
	must(t, areas.Add(rectangle(sundsvall, "Sundsvall", orb.Bound{Min: orb.Point{17, 62}, Max: orb.Point{18, 62.6}})))
	b := s.server.Router.Boundaries
	set, _, err := b.Import(t.Context(), &areas, routing.About{Source: "one rectangle", Licence: "none", ValidFrom: "2026-02-01"}, s.now())
	must(t, err)
	must(t, b.Activate(t.Context(), set.ID, s.now()))
	if after := s.in(t).With("If-None-Match", before).Get(tile).Want(http.StatusOK).Header.Get("ETag"); after == before {
		t.Error("the tile is the same")
	}
	s.in(t).Get("/v1/jurisdictions/0180").Want(http.StatusOK)
	p := s.in(t).Get(outline).Want(http.StatusNotFound).WantProblem(problem.NotFound)
	if !strings.Contains(p.Detail, "0180") {
		t.Errorf("detail %q", p.Detail)
	}
}

// What is large comes packed to those who can unpack it, and is the same.
func TestBordersComePacked(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		var areas geo.Builder
		must(t, areas.Add(wavy(sundsvall)))
		b := s.server.Router.Boundaries
		set, _, err := b.Import(t.Context(), &areas, routing.About{Source: "waves", Licence: "none", ValidFrom: "2026-02-01", Approximate: true}, s.now())
		must(t, err)
		must(t, b.Activate(t.Context(), set.ID, s.now()))
		for _, path := range []string{"/v1/jurisdictions/2281/boundary", "/tiles/areas/8/140/71.mvt"} {
			plain := s.in(t).With("Accept-Encoding", "identity").Get(path).Want(http.StatusOK)
			for _, encoding := range []string{"gzip", "br, GZIP;q=0.5", "*", "deflate,gzip"} {
				res := s.in(t).With("Accept-Encoding", encoding).Get(path).Want(http.StatusOK)
				length, err := strconv.Atoi(res.Header.Get("Content-Length"))
				must(t, err)
				if res.Header.Get("Content-Encoding") != "gzip" || !bytes.Equal(res.Body, plain.Body) || length >= len(plain.Body) {
					t.Errorf("%s, %s: %d bytes packed, %d unpacked, %d plain", path, encoding, length, len(res.Body), len(plain.Body))
				}
				if res.Header.Get("ETag") != plain.Header.Get("ETag") {
					t.Errorf("%s: ETag %s packed, %s plain", path, res.Header.Get("ETag"), plain.Header.Get("ETag"))
				}
			}
			for _, encoding := range []string{"gzip;q=0", "br", "*;q=0", "gzip;q=x"} {
				res := s.in(t).With("Accept-Encoding", encoding).Get(path).Want(http.StatusOK)
				if got := res.Header.Get("Content-Encoding"); got != "" {
					t.Errorf("%s: packed as %s", encoding, got)
				}
			}
		}
	})
}

// wavy is an area of many vertices that cannot be simplified away.
func wavy(code string) geo.Feature {
	var ring orb.Ring
	for i := range 2000 {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / 2000)
		r := 0.3 + 0.05*math.Sin(float64(i))
		ring = append(ring, orb.Point{17.3 + r*cos, 62.3 + r*sin})
	}
	return geo.Feature{Code: code, Name: "Waves", Geometry: orb.MultiPolygon{{append(ring, ring[0])}}}
}
