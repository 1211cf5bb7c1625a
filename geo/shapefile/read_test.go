package shapefile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
)

func TestReadFromWhereverItLies(t *testing.T) {
	t.Parallel()
	dir := town().folder(t)
	archive := filepath.Join(t.TempDir(), "town.SHP.Zip")
	if err := os.WriteFile(archive, town().zip(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for rule, path := range map[string]string{"a folder": dir, "a .shp": filepath.Join(dir, "town.shp"), "a .zip": archive} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			got := 0
			err := Read(path, geo.ReadOptions{}, func(f geo.Feature) error {
				if got++; f.Code != "0001" || f.Name != "Byn" {
					t.Errorf("got %q, %q", f.Code, f.Name)
				}
				return nil
			})
			if err != nil || got != 1 {
				t.Fatalf("%d features, %v", got, err)
			}
		})
	}
}

func TestTheLayerIsTheOnlyOneOrNamed(t *testing.T) {
	t.Parallel()
	two := func() files {
		f := files{}
		for name, content := range town() {
			f["2026/"+name] = content
			f["2027/"+strings.ToUpper(name)] = content
			f["lakes"+filepath.Ext(name)] = content
		}
		return f
	}
	tests := []struct {
		rule  string
		files files
		layer string
		want  string // error
	}{
		{"the only one", town(), "", ""},
		{"the only one by name", town(), "town", ""},
		{"by name in other letters", town(), "TOWN", ""},
		{"in folders", files{"a/b/t.shp": town()["town.shp"], "a/b/t.DBF": town()["town.dbf"], "a/b/T.prj": town()["town.prj"]}, "t", ""},
		{"with the folders of a Windows program", files{`a\t.shp`: town()["town.shp"], `a\t.dbf`: town()["town.dbf"], `a\t.prj`: town()["town.prj"]}, "", ""},
		{"what macOS adds is none", town().with("__MACOSX/._town.shp", []byte("x")).with("readme.txt", []byte("x")), "", ""},
		{"a table alone is none", town().with("other.dbf", town()["town.dbf"]), "", ""},
		{"one of several", two(), "lakes", ""},
		{"one of a name by its folder", two(), "2027/town", ""},
		{"several", two(), "", "there are several layers: "},
		{"several of the same name", two(), "town", "say which one to read"},
		{"another", town(), "city", `there is no layer "city", but ["town"]`},
		{"none", files{"readme.txt": nil}, "", `there is no .shp, but ["readme.txt"]`},
		{"a Shapefile twice", town().with("TOWN.shp", town()["town.shp"]), "", `two files are called "town.shp"`},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got, err := tt.files.collect(t, geo.ReadOptions{Layer: tt.layer})
			if tt.want != "" {
				wantError(t, err, tt.want)
				return
			}
			if err != nil || len(got) != 1 {
				t.Fatalf("%d features, %v", len(got), err)
			}
		})
	}
}

func TestASiblingIsNotALayer(t *testing.T) {
	t.Parallel()
	dir := town().with("other.shp", shpOf(polygon)).folder(t)
	if err := Read(filepath.Join(dir, "town.shp"), geo.ReadOptions{}, func(geo.Feature) error { return nil }); err != nil {
		t.Error(err)
	}
	wantError(t, Read(dir, geo.ReadOptions{}, func(geo.Feature) error { return nil }), `there are several layers: ["other" "town"]`)
}

func TestWhatIsNoShapefileIsRefused(t *testing.T) {
	t.Parallel()
	dir := files{"a.geojson": []byte("{}"), "b.zip": []byte("PK not really"), "c.shp": []byte("x")}.folder(t)
	none := func(geo.Feature) error { return errors.New("a feature of nothing") }
	wantError(t, Read(filepath.Join(dir, "a.geojson"), geo.ReadOptions{}, none), "neither a .shp nor a .zip nor a folder")
	wantError(t, Read(filepath.Join(dir, "b.zip"), geo.ReadOptions{}, none), "open the .zip")
	wantError(t, Read(filepath.Join(dir, "c.shp"), geo.ReadOptions{}, none), "there is no .dbf")
	wantError(t, Read(filepath.Join(dir, "d.shp"), geo.ReadOptions{}, none), "no such file")
}

func TestTheCallerMayStop(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	archive := town().zip(t)
	err := ReadZip(strings.NewReader(string(archive)), int64(len(archive)), geo.ReadOptions{}, func(geo.Feature) error { return enough })
	if err != enough { //nolint:errorlint // the very error, not a wrapped one, is the rule
		t.Errorf("got %v", err)
	}
}

func TestKindsOfShapes(t *testing.T) {
	t.Parallel()
	a, b := orb.Point{18, 59}, orb.Point{18.5, 59.5}
	line := record{{a, b}, {b, a, {18.2, 59.1}}}
	lines := orb.MultiLineString{{a, b}, {b, a, {18.2, 59.1}}}
	area := record{{{0, 0}, {0, 1}, {1, 1}, {0, 0}}}
	areas := orb.MultiPolygon{{{{0, 0}, {1, 1}, {0, 1}, {0, 0}}}}
	tests := []struct {
		rule      string
		shapeType int
		record    record
		want      orb.Geometry
	}{
		{"point", point, record{{a}}, orb.MultiPoint{a}},
		{"point with height", point + 10, record{{a}}, orb.MultiPoint{a}},
		{"point with measure", point + 20, record{{a}}, orb.MultiPoint{a}},
		{"points", multiPoint, record{{a, b}}, orb.MultiPoint{a, b}},
		{"points with heights", multiPoint + 10, record{{a, b}}, orb.MultiPoint{a, b}},
		{"points with measures", multiPoint + 20, record{{a, b}}, orb.MultiPoint{a, b}},
		{"lines", polyLine, line, lines},
		{"lines with heights", polyLine + 10, line, lines},
		{"lines with measures", polyLine + 20, line, lines},
		{"areas", polygon, area, areas},
		{"areas with heights", polygon + 10, area, areas},
		{"areas with measures", polygon + 20, area, areas},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			kind, _ := kindOf(tt.shapeType)
			f := town().with("town.shp", shpOf(tt.shapeType, tt.record, tt.record)).with("town.prj", []byte(wgs84)).
				with("town.dbf", dbfOf(0, codeAndName(), []string{"1", "a"}, []string{"2", "b"}))
			got, err := f.collect(t, geo.ReadOptions{Kind: kind})
			if err != nil || len(got) != 2 {
				t.Fatalf("%d features, %v", len(got), err)
			}
			for _, g := range got {
				if !orb.Equal(g.Geometry, tt.want) {
					t.Errorf("got %v, want %v", g.Geometry, tt.want)
				}
			}
			_, err = f.collect(t, geo.ReadOptions{Kind: (kind + 1) % 3})
			wantError(t, err, "it holds "+kind.String()+", want ")
		})
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	three := shpOf(polygon, record{square(500_000, 6_500_000, 100)}, nil, record{square(500_100, 6_500_000, 100)})
	base := func(rows ...[]string) files {
		return town().with("town.shp", three).with("town.dbf", dbfOf(0, codeAndName(), rows...))
	}
	t.Run("a deleted row takes its shape with it", func(t *testing.T) {
		t.Parallel()
		got, err := base([]string{"0001", "a"}, []string{"*", "0002", "b"}, []string{"0003", "c"}).collect(t, geo.ReadOptions{})
		if err != nil || len(got) != 2 || got[0].Code != "0001" || got[1].Code != "0003" {
			t.Fatalf("got %v, %v", got, err)
		}
	})
	t.Run("a null shape without that is an error", func(t *testing.T) {
		t.Parallel()
		_, err := base([]string{"0001", "a"}, []string{"0002", "b"}, []string{"0003", "c"}).collect(t, geo.ReadOptions{})
		wantError(t, err, "record 2: code 0002: a null shape")
	})
	t.Run("fewer rows than shapes", func(t *testing.T) {
		t.Parallel()
		_, err := base([]string{"0001", "a"}, []string{"*", "0002", "b"}).collect(t, geo.ReadOptions{})
		wantError(t, err, "the .dbf has 2 rows, but the .shp has more shapes")
	})
	t.Run("more rows than shapes", func(t *testing.T) {
		t.Parallel()
		_, err := base([]string{"1", "a"}, []string{"*", "2", "b"}, []string{"3", ""}, []string{"4", ""}).collect(t, geo.ReadOptions{})
		wantError(t, err, "the .shp has 3 shapes, but the .dbf has 4 rows")
	})
	t.Run("a row without a code", func(t *testing.T) {
		t.Parallel()
		_, err := base([]string{"", "a"}, []string{"*", "2", "b"}, []string{"3", ""}).collect(t, geo.ReadOptions{})
		wantError(t, err, "record 1: no property with a code")
	})
}

func TestNumbersAsCodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule   string
		kind   byte
		value  string
		want   string
		failed string
	}{
		{"a whole number is padded", 'N', "114", "0114", ""},
		{"decimals of nothing", 'N', "114.000", "0114", ""},
		{"with an exponent", 'F', "1.14000000000e+002", "0114", ""},
		{"digits as they are", 'N', "00114", "00114", ""},
		{"text is not padded", 'C', "114", "114", ""},
		{"a fraction", 'N', "114.5", "", "114.5 is a number, but not a whole one"},
		{"what did not fit", 'N', "****", "", "no property with a code"},
		{"infinity", 'F', "inf", "", "no property with a code"},
		{"a date is no code", 'D', "20260101", "", "no property with a code"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			f := town().with("town.dbf", dbfOf(0, []column{{"x", 'D', 8}, {"KOD", tt.kind, 18}}, []string{"", tt.value}))
			got, err := f.collect(t, geo.ReadOptions{PadCode: 4})
			if tt.failed != "" {
				wantError(t, err, tt.failed)
				return
			}
			if err != nil || got[0].Code != tt.want {
				t.Fatalf("got %v, %v, want the code %s", got, err, tt.want)
			}
		})
	}
}

func TestTextIsDecoded(t *testing.T) {
	t.Parallel()
	const utf8, latin1, dos = "Älvsbyn", "\xc4lvsbyn", "\x8elvsbyn"
	for _, tt := range []struct {
		rule   string
		cpg    string
		driver byte
		raw    string
		want   string
		failed string
	}{
		{"Latin-1 if nothing says more", "", 0, latin1, "Älvsbyn", ""},
		{"UTF-8 if all of it is", "", 0, utf8, "Älvsbyn", ""},
		{"UTF-8 though the driver says ANSI", "", 0x57, utf8, "Älvsbyn", ""},
		{"ANSI", "", 0x57, latin1, "Älvsbyn", ""},
		{"Windows-1252 by the driver", "", 0x03, "S\xf6d \x96 1", "Söd – 1", ""},
		{"code page 850 by the driver", "", 0x02, dos, "Älvsbyn", ""},
		{"code page 437 by the driver", "", 0x01, dos, "Älvsbyn", ""},
		{"the .cpg goes before the driver", "UTF-8\r\n", 0x03, utf8, "Älvsbyn", ""},
		{"a .cpg of ESRI", "88591", 0, latin1, "Älvsbyn", ""},
		{"a .cpg of QGIS", "ISO-8859-1", 0x57, latin1, "Älvsbyn", ""},
		{"a .cpg of DOS", "OEM 850", 0x57, dos, "Älvsbyn", ""},
		{"an empty .cpg", "\n", 0, latin1, "Älvsbyn", ""},
		{"a letter cut off by the field is dropped", "UTF-8", 0, "Elva teckenÅ", "Elva tecken", ""},
		{"Latin-1 that is said to be UTF-8", "UTF-8", 0, latin1, "", `record 1: code "0001", name "�lvsbyn": not UTF-8`},
		{"what Windows-1252 does not have", "1252", 0, "\x81", "", "not Windows-1252"},
		{"Shift JIS", "SJIS", 0, utf8, "", `the encoding "SJIS" is not supported`},
		{"Cyrillic", "", 0xC9, utf8, "", "language driver 0xC9 is not supported"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			f := town().with("town.dbf", dbfOf(tt.driver, codeAndName(), []string{"0001", tt.raw}))
			if tt.cpg != "" {
				f.with("town.cpg", []byte(tt.cpg))
			}
			got, err := f.collect(t, geo.ReadOptions{})
			if tt.failed != "" {
				wantError(t, err, tt.failed)
				return
			}
			if err != nil || got[0].Name != tt.want {
				t.Fatalf("got %v, %v, want the name %s", got, err, tt.want)
			}
		})
	}
}

func TestNamesOfFieldsAreDecoded(t *testing.T) {
	t.Parallel()
	f := town().with("town.dbf", dbfOf(0x57, []column{{"OMR\xc5DE", 'C', 4}}, []string{"7"}))
	got, err := f.collect(t, geo.ReadOptions{CodeProperty: "område"})
	if err != nil || len(got) != 1 || got[0].Code != "7" {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestCoordinateSystems(t *testing.T) {
	t.Parallel()
	degrees := shpOf(polygon, record{square(18, 59, 0.5)})
	for _, tt := range []struct {
		rule   string
		files  files
		failed string
	}{
		{"degrees by the .prj", town().with("town.shp", degrees).with("town.prj", []byte(wgs84)), ""},
		{"degrees without a .prj can be nothing else", town().with("town.shp", degrees).without("town.prj"), ""},
		{"metres without a .prj could be anything", town().without("town.prj"), "there is no .prj, which would say what its coordinates mean"},
		{"northing first", town().with("town.shp", shpOf(polygon, record{square(6_500_000, 500_000, 100)})), ""},
		{"metres that are said to be degrees", town().with("town.prj", []byte(wgs84)), "record 1: code 0001: polygon 0, ring 0, vertex 0 (500000, 6.5e+06) is not a position in WGS 84"},
		{"RT 90", town().with("town.prj", []byte(`PROJCS["RT90 2.5 gon V",AUTHORITY["EPSG","3021"]]`)), "EPSG:3021 (RT90 2.5 gon V) is not supported"},
		{"a .prj that is none", town().with("town.prj", []byte("<html>")), "the .prj: read the definition"},
		{"a .prj without end", town().with("town.prj", make([]byte, 1<<20)), "the .prj: it has more than 65536 bytes"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got, err := tt.files.collect(t, geo.ReadOptions{})
			if tt.failed != "" {
				wantError(t, err, tt.failed)
				return
			}
			if err != nil || len(got) != 1 {
				t.Fatalf("got %v, %v", got, err)
			}
			if b := got[0].Geometry.Bound(); b.Min[0] < 14 || b.Max[0] > 19 || b.Min[1] < 58 || b.Max[1] > 60 {
				t.Errorf("it lies in %v", b)
			}
		})
	}
}
