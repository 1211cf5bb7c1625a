package photo

import (
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/blob"
)

func TestNames(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("0123456789abcdef", 4)
	const id = "0198f3c2-7b1e-7c3a-9d55-2f6f1c0a9b1e"
	for _, size := range []int{Large, Medium, Small} {
		name := Name(id, size, sum)
		if !blob.ValidName(name) || !strings.HasPrefix(name, Prefix(id)) {
			t.Errorf("%s cannot be stored", name)
		}
		gotID, gotSize, gotSum, ok := ParseName(name)
		if gotID != id || gotSize != size || gotSum != sum || !ok {
			t.Errorf("%s parses as %q, %d, %q, %v", name, gotID, gotSize, gotSum, ok)
		}
	}
	for _, name := range []string{
		"", "photos/", "photos/a", "photos/a/320", "photos/a/320-", "photos/a/320-abc",
		"photos/a/0320-" + sum, "photos/a/-320-" + sum, "photos/a/999999-" + sum, "photos/a/x-" + sum,
		"photos/A/320-" + sum, "photos//320-" + sum, "photos/a/b/320-" + sum, "photos/../320-" + sum,
		"photos/a/320-" + strings.ToUpper(sum), "photos/a/320-" + sum + "0", "photos/a/320-" + sum + "\n",
		"/photos/a/320-" + sum, "boundaries/a/320-" + sum,
	} {
		if _, _, _, ok := ParseName(name); ok {
			t.Errorf("%q was parsed", name)
		}
	}
}

func FuzzParseName(f *testing.F) {
	f.Add(Name("a-1", Small, strings.Repeat("0f", 32)))
	f.Add("photos/../1-")
	f.Fuzz(func(t *testing.T, name string) {
		id, size, sum, ok := ParseName(name)
		if ok && Name(id, size, sum) != name {
			t.Errorf("%q comes back as %q", name, Name(id, size, sum))
		}
	})
}
