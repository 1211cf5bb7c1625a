package report

import (
	"testing"

	"github.com/kantsten/kantsten/internal/catalog"
)

func TestEveryStatusAndReasonHasItsWordInBothLanguages(t *testing.T) {
	t.Parallel()
	all := map[string]catalog.Text{}
	for _, s := range Statuses() {
		all[string(s)] = statusWords[s]
	}
	for _, c := range CloseReasons() {
		all[string(c)] = reasonWords[c]
	}
	for name, words := range all {
		if words["sv"] == "" || words["en"] == "" {
			t.Errorf("%s is %q", name, words)
		}
	}
}
