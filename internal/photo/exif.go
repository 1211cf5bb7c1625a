package photo

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/bep/imagemeta"
)

// Suggestion is what a photo told about where and when it was taken. It is for
// the one who sent the photo, to accept or not, and is never stored with it.
type Suggestion struct {
	// Position is where the camera was, nil if it did not say.
	Position *Position
	// Direction is where the camera looked, in degrees clockwise from north (true
	// or magnetic: cameras seldom say which), 0 to under 360; nil if unknown.
	Direction *float64
	// Taken is when, zero if unknown.
	Taken time.Time
}

// Position is a point in WGS 84, in degrees.
type Position struct{ Lat, Lon float64 }

// metadata is what is read from a photo before its metadata is dropped.
type metadata struct {
	orientation orientation
	suggestion  Suggestion
}

// readEXIF reads an EXIF block, which is a TIFF file without a picture. A block
// that is damaged is worth as much as could be read of it: it never fails.
func readEXIF(tiff []byte, zone *time.Location) metadata {
	if len(tiff) == 0 {
		return metadata{}
	}
	tags := exifTags{}
	// An error says that the block is damaged, which makes no difference here.
	_, _ = imagemeta.Decode(imagemeta.Options{
		R:            bytes.NewReader(tiff),
		ImageFormat:  imagemeta.TIFF,
		Sources:      imagemeta.EXIF,
		LimitNumTags: 1000, // phones write about 60
		LimitTagSize: 1000, // bytes; longer values are notes of the maker
		HandleTag:    tags.keep,
	})
	return tags.metadata(zone)
}

// exifTags are values by EXIF's names for them. Their types are whatever the
// file says, so none is taken for granted.
type exifTags map[string]any

// keep is what imagemeta calls for every tag; of two of one name the first counts.
func (t exifTags) keep(tag imagemeta.TagInfo) error {
	if _, seen := t[tag.Tag]; !seen {
		t[tag.Tag] = tag.Value
	}
	return nil
}

func (t exifTags) metadata(zone *time.Location) metadata {
	return metadata{
		orientation: t.orientation(),
		suggestion: Suggestion{
			Position:  t.position(),
			Direction: t.direction(),
			Taken:     t.taken(zone),
		},
	}
}

func (t exifTags) orientation() orientation {
	n, _ := t.number("Orientation")
	if n >= 1 && n <= 8 {
		return orientation(n)
	}
	return 1
}

// position is nil unless both coordinates are there and inside the world. A
// coordinate of exactly zero is what cameras without a fix write, and what
// imagemeta makes of one that it cannot read, so it does not count.
func (t exifTags) position() *Position {
	lat, okLat := t.number("GPSLatitude")
	lon, okLon := t.number("GPSLongitude")
	if !okLat || !okLon || math.Abs(lat) > 90 || math.Abs(lon) > 180 || lat == 0 || lon == 0 {
		return nil
	}
	if strings.EqualFold(t.text("GPSLatitudeRef"), "S") {
		lat = -math.Abs(lat)
	}
	if strings.EqualFold(t.text("GPSLongitudeRef"), "W") {
		lon = -math.Abs(lon)
	}
	return &Position{Lat: lat, Lon: lon}
}

func (t exifTags) direction() *float64 {
	d, ok := t.number("GPSImgDirection")
	if !ok || d < 0 || d > 360 {
		return nil
	}
	d = math.Mod(d, 360)
	return &d
}

// taken prefers the moment of exposure, in the zone that stands beside it, else
// in the given one.
func (t exifTags) taken(zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	for _, at := range [][2]string{
		{"DateTimeOriginal", "OffsetTimeOriginal"},
		{"CreateDate", "OffsetTimeDigitized"}, // imagemeta's name for DateTimeDigitized
		{"ModifyDate", "OffsetTime"},          // and for DateTime
	} {
		const layout = "2006:01:02 15:04:05" // EXIF 2.32, 4.6.5
		value := t.text(at[0])
		if taken, err := time.Parse(layout+"-07:00", value+t.text(at[1])); err == nil {
			return plausible(taken)
		}
		if taken, err := time.ParseInLocation(layout, value, zone); err == nil {
			return plausible(taken)
		}
	}
	return time.Time{}
}

// plausible drops the times of cameras whose clock was never set.
func plausible(taken time.Time) time.Time {
	if taken.Year() < 1990 {
		return time.Time{}
	}
	return taken
}

// number returns a value that is a finite number.
func (t exifTags) number(name string) (float64, bool) {
	var f float64
	switch v := t[name].(type) {
	case float64:
		f = v
	case uint16:
		f = float64(v)
	case uint32:
		f = float64(v)
	case interface{ Float64() float64 }: // imagemeta's fractions
		f = v.Float64()
	default:
		return 0, false
	}
	return f, !math.IsNaN(f) && !math.IsInf(f, 0)
}

// text returns a value that is text, without what cameras pad it with.
func (t exifTags) text(name string) string {
	if t[name] == nil {
		return ""
	}
	return strings.Trim(fmt.Sprint(t[name]), " \x00")
}
