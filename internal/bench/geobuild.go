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
	"time"

	"golang.org/x/sys/unix"

	"github.com/kantsten/kantsten/geo"
)

// built is what one process has measured that read GeoJSON and built an index.
type built struct {
	Areas, Vertices int
	Seconds         float64 // from the file's first byte to the stored index, without storing
	Processor       float64 // seconds that processors worked on that, collecting garbage included
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
	began, worked := time.Now(), processorTime()
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
	m := built{Areas: report.Areas, Vertices: report.Vertices}
	m.Seconds, m.Processor = time.Since(began).Seconds(), (processorTime() - worked).Seconds()
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

// buildOnce has a file built by a process of its own. So nothing is left of the
// build before, neither garbage nor memory that the system has given already.
func buildOnce(ctx context.Context, path string) (built, error) {
	self, err := os.Executable()
	if err != nil {
		return built{}, fmt.Errorf("find this program: %w", err)
	}
	out, err := exec.CommandContext(ctx, self, "-"+buildFlag, path).Output()
	if err != nil {
		return built{}, fmt.Errorf("build %s: %w", path, err)
	}
	var m built
	if err := json.Unmarshal(out, &m); err != nil {
		return built{}, fmt.Errorf("build %s: %w", path, err)
	}
	m.index = indexPath(path)
	return m, nil
}

// buildInTurns measures how files are built, each once in every round: what slows
// the machine down for a while slows all of them down.
func buildInTurns(ctx context.Context, rounds int, paths ...string) ([][]built, error) {
	of := make([][]built, len(paths))
	for range rounds {
		for i, path := range paths {
			m, err := buildOnce(ctx, path)
			if err != nil {
				return nil, err
			}
			of[i] = append(of[i], m)
		}
	}
	return of, nil
}

// inAll are several builds of the same: the median time counts and the highest
// peak.
func inAll(rounds []built) built {
	all := rounds[0]
	all.Seconds, all.Processor = median(figures(rounds, built.seconds)), median(figures(rounds, built.processor))
	for _, m := range rounds {
		all.PeakBytes = max(all.PeakBytes, m.PeakBytes)
	}
	return all
}

func (m built) seconds() float64   { return m.Seconds }
func (m built) processor() float64 { return m.Processor }

// figures are one figure of each of several builds.
func figures(rounds []built, figure func(built) float64) []float64 {
	out := make([]float64, len(rounds))
	for i, m := range rounds {
		out[i] = figure(m)
	}
	return out
}

func (b *bench) buildFigures(name string, m built) {
	what := fmt.Sprintf("%s, %d areas, %d vertices", name, m.Areas, m.Vertices)
	b.table.add(under(what+", built from GeoJSON, a vertex", m.perVertex(m.Seconds*1e6), 3, "µs"))
	b.table.add(line{what: what + ", processor time of that", measured: fmt.Sprintf("%.4g µs", m.perVertex(m.Processor*1e6))})
	b.table.add(under(what+", peak memory of that, a vertex", m.perVertex(m.PeakBytes), 250, "B"))
	b.table.add(under(what+", the file, a vertex", m.perVertex(float64(m.FileBytes)), 56, "B"))
}

// territory builds a file of plain GeoJSON, and loads what was built.
func (b *bench) territory(ctx context.Context, name, path string) (*territory, error) {
	say("building %s", name)
	rounds, err := buildInTurns(ctx, b.size.rounds, path)
	if err != nil {
		return nil, err
	}
	return b.loadTerritory(name, inAll(rounds[0]))
}

// loadTerritory loads what was built.
func (b *bench) loadTerritory(name string, m built) (*territory, error) {
	index, err := geo.Map(m.index)
	if err != nil {
		return nil, err
	}
	t := &territory{name: name, built: m, index: index}
	for i := range index.Len() {
		code, name := index.Area(i)
		t.areas = append(t.areas, geo.Feature{Code: code, Name: name, Geometry: index.Boundary(code)})
	}
	t.points = newPoints(index, t.areas, b.size.points)
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
