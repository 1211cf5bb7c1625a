package suite

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
)

// picture draws something with detail in it; other seeds give other pictures.
func picture(seed int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, 400, 300))
	for i := range 400 * 300 {
		x, y := i%400, i/400
		img.SetRGBA(x, y, color.RGBA{uint8(x/2 + seed*31), uint8(y/2 + seed*57), uint8((x ^ y) + seed), 255})
	}
	return img
}

// phonePhoto is a JPEG as a phone writes it: with the position, the camera and
// the owner in its metadata.
func phonePhoto(t testing.TB, seed int) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, picture(seed), nil))
	exif := exifWithPosition()
	segment := append([]byte{0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(len(exif)+2))...)
	comment := append([]byte{0xff, 0xfe, 0, 2 + 11}, "Kim Reporte"...)
	return bytes.Join([][]byte{b.Bytes()[:2], segment, exif, comment, b.Bytes()[2:]}, nil)
}

// exifWithPosition is an Exif segment (TIFF 6.0, little-endian) that names the
// camera's owner, the position 62°23'27"N 17°18'25"E, the direction 271.5° and
// 4 May 2026, 13:14:15.
func exifWithPosition() []byte {
	const (
		header, ifd0      = 8, 2 + 3*12 + 4
		gps, ownerAt      = header + ifd0, header + ifd0 + 2 + 5*12 + 4
		owner             = "Kim Reporter\x00"
		latitudeAt        = ownerAt + len(owner) + 1
		longitudeAt       = latitudeAt + 24
		directionAt       = longitudeAt + 24
		moment, momentAt  = "2026:05:04 13:14:15\x00", directionAt + 8
		ascii, rational   = 2, 5
		long, artist, dir = 4, 0x013b, 0x8825
	)
	le := binary.LittleEndian
	b := append([]byte("II*\x00"), le.AppendUint32(nil, header)...)
	entry := func(tag, kind uint16, count, value uint32) {
		b = le.AppendUint16(le.AppendUint16(b, tag), kind)
		b = le.AppendUint32(le.AppendUint32(b, count), value)
	}
	b = le.AppendUint16(b, 3)
	entry(0x0132, ascii, uint32(len(moment)), uint32(momentAt))
	entry(artist, ascii, uint32(len(owner)), ownerAt)
	entry(dir, long, 1, gps)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint16(b, 5)
	entry(1, ascii, 2, 'N')
	entry(2, rational, 3, uint32(latitudeAt))
	entry(3, ascii, 2, 'E')
	entry(4, rational, 3, uint32(longitudeAt))
	entry(17, rational, 1, uint32(directionAt))
	b = le.AppendUint32(b, 0)
	b = append(b, owner+"\x00"...)
	for _, part := range []uint32{62, 23, 27, 17, 18, 25} {
		b = le.AppendUint32(le.AppendUint32(b, part), 1)
	}
	b = le.AppendUint32(le.AppendUint32(b, 2715), 10)
	return append([]byte("Exif\x00\x00"), append(b, moment...)...)
}

// checkSuggestion holds what a photo suggests against exifWithPosition.
func checkSuggestion(t testing.TB, sg *api.PhotoSuggestion) {
	t.Helper()
	if sg == nil || sg.Lat == nil || sg.Lon == nil || math.Abs(*sg.Lat-62.390833) > 1e-6 || math.Abs(*sg.Lon-17.306944) > 1e-6 {
		t.Fatalf("the suggestion is %+v", sg)
	}
	if sg.Direction == nil || *sg.Direction != 271.5 || !sg.TakenAt.Equal(time.Date(2026, 5, 4, 11, 14, 15, 0, time.UTC)) {
		t.Errorf("the suggestion is %+v", sg)
	}
}

func pngPhoto(t testing.TB, seed int) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, png.Encode(&b, picture(seed)))
	return b.Bytes()
}

// hugePNG is the head of a PNG of 30,000 × 30,000 pixels, some hundred bytes long.
func hugePNG(t testing.TB) []byte {
	t.Helper()
	data := pngPhoto(t, 1)
	const width, height, sum = 16, 20, 29 // places in the file, PNG 3rd edition section 11.2.1
	binary.BigEndian.PutUint32(data[width:], 30_000)
	binary.BigEndian.PutUint32(data[height:], 30_000)
	binary.BigEndian.PutUint32(data[sum:], crc32.ChecksumIEEE(data[12:sum]))
	return data
}

// photoPart is a part of a form as a browser sends it.
func photoPart(data []byte) apitest.Part {
	return apitest.Part{Name: "photo", FileName: "IMG_0001.jpg", ContentType: "image/jpeg", Data: data}
}

// free fails where a picture still carries what its phone wrote into it.
func free(t testing.TB, data []byte) {
	t.Helper()
	for _, trace := range []string{"Exif", "Kim", "II*\x00", "http://ns.adobe.com", "\xff\xfe\x00\x0d"} {
		if bytes.Contains(data, []byte(trace)) {
			t.Errorf("the picture carries %q", trace)
		}
	}
}
