package geo

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/paulmach/orb"
)

// benchPoints are the golden points as they come (a third each in the box,
// inside the country and within 50 m of a border) and by kind.
type benchPoints struct{ mixed, inside, border []orb.Point }

func pointsByKind(b *testing.B, index *Index) benchPoints {
	b.Helper()
	var p benchPoints
	for _, g := range goldenPoints(b) {
		p.mixed = append(p.mixed, g.at)
		c, _, inGrid := index.find(g.at[0], g.at[1])
		switch {
		case inGrid && c.entry>>tagShift == tagArea && g.code != "":
			p.inside = append(p.inside, g.at)
		case index.Locate(g.at, 0).BorderMetres <= 50:
			p.border = append(p.border, g.at)
		}
	}
	for _, points := range [][]orb.Point{p.mixed, p.inside, p.border} {
		r := rand.New(rand.NewPCG(1, 2))
		r.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
	}
	return p
}

// openDetailed stores the detailed set and maps it, as a server would.
func openDetailed(tb testing.TB) *Index {
	tb.Helper()
	built, _ := detailedIndex(tb)
	path := filepath.Join(tb.TempDir(), "index")
	store(tb, built, path)
	index, err := Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	return index
}

func store(tb testing.TB, index *Index, path string) int64 {
	tb.Helper()
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	n, err := index.WriteTo(f)
	if err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return n
}

func BenchmarkOwner(b *testing.B) {
	index := openDetailed(b)
	p := pointsByKind(b, index)
	for name, points := range map[string][]orb.Point{"mixed": p.mixed, "inside": p.inside, "border": p.border} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				q := points[i]
				index.Owner(q[0], q[1])
				if i++; i == len(points) {
					i = 0
				}
			}
		})
	}
}

// BenchmarkAppendOwners is per point.
func BenchmarkAppendOwners(b *testing.B) {
	index := openDetailed(b)
	p := pointsByKind(b, index)
	for name, points := range map[string][]orb.Point{"mixed": p.mixed, "inside": p.inside, "border": p.border} {
		b.Run(name, func(b *testing.B) {
			out := make([]int, 0, len(points))
			n := 0
			for b.Loop() {
				out = index.AppendOwners(out[:0], points)
				n += len(points)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/point")
		})
	}
}

func BenchmarkLocate(b *testing.B) {
	index := openDetailed(b)
	p := pointsByKind(b, index)
	for name, points := range map[string][]orb.Point{"mixed": p.mixed, "inside": p.inside, "border": p.border} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				index.Locate(points[i], 50)
				if i++; i == len(points) {
					i = 0
				}
			}
		})
	}
}

// BenchmarkLocateWithin asks only about what is within the accuracy; none of
// the points called far has a border there.
func BenchmarkLocateWithin(b *testing.B) {
	index := openDetailed(b)
	p := pointsByKind(b, index)
	far := slices.DeleteFunc(slices.Clone(p.mixed), func(q orb.Point) bool { return index.Locate(q, 0).BorderMetres <= 50 })
	for name, points := range map[string][]orb.Point{"mixed": p.mixed, "far": far, "border": p.border} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				index.LocateWithin(points[i], 50, 50)
				if i++; i == len(points) {
					i = 0
				}
			}
		})
	}
}

func BenchmarkNearest(b *testing.B) {
	index := openDetailed(b)
	points := pointsByKind(b, index).mixed
	i := 0
	for b.Loop() {
		index.Nearest(points[i], MaxDistance, 3)
		if i++; i == len(points) {
			i = 0
		}
	}
}

// BenchmarkBuild reads plain GeoJSON and builds; the metric is per vertex.
func BenchmarkBuild(b *testing.B) {
	packed, err := os.ReadFile(dataFile(b, "se-municipalities-detailed.geojson.gz"))
	if err != nil {
		b.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		b.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	vertices := 0
	for b.Loop() {
		builder := &Builder{}
		if err := ReadGeoJSON(bytes.NewReader(plain), ReadOptions{}, builder.Add); err != nil {
			b.Fatal(err)
		}
		_, report, err := builder.Finish()
		if err != nil {
			b.Fatal(err)
		}
		vertices = report.Vertices
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(vertices), "ns/vertex")
}

func BenchmarkOpen(b *testing.B) { benchmarkOpen(b, Open) }

func BenchmarkMap(b *testing.B) { benchmarkOpen(b, Map) }

// benchmarkOpen opens a stored index and asks it once.
func benchmarkOpen(b *testing.B, open func(path string) (*Index, error)) {
	built, _ := detailedIndex(b)
	path := filepath.Join(b.TempDir(), "index")
	size := store(b, built, path)
	for b.Loop() {
		index, err := open(path)
		if err != nil {
			b.Fatal(err)
		}
		index.Owner(17.3, 62.4)
		if err := index.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)/float64(len(built.vertices)/2), "B/vertex")
}
