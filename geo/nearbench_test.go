package geo

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/paulmach/orb"
)

// register makes a road register of a country: lines of ten segments of some 30
// m, three quarters of them in towns; a tenth belongs to the state, half to
// municipalities, the rest to one of thousands of associations each.
func register(segments int) []Feature {
	r := rand.New(rand.NewPCG(41, 42))
	towns := make([]orb.Point, 300)
	for i := range towns {
		towns[i] = orb.Point{12 + 10*r.Float64(), 56 + 12*r.Float64()}
	}
	owner := func() string {
		switch k := r.IntN(10); {
		case k == 0:
			return "state"
		case k < 6:
			return fmt.Sprintf("municipality %d", r.IntN(290))
		}
		return fmt.Sprintf("association %d", r.IntN(15_000))
	}
	var out []Feature
	for n := 0; n < segments; n += 10 {
		at := orb.Point{12 + 10*r.Float64(), 56 + 12*r.Float64()}
		if r.IntN(4) > 0 {
			at = towns[r.IntN(len(towns))]
			at = orb.Point{at[0] + 0.04*r.NormFloat64(), at[1] + 0.02*r.NormFloat64()}
		}
		heading := r.Float64() * 2 * math.Pi
		line := orb.LineString{at}
		for range 10 {
			heading += 0.3 * r.NormFloat64()
			metres := 5 + r.ExpFloat64()*25
			at[0] += metres * math.Cos(heading) / 55_000
			at[1] += metres * math.Sin(heading) / 111_000
			line = append(line, at)
		}
		out = append(out, Feature{Code: owner(), Geometry: orb.MultiLineString{line}})
	}
	return out
}

// posts makes as many points with a code each, along the roads of a register.
func posts(n int) []Feature {
	var out []Feature
	for _, f := range register(n) {
		for _, p := range pathsOf(f)[0][1:] {
			out = append(out, Feature{Code: fmt.Sprintf("%08d", len(out)), Geometry: orb.MultiPoint{p}})
		}
	}
	return out
}

// besideVertices returns places some 20 m from vertices.
func besideVertices(features []Feature, n int) []orb.Point {
	r := rand.New(rand.NewPCG(43, 44))
	out := make([]orb.Point, n)
	for i := range out {
		path := pathsOf(features[r.IntN(len(features))])[0]
		v := path[r.IntN(len(path))]
		out[i] = orb.Point{v[0] + r.NormFloat64()*4e-4, v[1] + r.NormFloat64()*2e-4}
	}
	return out
}

func BenchmarkNear(b *testing.B) {
	for _, size := range []int{100_000, 1_000_000} {
		for _, kind := range []Kind{Lines, Points} {
			features := register
			if kind == Points {
				features = posts
			}
			b.Run(fmt.Sprintf("%d %v", size, kind), func(b *testing.B) { benchmarkNear(b, features(size)) })
		}
	}
}

func benchmarkNear(b *testing.B, features []Feature) {
	places := besideVertices(features, 100_000)
	path := storeNear(b, buildNear(b, features))
	b.Run("build", func(b *testing.B) { benchmarkBuildNear(b, features) })
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			index, err := OpenNear(path)
			if err != nil {
				b.Fatal(err)
			}
			index.Nearest(places[0], 100, 1)
			if err := index.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, n := range []int{1, 5} {
		b.Run(fmt.Sprintf("nearest %d", n), func(b *testing.B) {
			index, err := OpenNear(path)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			var out []NearFeature
			i := 0
			for b.Loop() {
				out = index.AppendNearest(out[:0], places[i], 100, n)
				if i++; i == len(places) {
					i = 0
				}
			}
		})
	}
}

func benchmarkBuildNear(b *testing.B, features []Feature) {
	var report *NearReport
	var file bytes.Buffer
	for b.Loop() {
		b.StopTimer()
		runtime.GC()
		b.StartTimer()
		index, built, err := BuildNear(features)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		report = built
		file.Reset()
		if _, err := index.WriteTo(&file); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(report.Vertices), "ns/vertex")
	b.ReportMetric(float64(file.Len())/float64(report.Vertices), "B/vertex")
}
