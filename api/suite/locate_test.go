package suite

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

func TestLocate(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		t.Run("who is responsible", func(t *testing.T) { responsible(t, s) })
		t.Run("nearby", func(t *testing.T) { nearby(t, s) })
		t.Run("services", func(t *testing.T) { services(t, s) })
		t.Run("a service of one's own", func(t *testing.T) { overrides(t, s) })
		t.Run("a service adapted by two", func(t *testing.T) { overrideVersions(t, s) })
	})
}

func (s *system) locate(t *testing.T, at place, more string) (l api.Location) {
	t.Helper()
	s.in(t).Get(fmt.Sprintf("/v1/locate?lat=%v&lon=%v%s", at.lat, at.lon, more)).Want(http.StatusOK).JSON(&l)
	return l
}

func responsible(t *testing.T, s *system) {
	tests := []struct {
		name       string
		at         place
		more       string
		owner      string // "" for nobody
		certain    bool
		candidates []string
		nearest    string
	}{
		{"well inside", inSundsvall, "", sundsvall, true, nil, ""},
		{"well inside, with a good fix", inSundsvall, "&accuracy=8", sundsvall, true, nil, ""},
		{"20 m west of the border, with a good fix", place{62.3, 17.4996}, "&accuracy=8", sundsvall, true, nil, ""},
		{"20 m west of the border, with a bad fix", place{62.3, 17.4996}, "&accuracy=100", sundsvall, false, []string{sundsvall, stockholm}, ""},
		{"20 m east of the border, with a bad fix", place{62.3, 17.5004}, "&accuracy=100", stockholm, false, []string{stockholm, sundsvall}, ""},
		{"off the coast", place{62.601, 17.2}, "", "", false, nil, sundsvall},
		{"far out at sea", atSea, "", "", false, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := s.locate(t, tt.at, tt.more)
			owner, nearest := "", ""
			if l.Jurisdiction != nil {
				owner = l.Jurisdiction.Code
			}
			if l.Nearest != nil {
				nearest = l.Nearest.Code
			}
			var codes []string
			for _, c := range l.Candidates {
				codes = append(codes, c.Code)
			}
			if owner != tt.owner || nearest != tt.nearest || l.Certain != tt.certain || tt.candidates != nil && !slices.Equal(codes, tt.candidates) {
				t.Errorf("owner %q, nearest %q, certain %v, candidates %v", owner, nearest, l.Certain, codes)
			}
			if (l.BorderM != nil) != (owner != "") || (len(l.Services) > 0) != (owner != "") || l.Boundaries != "rectangles" {
				t.Errorf("border %v, %d services, boundaries %q", l.BorderM, len(l.Services), l.Boundaries)
			}
		})
	}
	if l := s.locate(t, place{62.3, 17.4996}, ""); *l.BorderM < 15 || *l.BorderM > 25 {
		t.Errorf("the border is %v m away", *l.BorderM)
	}
	if l := s.locate(t, place{62.601, 17.2}, ""); l.Nearest.DistanceM < 105 || l.Nearest.DistanceM > 118 {
		t.Errorf("the coast is %v m away", l.Nearest.DistanceM)
	}
	// A point on a shared border has one owner, and where three meet too.
	for _, at := range []place{{62.3, 17.5}, {62, 17.3}, {62, 17.5}} {
		if l := s.locate(t, at, ""); l.Jurisdiction == nil || s.filed(t, at, nil).Jurisdiction.Code != l.Jurisdiction.Code {
			t.Errorf("%v belongs to %+v", at, l.Jurisdiction)
		}
	}
}

func nearby(t *testing.T, s *system) {
	here, light := place{61.8, 17.6}, fields{"service": "street-light"}
	hole, lamp := s.filed(t, here, nil), s.filed(t, place{61.80045, 17.6}, light) // 50 m north
	s.filed(t, place{61.8018, 17.6}, light)                                       // 200 m north
	s.filed(t, here, fields{"private": true})
	gone := s.filed(t, here, nil)
	s.reporter(t, gone).Send(http.MethodDelete, "/v1/reports/"+gone.Id, nil).Want(http.StatusOK)
	for query, want := range map[string][]string{
		"": {hole.Id, lamp.Id}, "&service=street-light": {lamp.Id}, "&service=litter": nil,
	} {
		var ids []string
		for _, r := range s.locate(t, here, query).Nearby {
			if ids = append(ids, r.Id); r.Id == lamp.Id && (r.DistanceM < 49 || r.DistanceM > 51) {
				t.Errorf("the lamp is %v m away", r.DistanceM)
			}
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%q: nearby are %v, want %v", query, ids, want)
		}
	}
	if n := len(s.locate(t, here, "&accuracy=300").Nearby); n != 3 {
		t.Errorf("within a bad fix are %d", n)
	}
}

func services(t *testing.T, s *system) {
	list := func(query, language string) api.ServiceList {
		t.Helper()
		var l api.ServiceList
		res := s.in(t).With("Accept-Language", language).Get("/v1/services" + query).Want(http.StatusOK)
		if got := res.Header.Get("Content-Language"); got != language {
			t.Errorf("%s: Content-Language %q", query, got)
		}
		res.JSON(&l)
		return l
	}
	base := list("", "en")
	if len(base.Services) != 20 || base.Jurisdiction != nil || base.Services[0].Name != "Potholes and damaged roads" || len(base.Services[0].Attributes) == 0 {
		t.Errorf("the base catalogue: %+v", base)
	}
	for _, query := range []string{"?jurisdiction=2281", "?jurisdiction=sundsvall.se", "?lat=62.39&lon=17.3"} {
		if l := list(query, "sv"); l.Jurisdiction == nil || l.Jurisdiction.Code != sundsvall || l.Services[0].Name != "Potthål och skador i vägen" {
			t.Errorf("%s: %+v", query, l.Jurisdiction)
		}
	}
	s.in(t).Get("/v1/services?jurisdiction=9999").Want(http.StatusNotFound)
	problemAt(t, s.in(t).Get("/v1/services?lat=62"), http.StatusUnprocessableEntity, "lon")
	problemAt(t, s.in(t).Get("/v1/services?lon=17"), http.StatusUnprocessableEntity, "lat")
	problemAt(t, s.in(t).Get("/v1/services?lat=63.5&lon=17.3"), http.StatusUnprocessableEntity, "lat")
}

// What a jurisdiction changes about a service holds for filing at once, and is
// shown within a second or so.
func overrides(t *testing.T, s *system) {
	admin := s.staff(t, auth.Administrator, sundsvall)
	send := func(service string, o fields) apitest.Response {
		version := s.in(t).Get("/v1/jurisdictions/2281").Want(http.StatusOK).Header.Get("ETag")
		return admin.WithTest(t).With("If-Match", version).Send(http.MethodPut, "/v1/jurisdictions/2281/services/"+service, o)
	}
	put := func(service string, o fields) (svc api.Service) {
		t.Helper()
		send(service, o).Want(http.StatusOK).JSON(&svc)
		s.pass(2 * time.Second)
		return svc
	}
	offered := func(code string) (svc api.Service) {
		t.Helper()
		for _, svc = range s.locate(t, inSundsvall, "").Services {
			if svc.Code == code {
				return svc
			}
		}
		return api.Service{}
	}
	if svc := put("playground", fields{"disabled": true}); !svc.Disabled || offered("playground").Code != "" {
		t.Errorf("switched off: %+v", svc)
	}
	playground := fields{"service": "playground"}
	problemAt(t, s.in(t).Send(http.MethodPost, "/v1/reports", pothole(inSundsvall, playground)), http.StatusUnprocessableEntity, "/service")
	s.filed(t, inStockholm, playground) // is none of Sundsvall's business
	put("playground", fields{"name": fields{"sv": "Lekplats i Sundsvall", "en": "Playground"}})
	if got := offered("playground").Name; got != "Lekplats i Sundsvall" || s.filed(t, inSundsvall, playground).ServiceName != got {
		t.Errorf("renamed: %q", got)
	}
	number := fields{"code": "number", "datatype": "number", "required": true, "label": fields{"sv": "Korgens nummer"}, "hint": both("Står på den")}
	problemAt(t, send("bin", fields{"attributes": []fields{number}}),
		http.StatusUnprocessableEntity, "/attributes/0/label/en")
	number["label"] = both("Korgens nummer")
	put("bin", fields{"attributes": []fields{number}})
	missing := pothole(inSundsvall, fields{"service": "bin"})
	problemAt(t, s.in(t).Send(http.MethodPost, "/v1/reports", missing), http.StatusUnprocessableEntity, "/attributes/number")
	s.filed(t, inSundsvall, fields{"service": "bin", "attributes": fields{"number": 7}})
	if svc := put("ski-track", fields{"name": both("Skidspår"), "description": both("Spåren i skogen"), "group": "winter"}); svc.Name != "Skidspår" {
		t.Errorf("one's own: %+v", svc)
	}
	s.filed(t, inSundsvall, fields{"service": "ski-track"})
	problemAt(t, s.in(t).Send(http.MethodPost, "/v1/reports", pothole(inStockholm, fields{"service": "ski-track"})), http.StatusUnprocessableEntity, "/service")
	for _, bad := range []fields{{"name": both("Utan grupp")}, {"name": both("x"), "group": "nowhere"}} {
		problemAt(t, send("own-thing", bad), http.StatusUnprocessableEntity, "/group")
	}
}

// Two administrators who adapt the same service, or two of one jurisdiction, see
// each other's change before they replace it.
func overrideVersions(t *testing.T, s *system) {
	const path = "/v1/jurisdictions/2281/services/bench-furniture"
	admin := s.staff(t, auth.Administrator, sundsvall)
	now := s.in(t).Get("/v1/jurisdictions/2281").Want(http.StatusOK).Header.Get("ETag")
	sees := func(p apitest.Problem) {
		t.Helper()
		var current api.Jurisdiction
		if err := json.Unmarshal(p.Current, &current); err != nil || fmt.Sprintf("%q", fmt.Sprint(current.Version)) != now {
			t.Errorf("the refusal shows %s (%v), want version %s", p.Current, err, now)
		}
	}
	off, renamed := fields{"disabled": true}, fields{"name": both("Parkbänk")}
	sees(admin.Send(http.MethodPut, path, off).Want(http.StatusPreconditionRequired).WantProblem(problem.VersionRequired))
	sees(admin.With("If-Match", `"9999"`).Send(http.MethodPut, path, off).Want(http.StatusPreconditionFailed).WantProblem(problem.Stale))
	first := admin.With("If-Match", now).Send(http.MethodPut, path, off).Want(http.StatusOK)
	second := admin.With("If-Match", now).Send(http.MethodPut, path, renamed).Want(http.StatusPreconditionFailed)
	now = first.Header.Get("ETag")
	sees(second.WantProblem(problem.Stale))
	var svc api.Service
	if admin.With("If-Match", now).Send(http.MethodPut, path, renamed).Want(http.StatusOK).JSON(&svc); svc.Name != "Parkbänk" {
		t.Errorf("at the version seen: %+v", svc)
	}
}

// both is a text in both languages that every service has.
func both(text string) fields { return fields{"sv": text, "en": text} }
