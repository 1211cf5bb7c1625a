package photo

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// JPEG markers (ITU-T T.81, table B.1) that the walk must know.
const (
	markSOF0  = 0xc0 // baseline
	markSOF1  = 0xc1 // extended sequential
	markSOF2  = 0xc2 // progressive
	markDHT   = 0xc4
	markJPG   = 0xc8
	markDAC   = 0xcc
	markRST0  = 0xd0
	markRST7  = 0xd7
	markEOI   = 0xd9
	markSOS   = 0xda
	markAPP1  = 0xe1
	markAPP14 = 0xee
)

var exifMagic = []byte("Exif\x00\x00")

// jpegHeader is a header while the walk goes on.
type jpegHeader struct {
	header
	components  []byte // of the frame header, three bytes each: id, sampling factors, table
	progressive bool
	rgb         bool // the components may be RGB, not YCbCr
	src         *counted
}

// counted counts what was read of a file.
type counted struct {
	io.Reader
	n int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += int64(n)
	return n, err
}

// readJPEGHeader walks over the segments up to the first scan.
func readJPEGHeader(in *bufio.Reader, src *counted) (header, error) {
	h := jpegHeader{header: header{format: formatJPEG, frames: 1}, src: src}
	if err := skip(in, 2); err != nil { // SOI
		return h.header, err
	}
	for {
		marker, err := nextMarker(in)
		if err != nil {
			return h.header, err
		}
		switch {
		case marker == markEOI:
			return h.header, errors.New("no image before the end marker")
		case markRST0 <= marker && marker <= markRST7:
			continue // stands alone
		case marker == markSOS:
			err := h.finish(in)
			return h.header, err
		}
		if err := h.segment(in, marker); err != nil {
			return h.header, err
		}
	}
}

// finish works out what decoding takes, at the first scan. image/jpeg decides
// that three components are RGB, and makes a copy of four bytes a pixel, only at
// the end of the picture and by what any APP14 said; so that marker is looked for in
// the rest. Coded pixels cannot contain it (T.81, B.1.1.5).
func (h *jpegHeader) finish(in *bufio.Reader) (err error) {
	if h.width == 0 {
		return errors.New("a scan before the frame header")
	}
	if len(h.components) == 3*3 && !h.rgb {
		err = h.findEnd(in)
	}
	h.planar = len(h.components) == 3*3 && !h.rgb
	h.decodeBytes = jpegBytes(h.width, h.height, h.components, h.progressive, h.rgb)
	return err
}

// findEnd walks over scans to the end marker, or to an APP14. What follows the end
// is not the picture's: the film of a motion photo may contain any bytes. The
// decoder is given no more than was seen here, so it cannot see an APP14 there.
func (h *jpegHeader) findEnd(in *bufio.Reader) error {
	for {
		marker, err := nextCodedMarker(in)
		if errors.Is(err, io.EOF) {
			return nil // the end marker is missing: the decoder judges
		}
		if err != nil {
			return err
		}
		switch {
		case marker == markEOI:
			h.end = h.src.n - int64(in.Buffered())
			return nil
		case marker == markAPP14:
			h.rgb = true
			return nil
		}
		// A segment between scans, or the head of one.
		length, err := take(in, 2)
		var body []byte
		if n := int(binary.BigEndian.Uint16(append(length, 0, 0))) - 2; err == nil && n > 0 {
			body, err = take(in, n)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil // as above
		}
		if err != nil {
			return err
		}
		// Should a decoder lose its way, it may look for markers in here.
		if bytes.Contains(append(body, markAPP14), []byte{0xff, markAPP14}) {
			h.rgb = true
			return nil
		}
	}
}

// nextCodedMarker passes over coded pixels to the next marker that is none of
// theirs: they contain bytes of 0xff before a zero, and restart markers.
func nextCodedMarker(in *bufio.Reader) (byte, error) {
	for {
		if _, err := in.Peek(2); err != nil {
			return 0, err
		}
		window, _ := in.Peek(in.Buffered()) // cannot fail
		i := bytes.IndexByte(window[:len(window)-1], 0xff)
		var marker byte
		pass := len(window) - 1 // the last byte may begin a marker
		if i >= 0 {
			marker, pass = window[i+1], i+2
			if marker == 0xff { // padding
				marker, pass = 0, i+1
			}
		}
		if _, err := in.Discard(pass); err != nil {
			return 0, err
		}
		if marker != 0 && (marker < markRST0 || marker > markRST7) {
			return marker, nil
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

// segment reads the segment that follows marker, if it matters.
func (h *jpegHeader) segment(in *bufio.Reader, marker byte) error {
	length, err := take(in, 2)
	if err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint16(length)) - 2
	if n < 0 {
		return errors.New("a segment shorter than its length")
	}
	if isFrame(marker) && marker > markSOF2 {
		return refuse("unsupported-format", "this kind of JPEG (arithmetic-coded, lossless or hierarchical) cannot be read here; send an ordinary one")
	}
	if !isFrame(marker) && marker != markAPP1 && marker != markAPP14 {
		return skip(in, int64(n))
	}
	body, err := take(in, n)
	if err != nil {
		return err
	}
	tiff, isEXIF := bytes.CutPrefix(body, exifMagic)
	switch {
	case marker == markAPP14:
		h.rgb = h.rgb || adobeRGB(body)
	case marker != markAPP1:
		return h.frame(body, marker == markSOF2)
	case isEXIF && h.exif == nil:
		h.exif = tiff // of two blocks the first counts, as in browsers
	}
	return nil
}

// adobeRGB reports whether an APP14 segment says that the colours are not
// transformed: its twelfth byte is 0.
func adobeRGB(body []byte) bool {
	return len(body) >= 12 && bytes.HasPrefix(body, []byte("Adobe")) && body[11] == 0
}

// isFrame reports whether the marker begins a frame header, of any process.
func isFrame(marker byte) bool {
	return markSOF0 <= marker && marker <= 0xcf && marker != markDHT && marker != markJPG && marker != markDAC
}

// frame reads a frame header (T.81, B.2.2): precision, height, width, and for
// each component its id, sampling factors and table.
func (h *jpegHeader) frame(b []byte, progressive bool) error {
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
	h.components, h.progressive = b[6:], progressive
	h.rgb = h.rgb || len(h.components) == 3*3 && b[6] == 'R' && b[9] == 'G' && b[12] == 'B'
	for c := h.components; len(c) > 0; c = c[3:] {
		if hor, ver := c[1]>>4, c[1]&15; hor < 1 || hor > 4 || ver < 1 || ver > 4 {
			return errors.New("a sampling factor out of range")
		}
	}
	return nil
}

// jpegBytes is the memory that image/jpeg takes at its peak: a byte for every
// sample of every component, at the component's sampling; for progressive files
// four more, its coefficient; and four bytes a pixel for the copy that it makes
// of RGB and of four components.
func jpegBytes(width, height int, components []byte, progressive, rgb bool) int64 {
	const mcu = 32                                                       // pixels: the largest block, 8 × 8 samples at a factor of 4
	area := int64((width+mcu-1)/mcu*mcu) * int64((height+mcu-1)/mcu*mcu) // planes are whole blocks
	var most int64
	for c := components; len(c) > 0; c = c[3:] {
		most = max(most, int64(c[1]>>4)*int64(c[1]&15))
	}
	var total int64
	for c := components; len(c) > 0; c = c[3:] {
		total += area * int64(c[1]>>4) * int64(c[1]&15) / most
	}
	if progressive {
		total += 4 * total
	}
	if rgb || len(components) == 4*3 {
		total += 4 * area
	}
	return total
}
