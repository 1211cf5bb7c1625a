package main

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/paulmach/orb"
)

// goldenNear is how near a border a point may go either way, in metres: the
// reference keeps coordinates as they are, the index rounds them to 1.1 cm.
const goldenNear = 0.02

// golden holds the index against the owners of points that GEOS has found, a third
// of them within 50 m of a border, and lists those that differ.
func (b *bench) golden(t *territory) error {
	points, owners := 0, 0
	path := dataFile("boundaries/golden-points.csv.gz")
	err := eachGolden(path, func(at orb.Point, want string) {
		points++
		got := ""
		if area, ok := t.index.Owner(at.Lon(), at.Lat()); ok {
			got, _ = t.index.Area(area)
		}
		if got == want {
			return
		}
		border := t.index.Locate(at, 0).BorderMetres
		say("  %v, %.3f m from a border, lies in %q; by GEOS in %q", at, border, got, want)
		if border >= goldenNear {
			owners++
		}
	})
	if errors.Is(err, os.ErrNotExist) {
		b.table.add(line{what: t.name + ", points whose owner GEOS has found", measured: "not measured: there is no " + path})
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	b.table.add(line{
		what:     fmt.Sprintf("%s, of %d points those with another owner than GEOS has found, 2 cm or more from a border", t.name, points),
		measured: strconv.Itoa(owners), target: "0", reached: yes(owners == 0),
	})
	return nil
}

// eachGolden reads points with the codes of their owners, empty for none.
func eachGolden(path string, yield func(at orb.Point, owner string)) error {
	in, err := os.Open(path) // #nosec G304 -- the data that this program was told to use
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read from
	z, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	rows := csv.NewReader(z)
	if _, err := rows.Read(); err != nil { // the names of the columns
		return err
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(row) < 3 {
			return errors.New("a row has fewer than three columns")
		}
		lon, lonErr := strconv.ParseFloat(row[0], 64)
		lat, latErr := strconv.ParseFloat(row[1], 64)
		if err := errors.Join(lonErr, latErr); err != nil {
			return err
		}
		yield(orb.Point{lon, lat}, row[2])
	}
}
