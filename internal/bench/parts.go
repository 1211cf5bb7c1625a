package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"mime/multipart"
	"time"
)

// parts measures what stands alone: tiles, and a photo.
func (b *bench) parts(ctx context.Context) error {
	if err := b.tiles(ctx); err != nil {
		return err
	}
	return b.photo(ctx)
}

// photo sends a photo of 12 megapixels as often as the size says, one at a time.
func (b *bench) photo(ctx context.Context) (err error) {
	body, contentType, err := photoForm()
	if err != nil {
		return err
	}
	s, err := b.newSite(ctx, sqlite, "photo")
	if err != nil {
		return err
	}
	p, err := s.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	c, err := connect(ctx, p.addr)
	if err != nil {
		return err
	}
	defer closeAll([]*connection{c})
	var took []float64
	for range b.size.photos {
		began := time.Now()
		if _, err := c.roundTrip(post("/v1/photos", contentType, body), 201); err != nil {
			return err
		}
		took = append(took, float64(time.Since(began).Milliseconds()))
	}
	peak, err := p.memory("VmHWM")
	if err != nil {
		return err
	}
	what := fmt.Sprintf("photo of 12 MP (%.1f MB) to three renditions", float64(len(body))/1e6)
	b.table.add(line{what: what, measured: fmt.Sprintf("%.0f ms", median(took))})
	b.table.add(line{what: what + ", the program's peak RSS", measured: fmt.Sprintf("%.0f MiB", peak)})
	return nil
}

// photoForm is a multipart body with a photo, and its content type.
func photoForm() (body []byte, contentType string, err error) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("photo", "photo.jpg")
	if err != nil {
		return nil, "", fmt.Errorf("write a photo: %w", err)
	}
	if err := errors.Join(jpeg.Encode(part, street(4000, 3000), &jpeg.Options{Quality: 90}), form.Close()); err != nil {
		return nil, "", fmt.Errorf("write a photo: %w", err)
	}
	return b.Bytes(), form.FormDataContentType(), nil
}

// street is a picture with the wide and narrow structures of a photo, so that it
// is as much work to decode as one.
func street(width, height int) image.Image {
	m := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	for y := range height {
		for x := range width {
			wide := 90 + 60*math.Sin(float64(x)/311)*math.Cos(float64(y)/173)
			grain := float64((x*7919+y*104729)%61) / 3
			r, g, b := uint8(wide+grain), uint8(wide+grain/2), uint8(wide)
			yy, cb, cr := color.RGBToYCbCr(r, g, b)
			m.Y[m.YOffset(x, y)], m.Cb[m.COffset(x, y)], m.Cr[m.COffset(x, y)] = yy, cb, cr
		}
	}
	return m
}
