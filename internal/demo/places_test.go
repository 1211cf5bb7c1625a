package demo

import (
	"slices"
	"strings"
	"testing"
)

const (
	headerRow    = "code,municipality,county,place,lat,lon,seat\n"
	sundsvallRow = "2281,Sundsvall,Västernorrlands län,Sundsvall,62.3908,17.3069,true\n"
)

func TestReadPlaces(t *testing.T) {
	t.Parallel()
	got, err := readPlaces(strings.NewReader(headerRow + sundsvallRow + "2281,Sundsvall,Västernorrlands län,Stöde,62.4160,16.5770,false\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []place{
		{"2281", "Sundsvall", "Västernorrlands län", "Sundsvall", 62.3908, 17.3069, true},
		{"2281", "Sundsvall", "Västernorrlands län", "Stöde", 62.416, 16.577, false},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestReadPlacesRefuses(t *testing.T) {
	t.Parallel()
	row := func(code, municipality, place, lat, lon, seat string) string {
		return strings.Join([]string{code, municipality, "Västernorrlands län", place, lat, lon, seat}, ",") + "\n"
	}
	tests := []struct{ name, table, want string }{
		{"an empty table", "", "read header"},
		{"another header", "a,b,c,d,e,f,g\n", "header is"},
		{"too few columns", headerRow + "2281,Sundsvall\n", "wrong number of fields"},
		{"a bare quote", headerRow + "22\"81,a,b,c,1,2,true\n", "bare"},
		{"a code that lost its zero", headerRow + row("114", "a", "b", "62", "17", "true"), "line 2: code"},
		{"a code of letters", headerRow + row("22x1", "a", "b", "62", "17", "true"), "four digits"},
		{"a code of other digits", headerRow + row("٢٨", "a", "b", "62", "17", "true"), "four digits"},
		{"no name", headerRow + row("2281", "a", "", "62", "17", "true"), "name is empty"},
		{"a latitude that is no number", headerRow + row("2281", "a", "b", "N62", "17", "true"), "latitude"},
		{"NaN", headerRow + row("2281", "a", "b", "NaN", "17", "true"), "latitude"},
		{"a latitude beyond the pole", headerRow + row("2281", "a", "b", "90.1", "17", "true"), "latitude"},
		{"an infinite longitude", headerRow + row("2281", "a", "b", "62", "-Inf", "true"), "longitude"},
		{"another word for the seat", headerRow + row("2281", "a", "b", "62", "17", "yes"), "seat is"},
		{"no seat", headerRow + row("2281", "a", "b", "62", "17", "false"), "0 seats"},
		{"two seats", headerRow + row("2281", "a", "b", "62", "17", "true") + row("2281", "a", "c", "63", "17", "true"), "2 seats"},
		{"two places at one position", headerRow + row("2281", "a", "b", "62", "17", "true") + row("2281", "a", "c", "62", "17", "false"), "same position"},
		{"codes out of order", headerRow + row("2281", "a", "b", "62", "17", "true") + row("2280", "c", "d", "63", "17", "true"), "comes after"},
		{"two names for one code", headerRow + row("2281", "a", "b", "62", "17", "true") + row("2281", "c", "d", "63", "17", "false"), "is both"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			places, err := readPlaces(strings.NewReader(tt.table))
			if err == nil {
				t.Fatalf("read %v, want an error with %q", places, tt.want)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want an error with %q", err, tt.want)
			}
		})
	}
}

func FuzzReadPlaces(f *testing.F) {
	f.Add(headerRow)
	f.Add(headerRow + sundsvallRow)
	f.Add(headerRow + "2281,Sundsvall,Y,\"Stöde, kyrka\",62.4160,16.5770,true\n")
	f.Add(headerRow + "2281,a,b,c,NaN,1e400,true\n")
	f.Add("\xff\x00,")
	f.Fuzz(func(t *testing.T, table string) {
		places, err := readPlaces(strings.NewReader(table))
		if err != nil {
			return
		}
		for i, p := range places {
			if !isCode(p.Code) || p.Municipality == "" || p.Name == "" {
				t.Errorf("accepted %+v", p)
			}
			if !(p.Lat >= -90 && p.Lat <= 90 && p.Lon >= -180 && p.Lon <= 180) {
				t.Errorf("accepted position %v, %v", p.Lat, p.Lon)
			}
			if i > 0 && places[i-1].Code > p.Code {
				t.Errorf("accepted %s after %s", p.Code, places[i-1].Code)
			}
		}
	})
}
