package photo

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// asDecoder is the argument by which this test program is the decoder of HEIC.
const asDecoder = "decode-heic"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == asDecoder {
		if err := DecodeHEIC(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// unhurried is a limit of time that even a race detector on a busy machine keeps.
const unhurried = 5 * time.Minute

// decoderCommand is what a processor of the tests has HEIC decoded by.
func decoderCommand(t testing.TB) []string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{program, asDecoder}
}
