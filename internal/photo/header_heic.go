package photo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/bep/imagemeta"
)

// isHEIF reports whether a file begins with the box that names its brands (ISO/IEC
// 14496-12, 4.3). AVIF, MP4 and QuickTime begin so too.
func isHEIF(magic []byte) bool { return len(magic) >= 12 && string(magic[4:8]) == "ftyp" }

// heicBrands name files whose pictures are coded as HEVC (ISO/IEC 23008-12,
// B.4.1): 8 bits a colour, more than 8, and the two that layer them.
var heicBrands = []string{"heic", "heix", "heim", "heis"}

// brandsOf returns the brands of a file, the major one first.
func brandsOf(head []byte) ([]string, error) {
	if len(head) < 16 {
		return nil, errors.New("a list of brands of a wrong length")
	}
	size := int64(binary.BigEndian.Uint32(head))
	if size > int64(len(head)) || size%4 != 0 {
		return nil, errors.New("a list of brands of a wrong length")
	}
	brands := []string{string(head[8:12])} // then comes a version
	for b := head[16:size]; len(b) > 0; b = b[4:] {
		brands = append(brands, string(b[:4]))
	}
	return brands, nil
}

// readHEICHeader looks at the brands. The rest of the header may stand anywhere
// in the file: see readHEICMeta.
func readHEICHeader(head []byte) (header, error) {
	h := header{format: formatHEIC, frames: 1}
	brands, err := brandsOf(head)
	if err != nil {
		return header{}, err
	}
	switch major := brands[0]; {
	case major == "hevc", major == "hevx", major == "msf1": // sequences of pictures
		h.frames = 2
		return h, nil
	case slices.Contains(heicBrands, major):
	case major == "mif1" && slices.ContainsFunc(brands, func(b string) bool { return slices.Contains(heicBrands, b) }):
	default:
		return header{}, errNoPhotoFormat()
	}
	h.deep = slices.Contains(brands, "heix")
	return h, nil
}

// readHEICMeta reads sides and EXIF with imagemeta, which follows the boxes
// wherever they point to, within the limits of in. The decoder has the last word
// on the sides: see heicPicture.
func (h *header) readHEICMeta(in io.ReadSeeker, limit time.Duration, zone *time.Location) (metadata, error) {
	tags := exifTags{}
	result, err := imagemeta.Decode(imagemeta.Options{
		R:            in,
		ImageFormat:  imagemeta.HEIF,
		Sources:      imagemeta.CONFIG | imagemeta.EXIF,
		LimitNumTags: 1000,
		LimitTagSize: 1000, // bytes
		Timeout:      limit,
		HandleTag:    tags.keep,
	})
	h.width, h.height = result.ImageConfig.Width, result.ImageConfig.Height
	if h.width <= 0 || h.height <= 0 {
		if err == nil {
			err = errors.New("no picture in it")
		}
		return metadata{}, fmt.Errorf("read the boxes: %w", err)
	}
	// What went wrong after the sides is in the metadata, which may be damaged.
	h.decodeBytes = heicBytes(*h)
	meta := tags.metadata(zone)
	meta.orientation = 1 // the file's own boxes say how to turn it, and the decoder does
	return meta, nil
}

// heicBytes is what the process of the decoder may take in all.
func heicBytes(h header) int64 {
	return heicProcess + heicLinear(h.pixels(), h.size, h.deep) + h.size
}

// heicLinear is the memory that the decoder of a HEIC may use, in bytes: it holds
// the file and the picture in several steps. Measured are 7.4 bytes a pixel for
// 8 bits a colour, 17 for more; tiny pictures have tables beside them.
func heicLinear(pixels, size int64, deep bool) int64 {
	perPixel := int64(8)
	if deep {
		perPixel = 18
	}
	return 16<<20 + size + saturatingMul(pixels, perPixel)
}

// heicProcess is what the process of the decoder takes before it has a photo, in
// bytes: 77 MiB were measured, mostly from compiling the decoder.
const heicProcess = 80 << 20

// majorHEIC returns the file with the one major brand that the decoder knows for
// certain; "mif1" is one that it would leave to others.
func majorHEIC(data []byte) []byte {
	if isHEIF(data) && bytes.Equal(data[8:12], []byte("mif1")) {
		copy(data[8:12], "heic")
	}
	return data
}
