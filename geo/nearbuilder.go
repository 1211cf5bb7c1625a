package geo

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/paulmach/orb"
)

// maxNearLat is how far north or south lines and points may lie: nearer to a
// pole, distances would not be good to half a metre.
const maxNearLat = 85 * int64(unitsPerDegree)

// maxNearVertices is how many vertices an index may have. Their runs repeat at
// most as many and a few for long segments, so that all can be numbered.
const maxNearVertices = 1 << 30

var errPolar = errors.New("is nearer than 5 degrees to a pole, where distances are not exact")

// NearReport says what a NearIndex was built from and what was repaired.
type NearReport struct {
	Features int // distinct codes
	Merged   int // features whose code an earlier one had
	Lines    int // of all features together, 0 in a layer of points
	Vertices int // after repairs; in a layer of points, the points

	Repeated int // vertices dropped as equal to the one before, or points to another of the feature, to 1e-7 degree
	Short    int // lines of one distinct vertex, which are kept as a point
	Dropped  int // lines without vertices

	Pieces int // what long segments were cut into for the search, beyond one each
	Runs   int // groups of segments or points that are searched together
}

// NearBuilder collects the lines or the points of a NearIndex. It keeps them in
// units, half the size of orb's degrees, so features may be read and added one
// at a time. The zero value is ready; the first feature decides whether it
// takes lines or points.
type NearBuilder struct {
	report   NearReport
	kind     Kind
	features int
	known    map[string]uint32
	owners   []nearOwner
	vertices []point
	lines    []nearLine
	err      error
}

// nearOwner is a feature.
type nearOwner struct{ code, name string }

// nearLine is a line or the points of a feature: its vertices begin where those
// of the line before end.
type nearLine struct{ end, owner uint32 }

// BuildNear makes an index of lines or of points. Features with the same code
// are merged.
func BuildNear(features []Feature) (*NearIndex, *NearReport, error) {
	b := &NearBuilder{}
	for _, f := range features {
		if err := b.Add(f); err != nil {
			return nil, nil, err
		}
	}
	return b.Finish()
}

// Add takes one more feature, or a further part of one with the same code, whose
// first name stays. The geometry, an orb.MultiLineString or orb.MultiPoint, is
// copied. An error names the feature and the line or point, counted from zero,
// and leaves the NearBuilder unusable.
//
// A line must be cut where it crosses the antimeridian (RFC 7946, section 3.1.9),
// which an edge of more than 180 degrees of longitude shows; look-ups see across
// it. Nothing may lie beyond 85 degrees north or south.
func (b *NearBuilder) Add(f Feature) error {
	if b.err == nil {
		if b.err = b.add(f); b.err != nil {
			b.err = fmt.Errorf("feature %d%s: %w", b.features, coded(f), b.err)
		}
		b.features++
	}
	return b.err
}

// coded is a feature's code as errors show it.
func coded(f Feature) string {
	if f.check() != nil {
		return ""
	}
	return " (" + f.Code + ")"
}

func (b *NearBuilder) add(f Feature) error {
	if err := f.check(); err != nil {
		return err
	}
	kind, err := nearKind(f.Geometry)
	if err != nil {
		return err
	}
	if b.features > 0 && kind != b.kind {
		return fmt.Errorf("its geometry is %s among %v", geometryName(f.Geometry), b.kind)
	}
	b.kind = kind
	owner := b.owner(f)
	switch g := f.Geometry.(type) {
	case orb.MultiLineString:
		for i, line := range g {
			if err := b.addLine(line, owner); err != nil {
				return fmt.Errorf("line %d: %w", i, err)
			}
		}
	case orb.MultiPoint:
		if err := b.addPoints(g, owner); err != nil {
			return err
		}
	}
	if len(b.vertices) > maxNearVertices {
		return fmt.Errorf("more than %d vertices in all", maxNearVertices)
	}
	return nil
}

func nearKind(g orb.Geometry) (Kind, error) {
	switch g.(type) {
	case orb.MultiLineString:
		return Lines, nil
	case orb.MultiPoint:
		return Points, nil
	}
	return 0, fmt.Errorf("its geometry is %s, want MultiLineString or MultiPoint", geometryName(g))
}

// owner returns the number of the feature with a code, new or known.
func (b *NearBuilder) owner(f Feature) uint32 {
	if i, ok := b.known[f.Code]; ok {
		b.report.Merged++
		return i
	}
	if b.known == nil {
		b.known = map[string]uint32{}
	}
	i := uint32(len(b.owners))
	b.known[f.Code] = i
	b.owners = append(b.owners, nearOwner{f.Code, f.Name})
	return i
}

func (b *NearBuilder) addLine(line orb.LineString, owner uint32) error {
	from := len(b.vertices)
	for i, p := range line {
		q, err := nearVertex(p)
		n := len(b.vertices)
		if err == nil && n > from && tooFar(b.vertices[n-1], q) {
			err = errLongSegment
		}
		if err != nil {
			return fmt.Errorf("vertex %d (%g, %g) %w", i, p[0], p[1], err)
		}
		if n > from && b.vertices[n-1] == q {
			b.report.Repeated++
			continue
		}
		b.vertices = append(b.vertices, q)
	}
	switch len(b.vertices) - from {
	case 0:
		b.report.Dropped++
		return nil
	case 1:
		b.report.Short++
	}
	b.report.Lines++
	b.endLine(owner)
	return nil
}

var errLongSegment = errors.New("is more than 180 degrees from the one before; cut the line at the antimeridian")

func (b *NearBuilder) addPoints(points orb.MultiPoint, owner uint32) error {
	for i, p := range points {
		q, err := nearVertex(p)
		if err != nil {
			return fmt.Errorf("point %d (%g, %g) %w", i, p[0], p[1], err)
		}
		b.vertices = append(b.vertices, q)
	}
	if len(points) > 0 {
		b.endLine(owner)
	}
	return nil
}

func (b *NearBuilder) endLine(owner uint32) {
	b.lines = append(b.lines, nearLine{uint32(len(b.vertices)), owner})
}

// nearVertex rounds a position to units.
func nearVertex(p orb.Point) (point, error) {
	if !onEarth(p) {
		return point{}, errOutsideWorld
	}
	q := point{toUnit(p[0]), toUnit(p[1])}
	if int64(q.y) > maxNearLat || int64(q.y) < -maxNearLat {
		return point{}, errPolar
	}
	return q, nil
}

// Finish makes the index. The NearBuilder cannot be used afterwards.
func (b *NearBuilder) Finish() (*NearIndex, *NearReport, error) {
	if b.err != nil {
		return nil, nil, b.err
	}
	b.err = errors.New("the builder is finished")
	if len(b.owners) == 0 {
		return nil, nil, errors.New("build index: no features")
	}
	t := &NearIndex{}
	t.kind = b.kind
	b.known = nil
	if err := b.number(t); err != nil {
		return nil, nil, fmt.Errorf("build index: %w", err)
	}
	b.report.Features = len(b.owners)
	p := packer{nearTables: &t.nearTables, report: &b.report}
	p.pack(b)
	t.levels = nearLevels(uint32(len(t.runOwner)))
	return t, &b.report, nil
}

// number numbers the features in the order of their codes, and refuses those
// without any vertex: nothing would ever find them.
func (b *NearBuilder) number(t *NearIndex) error {
	order := make([]uint32, len(b.owners))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(i, j uint32) int { return strings.Compare(b.owners[i].code, b.owners[j].code) })
	place := make([]uint32, len(order))
	for at, i := range order {
		place[i] = uint32(at)
		for _, text := range []string{b.owners[i].code, b.owners[i].name} {
			t.textStart = append(t.textStart, uint32(len(t.texts)))
			t.texts = append(t.texts, text...)
		}
		if uint64(len(t.texts)) > math.MaxUint32 {
			return errors.New("the codes and names take more than 4 GiB")
		}
	}
	t.textStart = append(t.textStart, uint32(len(t.texts)))
	used := make([]bool, len(order))
	for i := range b.lines {
		b.lines[i].owner = place[b.lines[i].owner]
		used[b.lines[i].owner] = true
	}
	if i := slices.Index(used, false); i >= 0 {
		return fmt.Errorf("feature %s has no vertex", t.text(2*i))
	}
	return nil
}
