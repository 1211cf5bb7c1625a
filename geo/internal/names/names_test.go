package names

import (
	"fmt"
	"strings"
	"testing"
)

func TestListedStaysShort(t *testing.T) {
	t.Parallel()
	if got := Listed(nil, "none"); got != "none" {
		t.Errorf("nothing is %q", got)
	}
	if got, want := Listed([]string{"a", "b\n\x1b[2J"}, "none"), `["a" "b\n\x1b[2J"]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var many []string
	for i := range 10_000 {
		many = append(many, fmt.Sprint(i, strings.Repeat("x", 10_000)))
	}
	if got := Listed(many, "none"); len(got) > 3000 || !strings.HasSuffix(got, " and 9980 more") {
		t.Errorf("ten thousand take %d bytes: %s", len(got), got)
	}
}
