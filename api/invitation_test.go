package api

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The page and its script are two texts: what one names must stand in the other,
// and what the script calls in the contract.
func TestTheInvitationPageFitsItsScriptAndTheContract(t *testing.T) {
	t.Parallel()
	h, err := (&Edge{Log: newDiscard()}).Handler(&echo{}, Invitation()...)
	if err != nil {
		t.Fatal(err)
	}
	get := func(path, lang string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		req.Header.Set("Accept-Language", lang)
		h.ServeHTTP(rec, req)
		if rec.Code != http.StatusOK {
			t.Fatalf("%s: %d", path, rec.Code)
		}
		return rec
	}
	page := get(InvitationPath, "sv")
	if policy := page.Header().Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || !strings.Contains(policy, "connect-src 'self'") {
		t.Errorf("policy %q", policy)
	}
	if page.Header().Get("Cache-Control") != "no-store" || !strings.Contains(page.Body.String(), "Tacka ja") ||
		!strings.Contains(get(InvitationPath, "en-GB").Body.String(), "Accept</button>") {
		t.Errorf("the page is %v %s", page.Header(), page.Body)
	}
	src := regexp.MustCompile(`<script src="([^"]+)">`).FindStringSubmatch(page.Body.String())
	if src == nil {
		t.Fatal("the page has no script")
	}
	script := get(src[1], "sv").Body.String()
	named := regexp.MustCompile(`part\("([a-z]+)"\)`).FindAllStringSubmatch(script, -1)
	for _, id := range append(named, []string{"", "accepted"}, []string{"", "refused"}, []string{"", "unreachable"}) {
		if !strings.Contains(page.Body.String(), `id="`+id[1]+`"`) {
			t.Errorf("the page lacks %q", id[1])
		}
	}
	contract, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	called := regexp.MustCompile(`fetch\("([^"]+)"`).FindStringSubmatch(script)
	op := contract.operations["POST "+called[1]]
	if op == nil || !slices.Equal(op.json.Required, []string{"secret"}) || !strings.Contains(script, "{secret: ") {
		t.Errorf("the script calls %s, which the contract has as %+v", called[1], op)
	}
}
