//go:build !nodynamic

package photo

import (
	"errors"
	"io"
)

// heicBuiltIn says whether this program can decode HEIC: see heic_decoder.go.
const heicBuiltIn = false

// DecodeHEIC fails: this program was built without the tag nodynamic.
func DecodeHEIC([]string, io.Reader, io.Writer) error {
	return errors.New("HEIC is not decoded by this program: it was built without the tag nodynamic")
}
