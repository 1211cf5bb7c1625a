package archtest

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestLibcIsTheOneSQLiteWasMadeWith guards a pin that every update of modules
// threatens: modernc.org/sqlite is C translated against one version of
// modernc.org/libc, and with another it can fail in any way.
func TestLibcIsTheOneSQLiteWasMadeWith(t *testing.T) {
	t.Parallel()
	const libc, sqlite = "modernc.org/libc", "modernc.org/sqlite"
	built := strings.TrimSpace(string(goTool(t, nil, "list", "-m", "-f", "{{.Version}}", libc)))
	modFile := strings.TrimSpace(string(goTool(t, nil, "list", "-m", "-f", "{{.GoMod}}", sqlite)))
	var mod struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(goTool(t, nil, "mod", "edit", "-json", modFile), &mod); err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		if r.Path != libc {
			continue
		}
		if r.Version != built {
			t.Errorf("%s is %s, but this %s was made with %s: pin that one", libc, built, sqlite, r.Version)
		}
		return
	}
	t.Errorf("%s does not require %s", modFile, libc)
}
