package shapefile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
)

const (
	swerefTM = `PROJCS["SWEREF99_TM",GEOGCS["GCS_SWEREF99",DATUM["D_SWEREF99",SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",15.0],PARAMETER["Scale_Factor",0.9996],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]`
	wgs84    = `GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]`
)

// record is a shape to be written; nil is a null shape.
type record [][]orb.Point

// shpOf writes a .shp. Heights and measures are written as the type has them.
func shpOf(shapeType int, records ...record) []byte {
	body := &bytes.Buffer{}
	box := [4]float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for i, r := range records {
		content := contentOf(shapeType, r)
		put(body, binary.BigEndian, int32(i+1), int32(len(content)/2))
		body.Write(content)
		for _, part := range r {
			for _, p := range part {
				box = [4]float64{min(box[0], p[0]), min(box[1], p[1]), max(box[2], p[0]), max(box[3], p[1])}
			}
		}
	}
	out := &bytes.Buffer{}
	put(out, binary.BigEndian, int32(fileCode), [5]int32{}, int32((headerBytes+body.Len())/2))
	put(out, binary.LittleEndian, int32(1000), int32(shapeType), box, [4]float64{})
	out.Write(body.Bytes())
	return out.Bytes()
}

func put(b *bytes.Buffer, order binary.ByteOrder, values ...any) {
	for _, v := range values {
		if err := binary.Write(b, order, v); err != nil {
			panic(err) // a type that has no size: a mistake in the test itself
		}
	}
}

func contentOf(shapeType int, r record) []byte {
	b := &bytes.Buffer{}
	if r == nil {
		put(b, binary.LittleEndian, int32(nullShape))
		return b.Bytes()
	}
	put(b, binary.LittleEndian, int32(shapeType))
	var starts []int32
	var points []orb.Point
	for _, part := range r {
		starts = append(starts, int32(len(points)))
		points = append(points, part...)
	}
	extras := map[int]int{0: 0, 1: 2, 2: 1}[shapeType/10] // heights and measures, measures
	switch shapeType % 10 {
	case point:
		put(b, binary.LittleEndian, points[0], make([]float64, extras))
		return b.Bytes()
	case multiPoint:
		put(b, binary.LittleEndian, [4]float64{}, int32(len(points)), points)
	default:
		put(b, binary.LittleEndian, [4]float64{}, int32(len(starts)), int32(len(points)), starts, points)
	}
	for range extras {
		put(b, binary.LittleEndian, [2]float64{}, make([]float64, len(points)))
	}
	return b.Bytes()
}

// column of a .dbf.
type column struct {
	name   string
	kind   byte
	length int
}

// dbfOf writes a .dbf. A row that begins with "*" is marked as deleted.
func dbfOf(driver byte, columns []column, rows ...[]string) []byte {
	rowLength := 1
	for _, c := range columns {
		rowLength += c.length
	}
	b := &bytes.Buffer{}
	put(b, binary.LittleEndian, [4]byte{3, 126, 1, 1}, uint32(len(rows)),
		uint16(tableHeaderBytes+fieldBytes*len(columns)+1), uint16(rowLength), [17]byte{}, driver, [2]byte{})
	for _, c := range columns {
		description := make([]byte, fieldBytes)
		copy(description[:11], c.name)
		description[11], description[16] = c.kind, byte(c.length)
		b.Write(description)
	}
	b.WriteByte(fieldsEnd)
	for _, row := range rows {
		mark := " "
		if row[0] == "*" {
			mark, row = "*", row[1:]
		}
		b.WriteString(mark)
		for i, c := range columns {
			if c.kind == 'C' {
				b.WriteString((row[i] + strings.Repeat(" ", c.length))[:c.length])
			} else {
				fmt.Fprintf(b, "%*s", c.length, row[i])
			}
		}
	}
	b.WriteByte(0x1a)
	return b.Bytes()
}

func codeAndName() []column { return []column{{"KnKod", 'C', 4}, {"KnNamn", 'C', 12}} }

// files of one Shapefile or several, by name.
type files map[string][]byte

// town is a Shapefile of one square, as it should be.
func town() files {
	return files{
		"town.shp": shpOf(polygon, record{square(500_000, 6_500_000, 100)}),
		"town.dbf": dbfOf(0, codeAndName(), []string{"0001", "Byn"}),
		"town.prj": []byte(swerefTM),
	}
}

// with changes a file.
func (f files) with(name string, content []byte) files {
	f[name] = content
	return f
}

// without leaves a file out.
func (f files) without(name string) files {
	delete(f, name)
	return f
}

// square runs clockwise, as outsides do in a Shapefile.
func square(x, y, side float64) []orb.Point {
	return []orb.Point{{x, y}, {x, y + side}, {x + side, y + side}, {x + side, y}, {x, y}}
}

func (f files) folder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range f {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func (f files) zip(t testing.TB) []byte {
	t.Helper()
	b := &bytes.Buffer{}
	z := zip.NewWriter(b)
	for name, content := range f {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// collect returns all features, from a .zip.
func (f files) collect(t testing.TB, opts geo.ReadOptions) ([]geo.Feature, error) {
	t.Helper()
	return collectZip(f.zip(t), opts)
}

func collectZip(archive []byte, opts geo.ReadOptions) ([]geo.Feature, error) {
	var out []geo.Feature
	err := ReadZip(bytes.NewReader(archive), int64(len(archive)), opts, func(f geo.Feature) error {
		out = append(out, f)
		return nil
	})
	return out, err
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("got the error %v, want one with %q", err, want)
	}
}
