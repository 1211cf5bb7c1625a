package photo

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// format is a file format, as metrics name it.
type format string

const (
	formatJPEG format = "jpeg"
	formatPNG  format = "png"
	formatWebP format = "webp"
	formatHEIC format = "heic"
)

// header is what is known of a photo before it is decoded.
type header struct {
	format        format
	size          int64 // of the file, in bytes
	width, height int   // pixels, as stored, before orientation; of a HEIC after it
	frames        int   // more than one is an animation
	// decodeBytes is the most memory that decoding holds at once, in bytes: the
	// image and, where the decoder keeps it beside, what it is made from.
	decodeBytes int64
	planar      bool   // decodes to YCbCr, which is shrunk plane by plane
	deep        bool   // a HEIC that may have more than 8 bits a colour
	end         int64  // where the picture ends in the file, 0 if that was not learnt
	exif        []byte // the first EXIF block as a TIFF file, nil if there is none
}

func (h header) pixels() int64 { return int64(h.width) * int64(h.height) }

// maxEXIF is the most that is kept of an EXIF block, in bytes. In a JPEG it
// cannot be longer; in PNG and WebP a longer one is passed over.
const maxEXIF = 1 << 16

// errTruncated is for a file that ends where its format does not allow it.
var errTruncated = errors.New("the file ends too early")

// readHeader recognises the format and walks over the file's parts as far as
// metadata can stand. It decodes nothing, and it reads the same fields that the
// decoder goes by, so that what is checked is what will be decoded; decode
// compares once more. Of a HEIC it learns the format only. Errors are damage or a
// refusal.
func readHeader(r io.Reader) (header, error) {
	src := &counted{Reader: r}
	in := bufio.NewReaderSize(src, 1<<15)
	magic, err := in.Peek(12)
	if err != nil && !errors.Is(err, io.EOF) {
		return header{}, err
	}
	switch {
	case len(magic) == 0:
		return header{}, refuse("empty", "the photo is empty")
	case bytes.HasPrefix(magic, []byte("\xff\xd8\xff")):
		return atEOF(readJPEGHeader(in, src))
	case bytes.HasPrefix(magic, []byte("\x89PNG\r\n\x1a\n")):
		return atEOF(readPNGHeader(in))
	case bytes.HasPrefix(magic, []byte("RIFF")) && bytes.HasSuffix(magic, []byte("WEBP")):
		return atEOF(readWebPHeader(in))
	case isHEIF(magic):
		const most = 1 << 10 // bytes; files in use name less than twenty brands
		head, err := in.Peek(int(min(most, binary.BigEndian.Uint32(magic))))
		if err != nil {
			return atEOF(header{}, err)
		}
		return readHEICHeader(head)
	}
	return header{}, errNoPhotoFormat()
}

// errNoPhotoFormat is the refusal of what is none of the formats.
func errNoPhotoFormat() error {
	formats := "JPEG, PNG or WebP"
	if heicBuiltIn {
		formats = "JPEG, PNG, WebP or HEIC"
	}
	return refuse("unsupported-format", "this is not a photo that can be read here; send %s", formats)
}

// atEOF makes the end of the file inside a header the damage that it is.
func atEOF(h header, err error) (header, error) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errTruncated
	}
	return h, err
}

// check holds the header against the limits.
func (h header) check(l Limits) error {
	switch {
	case h.frames > 1:
		return refuse("animated", "this is an animation; send a still photo")
	case h.width <= 0 || h.height <= 0:
		return damaged(errors.New("no pixels"))
	case h.width > l.Side || h.height > l.Side:
		return refuse("too-many-pixels", "the photo is %d × %d pixels; a side may have at most %d", h.width, h.height, l.Side)
	case h.pixels() > l.Pixels:
		return refuse("too-many-pixels", "the photo has %d × %d pixels; at most %d million are read", h.width, h.height, l.Pixels/1_000_000)
	}
	return nil
}

// memory is what the photo takes at its peak in bytes, decoding or rendering:
// the decoded image; the largest rendition, its copy turned upright, and as much
// again for buffers and encoded files, at four bytes a pixel for colours and two
// and a half for planes; and what the first resampling of colours holds between its
// two directions.
func (h header) memory() int64 {
	w, ht := fit(h.width, h.height, Large)
	if h.format == formatHEIC { // arrives shrunk; what decoded it has ended when it is rendered, and took more
		return h.decodeBytes + 4*int64(w)*int64(ht) + 1<<20
	}
	if h.planar {
		return h.decodeBytes + 8*int64(w)*int64(ht) + 1<<20
	}
	between := 4 * int64(w) * int64(h.height)
	return h.decodeBytes + between + 3*4*int64(w)*int64(ht) + 1<<20
}

// skip passes over n bytes.
func skip(in *bufio.Reader, n int64) error {
	_, err := io.CopyN(io.Discard, in, n)
	return err
}

// take reads n bytes.
func take(in *bufio.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(in, b)
	return b, err
}
