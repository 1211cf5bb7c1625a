package photo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"time"
)

// A HEIC is decoded in a process of its own, which ends with it. The decoder is
// libheif and libde265, compiled to WebAssembly, that to machine code, and Go can
// interrupt neither: while it runs, the garbage collector waits, and with it every
// request (measured: 9 s for a photo of 12 megapixels on a busy machine). Nor could
// a photo that never ends be stopped. As a process it is killed when its time is
// up, its memory is back at once, and it sees no secret of the server's.
//
// The process is this program, called as [Processor.HEIC] says, with one of the
// photo's sides and limits as arguments; [DecodeHEIC] is what it has to call. The
// file goes in by its standard input. Out comes a [heicHead] and the pixels, shrunk
// to Large already, so that the server never holds the whole picture.

// heicTask is what the process is told.
type heicTask struct {
	linear int64         // bytes that the decoder may use
	pixels int64         // the most that the picture may have
	limit  time.Duration // of processor time
}

// args are the task as arguments of a command.
func (k heicTask) args() []string {
	return []string{fmt.Sprint(k.linear), fmt.Sprint(k.pixels), fmt.Sprint(k.limit.Milliseconds())}
}

// parseHEICTask is the other way.
func parseHEICTask(args []string) (heicTask, error) {
	var k heicTask
	var millis int64
	if len(args) != 3 {
		return k, errors.New("want bytes of memory, pixels and milliseconds")
	}
	for i, to := range []*int64{&k.linear, &k.pixels, &millis} {
		if _, err := fmt.Sscan(args[i], to); err != nil || *to <= 0 {
			return k, fmt.Errorf("argument %q is no positive number", args[i])
		}
	}
	k.limit = time.Duration(millis) * time.Millisecond
	return k, nil
}

// How the decoding of a HEIC ended, the first byte of the answer.
const (
	heicPlanes  = 'Y' // YCbCr 4:2:0 follows
	heicColours = 'N' // NRGBA follows
	heicMemory  = 'M' // the decoder wanted more memory than it may have
	heicDamaged = 'D'
)

// heicHead begins the answer: how it ended, and then the sides of the photo and
// of the pixels that follow, in big-endian order.
type heicHead struct {
	Kind                             uint8
	Width, Height, ToWidth, ToHeight uint32
}

// heicPicture is a decoded HEIC: its sides, and its pixels at no more than Large.
type heicPicture struct {
	width, height int
	img           image.Image // *image.YCbCr or *image.NRGBA
}

// writeHEIC writes the answer for a picture.
func writeHEIC(w io.Writer, p heicPicture) error {
	to := p.img.Bounds().Size()
	head := heicHead{Width: side(p.width), Height: side(p.height), ToWidth: side(to.X), ToHeight: side(to.Y)}
	parts := make([][]byte, 0, 3)
	switch img := p.img.(type) {
	case *image.YCbCr:
		head.Kind, parts = heicPlanes, append(parts, img.Y, img.Cb, img.Cr)
	case *image.NRGBA:
		head.Kind, parts = heicColours, append(parts, img.Pix)
	default:
		return fmt.Errorf("no way to hand over pixels of %T", p.img)
	}
	if err := binary.Write(w, binary.BigEndian, head); err != nil {
		return fmt.Errorf("write a decoded photo: %w", err)
	}
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return fmt.Errorf("write a decoded photo: %w", err)
		}
	}
	return nil
}

func side(n int) uint32 { return uint32(n) } //nolint:gosec // a side of a picture that was decoded

// readHEIC reads the answer. It trusts nothing in it: the process has read what a
// stranger sent.
func readHEIC(r io.Reader, most int64) (heicPicture, error) {
	var head heicHead
	if err := binary.Read(r, binary.BigEndian, &head); err != nil {
		return heicPicture{}, fmt.Errorf("read a decoded photo: %w", err)
	}
	switch head.Kind {
	case heicMemory:
		return heicPicture{}, errTooLargeToDecode(formatHEIC)
	case heicDamaged:
		return heicPicture{}, damaged(errors.New("libheif could not decode it"))
	}
	const most31 = 1 << 31
	if head.Width == 0 || head.Height == 0 || head.Width >= most31 || head.Height >= most31 ||
		int64(head.Width)*int64(head.Height) > most {
		return heicPicture{}, damaged(errors.New("the picture is larger than its header says"))
	}
	p := heicPicture{width: int(head.Width), height: int(head.Height)}
	toWidth, toHeight := fit(p.width, p.height, Large)
	if int64(head.ToWidth) != int64(toWidth) || int64(head.ToHeight) != int64(toHeight) {
		return heicPicture{}, errors.New("read a decoded photo: not the size that was asked for")
	}
	var parts [][]byte
	switch head.Kind {
	case heicPlanes:
		img := image.NewYCbCr(image.Rect(0, 0, toWidth, toHeight), image.YCbCrSubsampleRatio420)
		p.img, parts = img, [][]byte{img.Y, img.Cb, img.Cr}
	case heicColours:
		img := image.NewNRGBA(image.Rect(0, 0, toWidth, toHeight))
		p.img, parts = img, [][]byte{img.Pix}
	default:
		return heicPicture{}, errors.New("read a decoded photo: neither pixels nor a reason")
	}
	for _, part := range parts {
		if _, err := io.ReadFull(r, part); err != nil {
			return heicPicture{}, fmt.Errorf("read a decoded photo: %w", err)
		}
	}
	return p, nil
}
