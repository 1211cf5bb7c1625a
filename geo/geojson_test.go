package geo

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"
)

const polygon = `{"type":"Polygon","coordinates":[[[10,60],[11,60],[11,61],[10,60]]]}`

// featureText is a feature with the given properties and a sound polygon.
func featureText(properties string) string {
	return `{"type":"Feature","properties":` + properties + `,"geometry":` + polygon + `}`
}

func collectionText(features ...string) string {
	return `{"type":"FeatureCollection","features":[` + strings.Join(features, ",") + `]}`
}

func geometryText(geometry string) string {
	return collectionText(`{"type":"Feature","properties":{"code":"a"},"geometry":` + geometry + `}`)
}

func readAll(text string, opts ReadOptions) ([]Feature, error) {
	var areas []Feature
	err := ReadGeoJSON(strings.NewReader(text), opts, func(a Feature) error {
		areas = append(areas, a)
		return nil
	})
	return areas, err
}

func TestReadGeoJSONFindsCodeAndName(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule, text string
		opts       ReadOptions
		code, name string
	}{
		{"as in the detailed municipalities", collectionText(featureText(`{"kommunkod":"0114","namn":"Upplands Väsby","lanskod":"01"}`)), ReadOptions{}, "0114", "Upplands Väsby"},
		{"as SCB writes", collectionText(featureText(`{"KnKod":"0114","KnNamn":"Upplands Väsby"}`)), ReadOptions{}, "0114", "Upplands Väsby"},
		{"as SCB writes in English", collectionText(featureText(`{"municipality_name":"X","municipality_code":"0115"}`)), ReadOptions{}, "0115", "X"},
		{"as OpenStreetMap writes", collectionText(featureText(`{"name":"Y kommun","ref:scb":"0117","id":"relation/1"}`)), ReadOptions{}, "0117", "Y kommun"},
		{"a better property wins wherever it stands", collectionText(featureText(`{"id":"7","kommunkod":"0114","code":"8"}`)), ReadOptions{}, "0114", "0114"},
		{"the feature's id is the last resort", collectionText(`{"id":"abc","type":"Feature","properties":null,"geometry":` + polygon + `}`), ReadOptions{}, "abc", "abc"},
		{"properties can be given", collectionText(featureText(`{"code":"1","Nr":"2","Benämning":"Z","name":"N"}`)), ReadOptions{CodeProperty: "nr", NameProperty: "benämning"}, "2", "Z"},
		{"a number is padded when asked", collectionText(featureText(`{"kommunkod":114}`)), ReadOptions{PadCode: 4}, "0114", "0114"},
		{"a number is not padded unasked", collectionText(featureText(`{"kommunkod":114}`)), ReadOptions{}, "114", "114"},
		{"a string is never padded", collectionText(featureText(`{"kommunkod":"114"}`)), ReadOptions{PadCode: 4}, "114", "114"},
		{"escapes and pairs are decoded", collectionText(featureText(`{"code":"a\/\"\\","name":"\u00c5re \ud83d\ude00"}`)), ReadOptions{}, `a/"\`, "Åre 😀"},
		{"foreign members of the collection", `{"type":"FeatureCollection","id":"x","properties":{"code":"no"},"bbox":[1,2,3,4],"features":[` + featureText(`{"code":"a"}`) + `],"geometry":5}`, ReadOptions{}, "a", "a"},
		{"a single feature", featureText(`{"code":"a"}`), ReadOptions{}, "a", "a"},
		{"members in any order", `{"features":[{"geometry":{"coordinates":[[[10,60],[11,60],[11,61],[10,60]]],"type":"Polygon"},"properties":{"code":"a"},"type":"Feature"}],"name":{"x":[1,true,null]},"type":"FeatureCollection"}`, ReadOptions{}, "a", "a"},
		{"a byte order mark and white space", "\ufeff \n\t" + collectionText(featureText(`{"code":"a"}`)) + "\r\n", ReadOptions{}, "a", "a"},
		{"the CRS of RFC 7946 by its old name", `{"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}},"type":"FeatureCollection","features":[` + featureText(`{"code":"a"}`) + `]}`, ReadOptions{}, "a", "a"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			areas, err := readAll(tt.text, tt.opts)
			if err != nil || len(areas) != 1 {
				t.Fatalf("%d areas, %v", len(areas), err)
			}
			if a := areas[0]; a.Code != tt.code || a.Name != tt.name || len(polygonsOf(a)) != 1 || len(polygonsOf(a)[0][0]) != 4 {
				t.Errorf("area %+v, want code %q, name %q", a, tt.code, tt.name)
			}
		})
	}
}

func TestReadGeoJSONForms(t *testing.T) {
	t.Parallel()
	a, b := featureText(`{"code":"a"}`), featureText(`{"code":"b"}`)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := io.WriteString(z, collectionText(a, b)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for rule, text := range map[string]string{
		"a collection":                   collectionText(a, b),
		"a collection, gzip":             packed.String(),
		"one feature a line":             a + "\n" + b + "\n",
		"one feature a line, no end":     a + "\n" + b,
		"a text sequence (RFC 8142)":     "\x1e" + a + "\n\x1e" + b + "\n",
		"features without separators":    a + b,
		"a collection over many buffers": collectionText(a, strings.Repeat(" ", 200_000)+b),
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			areas, err := readAll(text, ReadOptions{})
			if err != nil || len(areas) != 2 || areas[0].Code != "a" || areas[1].Code != "b" {
				t.Errorf("%d areas, %v", len(areas), err)
			}
		})
	}
	multi, err := readAll(geometryText(`{"type":"MultiPolygon","coordinates":[[[[10,60,5],[11,60,5],[11,61,5],[10,60,5]],[[1,2],[2,2],[2,3],[1,2]]],[[[20,60],[21,60],[21,61],[20,60]]]]}`), ReadOptions{})
	if err != nil || len(multi) != 1 {
		t.Fatalf("a MultiPolygon: %d features, %v", len(multi), err)
	}
	if m := polygonsOf(multi[0]); len(m) != 2 || len(m[0]) != 2 || m[1][0][2] != [2]float64{21, 61} {
		t.Errorf("a MultiPolygon with hole and heights: %+v, %v", multi, err)
	}
}

func TestReadGeoJSONKinds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule     string
		kind     Kind
		geometry string
		want     orb.Geometry
	}{
		{"a LineString", Lines, `{"type":"LineString","coordinates":[[10,60],[11,60,5],[11,61]]}`,
			orb.MultiLineString{{{10, 60}, {11, 60}, {11, 61}}}},
		{"a MultiLineString", Lines, `{"coordinates":[[[10,60],[11,60]],[[12,60],[13,60]]],"type":"MultiLineString"}`,
			orb.MultiLineString{{{10, 60}, {11, 60}}, {{12, 60}, {13, 60}}}},
		{"a Point", Points, `{"type":"Point","coordinates":[10,60,3.5]}`, orb.MultiPoint{{10, 60}}},
		{"a MultiPoint", Points, `{"type":"MultiPoint","coordinates":[[10,60],[11,60]]}`, orb.MultiPoint{{10, 60}, {11, 60}}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got, err := readAll(geometryText(tt.geometry), ReadOptions{Kind: tt.kind})
			if err != nil || len(got) != 1 || !orb.Equal(got[0].Geometry, tt.want) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestReadGeoJSONRefusesAnotherKind(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule, geometry string
		opts           ReadOptions
		want           string
	}{
		{"an area among lines", polygon, ReadOptions{Kind: Lines}, `"Polygon": only LineString and MultiLineString are lines`},
		{"a line among points", `{"type":"LineString","coordinates":[[1,2],[3,4]]}`, ReadOptions{Kind: Points}, `only Point and MultiPoint are points`},
		{"a line with the coordinates of a point", `{"type":"LineString","coordinates":[1,2]}`, ReadOptions{Kind: Lines}, "a number where"},
		{"a line with the coordinates of an area", `{"type":"LineString","coordinates":[[[[1,2]]]]}`, ReadOptions{Kind: Lines}, "a number where"},
		{"a LineString with the coordinates of many", `{"type":"LineString","coordinates":[[[1,2]]]}`, ReadOptions{Kind: Lines}, "nested 3 deep, a LineString's are 2"},
		{"points with the coordinates of lines", `{"type":"MultiPoint","coordinates":[[[1,2]]]}`, ReadOptions{Kind: Points}, "a number where"},
		{"a point without numbers", `{"type":"Point","coordinates":[]}`, ReadOptions{Kind: Points}, "no coordinates"},
		{"an empty line", `{"type":"MultiLineString","coordinates":[[[1,2],[3,4]],[]]}`, ReadOptions{Kind: Lines}, "line 1: byte"},
		{"a line off the Earth", `{"type":"MultiLineString","coordinates":[[[1,2],[3,4]],[[1,2],[3,94]]]}`, ReadOptions{Kind: Lines}, "line 1: byte"},
		{"a point off the Earth", `{"type":"MultiPoint","coordinates":[[1,2],[3,94]]}`, ReadOptions{Kind: Points}, "point 1: byte"},
		{"a layer of a file without any", polygon, ReadOptions{Layer: "roads"}, `layer "roads"`},
		{"a kind that there is not", polygon, ReadOptions{Kind: 7}, "kind 7"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if _, err := readAll(geometryText(tt.geometry), tt.opts); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestReadGeoJSONRefuses(t *testing.T) {
	t.Parallel()
	nested := strings.Repeat("[", 100_000)
	a := featureText(`{"code":"a"}`)
	tests := []struct{ rule, text, want string }{
		{"nothing", "", "empty"},
		{"only white space", " \n ", "empty"},
		{"no JSON", "PK\x03\x04", "byte 0"},
		{"a zero byte", "\x00", "zero byte"},
		{"an array", "[]", "want '{'"},
		{"a text that ends early", collectionText(a)[:120], "unexpected end"},
		{"a bare geometry", polygon, `"Polygon", want Feature`},
		{"no features", `{"type":"FeatureCollection"}`, "no features"},
		{"another type", `{"type":"Topology","features":[]}`, `"Topology"`},
		{"features that are none", collectionText(`{"type":"Thing","properties":{"code":"a"},"geometry":` + polygon + `}`), `feature 0: the type is "Thing"`},
		{"no code", collectionText(a, featureText(`{"x":1}`)), "feature 1: no property with a code"},
		{"no code under the given name", featureText(`{"code":"a"}`), `no property "nr"`},
		{"no name under the given name", featureText(`{"code":"a","name":"A"}`), `code a: no property "label"`},
		{"a code that is no whole number", featureText(`{"code":1.5}`), "not a whole one"},
		{"another geometry", geometryText(`{"type":"Point","coordinates":[1,2]}`), `"Point"`},
		{"a collection of geometries", geometryText(`{"type":"GeometryCollection","geometries":[` + polygon + `]}`), `"GeometryCollection"`},
		{"no geometry", geometryText(`null`), "no geometry"},
		{"no coordinates", geometryText(`{"type":"Polygon"}`), "no coordinates"},
		{"empty coordinates", geometryText(`{"type":"Polygon","coordinates":[]}`), "no coordinates"},
		{"an empty ring", geometryText(`{"type":"Polygon","coordinates":[[]]}`), "empty array"},
		{"an empty position", geometryText(`{"type":"Polygon","coordinates":[[[1,2],[]]]}`), "empty array"},
		{"a Polygon with the coordinates of a MultiPolygon", geometryText(`{"type":"Polygon","coordinates":[[[[1,2],[2,2],[2,3],[1,2]]]]}`), "nested 4 deep"},
		{"positions at different depths", geometryText(`{"type":"Polygon","coordinates":[[[1,2]],[[[1,2]]]]}`), "polygon 0, ring 1"},
		{"a position of one number", geometryText(`{"type":"Polygon","coordinates":[[[1]]]}`), "want ','"},
		{"a position of text", geometryText(`{"type":"Polygon","coordinates":[[["1","2"]]]}`), "want a number"},
		{"a position of many numbers", geometryText(`{"type":"Polygon","coordinates":[[[1,2,3,4,5,6,7,8,9]]]}`), "too many"},
		{"1e308", geometryText(`{"type":"Polygon","coordinates":[[[1,2],[1e308,2]]]}`), "polygon 0, ring 0: byte"},
		{"1e309", geometryText(`{"type":"Polygon","coordinates":[[[1,2],[1e309,2]]]}`), "out of range"},
		{"NaN", geometryText(`{"type":"Polygon","coordinates":[[[1,2],[NaN,2]]]}`), "want a number"},
		{"Infinity", geometryText(`{"type":"Polygon","coordinates":[[[1,2],[-Infinity,2]]]}`), "not a number"},
		{"leading zeros", geometryText(`{"type":"Polygon","coordinates":[[[01,2]]]}`), "not a number"},
		{"metres", geometryText(`{"type":"MultiPolygon","coordinates":[[[[1,2],[2,2],[2,3]]],[[[674032,6580822]]]]}`), "polygon 1, ring 0"},
		{"a foreign CRS", `{"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::3006"}},"type":"FeatureCollection","features":[]}`, "EPSG::3006"},
		{"a foreign CRS at the end", `{"type":"FeatureCollection","features":[` + a + `],"crs":{"type":"name","properties":{"name":"EPSG:3006"}}}`, `"EPSG:3006" is not WGS 84`},
		{"a foreign CRS in a geometry", geometryText(`{"crs":{"type":"link","properties":{"href":"x"}},"type":"Polygon","coordinates":[]}`), "not WGS 84"},
		{"deep nesting of coordinates", geometryText(`{"type":"Polygon","coordinates":` + nested), "nested more than 4 deep"},
		{"deep nesting of a foreign member", `{"x":` + nested, "nested more than"},
		{"deep nesting of objects", `{"x":` + strings.Repeat(`{"x":`, 100_000), "nested more than"},
		{"two geometries", collectionText(`{"type":"Feature","geometry":` + polygon + `,"geometry":` + polygon + `}`), "second geometry"},
		{"coordinates twice", geometryText(`{"type":"Polygon","coordinates":[[[1,2]]],"coordinates":[[[1,2]]]}`), "twice"},
		{"something after the collection", collectionText(a) + a, "beside"},
		{"a collection after features", a + collectionText(a), "beside"},
		{"a trailing comma", `{"type":"FeatureCollection","features":[` + a + `,]}`, "a comma before"},
		{"a missing comma", `{"type":"FeatureCollection","features":[` + a + a + `]}`, "want ','"},
		{"a string without end", `{"type":"Feat`, "unexpected end"},
		{"a line break in a string", "{\"ty\npe\":1}", "control character"},
		{"half a surrogate pair", featureText(`{"code":"\ud83d"}`), "surrogate"},
		{"an unknown escape", featureText(`{"code":"\x"}`), "escape"},
		{"a code that is not UTF-8", featureText("{\"code\":\"\xff\"}"), "UTF-8"},
		{"a code without end", featureText(`{"code":"` + strings.Repeat("x", maxJSONString+1) + `"}`), "string of more than"},
		{"a number without end", featureText(`{"code":` + strings.Repeat("1", 1_000_000)), "number of more than"},
		{"damaged gzip", "\x1f\x8b\x08\x00garbage", "unexpected EOF"},
		{"a value that is none", `{"x":tru}`, "want true"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			opts := ReadOptions{}
			if strings.Contains(tt.want, `"nr"`) {
				opts.CodeProperty = "nr"
			}
			if strings.Contains(tt.want, `"label"`) {
				opts.NameProperty = "label"
			}
			if _, err := readAll(tt.text, opts); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestReadGeoJSONLimits(t *testing.T) {
	t.Parallel()
	a := featureText(`{"code":"a"}`)
	for rule, tt := range map[string]struct {
		opts ReadOptions
		want string
	}{
		"vertices": {ReadOptions{MaxVertices: 3}, "more than 3 vertices"},
		"features": {ReadOptions{MaxFeatures: 1}, "more than 1 features"},
		"bytes":    {ReadOptions{MaxBytes: 100}, "longer than allowed"},
	} {
		if _, err := readAll(collectionText(a, a), tt.opts); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", rule, err, tt.want)
		}
	}
	stop := errors.New("enough")
	if err := ReadGeoJSON(strings.NewReader(collectionText(a, a)), ReadOptions{}, func(Feature) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v, want that of yield", err)
	}
	broken := io.MultiReader(strings.NewReader(a[:40]), errReader{stop})
	if err := ReadGeoJSON(broken, ReadOptions{}, func(Feature) error { return nil }); !errors.Is(err, stop) {
		t.Errorf("error %v, want that of the reader", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// endless is a feature whose coordinates go on for ever.
type endless struct{ at int }

func (e *endless) Read(b []byte) (int, error) {
	const head = `{"type":"Feature","properties":{"code":"a"},"geometry":{"type":"Polygon","coordinates":[[[1,2]`
	const again = `,[1.5,2.5]`
	for i := range b {
		if e.at < len(head) {
			b[i] = head[e.at]
		} else {
			b[i] = again[(e.at-len(head))%len(again)]
		}
		e.at++
	}
	return len(b), nil
}

func TestReadGeoJSONNeedsBoundedMemory(t *testing.T) { // not parallel: it measures the heap
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := ReadGeoJSON(&endless{}, ReadOptions{MaxVertices: 100_000}, func(Feature) error { return nil })
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "more than 100000 vertices") {
		t.Errorf("error %v", err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 20<<20 {
		t.Errorf("%d bytes allocated for 100,000 vertices", grown)
	}
}

func FuzzReadGeoJSON(f *testing.F) {
	a := featureText(`{"code":"a","name":"\u00c5re"}`)
	for _, seed := range []string{
		collectionText(a, a), a + "\n" + a, "\x1e" + a,
		geometryText(`{"type":"MultiPolygon","coordinates":[[[[10,60,5],[11,60],[11,61],[10,60]],[[1,2],[2,2],[2,3]]]]}`),
		`{"crs":null,"x":[[],{},-1.5e-3,"\ud83d\ude00",true,false,null],"type":"FeatureCollection","features":[]}`,
	} {
		f.Add([]byte(seed), byte(Areas))
	}
	f.Add([]byte(geometryText(`{"type":"MultiLineString","coordinates":[[[10,60,5],[11,60]],[[1,2],[2,2]]]}`)), byte(Lines))
	f.Add([]byte(geometryText(`{"type":"MultiPoint","coordinates":[[10,60,5],[11,60]]}`)), byte(Points))
	f.Fuzz(func(t *testing.T, data []byte, kind byte) {
		opts := ReadOptions{Kind: Kind(kind % 3), PadCode: 4, MaxVertices: 1000, MaxFeatures: 100, MaxBytes: 1 << 20}
		err := ReadGeoJSON(bytes.NewReader(data), opts, func(a Feature) error {
			if a.Code == "" || a.Geometry == nil || a.Geometry.Dimensions() != 2-int(opts.Kind) {
				t.Errorf("no code or no geometry of its kind: %+v", a)
			}
			if b := a.Geometry.Bound(); !(b.Min[0] >= -180 && b.Max[0] <= 180 && b.Min[1] >= -90 && b.Max[1] <= 90) {
				t.Errorf("geometry within %v", b)
			}
			return nil
		})
		if err != nil && !strings.HasPrefix(err.Error(), "read GeoJSON: ") {
			t.Errorf("error %v does not say what was attempted", err)
		}
	})
}

func TestGuessedPropertiesAreLowerCase(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Concat(codeProperties(), nameProperties()) {
		if name != strings.ToLower(name) {
			t.Errorf("%q can never match", name)
		}
	}
}

func TestReadLightMunicipalities(t *testing.T) {
	t.Parallel()
	index, report, err := buildFile(dataFile(t, "se-municipalities-light.geojson"))
	if err != nil {
		t.Fatal(err)
	}
	if index.Len() != 290 {
		t.Errorf("%d municipalities, want 290; %+v", index.Len(), fmt.Sprint(report))
	}
	sundsvall, ok := index.Lookup("2281")
	if _, name := index.Area(max(sundsvall, 0)); !ok || name != "Sundsvall" {
		t.Errorf("2281 is %q, %v", name, ok)
	}
	if owner, _ := index.Owner(17.3069, 62.3908); owner != sundsvall {
		t.Errorf("the town of Sundsvall belongs to area %d", owner)
	}
}
