package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/geo/geopackage"
	"github.com/kantsten/kantsten/geo/postgis"
	"github.com/kantsten/kantsten/geo/shapefile"
	"github.com/kantsten/kantsten/internal/store"
)

// source is where an operator's boundaries come from.
type source struct {
	from string          // a file, an http or https address, or a PostGIS database
	opts geo.ReadOptions // its Layer is a table, of a GeoPackage or a database
}

// format is a kind of file, known by how it begins.
type format string

const (
	formatGeoJSON    format = "GeoJSON"
	formatGeoPackage format = "GeoPackage"
	formatShapefile  format = "Shapefile"
	formatZip        format = "zip"
)

// name is what a source is called in answers to anybody: without what an address
// may hold beside its path, such as the operator's key.
func (s source) name() string {
	if s.isDatabase() {
		return s.opts.Layer
	}
	return sourceName(s.from)
}

func sourceName(from string) string {
	u, err := url.Parse(from)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return filepath.Base(from)
	}
	if name := path.Base(u.Path); name != "." && name != "/" {
		return name
	}
	return u.Hostname()
}

func (s source) isDatabase() bool {
	return strings.HasPrefix(s.from, "postgres://") || strings.HasPrefix(s.from, "postgresql://")
}

// read passes every feature on, one at a time.
func (s source) read(ctx context.Context, yield func(geo.Feature) error) error {
	if s.isDatabase() {
		return s.readDatabase(ctx, yield)
	}
	in, err := openSource(ctx, s.from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read from
	buffered := bufio.NewReader(in)
	kind, err := sniff(buffered)
	if err != nil {
		return fmt.Errorf("read %s: %w", s.name(), err)
	}
	if kind == formatGeoJSON {
		err = geo.ReadGeoJSON(buffered, s.opts, yield)
	} else {
		err = s.readFile(ctx, kind, buffered, yield)
	}
	if err != nil {
		return fmt.Errorf("read %s as %s: %w", s.name(), kind, err)
	}
	return nil
}

// sniff tells the format by the first bytes; what is packed by gzip is judged by
// what is in it.
func sniff(in *bufio.Reader) (format, error) {
	const enough = 4096
	head, err := in.Peek(enough)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if bytes.HasPrefix(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(head))
		if err != nil {
			return "", fmt.Errorf("unpack the file: %w", err)
		}
		inner := make([]byte, 16)
		n, _ := io.ReadFull(z, inner) // what is cut off shows when the file is read
		if f := formatOf(inner[:n]); f != formatGeoJSON {
			return "", fmt.Errorf("a %s file packed by gzip; unpack it first", f)
		}
		return formatGeoJSON, nil
	}
	return formatOf(head), nil
}

// formatOf knows the signatures; anything else has to be GeoJSON.
func formatOf(head []byte) format {
	switch {
	case bytes.HasPrefix(head, []byte("SQLite format 3\x00")):
		return formatGeoPackage
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return formatZip
	case bytes.HasPrefix(head, []byte{0, 0, 0x27, 0x0a}):
		return formatShapefile
	}
	return formatGeoJSON
}

// onDisk returns the path of a file for the readers that have to seek in it: the
// operator's own, or a copy of what an address answers.
func (s source) onDisk(in io.Reader) (name string, remove func(), err error) {
	if !isAddress(s.from) {
		return filepath.Clean(s.from), func() {}, nil
	}
	f, err := os.CreateTemp("", "kantsten-boundaries-*")
	if err != nil {
		return "", nil, fmt.Errorf("make a copy: %w", err)
	}
	remove = func() { _ = os.Remove(f.Name()) }
	_, err = io.Copy(f, io.LimitReader(in, maxSourceBytes+1))
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr, f.Close()); err == nil && info.Size() > maxSourceBytes {
		err = fmt.Errorf("it is longer than %d bytes", int64(maxSourceBytes))
	}
	if err != nil {
		remove()
		return "", nil, fmt.Errorf("make a copy: %w", err)
	}
	return f.Name(), remove, nil
}

// readFile reads a format for which a reader has to seek in the file.
func (s source) readFile(ctx context.Context, kind format, in io.Reader, yield func(geo.Feature) error) error {
	if kind == formatShapefile {
		if isAddress(s.from) {
			return errors.New("a .shp from an address comes without its .dbf; pack them into a .zip")
		}
		return shapefile.Read(s.from, s.opts, yield)
	}
	name, remove, err := s.onDisk(in)
	if err != nil {
		return err
	}
	defer remove()
	if kind == formatZip {
		return s.readZip(ctx, name, yield)
	}
	return s.readGeoPackage(ctx, name, yield)
}

func (s source) readGeoPackage(ctx context.Context, name string, yield func(geo.Feature) error) error {
	if err := geopackage.CheckFile(name); err != nil {
		return err
	}
	db, err := store.ForeignFile(geopackage.DSN(name))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // only read
	return geopackage.Read(ctx, db, s.opts, yield)
}

// readZip reads the GeoPackage in an archive, which has to be unpacked for SQLite
// to seek in it, or else the Shapefile.
func (s source) readZip(ctx context.Context, name string, yield func(geo.Feature) error) error {
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return fmt.Errorf("open the archive: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open the archive: %w", err)
	}
	unpacked, err := geopackage.Unpack(ctx, "", f, info.Size(), maxSourceBytes)
	if errors.Is(err, geopackage.ErrNone) {
		if err = shapefile.ReadZip(f, info.Size(), s.opts, yield); errors.Is(err, shapefile.ErrNone) {
			err = fmt.Errorf("it holds neither a GeoPackage nor a Shapefile: %w", err)
		}
		return err
	}
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(unpacked) }()
	return s.readGeoPackage(ctx, unpacked, yield)
}

func (s source) readDatabase(ctx context.Context, yield func(geo.Feature) error) error {
	db, err := store.ForeignServer(s.from)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // only read
	if err := postgis.Read(ctx, db, s.opts, yield); err != nil {
		return fmt.Errorf("read table %s: %w", s.opts.Layer, err)
	}
	return nil
}

// maxSourceBytes bounds what is copied from an address or unpacked.
const maxSourceBytes = 16 << 30

func isAddress(from string) bool {
	return strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://")
}

// openSource opens a local file, or what a URL of the operator's answers.
func openSource(ctx context.Context, from string) (io.ReadCloser, error) {
	if !isAddress(from) {
		f, err := os.Open(filepath.Clean(from))
		if err != nil {
			return nil, fmt.Errorf("open the boundaries: %w", err)
		}
		return f, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch the boundaries: %w", err)
	}
	res, err := (&http.Client{Timeout: 10 * time.Minute}).Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetch the boundaries: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("fetch the boundaries: the server answered %s", res.Status), res.Body.Close())
	}
	return res.Body, nil
}
