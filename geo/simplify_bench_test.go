package geo

import (
	"fmt"
	"runtime"
	"testing"
)

// BenchmarkLevels prepares every zoom of the detailed set.
func BenchmarkLevels(b *testing.B) {
	index, _ := detailedIndex(b)
	before := liveBytes()
	var kept [FullZoom]*level
	for b.Loop() {
		for zoom := range FullZoom {
			kept[zoom] = index.level(zoom)
		}
	}
	b.ReportMetric(float64(liveBytes()-before)/1e6, "MB-kept")
	for _, zoom := range []int{0, 6, FullZoom - 1} {
		b.ReportMetric(float64(len(kept[zoom].points)), fmt.Sprintf("vertices-at-%d", zoom))
	}
	runtime.KeepAlive(kept)
}

func liveBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkTile draws the tile at the golden points, one after the other.
func BenchmarkTile(b *testing.B) {
	index, _ := detailedIndex(b)
	points := goldenPoints(b)
	p := NewPyramid(index)
	for _, zoom := range []int{4, 8, 12, 14, 18} {
		p.Tile(zoom, 0, 0, 64) // prepares it
		b.Run(fmt.Sprint("zoom ", zoom), func(b *testing.B) {
			i := 0
			for b.Loop() {
				at := points[i%len(points)].at
				x, y, _ := TileAt(at[0], at[1], zoom)
				p.Tile(zoom, x, y, 64)
				i += 7919
			}
		})
	}
}
