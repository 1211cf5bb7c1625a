package api

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/kantsten/kantsten/internal/problem"
)

// The contract that clients get is a valid one, with this installation's
// address and nothing of the generator's.
func TestPublicDocument(t *testing.T) {
	t.Parallel()
	c, _, _ := newEdge(t, &echo{})
	res := c.Get("/openapi.json").Want(http.StatusOK)
	doc, err := openapi3.NewLoader().LoadFromData(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if doc.OpenAPI != "3.1.0" || len(doc.Servers) != 1 || doc.Servers[0].URL != "https://report.example.se" {
		t.Errorf("OpenAPI %s, servers %+v", doc.OpenAPI, doc.Servers)
	}
	if strings.Contains(string(res.Body), "x-go-") {
		t.Error("the generator's hints are public")
	}
}

// The page works from this binary alone: it names no other host, holds no
// script of its own, and everything it asks for is there.
func TestDocsNeedNoOtherHost(t *testing.T) {
	t.Parallel()
	c, _, _ := newEdge(t, &echo{})
	page := c.Get("/docs").Want(http.StatusOK)
	if strings.Contains(string(page.Body), "://") || regexp.MustCompile(`(?i)<script>|<style|\son\w+=`).Match(page.Body) {
		t.Errorf("the page names another host or holds a script:\n%s", page.Body)
	}
	policy := page.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "connect-src 'self' https://report.example.se;"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %q", policy, want)
		}
	}
	links := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllSubmatch(page.Body, -1)
	if len(links) < 4 {
		t.Fatalf("only %d links in the page", len(links))
	}
	for _, l := range links {
		if res := c.Get(string(l[1])).Want(http.StatusOK); len(res.Body) == 0 {
			t.Errorf("%s is empty", l[1])
		}
	}
}

func TestUnknownProblemHasNoPage(t *testing.T) {
	t.Parallel()
	c, _, _ := newEdge(t, &echo{})
	for _, kind := range []string{"nonsense", "<script>", "internal"} {
		c.Get("/problems/" + kind).Want(http.StatusNotFound).WantProblem(problem.NotFound)
	}
}
