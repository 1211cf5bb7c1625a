package photo

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// readWebPHeader walks over the RIFF chunks (RFC 9649): the sides stand in VP8X
// or, without it, in the picture's own header; EXIF follows the picture.
func readWebPHeader(in *bufio.Reader) (header, error) {
	h := header{format: formatWebP, frames: 1}
	head, err := take(in, 12)
	if err != nil {
		return h, err
	}
	var coded int64                                         // bytes of lossless pictures
	left := int64(binary.LittleEndian.Uint32(head[4:])) - 4 // what follows "WEBP"; beyond it is not ours
	for left >= 8 {
		head, err := take(in, 8)
		if err == nil {
			n := int64(binary.LittleEndian.Uint32(head[4:]))
			left -= 8 + n + n&1
			kind := string(head[:4])
			if kind == "VP8L" || kind == "ALPH" {
				coded += n
			}
			err = h.webpChunk(in, kind, n)
		}
		if errors.Is(err, io.EOF) && h.width != 0 {
			break // cut short: the decoder judges
		}
		if err != nil {
			return h, err
		}
	}
	if h.width == 0 {
		return h, errors.New("no picture in it")
	}
	if coded > 0 {
		h.decodeBytes += losslessBytes(h.width, h.height, coded)
	}
	return h, nil
}

// losslessBytes is what golang.org/x/image/vp8l holds beside the pixels of a
// lossless picture, or alpha plane, that is coded in some bytes.
//
// It holds two of the pictures that say for tiles, of 4 × 4 pixels at the least,
// how they were transformed; and up to 2600 groups of five prefix codes, no more
// than there are such tiles. A group with its tables is 2680 bytes, and the trees
// of its codes have up to 2328 (green, with a cache of 2¹¹ colours), 3 × 256 and 40
// symbols: 16 bytes for each, 53,888 as the runtime rounds them up.
//
// A small file cannot say so much. The cheapest way to give symbols a code is to
// repeat a length six times, which takes two bits (RFC 9649, 3.7.2.1.2): so a bit
// makes no more than three symbols, a byte of the file no more than 24, which are
// 384 bytes, and an eighth more as rounded.
func losslessBytes(width, height int, coded int64) int64 {
	const (
		mostGroups = 2600
		group      = 2680
		trees      = 53_888
		perByte    = 432
	)
	tiles := int64((width+3)/4) * int64((height+3)/4)
	groups := min(mostGroups, tiles)
	return 2*4*tiles + groups*group + min(groups*trees, coded*perByte)
}

// webpChunk reads a chunk of n bytes, padded to an even number, if it matters.
//
// A lossy picture that ends before its chunk does is refused at once: the decoder
// would make room for as much as the chunk claims, up to 128 MiB, to see the same.
func (h *header) webpChunk(in *bufio.Reader, kind string, n int64) error {
	var want int64 // bytes of the chunk to look at
	switch {
	case kind == "VP8X", kind == "VP8 ":
		want = 10
	case kind == "VP8L":
		want = 5
	case kind == "ANIM", kind == "ANMF":
		h.frames = 2
	case kind == "EXIF" && n <= maxEXIF && h.exif == nil:
		want = n
	}
	if want > n {
		return errors.New("a chunk too short for its kind")
	}
	b, err := take(in, int(want))
	if err != nil {
		return err
	}
	switch {
	case kind == "EXIF" && want > 0:
		h.exif = bytes.TrimPrefix(b, exifMagic) // some writers leave JPEG's mark on
	case want > 0:
		if err := h.webpSides(kind, b); err != nil {
			return err
		}
	}
	if kind == "VP8 " {
		h.decodeBytes += n // it is read whole before it is decoded
	}
	err = skip(in, n-want)
	if kind == "VP8 " && errors.Is(err, io.EOF) {
		return errTruncated
	}
	if err != nil {
		return err
	}
	return skip(in, n&1)
}

// webpSides reads width and height from a chunk that has them. The first counts;
// golang.org/x/image/webp refuses a picture that differs from its VP8X.
func (h *header) webpSides(kind string, b []byte) error {
	var width, height int
	var perPixel int64
	switch kind {
	case "VP8X": // flags, reserved, 24 bits each of width−1 and height−1
		const animation, alpha = 1 << 1, 1 << 4
		if b[0]&animation != 0 {
			h.frames = 2
		}
		width = 1 + int(b[4]) + int(b[5])<<8 + int(b[6])<<16
		height = 1 + int(b[7]) + int(b[8])<<8 + int(b[9])<<16
		perPixel = 8 // lossless: NRGBA and the picture before its transforms
		if b[0]&alpha != 0 {
			perPixel = 12 // lossy beside a lossless alpha plane, and then as NRGBA
		}
	case "VP8 ": // frame tag, start code, 14 bits each of width and height (RFC 6386, 9.1)
		width = int(binary.LittleEndian.Uint16(b[6:])) & 0x3fff
		height = int(binary.LittleEndian.Uint16(b[8:])) & 0x3fff
		perPixel = 2
	case "VP8L": // signature, 14 bits each of width−1 and height−1
		bits := binary.LittleEndian.Uint32(b[1:])
		width, height = 1+int(bits&0x3fff), 1+int(bits>>14&0x3fff)
		perPixel = 8
	}
	if width == 0 || height == 0 {
		return errors.New("a picture without pixels")
	}
	if h.width == 0 {
		h.width, h.height = width, height
		h.decodeBytes = int64(width) * int64(height) * perPixel
	}
	return nil
}
