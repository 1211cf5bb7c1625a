package geo

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/paulmach/orb"
)

// maxNotes is how many repairs a BuildReport spells out; all are counted.
const maxNotes = 1000

// maxTextBytes is the longest code or name of an area.
const maxTextBytes = 4096

// BuildReport says what an index was built from and what had to be repaired.
type BuildReport struct {
	Areas    int // distinct codes
	Merged   int // features whose code an earlier one had
	Polygons int
	Rings    int
	Vertices int // after repairs, closing ones not counted
	Edges    int // distinct ones that bound something
	Shared   int // of those, the ones that bound two areas or more

	Closed   int // rings whose last vertex was not the first
	Repeated int // vertices dropped as equal to the one before, to 1e-7 degree
	Spikes   int // vertices dropped where a ring went straight back
	Dropped  int // rings dropped: fewer than three vertices were left

	// Notes describes the first thousand repairs: feature, code, polygon, ring.
	Notes []string
}

func (r *BuildReport) note(format string, args ...any) {
	if len(r.Notes) < maxNotes {
		r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
	}
}

// Builder collects areas for an index. It keeps them in units, half the size
// of orb's degrees, so areas may be read and added one at a time.
type Builder struct {
	report   BuildReport
	features int
	areas    map[string]*building
	order    []*building
	scratch  []point
	err      error
}

// building is an area of which the features are still coming in.
type building struct {
	code, name string
	polygons   [][][]point
	size       float64 // square metres
}

// Build makes an index of areas. Features with the same code are merged.
func Build(areas []Feature) (*Index, *BuildReport, error) {
	b := &Builder{}
	for _, f := range areas {
		if err := b.Add(f); err != nil {
			return nil, nil, err
		}
	}
	return b.Finish()
}

// Add takes one more area, or a further part of one with the same code. The
// geometry, an orb.MultiPolygon, is copied. An error names the feature, counted
// from zero over all calls, and leaves the Builder unusable.
func (b *Builder) Add(f Feature) error {
	if b.err != nil {
		return b.err
	}
	b.err = b.add(f)
	b.features++
	return b.err
}

func (b *Builder) add(f Feature) error {
	if err := f.check(); err != nil {
		return fmt.Errorf("feature %d: %w", b.features, err)
	}
	polygons, ok := f.Geometry.(orb.MultiPolygon)
	if !ok {
		return fmt.Errorf("feature %d (%s): its geometry is %s, an area's is MultiPolygon", b.features, f.Code, geometryName(f.Geometry))
	}
	into := b.area(f)
	for p, polygon := range polygons {
		var rings [][]point
		for r, ring := range polygon {
			where := fmt.Sprintf("feature %d (%s), polygon %d, ring %d", b.features, f.Code, p, r)
			clean, did, err := cleanRing(ring, b.scratch)
			if err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
			b.scratch = clean
			b.repaired(where, did)
			if len(clean) == 0 {
				b.report.Dropped++
				b.report.note("%s: dropped, fewer than three distinct vertices", where)
				if r == 0 {
					break // holes in nothing
				}
				continue
			}
			turn(clean, r > 0)
			rings = append(rings, slices.Clone(clean))
			into.size += ringSquareMetres(clean)
		}
		if len(rings) > 0 {
			into.polygons = append(into.polygons, rings)
		}
	}
	return nil
}

// area returns the area with a feature's code, new or known.
func (b *Builder) area(f Feature) *building {
	if known := b.areas[f.Code]; known != nil {
		b.report.Merged++
		if f.Name != known.name {
			b.report.note("feature %d (%s): named %q, but %q before, which stays", b.features, f.Code, f.Name, known.name)
		}
		return known
	}
	if b.areas == nil {
		b.areas = map[string]*building{}
	}
	fresh := &building{code: f.Code, name: f.Name}
	b.areas[f.Code] = fresh
	b.order = append(b.order, fresh)
	return fresh
}

func (b *Builder) repaired(where string, did ringRepairs) {
	b.report.Repeated += did.repeated
	b.report.Spikes += did.spikes
	if did.closed {
		b.report.Closed++
		b.report.note("%s: closed", where)
	}
	if did.repeated > 0 {
		b.report.note("%s: %d repeated vertices dropped", where, did.repeated)
	}
	if did.spikes > 0 {
		b.report.note("%s: %d spikes dropped", where, did.spikes)
	}
}

// Finish makes the index. The Builder cannot be used afterwards.
func (b *Builder) Finish() (*Index, *BuildReport, error) {
	if b.err != nil {
		return nil, nil, b.err
	}
	b.err = errors.New("the builder is finished")
	if len(b.order) == 0 {
		return nil, nil, errors.New("build index: no areas")
	}
	t := &Index{}
	for _, a := range b.order {
		if len(a.polygons) == 0 {
			return nil, nil, fmt.Errorf("build index: area %s has no ring of three distinct vertices", a.code)
		}
		b.report.Areas++
		t.store(a, &b.report)
	}
	t.closeTables()
	t.order(b.order)
	if len(t.vertices)/2 > math.MaxInt32/2 {
		return nil, nil, fmt.Errorf("build index: %d vertices are too many", len(t.vertices)/2)
	}
	b.order, b.areas, b.scratch = nil, nil, nil
	g := gridBuilder{Index: t}
	if err := g.build(&b.report); err != nil {
		return nil, nil, fmt.Errorf("build index: %w", err)
	}
	t.finish()
	return t, &b.report, nil
}

// store appends an area to the tables of rings and texts, and lets go of it.
func (t *Index) store(a *building, report *BuildReport) {
	t.areaPart = append(t.areaPart, uint32(len(t.partRing)))
	for _, rings := range a.polygons {
		report.Polygons++
		t.partRing = append(t.partRing, uint32(len(t.ringVertex)))
		for _, ring := range rings {
			report.Rings++
			report.Vertices += len(ring)
			t.ringVertex = append(t.ringVertex, uint32(len(t.vertices)/2))
			for _, p := range ring {
				t.vertices = append(t.vertices, uint32(p.x), uint32(p.y))
			}
		}
	}
	a.polygons = nil
	t.textStart = append(t.textStart, uint32(len(t.texts)))
	t.texts = append(t.texts, a.code...)
	t.textStart = append(t.textStart, uint32(len(t.texts)))
	t.texts = append(t.texts, a.name...)
	size := math.Float64bits(a.size)
	t.size = append(t.size, uint32(size), uint32(size>>32))
}

func (t *Index) closeTables() {
	t.areaPart = append(t.areaPart, uint32(len(t.partRing)))
	t.partRing = append(t.partRing, uint32(len(t.ringVertex)))
	t.ringVertex = append(t.ringVertex, uint32(len(t.vertices)/2))
	t.textStart = append(t.textStart, uint32(len(t.texts)))
}

// order ranks the areas: the smaller one wins where two overlap, else the one
// whose code comes first, so the order of the features never matters.
func (t *Index) order(areas []*building) {
	n := len(areas)
	bySize := make([]uint32, n)
	for i := range bySize {
		bySize[i] = uint32(i)
	}
	t.byCode = slices.Clone(bySize)
	slices.SortFunc(t.byCode, func(i, j uint32) int { return cmp.Compare(areas[i].code, areas[j].code) })
	slices.SortFunc(bySize, func(i, j uint32) int {
		return cmp.Or(cmp.Compare(areas[i].size, areas[j].size), cmp.Compare(areas[i].code, areas[j].code))
	})
	t.rank = make([]uint32, n)
	for r, i := range bySize {
		t.rank[i] = uint32(r)
	}
}
