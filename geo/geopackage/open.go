package geopackage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
)

// DSN is the data source name by which modernc.org/sqlite opens a file that
// somebody else made: for reading alone, without locks and other files beside
// it, with no trust in the functions that its views call, and with every page
// checked before it is used.
//
// The file must not change while it is open. Changes that lie in a write-ahead
// log beside it are not seen; [CheckFile] finds such a log.
func DSN(path string) string {
	name := "file:" + (&url.URL{Path: path}).EscapedPath()
	if strings.HasPrefix(path, "/") {
		// Two slashes at the beginning would stand before the name of a machine.
		name = "file://" + strings.TrimPrefix(name, "file:")
	}
	return name + "?mode=ro&immutable=1&_defensive=1&_dqs=0" +
		"&_pragma=trusted_schema(0)&_pragma=query_only(1)&_pragma=cell_size_check(1)&_pragma=mmap_size(0)"
}

// The header of an SQLite file: https://www.sqlite.org/fileformat.html, 1.3.
const (
	sqliteHead  = 100
	sqliteMagic = "SQLite format 3\x00"
	// Where numbers stand, big-endian.
	pageSizeAt, changesAt, pagesAt, applicationAt, countedAt = 16, 24, 28, 68, 92
)

// CheckFile says of a file that is to be read what is plain before SQLite opens
// it: that it is no SQLite database, that it is one but no GeoPackage, that it
// breaks off, or that a write-ahead log lies beside it with changes that are not
// in the file yet. nil says that it may be worth opening.
func CheckFile(path string) error {
	if err := checkFile(path); err != nil {
		return fmt.Errorf("check GeoPackage: %w", err)
	}
	return nil
}

func checkFile(path string) error {
	f, err := os.Open(path) //nolint:gosec // G304: to open the file it is given is what it is for
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file", path)
	}
	if err := checkHead(f, info.Size()); err != nil {
		return fmt.Errorf("%s %w", path, err)
	}
	log, err := os.Stat(path + "-wal")
	if err == nil && log.Size() > 0 {
		return fmt.Errorf("%s has changes in %s that are not in it yet; close the program that works on it", path, log.Name())
	}
	return nil
}

// checkHead checks the header of a file of so many bytes. Its errors go on from
// the file's name.
func checkHead(r io.ReaderAt, size int64) error {
	var head [sqliteHead]byte
	n, err := r.ReadAt(head[:], 0)
	switch {
	case n < sqliteHead && !errors.Is(err, io.EOF) && err != nil:
		return fmt.Errorf("cannot be read: %w", err)
	case !strings.HasPrefix(string(head[:n]), sqliteMagic):
		return errors.New("is no SQLite database, so no GeoPackage")
	case n < sqliteHead:
		return errors.New("breaks off in its header")
	}
	if err := checkApplication(int64(int32(binary.BigEndian.Uint32(head[applicationAt:])))); err != nil {
		return err
	}
	pageSize := int64(binary.BigEndian.Uint16(head[pageSizeAt:]))
	if pageSize == 1 {
		pageSize = 1 << 16 // which has no room in two bytes
	}
	pages := int64(binary.BigEndian.Uint32(head[pagesAt:]))
	// Writers before 2010 left an old number of pages there.
	counted := binary.BigEndian.Uint32(head[changesAt:]) == binary.BigEndian.Uint32(head[countedAt:])
	if counted && size < pages*pageSize {
		return fmt.Errorf("breaks off: it should have %d bytes, it has %d", pages*pageSize, size)
	}
	return nil
}

// checkApplication accepts the application ids of GeoPackage 1.0, 1.1, and 1.2
// and later. Its error goes on from the file's name.
func checkApplication(id int64) error {
	switch id {
	case 'G'<<24 | 'P'<<16 | '1'<<8 | '0', 'G'<<24 | 'P'<<16 | '1'<<8 | '1', 'G'<<24 | 'P'<<16 | 'K'<<8 | 'G':
		return nil
	}
	return fmt.Errorf("is an SQLite database, but no GeoPackage: its application id is %#x instead of GPKG", uint32(id))
}
