//go:build nodynamic

package photo

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	_ "unsafe" // for go:linkname

	_ "github.com/gen2brain/heic" // carries the decoder
	"github.com/tetratelabs/wazero"
	wasm "github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// heicBuiltIn says whether this program can decode HEIC. Without the build tag
// nodynamic it does not: package heic would then load any libheif that it finds on
// the system when the program starts.
const heicBuiltIn = true

// heicModule is libheif and libde265 as package heic carries them, compressed. Its
// own Decode is not used because it bounds neither memory (of a file that claims
// 64 × 64 pixels and codes 8192 × 8192) nor what its memory grows by: 12 megapixels
// take it 280 MB, and with a memory that is as large as it may become 84 MB.
//
//go:linkname heicModule github.com/gen2brain/heic.heifWasm
var heicModule []byte

// DecodeHEIC is the whole work of the process that [Processor.HEIC] starts: it
// decodes the file on in and writes the answer to out. An error means that there
// is no answer.
func DecodeHEIC(args []string, in io.Reader, out io.Writer) error {
	task, err := parseHEICTask(args)
	if err != nil {
		return fmt.Errorf("read the task: %w", err)
	}
	if err := confine(task.limit); err != nil {
		return err
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read the photo: %w", err)
	}
	machine, err := newHEICMachine(context.Background())
	if err != nil {
		return err
	}
	picture, err := machine.decode(context.Background(), majorHEIC(data), task)
	switch {
	case errors.Is(err, errHEICMemory):
		return binary.Write(out, binary.BigEndian, heicHead{Kind: heicMemory})
	case err != nil:
		return binary.Write(out, binary.BigEndian, heicHead{Kind: heicDamaged})
	}
	return writeHEIC(out, picture)
}

// errHEICMemory is for a photo that takes more memory than its task allows.
var errHEICMemory = errors.New("the decoder wanted more memory than it may have")

// linearMemory is the decoder's memory: made once, as large as it may become, so
// that growing copies nothing. Pages that are not touched cost nothing.
type linearMemory struct {
	most     int64
	pages    []byte
	exceeded bool
}

func (m *linearMemory) Allocate(_, _ uint64) experimental.LinearMemory {
	m.pages = make([]byte, m.most)
	return m
}

func (m *linearMemory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.pages)) {
		m.exceeded = true
		return nil
	}
	return m.pages[:size:size]
}

func (m *linearMemory) Free() {}

// heicMachine holds the decoder as machine code.
type heicMachine struct {
	runtime wazero.Runtime
	decoder wazero.CompiledModule
}

// newHEICMachine compiles the decoder, which takes half a second.
func newHEICMachine(ctx context.Context) (*heicMachine, error) {
	packed, err := gzip.NewReader(bytes.NewReader(heicModule))
	if err != nil {
		return nil, fmt.Errorf("unpack the decoder: %w", err)
	}
	code, err := io.ReadAll(packed)
	if err != nil {
		return nil, fmt.Errorf("unpack the decoder: %w", err)
	}
	m := &heicMachine{runtime: wazero.NewRuntime(ctx)}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, m.runtime); err != nil {
		return nil, fmt.Errorf("prepare the decoder: %w", err)
	}
	if m.decoder, err = m.runtime.CompileModule(ctx, code); err != nil {
		return nil, fmt.Errorf("compile the decoder: %w", err)
	}
	return m, nil
}

// decode decodes a file with a memory of its own. The decoder can reach nothing
// else: its configuration has no files, no environment and no output.
func (m *heicMachine) decode(ctx context.Context, data []byte, task heicTask) (heicPicture, error) {
	memory := &linearMemory{most: task.linear}
	ctx = experimental.WithMemoryAllocator(ctx, memory)
	module, err := m.runtime.InstantiateModule(ctx, m.decoder, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		return heicPicture{}, fmt.Errorf("start the decoder: %w", err)
	}
	defer func() { _ = module.Close(ctx) }() // nothing is left open
	picture, err := (&libheif{ctx: ctx, module: module}).picture(data, task.pixels)
	if memory.exceeded {
		return heicPicture{}, errHEICMemory
	}
	return picture, err
}

// libheif calls the functions of the decoder. After the first failure it does
// nothing more.
type libheif struct {
	ctx    context.Context // of one decoding
	module wasm.Module
	failed error
}

// call calls a function of 32-bit numbers.
func (l *libheif) call(name string, args ...uint32) uint32 {
	if l.failed != nil {
		return 0
	}
	wide := make([]uint64, len(args))
	for i, a := range args {
		wide[i] = uint64(a)
	}
	results, err := l.module.ExportedFunction(name).Call(l.ctx, wide...)
	if err == nil && (len(results) == 0 || uint32(results[0]) == 0) { //nolint:gosec // 32 bits are what it returns
		err = errors.New("failed")
	}
	if err != nil {
		l.failed = fmt.Errorf("%s: %w", name, err)
		return 0
	}
	return uint32(results[0]) //nolint:gosec // as above
}

// libheif's numbers for colour spaces (heif_colorspace) and for the share of
// colour (heif_chroma).
const (
	spaceYCbCr, spaceRGB, spaceGrey = 0, 1, 2
	chroma420, chroma422, chroma444 = 1, 2, 3
)

// picture decodes the file's primary picture, and shrinks it.
func (l *libheif) picture(data []byte, most int64) (heicPicture, error) {
	size := uint32(len(data)) //nolint:gosec // bounded by Limits.Bytes
	file := l.call("malloc", size)
	// Five numbers come back by address: width, height, space, chroma, and whether
	// colours are multiplied by transparency.
	const fields = 5
	at := l.call("malloc", 4*fields)
	if l.failed != nil || !l.module.Memory().Write(file, data) {
		return heicPicture{}, errors.Join(errors.New("no room for the file"), l.failed)
	}
	l.call("decode", file, size, 1, at, at+4, at+8, at+12, at+16, 0)
	var v [fields]uint32
	for i := range v {
		v[i], _ = l.module.Memory().ReadUint32Le(at + 4*uint32(i)) // inside what malloc gave
	}
	width, height := v[0], v[1]
	if l.failed != nil || width == 0 || height == 0 || float64(width)*float64(height) > float64(most) {
		return heicPicture{}, errors.Join(errors.New("not the picture of the header"), l.failed)
	}
	img, room, err := heicLayout(int(width), int(height), v[2], v[3], v[4] == 1)
	if err != nil {
		return heicPicture{}, err
	}
	pixels := l.call("malloc", room)
	l.call("decode", file, size, 0, at, at+4, at+8, at+12, at+16, pixels)
	if l.failed != nil {
		return heicPicture{}, l.failed
	}
	out, ok := l.module.Memory().Read(pixels, room)
	if !ok {
		return heicPicture{}, errors.New("pixels outside the memory")
	}
	return heicPicture{int(width), int(height), shrinkHEIC(img(out))}, nil
}

// heicLayout returns how many bytes the decoder writes for a picture, and how they
// become an image. Rows are padded as libheif 1.18 does (ImagePlane::alloc): to at
// least 64 samples and to 16 bytes.
func heicLayout(width, height int, space, chroma uint32, premultiplied bool) (func([]byte) image.Image, uint32, error) {
	rect := image.Rect(0, 0, width, height)
	padded := func(n int) int { return (max(n, 64) + 15) &^ 15 }
	switch space {
	case spaceYCbCr:
		ratio, across, down := image.YCbCrSubsampleRatio444, width, height
		switch chroma {
		case chroma420:
			ratio, across, down = image.YCbCrSubsampleRatio420, (width+1)/2, (height+1)/2
		case chroma422:
			ratio, across = image.YCbCrSubsampleRatio422, (width+1)/2
		case chroma444:
		default:
			return nil, 0, fmt.Errorf("colour in the unknown share %d", chroma)
		}
		y, c := padded(width)*height, padded(across)*down
		return func(b []byte) image.Image {
			return &image.YCbCr{Y: b[:y:y], Cb: b[y : y+c : y+c], Cr: b[y+c:], YStride: padded(width), CStride: padded(across), SubsampleRatio: ratio, Rect: rect}
		}, uint32(y + 2*c), nil //nolint:gosec // within the pixels that were checked
	case spaceGrey:
		return func(b []byte) image.Image {
			return &image.Gray{Pix: b, Stride: padded(width), Rect: rect}
		}, uint32(padded(width) * height), nil //nolint:gosec // as above
	case spaceRGB:
		return func(b []byte) image.Image {
			if premultiplied {
				return &image.RGBA{Pix: b, Stride: 4 * padded(width), Rect: rect}
			}
			return &image.NRGBA{Pix: b, Stride: 4 * padded(width), Rect: rect}
		}, uint32(4 * padded(width) * height), nil //nolint:gosec // as above
	}
	return nil, 0, fmt.Errorf("the unknown colour space %d", space)
}

// shrinkHEIC makes of the decoder's pixels those that are handed over, at most
// Large and without padding.
func shrinkHEIC(img image.Image) image.Image {
	sides := img.Bounds().Size()
	width, height := fit(sides.X, sides.Y, Large)
	if planes, ok := img.(*image.YCbCr); ok {
		return averagePlanes(planes, width, height)
	}
	small := shrink(img, Large)
	if small.Stride == 4*width {
		return small
	}
	tight := image.NewNRGBA(small.Rect)
	for y := range height {
		copy(tight.Pix[y*tight.Stride:][:tight.Stride], small.Pix[y*small.Stride:])
	}
	return tight
}
