package shapefile

import (
	"testing"

	"golang.org/x/text/encoding/charmap"
)

// TestCodePagesAreThoseOfOthers compares every byte of every page with another
// implementation.
func TestCodePagesAreThoseOfOthers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string // as a .cpg has it
		want *charmap.Charmap
	}{
		{"1252", charmap.Windows1252},
		{"ISO 8859-10", charmap.ISO8859_10},
		{"ISO 8859-15", charmap.ISO8859_15},
		{"437", charmap.CodePage437},
		{"850", charmap.CodePage850},
		{"865", charmap.CodePage865},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e, ok := byName(tt.name)
			if !ok {
				t.Fatal("not supported")
			}
			if n := len(e.upper); n != 128 {
				t.Fatalf("%d characters in its upper half", n)
			}
			for i := range 256 {
				if got, want := e.decode([]byte{byte(i)}), string(tt.want.DecodeByte(byte(i))); got != want {
					t.Errorf("0x%02X is %q, want %q", i, got, want)
				}
			}
		})
	}
}

func TestDriversMeanTheirPages(t *testing.T) {
	t.Parallel()
	const raw = "\x9d\xaf" // which reads differently in all of the four
	want := map[string][]byte{
		"\ufffd¯": {0x03, 0x58, 0x59},
		"¥»":      {0x01, 0x09, 0x1b},
		"Ø»":      {0x02, 0x0a, 0x37},
		"Ø¤":      {0x08, 0x17, 0x66},
	}
	for text, drivers := range want {
		for _, driver := range drivers {
			e, known, ok := byDriver(driver)
			if !known || !ok {
				t.Errorf("0x%02X is not known", driver)
				continue
			}
			if got := e.decode([]byte(raw)); got != text {
				t.Errorf("0x%02X, which is %s: %q, want %q", driver, e, got, text)
			}
		}
	}
}
