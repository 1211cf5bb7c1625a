package demo

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// place is one row of places.csv: a locality and the municipality it lies in.
type place struct {
	Code, Municipality, County string
	Name                       string
	Lat, Lon                   float64 // WGS 84, degrees
	Seat                       bool
}

// placesHeader is the first row of the table.
var placesHeader = [...]string{"code", "municipality", "county", "place", "lat", "lon", "seat"}

// readPlaces reads the table of places and checks what the construction relies
// on: rows ordered by code, one spelling and one seat for each municipality,
// and no two places at one position. Errors name the line.
func readPlaces(r io.Reader) ([]place, error) {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord = len(placesHeader)
	header, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	if !slices.Equal(header, placesHeader[:]) {
		return nil, fmt.Errorf("header is %q, want %q", header, placesHeader)
	}
	var places []place
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return places, checkTable(places)
		}
		if err != nil {
			return nil, err // names the line itself
		}
		p, err := parsePlace(row)
		if err != nil {
			line, _ := rows.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		places = append(places, p)
	}
}

// parsePlace reads one row of the table.
func parsePlace(row []string) (place, error) {
	p := place{Code: row[0], Municipality: row[1], County: row[2], Name: row[3]}
	if !isCode(p.Code) {
		return place{}, fmt.Errorf("code %q is not four digits", p.Code)
	}
	if p.Municipality == "" || p.County == "" || p.Name == "" {
		return place{}, errors.New("a name is empty")
	}
	var err error
	if p.Lat, err = parseDegrees(row[4], 90); err != nil {
		return place{}, fmt.Errorf("latitude: %w", err)
	}
	if p.Lon, err = parseDegrees(row[5], 180); err != nil {
		return place{}, fmt.Errorf("longitude: %w", err)
	}
	switch row[6] {
	case "true":
		p.Seat = true
	case "false":
	default:
		return place{}, fmt.Errorf("seat is %q, want true or false", row[6])
	}
	return p, nil
}

// isCode reports whether s is four ASCII digits.
func isCode(s string) bool {
	if len(s) != 4 {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// parseDegrees reads a number between -limit and limit.
func parseDegrees(s string, limit float64) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, err
	}
	if math.IsNaN(v) || math.Abs(v) > limit {
		return 0, fmt.Errorf("%s is not within ±%g degrees", s, limit)
	}
	return v, nil
}

// checkTable checks what concerns more than one row.
func checkTable(places []place) error {
	at := make(map[[2]float64]string, len(places))
	seats := make(map[string]int)
	for i, p := range places {
		if other, taken := at[[2]float64{p.Lat, p.Lon}]; taken {
			return fmt.Errorf("%s and %s have the same position", other, p.Name)
		}
		at[[2]float64{p.Lat, p.Lon}] = p.Name
		if p.Seat {
			seats[p.Code]++
		}
		if i == 0 {
			continue
		}
		prev := places[i-1]
		if p.Code < prev.Code {
			return fmt.Errorf("%s comes after %s", p.Code, prev.Code)
		}
		if p.Code == prev.Code && (p.Municipality != prev.Municipality || p.County != prev.County) {
			return fmt.Errorf("%s is both %s, %s and %s, %s", p.Code, prev.Municipality, prev.County, p.Municipality, p.County)
		}
	}
	for _, p := range places {
		if seats[p.Code] != 1 {
			return fmt.Errorf("%s has %d seats", p.Code, seats[p.Code])
		}
	}
	return nil
}
