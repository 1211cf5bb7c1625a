package suite

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/internal/auth"
)

func TestLists(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		shelf := s.fillShelf(t)
		t.Run("filters", func(t *testing.T) { filters(t, s, shelf) })
		t.Run("filters that make no sense", func(t *testing.T) { badFilters(t, s) })
		t.Run("pages", func(t *testing.T) { pages(t, s) })
		t.Run("changes since", func(t *testing.T) { changesSince(t, s, shelf) })
		t.Run("GeoJSON", func(t *testing.T) { geoJSON(t, s, shelf) })
		t.Run("the history by pages", func(t *testing.T) { historyByPages(t, s, shelf) })
		t.Run("jurisdictions by pages", func(t *testing.T) { jurisdictionsByPages(t, s) })
	})
}

// fillShelf files reports of which each is a different one, and returns their ids.
func (s *system) fillShelf(t *testing.T) map[string]string {
	crew := s.staff(t, auth.Crew, sundsvall)
	ids := map[string]string{
		"hole":   s.filed(t, place{62.3, 17.3}, fields{"description": "Ett HÅL vid 100%_skolan"}).Id,
		"light":  s.filed(t, place{62.3009, 17.3}, fields{"service": "street-light", "address": "Åkervägen 3"}).Id, // 100 m north
		"fixed":  s.filed(t, place{62.31, 17.3}, nil).Id,
		"other":  s.filed(t, inStockholm, nil).Id,
		"hidden": s.filed(t, place{62.3, 17.3}, fields{"private": true}).Id,
	}
	setStatus(t, crew, ids["fixed"], fields{"status": "fixed"}).Want(http.StatusOK)
	return ids
}

func filters(t *testing.T, s *system, shelf map[string]string) {
	tests := []struct {
		query string
		want  []string // newest first
	}{
		{"", []string{"other", "fixed", "light", "hole"}},
		{"bbox=17.2,62.2,17.4,62.305", []string{"light", "hole"}},
		{"bbox=17.3,62.3,17.3,62.3", []string{"hole"}},
		{"bbox=10,50,11,51", nil},
		{"near=62.3,17.3&radius=50", []string{"hole"}},
		{"near=62.3,17.3&radius=105", []string{"light", "hole"}},
		{"near=62.3,17.3&radius=50000", []string{"other", "fixed", "light", "hole"}},
		{"status=fixed", []string{"fixed"}},
		{"status=fixed,received", []string{"other", "fixed", "light", "hole"}},
		{"state=open", []string{"other", "light", "hole"}},
		{"state=closed", []string{"fixed"}},
		{"state=closed&status=received", nil},
		{"state=open&status=received,fixed", []string{"other", "light", "hole"}},
		{"service=street-light", []string{"light"}},
		{"service=street-light,pothole", []string{"other", "fixed", "light", "hole"}},
		{"service=no-such-service", nil},
		{"jurisdiction=2281", []string{"fixed", "light", "hole"}},
		{"jurisdiction=stockholm.se", []string{"other"}},
		{"jurisdiction=1480", nil},
		{"jurisdiction=2281&q=hål", []string{"hole"}},
		{"jurisdiction=2281&q=ÅKERVÄGEN", []string{"light"}},
		{"jurisdiction=2281&q=100%_", []string{"hole"}}, // LIKE's own signs are letters here
		{"jurisdiction=2281&q=1_0", nil},
		{"bbox=17.2,62.2,17.4,62.305&q=hål", []string{"hole"}},
		{"near=62.3,17.3&radius=200&q=skolan&service=pothole&state=open", []string{"hole"}},
		{"limit=1", []string{"other"}},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			q, err := url.ParseQuery(tt.query)
			if err != nil { // the one with a bare %
				q = url.Values{"jurisdiction": {"2281"}, "q": {"100%_"}}
			}
			var list api.ReportList
			s.in(t).Get("/v1/reports?" + q.Encode()).Want(http.StatusOK).JSON(&list)
			if got := namesOf(shelf, list.Reports); !slices.Equal(got, tt.want) {
				t.Errorf("found %v, want %v", got, tt.want)
			}
		})
	}
}

func namesOf(shelf map[string]string, rs []api.Report) (names []string) {
	for _, r := range rs {
		for name, id := range shelf {
			if id == r.Id {
				names = append(names, name)
			}
		}
	}
	return names
}

func badFilters(t *testing.T, s *system) {
	tests := []struct{ query, field string }{
		{"near=62.3,17.3", "radius"},
		{"radius=100", "near"},
		{"near=95,17&radius=10", "near"},
		{"bbox=17.4,62.2,17.2,62.4", "bbox"},
		{"bbox=17.2,62.4,17.4,62.2", "bbox"},
		{"bbox=17.2,-95,17.4,62", "bbox"},
		{"bbox=17.2,62.2,17.4,62.4&near=62,17&radius=10", "near"},
		{"q=hole", "q"},
		{"q=hole&service=pothole", "q"},
		{"jurisdiction=atlantis", "jurisdiction"},
		{"cursor=nonsense", "cursor"},
		{"limit=0", "limit"},
		{"limit=101", "limit"},
		{"updated_after=2026", "updated_after"},
		{"colour=red", "colour"},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			problemAt(t, s.in(t).Get("/v1/reports?"+tt.query), http.StatusUnprocessableEntity, tt.field)
		})
	}
}

// walkPages reads a list page by page and returns all of it.
func walkPages(t *testing.T, s *system, query string, limit int) (all []api.Report, sizes []int) {
	t.Helper()
	for cursor := ""; ; {
		var list api.ReportList
		s.in(t).Get(fmt.Sprintf("/v1/reports?%s&limit=%d%s", query, limit, cursor)).Want(http.StatusOK).JSON(&list)
		all, sizes = append(all, list.Reports...), append(sizes, len(list.Reports))
		if list.Next == "" {
			return all, sizes
		}
		if cursor = "&cursor=" + list.Next; len(sizes) > 50 {
			t.Fatal("the pages do not end")
		}
	}
}

func pages(t *testing.T, s *system) {
	var want []string // newest first
	for i := range 7 {
		want = append([]string{s.filed(t, place{61.9, 17.1 + float64(i)/1000}, nil).Id}, want...)
	}
	for _, query := range []string{"jurisdiction=1480", "bbox=17,61.8,17.2,61.95", "near=61.9,17.1&radius=5000"} {
		for limit, sizes := range map[int][]int{3: {3, 3, 1}, 7: {7}, 100: {7}, 1: {1, 1, 1, 1, 1, 1, 1}} {
			all, got := walkPages(t, s, query, limit)
			var ids []string
			for _, r := range all {
				ids = append(ids, r.Id)
			}
			if !slices.Equal(ids, want) || !slices.Equal(got, sizes) {
				t.Errorf("%s by %d: pages of %v, %v", query, limit, got, ids)
			}
		}
	}
}

func changesSince(t *testing.T, s *system, shelf map[string]string) {
	crew := s.staff(t, auth.Crew, sundsvall)
	since := url.QueryEscape(s.now().UTC().Format(time.RFC3339Nano))
	time.Sleep(2 * time.Microsecond) // the database's times have microseconds
	for _, name := range []string{"light", "hole"} {
		setStatus(t, crew, shelf[name], fields{"status": "acknowledged"}).Want(http.StatusOK)
	}
	all, _ := walkPages(t, s, "updated_after="+since, 1)
	if got := namesOf(shelf, all); !slices.Equal(got, []string{"light", "hole"}) { // oldest change first
		t.Errorf("changed since are %v", got)
	}
}

func geoJSON(t *testing.T, s *system, shelf map[string]string) {
	c := s.in(t).With("Accept", "application/geo+json")
	res := c.Get("/v1/reports?near=62.3,17.3&radius=50").Want(http.StatusOK)
	if got := res.Header.Get("Content-Type"); got != "application/geo+json" {
		t.Errorf("Content-Type %q", got)
	}
	var fc api.ReportFeatureCollection
	res.JSON(&fc)
	if len(fc.Features) != 1 || fc.Features[0].Id != shelf["hole"] || !slices.Equal(fc.Features[0].Geometry.Coordinates, []float64{17.3, 62.3}) ||
		fc.Features[0].Properties.Service != "pothole" {
		t.Errorf("features %+v", fc.Features)
	}
	c.Get("/v1/reports?limit=1").Want(http.StatusOK).JSON(&fc)
	if fc.Next == "" {
		t.Error("a FeatureCollection has no cursor")
	}
	s.in(t).With("Accept", "text/html;q=0.9, application/*;q=0.1").Get("/v1/reports").Want(http.StatusOK)
	s.in(t).With("Accept", "text/html").Get("/v1/reports").Want(http.StatusNotAcceptable)
}

func historyByPages(t *testing.T, s *system, shelf map[string]string) {
	c := s.resident(t)
	for i := range 4 {
		c.Send(http.MethodPost, "/v1/reports/"+shelf["other"]+"/updates", fields{"text": fmt.Sprint("comment ", i)}).Want(http.StatusCreated)
	}
	var texts []string
	for cursor := ""; ; {
		var list api.UpdateList
		s.in(t).Get("/v1/reports/" + shelf["other"] + "/updates?limit=2" + cursor).Want(http.StatusOK).JSON(&list)
		for _, u := range list.Updates {
			texts = append(texts, u.Text)
		}
		if list.Next == "" {
			break
		}
		cursor = "&cursor=" + list.Next
	}
	if want := []string{"", "comment 0", "comment 1", "comment 2", "comment 3"}; !slices.Equal(texts, want) {
		t.Errorf("the history reads %q", texts)
	}
}

func jurisdictionsByPages(t *testing.T, s *system) {
	var codes []string
	for cursor := ""; ; {
		var list api.JurisdictionList
		s.in(t).Get("/v1/jurisdictions?limit=2" + cursor).Want(http.StatusOK).JSON(&list)
		for _, j := range list.Jurisdictions {
			codes = append(codes, j.Code)
		}
		if list.Next == "" {
			break
		}
		cursor = "&cursor=" + list.Next
	}
	if !slices.Equal(codes, []string{stockholm, goteborg, sundsvall}) {
		t.Errorf("jurisdictions %v", codes)
	}
	for q, want := range map[string]int{"sund": 1, "22": 1, "stockholm.se": 1, "%C3%A5": 0, "GÖTE": 1} {
		var list api.JurisdictionList
		s.in(t).Get("/v1/jurisdictions?q=" + url.QueryEscape(q)).Want(http.StatusOK).JSON(&list)
		if len(list.Jurisdictions) != want {
			t.Errorf("%q finds %+v", q, list.Jurisdictions)
		}
	}
}
