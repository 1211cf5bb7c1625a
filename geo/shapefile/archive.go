package shapefile

import (
	"archive/zip"
	"fmt"
	"io"
	"strings"
)

// maxDirectoryBytes is how much of an archive may be read to list it: the
// directory of a Shapefile's has some hundred bytes, and each that is read costs
// several in memory.
const maxDirectoryBytes = 16 << 20

// zipped lists the parts of Shapefiles in an archive.
func zipped(r io.ReaderAt, size int64) ([]member, error) {
	metered := &meteredReaderAt{r: r, left: maxDirectoryBytes}
	archive, err := zip.NewReader(metered, size)
	if err != nil {
		return nil, err
	}
	metered.unmetered = true
	var members []member
	for _, f := range archive.File {
		name := strings.ReplaceAll(f.Name, `\`, "/") // as some Windows programs write
		if !isPart(name) {
			continue
		}
		if f.Flags&1 != 0 {
			return nil, fmt.Errorf("%.200q is encrypted", name)
		}
		size := int64(min(f.UncompressedSize64, 1<<62)) // no more than fits
		members = append(members, member{name, size, f.Open})
	}
	return members, nil
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
