//go:build nodynamic

package photo

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gen2brain/heic"

	"github.com/kantsten/kantsten/internal/problem"
)

func TestHEICKeepsItsPixels(t *testing.T) {
	t.Parallel()
	plain := [4]color.NRGBA{red, green, blue, white}
	for name, sides := range map[string]image.Point{
		"quarters.heic":    {48, 32},
		"full-colour.heic": {48, 32},
		"ten-bit.heic":     {48, 32},
		"wide.heic":        {2304, 1536},
		"laden.heic":       {48, 32}, // EXIF says "turn it", but the file's own boxes count, and do not
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			photo, _ := accepted(t, file(t, name))
			if got := image.Pt(photo.Width, photo.Height); got != sides {
				t.Errorf("%v pixels, want %v", got, sides)
			}
			for _, r := range photo.Renditions {
				checkQuarters(t, decoded(t, r), plain)
			}
		})
	}
}

func TestHEICByItsCommonBrand(t *testing.T) {
	t.Parallel()
	data := file(t, "quarters.heic")
	copy(data[8:], "mif1")
	accepted(t, data)
}

func TestHEICTellsAndIsStripped(t *testing.T) {
	t.Parallel()
	data := file(t, "laden.heic")
	if !bytes.Contains(data, []byte(secret)) {
		t.Fatal("there is nothing to strip")
	}
	photo, s := accepted(t, data)
	for _, r := range photo.Renditions {
		if bytes.Contains(r.Data, []byte(secret)) || bytes.Contains(r.Data, []byte("Exif")) {
			t.Errorf("%d kept metadata", r.Size)
		}
	}
	if s.Position == nil || math.Abs(s.Position.Lat-62.3908) > 1e-6 || math.Abs(s.Position.Lon-17.3069) > 1e-6 {
		t.Errorf("position %+v", s.Position)
	}
	if s.Direction == nil || *s.Direction != 271.5 || !s.Taken.Equal(sundsvallTaken) {
		t.Errorf("direction %v, taken %v", s.Direction, s.Taken)
	}
}

func TestNoLibheifOfTheSystemIsLoaded(t *testing.T) {
	t.Parallel()
	if err := heic.Dynamic(); err == nil || !strings.Contains(err.Error(), "disabled") {
		t.Errorf("package heic says %v: it looks for a library when the program starts", err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err == nil && bytes.Contains(maps, []byte("libheif")) { // only Linux has that file
		t.Error("a libheif is mapped into the process")
	}
}

// claiming is a HEIC whose boxes say other sides than its picture has.
func claiming(t testing.TB, name string, from, to image.Point) []byte {
	t.Helper()
	ispe := func(p image.Point) []byte {
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("ispe\x00\x00\x00\x00"), uint32(p.X)), uint32(p.Y))
	}
	data := file(t, name)
	if !bytes.Contains(data, ispe(from)) {
		t.Fatalf("%s does not say %v", name, from)
	}
	return bytes.ReplaceAll(data, ispe(from), ispe(to))
}

func TestHEICRefusals(t *testing.T) {
	t.Parallel()
	whole := file(t, "wide.heic")
	sides := image.Pt(2304, 1536)
	sequence := file(t, "quarters.heic")
	copy(sequence[8:], "hevc")
	deep := claiming(t, "wide.heic", sides, image.Pt(8_000, 6_000))
	deep = bytes.Replace(deep, []byte("mif1heic"), []byte("mif1heix"), 1) // more than 8 bits a colour
	tests := []struct {
		name string
		data []byte
		code string
	}{
		{"half of it", whole[:len(whole)/2], "damaged"},
		{"its brands alone", whole[:28], "damaged"},
		{"a sequence", sequence, "animated"},
		{"30,000 × 30,000 pixels", claiming(t, "wide.heic", sides, image.Pt(30_000, 30_000)), "too-many-pixels"},
		{"one pixel high", claiming(t, "wide.heic", sides, image.Pt(100_000, 1)), "too-many-pixels"},
		{"more pixels than memory", deep, "too-large-to-decode"},
		{"a picture that is larger than it says", claiming(t, "wide.heic", sides, image.Pt(64, 64)), "too-large-to-decode"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := process(t, tt.data)
			if e := problem.As(err); e == nil || e.Kind != problem.Invalid || e.Fields[0].Code != tt.code {
				t.Errorf("error %v, want %s", err, tt.code)
			}
		})
	}
}

func TestHEICNeedsADecoder(t *testing.T) {
	t.Parallel()
	_, _, err := new(Processor).Process(t.Context(), bytes.NewReader(file(t, "quarters.heic")))
	if e := problem.As(err); e == nil || e.Fields[0].Code != "unsupported-format" {
		t.Errorf("error %v", err)
	}
}

// A decoder that does not come to an end is killed, and so is one whose sender has
// left. The sleeping program stands for libheif in a loop.
func TestADecoderOfHEICThatHangsIsKilled(t *testing.T) {
	t.Parallel()
	hanging := []string{"/bin/sh", "-c", "exec sleep 600"}
	p := &Processor{Limits: Limits{Decode: 50 * time.Millisecond}, HEIC: hanging}
	_, _, err := p.Process(t.Context(), bytes.NewReader(file(t, "quarters.heic")))
	if e := problem.As(err); e == nil || e.Fields[0].Code != "too-slow" {
		t.Errorf("one that hangs: %v", err)
	}
	p = &Processor{HEIC: hanging}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := p.Process(ctx, bytes.NewReader(file(t, "quarters.heic"))); !errors.Is(err, context.DeadlineExceeded) || problem.As(err) != nil {
		t.Errorf("one whose sender left: %v", err)
	}
}

func TestADecoderOfHEICIsNotTrusted(t *testing.T) {
	t.Parallel()
	head := func(h heicHead) []byte {
		var b bytes.Buffer
		if err := binary.Write(&b, binary.BigEndian, h); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for name, answer := range map[string][]byte{
		"nothing":                   nil,
		"half a head":               head(heicHead{Kind: heicPlanes})[:5],
		"no pixels":                 head(heicHead{Kind: heicPlanes}),
		"more pixels than said":     head(heicHead{heicPlanes, 49, 32, 49, 32}),
		"sides that overflow":       head(heicHead{heicPlanes, 1 << 31, 1 << 31, 2048, 2048}),
		"not shrunk":                head(heicHead{heicPlanes, 48, 32, 1 << 30, 1}),
		"fewer pixels than it says": append(head(heicHead{heicColours, 48, 32, 48, 32}), 1, 2, 3),
		"an unknown kind":           head(heicHead{'?', 48, 32, 48, 32}),
	} {
		if p, err := readHEIC(bytes.NewReader(answer), 48*32); err == nil {
			t.Errorf("%s: read %+v", name, p)
		}
	}
}

// A process for each would take ten minutes, so most mutations are decoded here,
// as the process does it, and some by the whole way.
func TestDamagedHEICIsReadOrRefused(t *testing.T) {
	t.Parallel()
	machine, err := newHEICMachine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := &Processor{HEIC: decoderCommand(t)}
	p.limits = p.Limits.withDefaults()
	decodedSome := false
	for i, damaged := range mutations(file(t, "laden.heic")) {
		if i%50 == 0 {
			checkHostile(t, damaged)
			continue
		}
		h, _, err := p.inspect(t.Context(), bytes.NewReader(damaged))
		if err != nil {
			if problem.As(err) == nil {
				t.Errorf("mutation %d: %v", i, err)
			}
			continue
		}
		task := heicTask{linear: heicLinear(h.pixels(), h.size, h.deep), pixels: h.pixels()}
		picture, err := machine.decode(t.Context(), majorHEIC(damaged), task)
		if err != nil {
			continue
		}
		decodedSome = true
		if int64(picture.width)*int64(picture.height) > h.pixels() || picture.img.Bounds().Empty() {
			t.Errorf("mutation %d became %d × %d of %d pixels", i, picture.width, picture.height, h.pixels())
		}
	}
	if !decodedSome {
		t.Error("no mutation came as far as pixels")
	}
}

func FuzzHEICHeader(f *testing.F) {
	for _, name := range []string{"quarters.heic", "laden.heic", "ten-bit.heic"} {
		f.Add(file(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := &Processor{HEIC: []string{"/nonexistent"}}
		p.limits = p.Limits.withDefaults()
		h, meta, err := p.inspect(t.Context(), bytes.NewReader(data))
		if err == nil && (h.width <= 0 || h.height <= 0 || h.pixels() > p.limits.Pixels || meta.orientation < 0 || meta.orientation > 8) {
			t.Errorf("header %+v, orientation %d", h, meta.orientation)
		}
		if err != nil && problem.As(err) == nil {
			t.Errorf("error %v", err)
		}
	})
}
