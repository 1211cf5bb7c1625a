package api

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/http/httptest"
	"reflect"
	"strconv"
	"testing"
	"time"
)

// A page is what encoding/json makes of it, whatever the reports hold.
func TestAPageIsWrittenAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		list := ReportList{Reports: make([]Report, i%4)}
		fill(random, reflect.ValueOf(&list.Next).Elem())
		for j := range list.Reports {
			fill(random, reflect.ValueOf(&list.Reports[j]).Elem())
		}
		for _, geoJSON := range []bool{false, true} {
			var want any = list
			if geoJSON {
				want = features(list)
			}
			samePage(t, reportPage{list: list, geoJSON: geoJSON}, want)
		}
	}
}

// A report with every member set leaves none out, and an empty one has those only
// that the contract demands.
func TestAPageHoldsEveryMember(t *testing.T) {
	t.Parallel()
	var full Report
	full.Lat = 1 // which makes it differ from an empty one in any case
	full.Photos = []Photo{}
	for i, v := 0, reflect.ValueOf(&full).Elem(); i < v.NumField(); i++ {
		for f, tries := v.Field(i), rand.New(rand.NewPCG(3, 4)); f.IsZero(); {
			fill(tries, f)
		}
	}
	for _, r := range []Report{full, {}} {
		list := ReportList{Reports: []Report{r}}
		samePage(t, reportPage{list: list}, list)
	}
}

// What has no JSON is an error before anything is answered.
func TestAPageThatHasNoJSONIsRefusedWhole(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]Report{
		"a number that is none":     {Lat: math.NaN()},
		"infinitely far":            {Lon: math.Inf(1)},
		"a year of five digits":     {CreatedAt: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"an answer that has no end": {Attributes: AttributeValues{"depth": math.Inf(-1)}},
	} {
		w := httptest.NewRecorder()
		page := reportPage{list: ReportList{Reports: []Report{{}, r}}}
		if err := page.VisitListReportsResponse(w); err == nil {
			t.Errorf("%s: no error", name)
		}
		if w.Body.Len() > 0 || len(w.Header()) > 0 {
			t.Errorf("%s: answered %v %.80s", name, w.Header(), w.Body)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range odd {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var text jsonText
		text.quoted(s)
		want, err := json.Marshal(s)
		if err != nil || text.err != nil || string(text.b) != string(want) {
			t.Errorf("%q: %s %v, want %s %v", s, text.b, text.err, want, err)
		}
	})
}

func samePage(t *testing.T, page reportPage, want any) {
	t.Helper()
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := page.VisitListReportsResponse(w); err != nil {
		t.Fatal(err)
	}
	if got := w.Body.String(); got != string(b)+"\n" {
		t.Fatalf("the page is\n%s\nwant\n%s", got, b)
	}
	if got := w.Header().Get("Content-Length"); got != strconv.Itoa(w.Body.Len()) {
		t.Errorf("Content-Length %s of %d bytes", got, w.Body.Len())
	}
}

// features is a page in the generated types of GeoJSON.
func features(list ReportList) ReportFeatureCollection {
	fc := ReportFeatureCollection{Type: ReportFeatureCollectionTypeFeatureCollection, Features: make([]ReportFeature, len(list.Reports)), Next: list.Next}
	for i, r := range list.Reports {
		fc.Features[i] = ReportFeature{
			Type: ReportFeatureTypeFeature, Id: r.Id, Properties: r,
			Geometry: Point{Type: PointTypePoint, Coordinates: []float64{r.Lon, r.Lat}},
		}
	}
	return fc
}

// odd are texts with their own rules in JSON.
var odd = []string{
	"Hål vid Åsgatan 3, Östersund", "\"så\" sade hon\\", "<b>&</b>", "\x00\x1f\x7f", "rad\r\n\ttab", "\u2028\u2029", "\xff\xc3", "\xc3\x28", "\xc3", "é\xc3", "🚧", "\xed\xa0\x80",
}

var numbers = []float64{0, math.Copysign(0, -1), 17.3069, -62.3908, 1e-6, 9.9e-7, -1e-300, 1e21, 9.99e20, 4.9e-324, 0.1, 1, 100000000}

// fill sets a value to something made up, sometimes to nothing.
func fill(random *rand.Rand, v reflect.Value) {
	if random.IntN(4) == 0 {
		v.SetZero()
		return
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.UnixMicro(random.Int64N(2e15)).UTC()))
	case v.Kind() == reflect.String:
		v.SetString(odd[random.IntN(len(odd))])
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(random.Int64N(1000) - 100)
	case v.CanFloat():
		v.SetFloat(numbers[random.IntN(len(numbers))])
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(random, v.Elem())
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), random.IntN(3), 3))
		for i := range v.Len() {
			fill(random, v.Index(i))
		}
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		value := reflect.New(v.Type().Elem()).Elem()
		fill(random, value)
		v.SetMapIndex(reflect.ValueOf(odd[random.IntN(len(odd))]).Convert(v.Type().Key()), value)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(random, v.Field(i))
		}
	case v.Kind() == reflect.Interface:
		v.Set(reflect.ValueOf(odd[random.IntN(len(odd))]))
	default:
		panic("nothing is made up for " + v.Type().String())
	}
}
