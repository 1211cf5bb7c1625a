package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/tidwall/geojson/geometry"
	"golang.org/x/sys/unix"

	"github.com/kantsten/kantsten/geo"
)

// built is what one process has measured that read GeoJSON and built an index.
type built struct {
	Areas, Vertices int
	Seconds         float64 // from the file's first byte to the stored index, without storing
	PeakBytes       float64 // the most resident memory, less what the process began with
	FileBytes       int64
	index           string // path of the index
}

func (m built) perVertex(v float64) float64 { return v / float64(m.Vertices) }

// buildFlag has the program do nothing but buildOnly.
const buildFlag = "build-index"

// buildOnly reads and builds the index of a file, stores it beside it and prints
// what it took. It runs in a process of its own, whose memory says what it needs.
func buildOnly(path string, out io.Writer) error {
	self := &process{cmd: &exec.Cmd{Process: &os.Process{Pid: os.Getpid()}}}
	before, err := self.memory("VmRSS")
	if err != nil {
		return err
	}
	began := time.Now()
	in, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the borders: %w", err)
	}
	defer func() { _ = in.Close() }() // only read from
	var builder geo.Builder
	if err := geo.ReadGeoJSON(in, geo.ReadOptions{}, builder.Add); err != nil {
		return fmt.Errorf("read the borders: %w", err)
	}
	index, report, err := builder.Finish()
	if err != nil {
		return fmt.Errorf("build the borders: %w", err)
	}
	m := built{Areas: report.Areas, Vertices: report.Vertices, Seconds: time.Since(began).Seconds()}
	peak, err := self.memory("VmHWM")
	if err != nil {
		return err
	}
	m.PeakBytes = (peak - before) * (1 << 20)
	if m.FileBytes, err = save(index, indexPath(path)); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(m)
}

func indexPath(geoJSON string) string { return geoJSON + ".index" }

func save(index *geo.Index, path string) (int64, error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, fmt.Errorf("store the index: %w", err)
	}
	n, err := index.WriteTo(f)
	// It must be on the disk for the cache to let go of it.
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, fmt.Errorf("store the index: %w", err)
	}
	return n, nil
}

// forget has the system drop a file from its cache of pages.
func forget(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("drop a file from the cache: %w", err)
	}
	err = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	return errors.Join(err, f.Close())
}

// buildOf measures how a file is built, as often as there are rounds; the median
// time counts and the highest peak.
func (b *bench) buildOf(ctx context.Context, path string) (built, error) {
	self, err := os.Executable()
	if err != nil {
		return built{}, fmt.Errorf("find this program: %w", err)
	}
	var best built
	var seconds []float64
	for range b.size.rounds {
		out, err := exec.CommandContext(ctx, self, "-"+buildFlag, path).Output()
		if err != nil {
			return built{}, fmt.Errorf("build %s: %w", path, err)
		}
		var m built
		if err := json.Unmarshal(out, &m); err != nil {
			return built{}, fmt.Errorf("build %s: %w", path, err)
		}
		seconds = append(seconds, m.Seconds)
		m.PeakBytes = max(m.PeakBytes, best.PeakBytes)
		best = m
	}
	best.Seconds, best.index = median(seconds), indexPath(path)
	return best, nil
}

func (b *bench) buildFigures(t *territory) {
	m, what := t.built, fmt.Sprintf("%s, %d areas, %d vertices", t.name, t.built.Areas, t.built.Vertices)
	b.table.add(under(what+", built from GeoJSON, a vertex", m.perVertex(m.Seconds*1e6), 3, "µs"))
	b.table.add(under(what+", peak memory of that, a vertex", m.perVertex(m.PeakBytes), 250, "B"))
	b.table.add(under(what+", the file, a vertex", m.perVertex(float64(m.FileBytes)), 56, "B"))
}

// territory builds and loads a file of plain GeoJSON.
func (b *bench) territory(ctx context.Context, name, path string) (*territory, error) {
	say("building %s", name)
	t := &territory{name: name}
	var err error
	if t.built, err = b.buildOf(ctx, path); err != nil {
		return nil, err
	}
	if t.index, err = geo.Map(t.built.index); err != nil {
		return nil, err
	}
	for i := range t.index.Len() {
		code, name := t.index.Area(i)
		t.areas = append(t.areas, geo.Feature{Code: code, Name: name, Geometry: t.index.Boundary(code)})
	}
	t.points = newPoints(t.index, t.areas, b.size.points)
	return t, nil
}

// unpack writes a packed file plain.
func unpack(packed, plain string) (err error) {
	in, err := os.Open(packed)
	if err != nil {
		return fmt.Errorf("open the borders: %w", err)
	}
	defer func() { _ = in.Close() }() // only read from
	z, err := gzip.NewReader(in)
	if err != nil {
		return fmt.Errorf("unpack the borders: %w", err)
	}
	out, err := os.Create(plain)
	if err != nil {
		return fmt.Errorf("unpack the borders: %w", err)
	}
	if _, err := io.Copy(out, z); err != nil { //nolint:gosec // a file that we know
		return fmt.Errorf("unpack the borders: %w", errors.Join(err, out.Close()))
	}
	return out.Close()
}

// growth measures a made-up country of about the largest size that is asked
// for, and a quarter of it.
func (b *bench) growth(ctx context.Context) error {
	const columns, rows, bends = 200, 180, 13 // 36,000 areas, 2,016,000 vertices
	small, err := b.madeUp(ctx, "a quarter of a made-up country", columns/2, rows/2, bends)
	if err != nil {
		return err
	}
	t, err := b.madeUp(ctx, "a made-up country", columns, rows, bends)
	if err != nil {
		return err
	}
	defer func() { _ = errors.Join(small.index.Close(), t.index.Close()) }() // only read from
	b.buildFigures(small)
	b.buildFigures(t)
	for _, grown := range []struct {
		what        string
		large, part float64
	}{
		{"size", t.built.perVertex(float64(t.built.FileBytes)), small.built.perVertex(float64(small.built.FileBytes))},
		{"build time", t.built.perVertex(t.built.Seconds), small.built.perVertex(small.built.Seconds)},
	} {
		ratio := grown.large / grown.part
		const linear = 1.05 // two runs of the same differ by as much
		b.table.add(atMost(t.name+" beside a quarter of it, "+grown.what+" a vertex", "", "", ratio, linear))
	}
	small.areas, small.points = nil, pointSets{}
	others := []finder{
		tidwall(t.areas, geometry.RTree, 9), tidwall(t.areas, geometry.QuadTree, 9),
		s2Shapes(t.areas, 5), goGeom(t.areas, 5), orbBounds(t.areas, 5),
	}
	if err := b.agreements(ctx, t, others); err != nil {
		return err
	}
	return b.race(ctx, t, "mixed", t.points.mixed, others)
}

func (b *bench) madeUp(ctx context.Context, name string, columns, rows, bends int) (*territory, error) {
	path := filepath.Join(b.dir, fmt.Sprintf("made-up-%d.geojson", columns))
	out, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make up a country: %w", err)
	}
	if err := errors.Join(writeGeoJSON(out, newTiling(columns, rows, bends).areas()), out.Close()); err != nil {
		return nil, err
	}
	return b.territory(ctx, name, path)
}
