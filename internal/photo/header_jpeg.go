package photo

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
)

// JPEG markers (ITU-T T.81, table B.1) that the walk must know.
const (
	markSOF0 = 0xc0 // baseline
	markSOF1 = 0xc1 // extended sequential
	markSOF2 = 0xc2 // progressive
	markDHT  = 0xc4
	markJPG  = 0xc8
	markDAC  = 0xcc
	markRST0 = 0xd0
	markRST7 = 0xd7
	markEOI  = 0xd9
	markSOS  = 0xda
	markAPP1 = 0xe1
)

var exifMagic = []byte("Exif\x00\x00")

// readJPEGHeader walks over the segments up to the first scan.
func readJPEGHeader(in *bufio.Reader) (header, error) {
	h := header{format: formatJPEG, frames: 1}
	if err := skip(in, 2); err != nil { // SOI
		return h, err
	}
	for {
		marker, err := nextMarker(in)
		if err != nil {
			return h, err
		}
		switch {
		case marker == markEOI:
			return h, errors.New("no image before the end marker")
		case markRST0 <= marker && marker <= markRST7:
			continue // stands alone
		case marker == markSOS:
			if h.width == 0 {
				return h, errors.New("a scan before the frame header")
			}
			return h, nil
		}
		if err := h.jpegSegment(in, marker); err != nil {
			return h, err
		}
	}
}

// nextMarker finds the next marker. Like image/jpeg (and libjpeg) it passes over
// bytes between segments, zeros after 0xff and repeated 0xff, so that both see
// the same segments.
func nextMarker(in *bufio.Reader) (byte, error) {
	var last byte
	for {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		if last == 0xff && b != 0x00 && b != 0xff {
			return b, nil
		}
		last = b
	}
}

// jpegSegment reads the segment that follows marker, if it matters.
func (h *header) jpegSegment(in *bufio.Reader, marker byte) error {
	length, err := take(in, 2)
	if err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint16(length)) - 2
	switch {
	case n < 0:
		return errors.New("a segment shorter than its length")
	case isFrame(marker) && marker > markSOF2:
		return refuse("unsupported-format", "this kind of JPEG (arithmetic-coded, lossless or hierarchical) cannot be read here; send an ordinary one")
	case isFrame(marker):
		body, err := take(in, n)
		if err != nil {
			return err
		}
		return h.jpegFrame(body, marker == markSOF2)
	case marker == markAPP1 && h.exif == nil:
		body, err := take(in, n)
		if tiff, ok := bytes.CutPrefix(body, exifMagic); ok {
			h.exif = tiff // of two blocks the first counts, as in browsers
		}
		return err
	}
	return skip(in, int64(n))
}

// isFrame reports whether the marker begins a frame header, of any process.
func isFrame(marker byte) bool {
	return markSOF0 <= marker && marker <= 0xcf && marker != markDHT && marker != markJPG && marker != markDAC
}

// jpegFrame reads a frame header (T.81, B.2.2): precision, height, width, and
// for each component its id, sampling factors and table.
func (h *header) jpegFrame(b []byte, progressive bool) error {
	if h.width != 0 {
		return errors.New("two frame headers")
	}
	if len(b) < 6 || len(b) != 6+3*int(b[5]) || b[5] == 0 {
		return errors.New("a frame header of a wrong length")
	}
	if b[0] != 8 {
		return refuse("unsupported-format", "a JPEG with %d bits a colour cannot be read here; send one with 8", b[0])
	}
	h.height = int(binary.BigEndian.Uint16(b[1:]))
	h.width = int(binary.BigEndian.Uint16(b[3:]))
	if h.width == 0 || h.height == 0 {
		return errors.New("a frame without pixels")
	}
	h.decodeBytes = jpegBytes(h.width, h.height, b[6:], progressive)
	return nil
}

// jpegBytes is the memory that image/jpeg takes at its peak. Of three components
// in 4:2:0 it holds 1.5 bytes a pixel. In other samplings it may widen them to
// three, and where they are RGB it makes a copy of four. Four components are
// converted to CMYK of four bytes beside the original. Progressive files hold
// every coefficient as four bytes beside that.
func jpegBytes(width, height int, components []byte, progressive bool) int64 {
	const mcu = 32                                                       // pixels: the largest block of 8 × 8 samples at a factor of 4
	area := int64((width+mcu-1)/mcu*mcu) * int64((height+mcu-1)/mcu*mcu) // planes are whole blocks
	quarters := func(samples, beside int64) int64 {
		if progressive {
			beside += 4 * samples
		}
		return area * (samples + beside) / 4
	}
	switch len(components) / 3 {
	case 1:
		return quarters(4, 0)
	case 3:
		if components[1] == 0x22 && components[4] == 0x11 && components[7] == 0x11 {
			return quarters(6, 0)
		}
		return quarters(12, 16)
	}
	return quarters(16, 16)
}
