package photo

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The tests' own writers of pictures and metadata. Nothing here is shared with
// the code under test.

var (
	red   = color.NRGBA{R: 0xff, A: 0xff}
	green = color.NRGBA{G: 0xff, A: 0xff}
	blue  = color.NRGBA{B: 0xff, A: 0xff}
	white = color.NRGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xff}
	black = color.NRGBA{A: 0xff}
)

// quarters draws red and green above blue and white.
func quarters(width, height int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetNRGBA(x, y, [2][2]color.NRGBA{{red, green}, {blue, white}}[2*y/height][2*x/width])
		}
	}
	return img
}

// landscape draws smooth colours with some texture, as photos have.
func landscape(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			noise := uint8((x*7919 ^ y*104729) >> 3 & 15)
			img.SetRGBA(x, y, color.RGBA{
				R: uint8(120+100*math.Sin(float64(x)/97)) + noise,
				G: uint8(120+100*math.Sin(float64(y)/61)) + noise,
				B: uint8(120+100*math.Sin(float64(x+y)/143)) + noise,
				A: 0xff,
			})
		}
	}
	return img
}

func asJPEG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asPNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// file reads a picture from testdata.
func file(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// join concatenates byte strings.
func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// segment is a JPEG segment.
func segment(marker byte, body string) []byte {
	return join([]byte{0xff, marker}, binary.BigEndian.AppendUint16(nil, uint16(len(body)+2)), []byte(body))
}

// withSegments puts segments behind the start marker of a JPEG.
func withSegments(jpeg []byte, segments ...[]byte) []byte {
	return join(jpeg[:2], join(segments...), jpeg[2:])
}

// chunk is a PNG chunk.
func chunk(kind, body string) []byte {
	typed := kind + body
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(b, typed...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE([]byte(typed)))
}

// withChunks puts chunks behind the header of a PNG.
func withChunks(png []byte, chunks ...[]byte) []byte {
	const ihdr = 8 + 8 + 13 + 4
	return join(png[:ihdr], join(chunks...), png[ihdr:])
}

// riff is a RIFF chunk, padded.
func riff(kind, body string) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(body)))
	b = append(b, body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

// asWebP makes a WebP file of chunks.
func asWebP(chunks ...[]byte) []byte {
	return riff("RIFF", "WEBP"+string(join(chunks...)))
}

// vp8x is the chunk that announces the canvas of a WebP.
func vp8x(flags byte, width, height int) []byte {
	w, h := width-1, height-1
	return riff("VP8X", string([]byte{flags, 0, 0, 0, byte(w), byte(w >> 8), byte(w >> 16), byte(h), byte(h >> 8), byte(h >> 16)}))
}

// webpWithEXIF puts an EXIF block into a simple WebP, behind the picture, where
// writers put it.
func webpWithEXIF(webp []byte, width, height int, tiff string) []byte {
	const exifFlag = 1 << 3
	return asWebP(vp8x(exifFlag, width, height), webp[12:], riff("EXIF", tiff))
}

// tag is an entry of a TIFF directory.
type tag struct {
	id, kind uint16
	count    uint32
	value    []byte
}

func ascii(id uint16, s string) tag { return tag{id, 2, uint32(len(s) + 1), append([]byte(s), 0)} }

func short(id, v uint16) tag { return tag{id, 3, 1, binary.LittleEndian.AppendUint16(nil, v)} }

// rationals writes numbers in millionths.
func rationals(id uint16, values ...float64) tag {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, uint32(math.Round(v*1e6)))
		b = binary.LittleEndian.AppendUint32(b, 1e6)
	}
	return tag{id, 5, uint32(len(values)), b}
}

// tiff writes a little-endian TIFF file with tags in its main, EXIF and GPS
// directories.
func tiff(main, exif, gps []tag) string {
	b := []byte("II*\x00\x08\x00\x00\x00")
	size := func(tags []tag) (n int) {
		for _, t := range tags {
			n += len(t.value)
		}
		return 2 + 12*len(tags) + 4 + n
	}
	pointers := 24 // the two entries added to main
	exifAt := 8 + size(main) + pointers
	gpsAt := exifAt + size(exif)
	main = append(main[:len(main):len(main)],
		tag{0x8769, 4, 1, binary.LittleEndian.AppendUint32(nil, uint32(exifAt))},
		tag{0x8825, 4, 1, binary.LittleEndian.AppendUint32(nil, uint32(gpsAt))})
	b = appendDirectory(b, main)
	for len(b) < exifAt {
		b = append(b, 0)
	}
	b = appendDirectory(b, exif)
	for len(b) < gpsAt {
		b = append(b, 0)
	}
	return string(appendDirectory(b, gps))
}

func appendDirectory(b []byte, tags []tag) []byte {
	valuesAt := len(b) + 2 + 12*len(tags) + 4
	var values []byte
	b = binary.LittleEndian.AppendUint16(b, uint16(len(tags)))
	for _, t := range tags {
		b = binary.LittleEndian.AppendUint16(b, t.id)
		b = binary.LittleEndian.AppendUint16(b, t.kind)
		b = binary.LittleEndian.AppendUint32(b, t.count)
		if len(t.value) <= 4 {
			b = append(b, t.value...)
			b = append(b, make([]byte, 4-len(t.value))...)
			continue
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(valuesAt+len(values)))
		values = append(values, t.value...)
	}
	b = binary.LittleEndian.AppendUint32(b, 0)
	return append(b, values...)
}

// sundsvall is what a phone writes at 62.3908 N, 17.3069 E.
func sundsvall(orientation uint16) string {
	return tiff(
		[]tag{ascii(0x010f, "SecretPhone"), short(0x0112, orientation)},
		[]tag{ascii(0x9003, "2026:05:04 13:14:15"), ascii(0x9011, "+02:00"), ascii(0xa430, "Secret Owner")},
		[]tag{
			ascii(1, "N"), rationals(2, 62, 23, 26.88),
			ascii(3, "E"), rationals(4, 17, 18, 24.84),
			rationals(17, 271.5),
		},
	)
}

var sundsvallTaken = time.Date(2026, 5, 4, 11, 14, 15, 0, time.UTC)

// app1 is an EXIF block as JPEG holds it.
func app1(tiff string) []byte { return segment(0xe1, "Exif\x00\x00"+tiff) }
