// Package archive lists what lies in a .zip from a stranger.
//
// Memory is taken for at most 16 MiB of its directory. Nothing is unpacked here:
// sizes are what the archive claims, and whoever unpacks has to count.
package archive

import (
	"archive/zip"
	"fmt"
	"io"
	"path"
	"strings"
)

// maxDirectoryBytes is how much of an archive may be read to list it: the
// directory of a Shapefile's has some hundred bytes, and each that is read costs
// several in memory.
const maxDirectoryBytes = 16 << 20

// Files lists the files of an archive of that many bytes, with slashes between
// the folders in their names, and without what macOS adds. A name may be anything
// and lead anywhere: it is to be shown and compared, never to be opened.
func Files(r io.ReaderAt, size int64) ([]*zip.File, error) {
	metered := &meteredReaderAt{r: r, left: maxDirectoryBytes}
	archive, err := zip.NewReader(metered, size)
	if err != nil {
		return nil, fmt.Errorf("open the .zip: %w", err)
	}
	metered.unmetered = true
	var files []*zip.File
	for _, f := range archive.File {
		f.Name = strings.ReplaceAll(f.Name, `\`, "/") // as some Windows programs write
		if strings.HasSuffix(f.Name, "/") || strings.HasPrefix(path.Base(f.Name), "._") {
			continue
		}
		files = append(files, f)
	}
	return files, nil
}

// Names are the names of files.
func Names(files []*zip.File) []string {
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Name
	}
	return names
}

// CheckPlain refuses a file that is encrypted.
func CheckPlain(f *zip.File) error {
	const encrypted = 1 // a flag (APPNOTE.TXT 6.3.10, section 4.4.4)
	if f.Flags&encrypted != 0 {
		return fmt.Errorf("%.200q is encrypted", f.Name)
	}
	return nil
}

// meteredReaderAt limits what is read while an archive is listed.
type meteredReaderAt struct {
	r         io.ReaderAt
	left      int
	unmetered bool
}

// ReadAt implements io.ReaderAt.
func (m *meteredReaderAt) ReadAt(p []byte, at int64) (int, error) {
	if !m.unmetered {
		if m.left -= len(p); m.left < 0 {
			return 0, fmt.Errorf("its directory has more than %d bytes", maxDirectoryBytes)
		}
	}
	return m.r.ReadAt(p, at)
}
