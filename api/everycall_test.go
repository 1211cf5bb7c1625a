package api

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/api/apitest"
)

// A call that takes JSON refuses what is bad before its handler runs: most of
// echo's handlers are nil, so reaching one would be a 500.
func TestEveryCallRefusesABadBody(t *testing.T) {
	t.Parallel()
	contract, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	c, _, _ := newEdge(t, &echo{})
	c = c.With("Authorization", "Bearer x").With("If-Match", `"1"`)
	calls := 0
	for _, name := range slices.Sorted(maps.Keys(contract.operations)) {
		op := contract.operations[name]
		if op.json == nil {
			continue // forms are read by the handlers
		}
		calls++
		t.Run(name, func(t *testing.T) {
			method, path, _ := strings.Cut(name, " ")
			path = strings.NewReplacer(":id", someID, ":photo", someID, ":code", "2281", ":service", "pothole").Replace(path)
			refusesBadJSON(t, c.WithTest(t), method, path)
		})
	}
	if calls < 15 {
		t.Errorf("only %d calls take JSON", calls)
	}
}

func refusesBadJSON(t *testing.T, c *apitest.Client, method, path string) {
	t.Helper()
	for _, body := range []string{
		`{"surprise": 1}`, `[]`, `"text"`, `{`, `{} {}`, "{\"a\": \"\xff\"}", `{"a": "\u0000"}`, `{"a": 1, "a": 2}`,
		strings.Repeat("[", 100), `{"a": "` + strings.Repeat("x", maxJSONBody) + `"}`,
	} {
		wantRefusal(t, c.Send(method, path, body), body)
	}
	wantRefusal(t, c.Send(method, path, &countingReader{head: `{"a": "`, left: 1 << 30}), "1 GiB")
	wantRefusal(t, c.With("Content-Type", "text/plain").Send(method, path, `{}`), "text/plain")
}

func wantRefusal(t *testing.T, res apitest.Response, body string) {
	t.Helper()
	if res.Status < 400 || res.Status >= 500 {
		t.Errorf("%.40q: %s", body, res)
	}
	if got := res.Header.Get("Content-Type"); got != problemType {
		t.Errorf("%.40q: refused as %s", body, got)
		return
	}
	var p apitest.Problem
	if res.JSON(&p); len(p.Errors) == 0 && res.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("%.40q: the problem names nothing: %s", body, res)
	}
}
