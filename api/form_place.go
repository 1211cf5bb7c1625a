package api

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"

	"github.com/kantsten/kantsten/internal/problem"
)

// formPlace is a position that stands in the parts of a form.
type formPlace struct {
	Lat       float64 `json:"lat"`
	Lon       float64 `json:"lon"`
	AccuracyM float64 `json:"accuracy_m"`
}

// placeParts are what a position in a form is made of.
type placeParts struct{ lat, lon, accuracy *float64 }

// maxNumber is how many bytes a number in a form may have.
const maxNumber = 64

// readPhotoAhead returns the one photo that a body must hold, and the position
// that it may hold beside it.
func readPhotoAhead(r *multipart.Reader, dir string) (*form, error) {
	f, err := readForm(r, formLimits{Photos: 1, PhotoBytes: maxPhotoBytes, Place: true, Alt: true, Dir: dir})
	if err == nil && len(f.Photos) == 0 {
		return nil, problem.Field("photo", codeRequired, "a part photo is required")
	}
	return f, err
}

// read reads a part that is a number; not known if it is none of a position's.
func (p *placeParts) read(name string, part io.Reader) (known bool, err error) {
	switch name {
	case "lat":
		return true, readNumber(&p.lat, name, part, -90, 90)
	case "lon":
		return true, readNumber(&p.lon, name, part, -180, 180)
	case "accuracy_m":
		return true, readNumber(&p.accuracy, name, part, 0, 100_000)
	}
	return false, nil
}

// readNumber reads one number, written as in JSON, between two others.
func readNumber(to **float64, name string, part io.Reader, least, most float64) error {
	if *to != nil {
		return problem.Field(name, codeDuplicate, "there is more than one part %s", name)
	}
	data, err := io.ReadAll(io.LimitReader(part, maxNumber+1))
	if err != nil {
		return formFault(err)
	}
	var n *float64
	if len(data) > maxNumber || json.Unmarshal(bytes.TrimSpace(data), &n) != nil || n == nil {
		return problem.Field(name, "type", "must be a number such as 62.3908")
	}
	if *n < least || *n > most {
		return problem.Field(name, codeOutOfRange, "must be from %v to %v", least, most)
	}
	*to = n
	return nil
}

// place puts the parts together; nil without any.
func (p placeParts) place() (*formPlace, error) {
	for _, half := range []struct {
		name    string
		missing bool
	}{
		{"lat", p.lat == nil && (p.lon != nil || p.accuracy != nil)},
		{"lon", p.lon == nil && (p.lat != nil || p.accuracy != nil)},
	} {
		if half.missing {
			return nil, problem.Field(half.name, codeRequired, "a position needs a part %s too", half.name)
		}
	}
	if p.lat == nil {
		return nil, nil
	}
	at := formPlace{Lat: *p.lat, Lon: *p.lon}
	if p.accuracy != nil {
		at.AccuracyM = *p.accuracy
	}
	return &at, nil
}
