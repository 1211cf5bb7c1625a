package main

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kantsten/kantsten/internal/likeness"
)

// bostonCases are real cases of one city: see the README beside the file.
const bostonCases = "requests/boston-2015.csv.gz"

// realCase is a case as somebody else's service kept it.
type realCase struct {
	id             string
	kind           string
	opened, closed time.Time // closed is zero while it is open
	lat, lon       float64
	duplicate      bool     // it was closed as one
	names          []string // ids that its closure names
	sketch         likeness.Sketch
}

// openAt reports whether the case was open when another came.
func (c *realCase) openAt(o *realCase) bool {
	earlier := c.opened.Before(o.opened) || c.opened.Equal(o.opened) && c.id < o.id
	return earlier && (c.closed.IsZero() || c.closed.After(o.opened))
}

// readCases reads the file row by row and keeps what the measure looks at.
func readCases(path string) (cases []*realCase, err error) {
	in, err := os.Open(path) // #nosec G304 -- the operator's own data
	if err != nil {
		return nil, fmt.Errorf("open the cases: %w", err)
	}
	defer func() { _ = in.Close() }() // only read from
	unzipped, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("unpack the cases: %w", err)
	}
	rows := csv.NewReader(unzipped)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("read the header of the cases: %w", err)
	}
	column := map[string]int{}
	for i, name := range header {
		column[strings.Clone(name)] = i
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return cases, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the cases: %w", err)
		}
		if c, ok := asCase(func(name string) string { return row[column[name]] }); ok {
			cases = append(cases, c)
		}
	}
}

// caseNumber is how closures name other cases: all of the id, or its last six
// digits behind whatever somebody typed.
var caseNumber = regexp.MustCompile(`\b(?:101\d{9}|\d{6,7})\b`)

// asCase reads one row; not ok if it says neither where nor when.
func asCase(field func(string) string) (*realCase, bool) {
	c := &realCase{id: strings.Clone(field("CASE_ENQUIRY_ID")), kind: strings.Clone(field("TYPE"))}
	var errs [3]error
	c.lat, errs[0] = strconv.ParseFloat(field("LATITUDE"), 64)
	c.lon, errs[1] = strconv.ParseFloat(field("LONGITUDE"), 64)
	c.opened, errs[2] = asTime(field("OPEN_DT"))
	if errors.Join(errs[:]...) != nil {
		return nil, false
	}
	c.closed, _ = asTime(field("CLOSED_DT")) // empty while it is open
	reason := field("CLOSURE_REASON")
	if c.duplicate = strings.Contains(strings.ToLower(reason), "duplic"); c.duplicate {
		for _, number := range caseNumber.FindAllString(reason, -1) {
			c.names = append(c.names, "101001"+number[len(number)-6:])
		}
	}
	// Behind the street stand city and postcode, which all have in common.
	address, _, _ := strings.Cut(field("Location"), "  ")
	c.sketch = likeness.NewSketch(likeness.Report{
		Service: c.kind, Lat: c.lat, Lon: c.lon, Filed: c.opened, Address: address,
	})
	return c, true
}

func asTime(s string) (time.Time, error) { return time.Parse("01/02/2006 03:04:05 PM", s) }

// around finds cases by kind and place.
type around map[cell][]*realCase

type cell struct {
	kind string
	x, y int
}

// reach is how far apart two cases of one fault are taken to be, in metres.
const reach = 100.0

// In Boston, which is small enough to be flat.
var (
	metresNorth = 111_195.0
	metresEast  = metresNorth * math.Cos(42.33*math.Pi/180)
)

func arrange(cases []*realCase) around {
	a := around{}
	for _, c := range cases {
		at := cellOf(c)
		a[at] = append(a[at], c)
	}
	return a
}

func cellOf(c *realCase) cell {
	return cell{c.kind, int(math.Floor(c.lon * metresEast / reach)), int(math.Floor(c.lat * metresNorth / reach))}
}

// open lists the cases of c's kind that were open within reach when it came.
func (a around) open(c *realCase) (found []*realCase) {
	at := cellOf(c)
	for x := at.x - 1; x <= at.x+1; x++ {
		for y := at.y - 1; y <= at.y+1; y++ {
			for _, o := range a[cell{at.kind, x, y}] {
				if o.openAt(c) && metresApart(c, o) <= reach {
					found = append(found, o)
				}
			}
		}
	}
	return found
}

func metresApart(a, b *realCase) float64 {
	return math.Hypot((a.lat-b.lat)*metresNorth, (a.lon-b.lon)*metresEast)
}
