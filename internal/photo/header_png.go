package photo

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// maxSide31 is the most that PNG allows a side to measure (2³¹−1), and a chunk.
const maxSide31 = 1<<31 - 1

// readPNGHeader walks over the chunks: IHDR, which must come first, acTL (the
// mark of an animation, before the pixels) and eXIf, which may follow the pixels
// (PNG third edition, 5.6).
func readPNGHeader(in *bufio.Reader) (header, error) {
	h := header{format: formatPNG, frames: 1}
	if err := skip(in, 8); err != nil { // signature
		return h, err
	}
	for first := true; ; first = false {
		head, err := take(in, 8)
		if errors.Is(err, io.EOF) && h.width != 0 {
			return h, nil // the end chunk is missing: the decoder judges
		}
		if err != nil {
			return h, err
		}
		n, kind := int64(binary.BigEndian.Uint32(head)), string(head[4:])
		if first != (kind == "IHDR") || n > maxSide31 {
			return h, errors.New("chunks out of order")
		}
		if kind == "IEND" {
			return h, nil
		}
		if err := h.pngChunk(in, kind, n); err != nil {
			if errors.Is(err, io.EOF) && h.width != 0 {
				return h, nil // as above
			}
			return h, err
		}
	}
}

// pngChunk reads a chunk of n bytes and its check sum, if it matters.
func (h *header) pngChunk(in *bufio.Reader, kind string, n int64) error {
	const checksum = 4 // bytes; the decoder verifies those of the chunks it uses
	switch {
	case kind == "IHDR":
		if n != 13 {
			return errors.New("a header of a wrong length")
		}
		b, err := take(in, 13+checksum)
		if err != nil {
			return err
		}
		return h.pngIHDR(b)
	case kind == "acTL" && n >= 4:
		b, err := take(in, 4)
		if err != nil {
			return err
		}
		h.frames = max(h.frames, int(min(binary.BigEndian.Uint32(b), maxSide31)))
		return skip(in, n-4+checksum)
	case kind == "eXIf" && n <= maxEXIF && h.exif == nil:
		b, err := take(in, int(n))
		if err != nil {
			return err
		}
		h.exif = b
		return skip(in, checksum)
	}
	return skip(in, n+checksum)
}

// pngIHDR reads width, height, bit depth, colour type and interlacing.
func (h *header) pngIHDR(b []byte) error {
	width, height := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	if width == 0 || height == 0 || width > maxSide31 || height > maxSide31 {
		return errors.New("sides out of range")
	}
	h.width, h.height = int(width), int(height)
	perPixel := int64(4) // also for grey, which a transparent colour makes NRGBA
	depth, colour, interlaced := b[8], b[9], b[12] != 0
	switch {
	case depth == 16:
		perPixel = 8
	case colour == 3: // a palette: one byte, and four once it is resolved
		perPixel = 5
	}
	if interlaced {
		perPixel *= 2 // each pass is an image of its own before it is merged
	}
	h.decodeBytes = saturatingMul(h.pixels(), perPixel)
	return nil
}

// saturatingMul multiplies what a header claims without overflow: sides of 31
// bits have an area of 62, and anything this large is refused anyway.
func saturatingMul(pixels, perPixel int64) int64 {
	const tooMuch = 1 << 60
	if pixels > tooMuch/perPixel {
		return tooMuch
	}
	return pixels * perPixel
}
