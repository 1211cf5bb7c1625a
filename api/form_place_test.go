package api

import (
	"bytes"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/problem"
)

func TestAPlaceInAForm(t *testing.T) {
	t.Parallel()
	type parts [][2]string
	tests := []struct {
		name        string
		parts       parts
		want        *formPlace
		field, code string
	}{
		{"none", nil, nil, "", ""},
		{"a position", parts{{"lat", "62.39"}, {"lon", "17.3"}}, &formPlace{62.39, 17.3, 0}, "", ""},
		{"with its accuracy, in any order", parts{{"accuracy_m", "8"}, {"lon", "-17.3"}, {"lat", "6.239e1"}}, &formPlace{62.39, -17.3, 8}, "", ""},
		{"with blanks around it", parts{{"lat", " 62\r\n"}, {"lon", "17"}}, &formPlace{62, 17, 0}, "", ""},
		{"at the pole", parts{{"lat", "-90"}, {"lon", "180"}, {"accuracy_m", "100000"}}, &formPlace{-90, 180, 100_000}, "", ""},
		{"half of one", parts{{"lat", "62"}}, nil, "lon", "required"},
		{"the other half", parts{{"lon", "17"}}, nil, "lat", "required"},
		{"an accuracy of nothing", parts{{"accuracy_m", "8"}}, nil, "lat", "required"},
		{"twice", parts{{"lat", "62"}, {"lat", "62"}, {"lon", "17"}}, nil, "lat", "duplicate"},
		{"beyond the pole", parts{{"lat", "90.0001"}, {"lon", "17"}}, nil, "lat", "out-of-range"},
		{"beyond the date line", parts{{"lat", "62"}, {"lon", "-180.1"}}, nil, "lon", "out-of-range"},
		{"a negative accuracy", parts{{"lat", "62"}, {"lon", "17"}, {"accuracy_m", "-1"}}, nil, "accuracy_m", "out-of-range"},
		{"nothing in it", parts{{"lat", ""}, {"lon", "17"}}, nil, "lat", "type"},
		{"null", parts{{"lat", "null"}, {"lon", "17"}}, nil, "lat", "type"},
		{"NaN", parts{{"lat", "NaN"}, {"lon", "17"}}, nil, "lat", "type"},
		{"infinity", parts{{"lat", "62"}, {"lon", "1e999"}}, nil, "lon", "type"},
		{"hexadecimal", parts{{"lat", "0x1p4"}, {"lon", "17"}}, nil, "lat", "type"},
		{"a comma as in Swedish", parts{{"lat", "62,39"}, {"lon", "17"}}, nil, "lat", "type"},
		{"a text", parts{{"lat", `"62"`}, {"lon", "17"}}, nil, "lat", "type"},
		{"something behind it", parts{{"lat", "62 N"}, {"lon", "17"}}, nil, "lat", "type"},
		{"endless", parts{{"lat", "6" + strings.Repeat("0", 1<<20)}, {"lon", "17"}}, nil, "lat", "type"},
		{"another name", parts{{"latitude", "62"}, {"lon", "17"}}, nil, "latitude", "unknown-field"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := formOf(t, tt.parts)
			f, err := readForm(r, formLimits{Photos: 1, PhotoBytes: 16, Place: true, Dir: t.TempDir()})
			if tt.code == "" {
				if err != nil || (f.Place == nil) != (tt.want == nil) || tt.want != nil && *f.Place != *tt.want {
					t.Fatalf("place = %+v, %v", f, err)
				}
				return
			}
			p := problem.As(err)
			if p == nil || len(p.Fields) != 1 || p.Fields[0].Field != tt.field || p.Fields[0].Code != tt.code {
				t.Errorf("error = %+v, want %s at %s", err, tt.code, tt.field)
			}
		})
	}
}

func TestAFormTakesAPlaceOnlyWhereItMay(t *testing.T) {
	t.Parallel()
	r := formOf(t, [][2]string{{"lat", "62"}, {"lon", "17"}})
	if _, err := readForm(r, formLimits{Photos: 1, PhotoBytes: 16, Dir: t.TempDir()}); !problem.Is(err, problem.Invalid) {
		t.Errorf("error = %v", err)
	}
}

func formOf(t *testing.T, parts [][2]string) *multipart.Reader {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, p := range parts {
		if err := w.WriteField(p[0], p[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return multipart.NewReader(&body, w.Boundary())
}
