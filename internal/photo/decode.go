package photo

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// codec is how a format is decoded.
type codec struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// codecOf returns the only decoders that a photo can reach, but for that of HEIC.
func codecOf(f format) codec {
	switch f {
	case formatJPEG:
		return codec{jpeg.DecodeConfig, jpeg.Decode}
	case formatPNG:
		return codec{png.DecodeConfig, png.Decode}
	default:
		return codec{webp.DecodeConfig, webp.Decode}
	}
}

// decode decodes the photo to a pixel type that imaging can be given. The
// decoder's own view of the sides is asked first and must be the one that was
// checked. Of a HEIC the sides become what the decoder found, which may be turned
// or cropped, never more.
func (p *Processor) decode(ctx context.Context, src io.ReadSeeker, h *header) (image.Image, error) {
	if h.format == formatHEIC {
		picture, err := p.decodeHEIC(ctx, src, *h)
		h.width, h.height = picture.width, picture.height
		return picture.img, err
	}
	c := codecOf(h.format)
	in := p.input(ctx, src)
	config, err := c.config(in)
	if err == nil && (config.Width != h.width || config.Height != h.height) {
		err = errors.New("the header can be read in two ways")
	}
	if err != nil {
		return nil, in.explain(unsupported(err))
	}
	in = p.input(ctx, src)
	in.format = h.format
	var part io.Reader = in
	if h.end > 0 {
		part = io.LimitReader(in, h.end)
	}
	img, err := decodeGuarded(c, part)
	if err == nil && img.Bounds() != image.Rect(0, 0, h.width, h.height) {
		err = errors.New("the picture is not of the size in its header")
	}
	if err != nil {
		return nil, in.explain(unsupported(err))
	}
	return safePixels(img), nil
}

// decodeGuarded turns a panic of a decoder into an error. The decoders are not
// known to panic, but they are large, and read what strangers send: one bug must
// not end the requests of everybody else. They run in this goroutine.
func decodeGuarded(c codec, r io.Reader) (img image.Image, err error) {
	defer func() {
		if v := recover(); v != nil {
			img, err = nil, fmt.Errorf("the decoder panicked: %v", v)
		}
	}()
	return c.decode(r)
}

// unsupported is the refusal for what a decoder does not implement, and err
// itself for anything else.
func unsupported(err error) error {
	var jpegErr jpeg.UnsupportedError
	var pngErr png.UnsupportedError
	if !errors.As(err, &jpegErr) && !errors.As(err, &pngErr) {
		return err
	}
	e := refuse("unsupported-format", "this kind of file cannot be read here; send an ordinary JPEG, PNG, WebP or HEIC")
	e.Cause = err
	return e
}
