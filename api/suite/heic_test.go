package suite

import (
	"fmt"
	"os"
	"testing"

	"github.com/kantsten/kantsten/internal/photo"
)

// asDecoder is the argument by which this test program is the decoder of HEIC.
const asDecoder = "decode-heic"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == asDecoder {
		if err := photo.DecodeHEIC(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// decoderOfHEIC is what the servers of the suite have HEIC decoded by.
func decoderOfHEIC(t testing.TB) []string {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	return []string{program, asDecoder}
}
