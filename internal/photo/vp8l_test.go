package photo

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/kantsten/kantsten/internal/problem"
)

// bitWriter writes a lossless WebP picture (RFC 9649, 3), least significant bit
// first.
type bitWriter struct {
	b []byte
	n int // bits written
}

func (w *bitWriter) bits(value, n int) {
	for i := range n {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(value>>i&1) << (w.n % 8)
		w.n++
	}
}

// symbol writes one of a code whose symbols all have the same length: its number,
// most significant bit first.
func (w *bitWriter) symbol(s, length int) {
	for i := length - 1; i >= 0; i-- {
		w.bits(s>>i&1, 1)
	}
}

// lengthOrder is in which order the lengths of the code of lengths are written.
var lengthOrder = []int{17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// repeat is the symbol that gives the next three to six symbols the length before;
// at the beginning that is eight.
const repeat = 16

// run is some neighbours of an alphabet with codes of one length, in bits.
type run struct{ n, length int }

// code writes a prefix code of one run, or of two of rising lengths: the lengths
// are coded by one bit for "again" and two for the others.
func (w *bitWriter) code(runs ...run) {
	const n = 16 // of lengthOrder: up to the length 12
	w.bits(0, 1) // not one of the simple codes
	w.bits(n-4, 4)
	for _, length := range lengthOrder[:n] {
		switch {
		case length == repeat:
			w.bits(1, 3)
		case length == runs[0].length, length == runs[0].length+1:
			w.bits(2, 3)
		default:
			w.bits(0, 3)
		}
	}
	w.bits(0, 1) // all of the alphabet
	for i, r := range runs {
		w.symbol(2+i, 2)
		left := r.n - 1
		for ; left >= 3; left -= min(left, 6) {
			w.symbol(0, 1)
			w.bits(min(left, 6)-3, 2)
		}
		for range left {
			w.symbol(2+i, 2)
		}
	}
}

// eights writes a code of 256 symbols, eight bits each, of an alphabet that may
// have more, in the cheapest way there is: "again" alone has a code, so that it
// takes no bits, and means eight where nothing came before.
func (w *bitWriter) eights(alphabet int) {
	const n, again = 9, 256/6 + 1 // of lengthOrder, and how often
	w.bits(0, 1)
	w.bits(n-4, 4)
	w.bits(1<<(3*8), 3*n)
	if alphabet > 256 {
		w.bits(1, 1)
		w.bits(2, 3) // a number of 6 bits follows
		w.bits(again-2, 6)
	} else {
		w.bits(0, 1)
	}
	for range again - 1 {
		w.bits(6-3, 2)
	}
	w.bits(256%6-3, 2)
}

// nothing writes a code of one symbol, zero, which takes no bits.
func (w *bitWriter) nothing() { w.bits(1, 4) }

// grove is a lossless picture of one colour in some groups of codes, each with as
// many symbols as the decoder allows: what it takes the most memory for. The sides
// are multiples of four.
func grove(width, height, groups int) []byte {
	w := &bitWriter{}
	w.bits(0x2f, 8)
	w.bits(width-1, 14)
	w.bits(height-1, 14)
	w.bits(0, 1+3+1) // no alpha, version 0, no transforms
	w.bits(1, 1)
	w.bits(11, 4) // a cache of 2¹¹ colours
	w.bits(1, 1)
	w.bits(0, 3) // a picture of groups, for tiles of 4 × 4

	w.bits(0, 1) // it has no cache
	w.eights(256 + 24)
	w.eights(256)
	w.nothing()
	w.nothing()
	w.nothing()
	for i := range width / 4 * height / 4 {
		group := min(i, groups-1)
		w.symbol(group&0xff, 8) // green
		w.symbol(group>>8, 8)   // red
	}
	for range groups {
		w.code(run{1768, 11}, run{560, 12}) // 256 + 24 + 2¹¹
		w.eights(256)
		w.eights(256)
		w.eights(256)
		w.code(run{24, 5}, run{16, 6})
	}
	w.symbol(0x80, 11)
	for range 3 {
		w.symbol(0xff, 8)
	}
	for left := width*height - 1; left > 0; { // the pixel before, again and again
		n := min(left, 4096)
		if n < 3073 {
			n = 1
			w.symbol(256, 11)
		} else {
			w.symbol(256+23, 11)
			w.bits(n-3073, 10)
		}
		w.symbol(1, 5)
		left -= n
	}
	return w.b
}

// measured is a source that measures what is in use when it is read to its end.
type measured struct {
	*bytes.Reader
	most uint64
}

func (m *measured) Read(b []byte) (int, error) {
	if m.Len() < 8<<10 && m.Len() > 0 {
		m.measure()
	}
	return m.Reader.Read(b)
}

func (m *measured) measure() {
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	m.most = max(m.most, now.HeapAlloc)
}

// inUse returns the most bytes that decode has in use when it has read all but the
// last of the file, or when it returns.
func inUse(t *testing.T, data []byte, decode func(io.ReadSeeker) any) int64 {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // only when measuring
	src := &measured{Reader: bytes.NewReader(data)}
	src.measure()
	before := src.most
	result := decode(src)
	src.measure()
	runtime.KeepAlive(result)
	return int64(src.most - before)
}

// A small lossless WebP can make the decoder hold more for its codes than for its
// pixels: 147 MB for 208 × 208 with 2600 groups, which would take this test long.
func TestTheReservationCoversTheCodesOfLosslessWebP(t *testing.T) { // not parallel: it measures the heap
	small := riff("VP8L", string(grove(208, 208, 100)))
	lossy := file(t, "large-lossy-alpha.webp")
	lossy = lossy[bytes.Index(lossy, []byte("VP8 ")):]
	const canvas, alpha, width, height = 0, 1 << 4, 2400, 1800 // as in that file
	for name, tt := range map[string]struct {
		data  []byte
		least int64 // bytes in use, or the file is not what it says
	}{
		"1000 groups":                  {asWebP(riff("VP8L", string(grove(208, 208, 1000)))), 50_000_000},
		"100 groups under a canvas":    {asWebP(vp8x(canvas, 208, 208), small), 5_000_000},
		"100 groups of an alpha plane": {asWebP(vp8x(alpha, width, height), riff("ALPH", "\x01"+string(grove(width, height, 100)[5:])), lossy), 5_000_000},
	} {
		h, err := readHeader(bytes.NewReader(tt.data))
		if err != nil {
			t.Fatal(err)
		}
		p := &Processor{limits: Limits{Decode: unhurried}.withDefaults()}
		took := inUse(t, tt.data, func(src io.ReadSeeker) any {
			img, err := p.decode(t.Context(), src, &h)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return img
		})
		if took > h.decodeBytes || took < tt.least {
			t.Errorf("%s, %d bytes: reserved %d, in use %d", name, len(tt.data), h.decodeBytes, took)
		}
	}
}

// The decoder of lossy WebP makes room for what a chunk claims to hold.
func TestALossyWebPCannotClaimMemory(t *testing.T) { // not parallel: it counts the process's allocations
	whole := file(t, "large-lossy-alpha.webp")
	picture := bytes.Clone(whole[bytes.Index(whole, []byte("VP8 ")):])
	const claimed = 15 << 20
	binary.LittleEndian.PutUint32(picture[4:], claimed)
	data := asWebP(picture)
	binary.LittleEndian.PutUint32(data[4:], claimed+12)
	took := int64(math.MaxInt64)
	for range 5 {
		before := allocated()
		_, _, err := process(t, data)
		if e := problem.As(err); e == nil || e.Fields[0].Code != "damaged" {
			t.Fatal(err)
		}
		took = min(took, allocated()-before)
	}
	if took > 1<<20 {
		t.Errorf("%d bytes that claim %d: allocated %d", len(data), claimed, took)
	}
}
