package main_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"
)

// Where the photo says that it was taken. It differs from the report's position,
// so that either can be looked for by itself.
const (
	photoLat = 62.401753
	photoLon = 17.298264
	// photoMaker stands in the photo's EXIF block and nowhere else.
	photoMaker = "Kvarnbergskameran"
)

// phonePhoto is a JPEG as a phone takes it: with an EXIF block that holds the
// maker and the GPS position, and a comment.
func phonePhoto(t testing.TB) []byte { return photoBy(t, photoMaker) }

// photoBy is one that names another maker.
func photoBy(t testing.TB, maker string) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for y := range 240 {
		for x := range 320 {
			img.SetRGBA(x, y, color.RGBA{R: uint8(x), G: uint8(y), B: uint8(x * y / 64), A: 0xff})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 88}); err != nil {
		t.Fatal(err)
	}
	plain := b.Bytes()
	return bytes.Join([][]byte{
		plain[:2],
		jpegSegment(0xe1, append([]byte("Exif\x00\x00"), exif(maker)...)),
		jpegSegment(0xfe, []byte("made by "+maker)),
		plain[2:],
	}, nil)
}

func jpegSegment(marker byte, body []byte) []byte {
	head := binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(body)+2))
	return append(head, body...)
}

// exif is a little-endian TIFF of a main and a GPS directory.
func exif(by string) []byte {
	const headBytes, entryBytes = 8, 12
	maker := append([]byte(by), 0)
	makerAt := headBytes + 2 + 2*entryBytes + 4
	gpsAt := makerAt + len(maker)
	latAt := gpsAt + 2 + 4*entryBytes + 4
	lonAt := latAt + 3*8
	b := []byte("II*\x00\x08\x00\x00\x00")
	b = tiffEntries(b,
		[4]uint32{0x010f, 2, uint32(len(maker)), uint32(makerAt)}, // Make
		[4]uint32{0x8825, 4, 1, uint32(gpsAt)},                    // GPS directory
	)
	b = append(b, maker...)
	b = tiffEntries(b,
		[4]uint32{1, 2, 2, 'N'}, [4]uint32{2, 5, 3, uint32(latAt)},
		[4]uint32{3, 2, 2, 'E'}, [4]uint32{4, 5, 3, uint32(lonAt)},
	)
	return append(append(b, degrees(photoLat)...), degrees(photoLon)...)
}

// tiffEntries appends a directory of entries: tag, kind, count and value.
func tiffEntries(b []byte, entries ...[4]uint32) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(len(entries)))
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
		b = binary.LittleEndian.AppendUint16(b, uint16(e[1]))
		b = binary.LittleEndian.AppendUint32(b, e[2])
		b = binary.LittleEndian.AppendUint32(b, e[3])
	}
	return binary.LittleEndian.AppendUint32(b, 0)
}

// degrees is an EXIF angle: degrees in millionths, no minutes, no seconds.
func degrees(d float64) []byte {
	var b []byte
	for _, part := range []float64{d, 0, 0} {
		b = binary.LittleEndian.AppendUint32(b, uint32(part*1e6+0.5))
		b = binary.LittleEndian.AppendUint32(b, 1e6)
	}
	return b
}

// picturesOnly are the markers that pixels need: quantisation and Huffman
// tables, frames, restart intervals and scans. Everything that can say
// something about the photo, APP0 to APP15 and comments, is none of them.
func picturesOnly(marker byte) bool {
	switch {
	case marker == 0xdb, marker == 0xc4, marker == 0xda, marker == 0xdd:
		return true
	}
	return marker == 0xc0 || marker == 0xc1 || marker == 0xc2
}

// walkJPEG goes from marker to marker and returns those that are not about
// pixels, and an error where the file is not a JPEG or goes on after its end.
func walkJPEG(b []byte) (others []string, err error) {
	if !bytes.HasPrefix(b, []byte{0xff, 0xd8}) {
		return nil, fmt.Errorf("begins with % x, not as a JPEG", b[:min(4, len(b))])
	}
	for at := 2; ; {
		if at+2 > len(b) || b[at] != 0xff {
			return others, fmt.Errorf("no marker at byte %d of %d", at, len(b))
		}
		marker := b[at+1]
		if marker == 0xd9 {
			if at+2 != len(b) {
				return others, fmt.Errorf("%d bytes after the end", len(b)-at-2)
			}
			return others, nil
		}
		if at+4 > len(b) {
			return others, fmt.Errorf("cut at byte %d", at)
		}
		if !picturesOnly(marker) {
			others = append(others, fmt.Sprintf("%02x", marker))
		}
		at += 2 + int(binary.BigEndian.Uint16(b[at+2:]))
		if marker == 0xda {
			at += scan(b[min(at, len(b)):])
		}
	}
}

// scan is the length of entropy-coded data: up to the next marker that is
// neither a stuffed zero nor a restart.
func scan(b []byte) int {
	for i := 0; i+1 < len(b); i++ {
		if b[i] == 0xff && b[i+1] != 0 && (b[i+1] < 0xd0 || b[i+1] > 0xd7) {
			return i
		}
	}
	return len(b)
}

// TestThePhotoHasSomethingToHide keeps the day's check from passing for want of
// metadata.
func TestThePhotoHasSomethingToHide(t *testing.T) {
	t.Parallel()
	photo := phonePhoto(t)
	others, err := walkJPEG(photo)
	if err != nil || strings.Join(others, " ") != "e1 fe" {
		t.Errorf("the phone's photo has the markers %v, %v; want an EXIF block and a comment", others, err)
	}
	if !bytes.Contains(photo, []byte(photoMaker)) {
		t.Error("the phone's photo does not name its maker")
	}
	for name, broken := range map[string][]byte{
		"cut": photo[:len(photo)-1], "longer": append(photo[:len(photo):len(photo)], 'x'), "text": []byte("text"), "empty": nil,
	} {
		if _, err := walkJPEG(broken); err == nil {
			t.Errorf("%s: taken for a whole JPEG", name)
		}
	}
}
