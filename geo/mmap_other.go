//go:build !unix

package geo

import (
	"fmt"
	"io"
	"os"
)

// mapFile reads a whole file where mapping is not to be had.
func mapFile(f *os.File, size int) (*mapping, error) {
	data := make([]byte, size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return &mapping{data: data, release: func() error { return nil }}, nil
}
