package photo

import (
	"bytes"
	"encoding/binary"
	"image"
	"math"
	"strings"
	"testing"
	"time"
)

// secret is what the tests write into metadata of every kind.
const secret = "Secret"

const xmp = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description exif:GPSLatitude="62,23.4480N" dc:creator="Secret"/></rdf:RDF></x:xmpmeta>`

// laden returns photos with everything in them that is not pixels.
func laden(t testing.TB) map[string][]byte {
	t.Helper()
	jpeg := withSegments(asJPEG(t, quarters(48, 32)),
		segment(0xe0, "JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x02\x01Secret"), // a thumbnail of 2 × 1 pixels
		app1(sundsvall(1)),
		segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00"+xmp),
		segment(0xe2, "ICC_PROFILE\x00\x01\x01descSecret profile"),
		segment(0xe2, "MPF\x00Secret pictures"),
		segment(0xed, "Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x0f\x1c\x02\x50\x00\x06Secret"),
		segment(0xef, "Secret maker's segment"),
		segment(0xfe, "Secret comment"),
	)
	png := withChunks(asPNG(t, quarters(48, 32)),
		chunk("eXIf", sundsvall(1)),
		chunk("iCCP", "Secret profile\x00\x00"+deflated([]byte("descSecret profile"))),
		chunk("zTXt", "Secret\x00\x00"+deflated([]byte("Secret text"))),
		chunk("tEXt", "Author\x00Secret"),
		chunk("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+xmp),
		chunk("tIME", "\x07\xea\x05\x04\x0d\x0e\x0f"),
		chunk("teSt", "Secret private chunk"),
	)
	webp := file(t, "lossless.webp")
	return map[string][]byte{
		"JPEG":                     jpeg,
		"JPEG with a thumbnail":    withSegments(asJPEG(t, quarters(48, 32)), app1(withThumbnail(sundsvall(1), append(asJPEG(t, quarters(16, 8)), secret...)))),
		"JPEG with trailing bytes": join(jpeg, []byte("Secret motion photo ftypmp42")),
		"JPEG and HTML":            join(withSegments(jpeg, segment(0xfe, "<script>Secret()</script>")), []byte("<html>Secret</html>")),
		"JPEG and ZIP":             join(jpeg, []byte("PK\x03\x04Secret.txtPK\x05\x06")),
		"PNG":                      png,
		"PNG with trailing bytes":  join(png, []byte("Secret")),
		"WebP": join(asWebP(vp8x(1<<2|1<<3|1<<5, 48, 32), riff("ICCP", "Secret profile"), webp[12:],
			riff("EXIF", sundsvall(1)), riff("XMP ", xmp)), []byte("Secret")),
	}
}

// withThumbnail gives a TIFF of tiff a second directory, with a JPEG thumbnail (EXIF
// 2.32, 4.5.2): its place follows the entries of the first.
func withThumbnail(block string, thumbnail []byte) string {
	b := []byte(block)
	const first = 8
	next := first + 2 + 12*int(binary.LittleEndian.Uint16(b[first:]))
	binary.LittleEndian.PutUint32(b[next:], uint32(len(b)))
	at := len(b) + 2 + 2*12 + 4
	number := func(id uint16, n int) tag { return tag{id, 4, 1, binary.LittleEndian.AppendUint32(nil, uint32(n))} }
	return string(append(appendDirectory(b, []tag{number(0x0201, at), number(0x0202, len(thumbnail))}), thumbnail...))
}

func TestNothingButPixelsIsKept(t *testing.T) {
	t.Parallel()
	for name, data := range laden(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !bytes.Contains(data, []byte(secret)) {
				t.Fatal("there is nothing to strip")
			}
			photo, _ := accepted(t, data) // walks over every rendition by itself
			for _, r := range photo.Renditions {
				for _, word := range []string{secret, "Exif", "GPS", "xmp", "ICC", "JFIF", "Adobe", "<script"} {
					if bytes.Contains(r.Data, []byte(word)) {
						t.Errorf("%d contains %q", r.Size, word)
					}
				}
			}
		})
	}
}

func TestWhatThePhotoTellsIsSuggested(t *testing.T) {
	t.Parallel()
	for name, data := range laden(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, s := accepted(t, data)
			if s.Position == nil || math.Abs(s.Position.Lat-62.3908) > 1e-6 || math.Abs(s.Position.Lon-17.3069) > 1e-6 {
				t.Errorf("position %+v", s.Position)
			}
			if s.Direction == nil || *s.Direction != 271.5 {
				t.Errorf("direction %v", s.Direction)
			}
			if !s.Taken.Equal(sundsvallTaken) {
				t.Errorf("taken %v", s.Taken)
			}
		})
	}
}

func TestMetadataIsNotTrusted(t *testing.T) {
	t.Parallel()
	lat, lon := rationals(2, 62, 23, 26.88), rationals(4, 17, 18, 24.84)
	n, e := ascii(1, "N"), ascii(3, "E")
	tests := []struct {
		name string
		gps  []tag
		want *Position
	}{
		{"south and west", []tag{ascii(1, "S"), rationals(2, 33.5, 0, 0), ascii(3, "W"), rationals(4, 70.25, 0, 0)}, &Position{-33.5, -70.25}},
		{"without hemispheres: north and east", []tag{rationals(2, 62.5, 0, 0), rationals(4, 17.25, 0, 0)}, &Position{62.5, 17.25}},
		{"nothing", nil, nil},
		{"only a latitude", []tag{n, lat}, nil},
		{"only a longitude", []tag{e, lon}, nil},
		{"zero, which cameras without a fix write", []tag{n, rationals(2, 0, 0, 0), e, rationals(4, 0, 0, 0)}, nil},
		{"outside the world", []tag{n, rationals(2, 90.5, 0, 0), e, lon}, nil},
		{"beyond the date line", []tag{n, lat, e, rationals(4, 181, 0, 0)}, nil},
		{"divided by zero", []tag{n, {2, 5, 3, make([]byte, 24)}, e, lon}, nil},
		{"a latitude that is text", []tag{n, ascii(2, "62 degrees and more"), e, lon}, nil},
		{"a hemisphere that is a number", []tag{short(1, 7), rationals(2, 62.5, 0, 0), e, rationals(4, 17.25, 0, 0)}, &Position{62.5, 17.25}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := readEXIF([]byte(tiff(nil, nil, tt.gps)), nil).suggestion.Position
			switch {
			case (got == nil) != (tt.want == nil):
				t.Errorf("position %v, want %v", got, tt.want)
			case got != nil && *got != *tt.want:
				t.Errorf("position %v, want %v", *got, *tt.want)
			}
		})
	}
}

func TestDirection(t *testing.T) {
	t.Parallel()
	for degrees, want := range map[float64]float64{0: 0, 12.25: 12.25, 359.5: 359.5, 360: 0} {
		got := readEXIF([]byte(tiff(nil, nil, []tag{rationals(17, degrees)})), nil).suggestion.Direction
		if got == nil || *got != want {
			t.Errorf("%v gives %v, want %v", degrees, got, want)
		}
	}
	if got := readEXIF([]byte(tiff(nil, nil, []tag{rationals(17, 361)})), nil).suggestion.Direction; got != nil {
		t.Errorf("361 gives %v", *got)
	}
}

func TestWhenAPhotoWasTaken(t *testing.T) {
	t.Parallel()
	stockholm := time.FixedZone("CEST", 2*60*60)
	const moment = "2026:05:04 13:14:15"
	at := func(hour int) time.Time { return time.Date(2026, 5, 4, hour, 14, 15, 0, time.UTC) }
	tests := []struct {
		name       string
		main, exif []tag
		want       time.Time
	}{
		{"a zone of its own counts", nil, []tag{ascii(0x9003, moment), ascii(0x9011, "-03:00")}, at(16)},
		{"without one it is the processor's", nil, []tag{ascii(0x9003, moment)}, at(11)},
		{"a zone that is none is passed over", nil, []tag{ascii(0x9003, moment), ascii(0x9011, "   :  ")}, at(11)},
		{"exposure before digitizing", nil, []tag{ascii(0x9004, "2027:01:01 00:00:00"), ascii(0x9003, moment)}, at(11)},
		{"digitizing before changing", []tag{ascii(0x0132, "2027:01:01 00:00:00")}, []tag{ascii(0x9004, moment)}, at(11)},
		{"changing if there is nothing else", []tag{ascii(0x0132, moment)}, nil, at(11)},
		{"nothing", nil, nil, time.Time{}},
		{"no time", nil, []tag{ascii(0x9003, "    :  :     :  :  ")}, time.Time{}},
		{"no such day", nil, []tag{ascii(0x9003, "2026:02:30 00:00:00")}, time.Time{}},
		{"a clock that was never set", nil, []tag{ascii(0x9003, "1970:01:01 00:00:00")}, time.Time{}},
		{"a number", nil, []tag{short(0x9003, 2026)}, time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := readEXIF([]byte(tiff(tt.main, tt.exif, nil)), stockholm).suggestion.Taken; !got.Equal(tt.want) {
				t.Errorf("taken %v, want %v", got, tt.want)
			}
		})
	}
}

func TestOfTwoEXIFBlocksTheFirstCounts(t *testing.T) {
	t.Parallel()
	first := tiff([]tag{short(0x0112, 6)}, nil, nil)
	exif := sundsvall(3)
	for name, data := range map[string][]byte{
		"JPEG": withSegments(asJPEG(t, quarters(48, 32)), app1(first), app1(exif)),
		"PNG":  withChunks(asPNG(t, quarters(48, 32)), chunk("eXIf", first), chunk("eXIf", exif)),
		"WebP": asWebP(vp8x(1<<3, 48, 32), file(t, "lossless.webp")[12:], riff("EXIF", first), riff("EXIF", exif)),
	} {
		photo, s := accepted(t, data)
		if photo.Width != 32 || photo.Height != 48 {
			t.Errorf("%s: the second block turned it: %d × %d", name, photo.Width, photo.Height)
		}
		if s != (Suggestion{}) {
			t.Errorf("%s: the second block was read: %+v", name, s)
		}
	}
}

func TestABrokenEXIFBlockDoesNotCostThePhoto(t *testing.T) {
	t.Parallel()
	whole := sundsvall(6)
	blocks := map[string]string{
		"empty":                       "",
		"not TIFF":                    strings.Repeat("x", 500),
		"a directory that is its own": "II*\x00\x08\x00\x00\x00\x01\x00\x69\x87\x04\x00\x01\x00\x00\x00\x08\x00\x00\x00\x08\x00\x00\x00",
		"a directory out of reach":    "II*\x00\xff\xff\xff\xff",
	}
	for n := 1; n < len(whole); n += 7 {
		blocks["cut after "+time.Duration(n).String()] = whole[:n]
	}
	for name, block := range blocks {
		if _, _, err := process(t, withSegments(asJPEG(t, quarters(48, 32)), app1(block))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEXIFOfWebPMayCarryTheMarkOfJPEG(t *testing.T) {
	t.Parallel()
	photo, _ := accepted(t, webpWithEXIF(file(t, "lossy.webp"), 48, 32, "Exif\x00\x00"+sundsvall(6)))
	if photo.Width != 32 {
		t.Error("the orientation was not read")
	}
}

func TestLikeness(t *testing.T) {
	t.Parallel()
	original := landscape(600, 400)
	photo, _ := accepted(t, asJPEG(t, original))
	smaller, _ := accepted(t, asPNG(t, shrink(original, 250)))
	if d := photo.Likeness.Distance(smaller.Likeness); d > 6 {
		t.Errorf("the same photo, smaller, differs by %d bits", d)
	}
	turned, _ := accepted(t, withSegments(asJPEG(t, original), app1(sundsvall(3))))
	if d := photo.Likeness.Distance(turned.Likeness); d < 16 {
		t.Errorf("the photo upside down differs by %d bits only", d)
	}
	if plain, _ := accepted(t, asPNG(t, image.NewGray(image.Rect(0, 0, 300, 200)))); plain.Likeness != 0 {
		t.Errorf("a photo without any edge has %064b", plain.Likeness)
	}
	if Likeness(0).Distance(math.MaxUint64) != 64 {
		t.Error("opposites do not differ by 64 bits")
	}
}
