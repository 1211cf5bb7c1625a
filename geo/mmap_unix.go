//go:build unix

package geo

import (
	"fmt"
	"os"
	"sync"
	"syscall" // which has all that is needed here, so that package geo needs no golang.org/x/sys
)

// mapFile maps a whole file for reading. It stays valid when the file is
// removed or replaced by renaming, but must not be truncated in place.
func mapFile(f *os.File, size int) (*mapping, error) {
	if size == 0 {
		return &mapping{release: func() error { return nil }}, nil
	}
	data, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", f.Name(), err)
	}
	return &mapping{data: data, release: sync.OnceValue(func() error { return syscall.Munmap(data) })}, nil
}
