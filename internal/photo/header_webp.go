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
	left := int64(binary.LittleEndian.Uint32(head[4:])) - 4 // what follows "WEBP"; beyond it is not ours
	for left >= 8 {
		head, err := take(in, 8)
		if err == nil {
			n := int64(binary.LittleEndian.Uint32(head[4:]))
			padded := n + n&1
			left -= 8 + padded
			err = h.webpChunk(in, string(head[:4]), n, padded)
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
	return h, nil
}

// webpChunk reads a chunk of n bytes, padded to an even number, if it matters.
func (h *header) webpChunk(in *bufio.Reader, kind string, n, padded int64) error {
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
	return skip(in, padded-want)
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
