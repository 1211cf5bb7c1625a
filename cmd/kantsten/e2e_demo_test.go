package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/api/apitest"
)

// session is who is signed in.
type session struct {
	Person struct {
		Email       string
		Memberships []struct{ Jurisdiction, Role string }
	}
}

// signedIn reads whose a token is.
func signedIn(t *testing.T, api *apitest.Client, bearer string) session {
	t.Helper()
	var got session
	api.WithTest(t).With("Authorization", bearer).Get("/v1/session").Want(http.StatusOK).JSON(&got)
	return got
}

func TestTheDemoLetsPeopleIn(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		p := newPlace(t, databaseURL)
		first := p.serve("--demo")
		access := p.access()
		if info, err := os.Stat(p.demoFile()); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("demo.json: %v, %v; want only its owner to read it", info.Mode(), err)
		}
		if info, err := os.Stat(filepath.Join(p.data, "kantsten.db")); databaseURL == "" && (err != nil || info.Mode().Perm() != 0o600) {
			t.Errorf("the database: %v, %v; want only its owner to read it", info, err)
		}
		if info, err := os.Stat(p.data); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the data folder: %v, %v; want only its owner to enter it", info.Mode(), err)
		}
		if access.BaseURL != first.base || access.Open311Key == "" {
			t.Errorf("demo.json has base_url %q and a key of %d letters", access.BaseURL, len(access.Open311Key))
		}
		for _, says := range []string{first.base, first.base + "/docs", p.demoFile(), "crew.2281@demo.invalid", "Sign-in codes are printed here", "approximate"} {
			if !strings.Contains(first.said.String(), says) {
				t.Errorf("the demo does not say %q:\n%s", says, first.said)
			}
		}
		approximateEverywhere(t, first)
		everybodyIsIn(t, first, access)
		reports := len(all(t, first, "2281"))
		first.terminate()
		if code := first.exitCode(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		second := p.serveAt(strings.TrimPrefix(first.base, "http://"), "--demo")
		if again := p.access(); again.Open311Key != access.Open311Key {
			t.Error("the second start made another key")
		}
		everybodyIsIn(t, second, access) // by the tokens of the first
		if n := len(all(t, second, "2281")); n != reports || n == 0 {
			t.Errorf("there were %d reports, and %d at the second start", reports, n)
		}
	})
}

// approximateEverywhere checks that nobody can take the demo's boundaries for
// borders: in the middle of Sundsvall, too, three come into question.
func approximateEverywhere(t *testing.T, s *server) {
	t.Helper()
	var info struct{ Boundaries string }
	s.api().Get("/v1/api-info").Want(http.StatusOK).JSON(&info)
	var at struct {
		Boundaries   string
		Jurisdiction struct{ Code string }
		Certain      *bool
		Candidates   []struct{ Code string }
	}
	s.api().Get("/v1/locate?lat=62.3908&lon=17.3069&accuracy=5").Want(http.StatusOK).JSON(&at)
	if info.Boundaries != "demo" || at.Boundaries != "demo" || at.Certain == nil || *at.Certain {
		t.Errorf("the boundaries are called %q and %q, certain: %v", info.Boundaries, at.Boundaries, at.Certain)
	}
	if len(at.Candidates) != 3 || at.Jurisdiction.Code != "2281" || at.Candidates[0].Code != "2281" {
		t.Errorf("Sundsvall lies in %q, with the candidates %+v; want three", at.Jurisdiction.Code, at.Candidates)
	}
	var why struct {
		Certain     *bool
		Explanation string
		Candidates  []struct{ Code string }
	}
	var r struct{ Reference string }
	s.api().Send(http.MethodPost, "/v1/reports", map[string]any{"service": "pothole", "lat": 62.3908, "lon": 17.3069, "description": "A hole"}).
		Want(http.StatusCreated).JSON(&r)
	s.api().With("Accept-Language", "en").Get("/v1/reports/" + r.Reference + "/routing").Want(http.StatusOK).JSON(&why)
	if why.Certain == nil || *why.Certain || len(why.Candidates) != 3 || !strings.Contains(why.Explanation, "approximate") {
		t.Errorf("a report's routing does not say that it is a guess: %+v", why)
	}
}

// everybodyIsIn checks every token against whom it is said to belong to.
func everybodyIsIn(t *testing.T, s *server, a access) {
	t.Helper()
	places := map[string]bool{}
	for _, m := range a.Staff {
		got := signedIn(t, s.api(), "Bearer "+m.Token).Person
		if got.Email != m.Email || len(got.Memberships) != 1 || got.Memberships[0].Role != m.Role || got.Memberships[0].Jurisdiction != m.Jurisdiction {
			t.Errorf("the token of %s, %s of %q, is that of %+v", m.Email, m.Role, m.Jurisdiction, got)
		}
		if !strings.HasSuffix(m.Email, ".invalid") {
			t.Errorf("%s could be somebody's address", m.Email)
		}
		places[m.Jurisdiction] = true
	}
	if !places[""] || !places["2281"] || len(places) < 3 {
		t.Errorf("there is staff for %v, want the operator's, Sundsvall's and another municipality's", places)
	}
}

func TestTheDemoPrintsSignInCodes(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "")
	s := p.serve("--demo")
	var begun struct {
		ID string `json:"sign_in_id"`
	}
	const email = "handler.2281@demo.invalid"
	s.api().Send(http.MethodPost, "/v1/sign-in", map[string]string{"email": email}).Want(http.StatusAccepted).JSON(&begun)
	code := printedCode(t, s, email)
	var got struct {
		session
		Token string
	}
	s.api().Send(http.MethodPost, "/v1/sign-in/confirm", map[string]string{"sign_in_id": begun.ID, "code": code}).
		Want(http.StatusOK).JSON(&got)
	if who := signedIn(t, s.api(), "Bearer "+got.Token).Person; who.Email != email || len(who.Memberships) != 1 || who.Memberships[0].Role != "handler" {
		t.Errorf("the code lets in %+v", who)
	}
	if _, err := os.Stat(filepath.Join(p.data, "mail")); !os.IsNotExist(err) {
		t.Errorf("the demo wrote mail: %v", err)
	}
}

// printedCode waits for the code that the demo prints.
func printedCode(t *testing.T, s *server, email string) string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^sign-in code for ` + regexp.QuoteMeta(email) + `: ([0-9]{6})$`)
	var code string
	eventually(t, "the code is printed", func() bool {
		if found := line.FindStringSubmatch(s.said.String()); found != nil {
			code = found[1]
		}
		return code != ""
	})
	return code
}

func TestTheDemoRefuses(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		p := newPlace(t, databaseURL)
		p.do("jurisdiction", "add", "9001", "Somebody's own")
		got := p.call("serve", "--demo", "--addr", freeAddr(t))
		if got.code != 1 || !strings.Contains(got.stderr, "in use") {
			t.Errorf("on a database that somebody uses: exit code %d\n%s%s", got.code, got.stdout, got.stderr)
		}
		if _, err := os.Stat(p.demoFile()); !os.IsNotExist(err) {
			t.Errorf("demo.json was written all the same: %v", err)
		}
		if list := p.do("jurisdiction", "list"); strings.Count(list, "\n") != 1 {
			t.Errorf("the refused demo left jurisdictions:\n%s", list)
		}
	})
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:8311", "example.org:8311"} {
		t.Run("to listen on "+addr, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, "")
			got := p.call("serve", "--demo", "--addr", addr)
			if got.code == 0 || !strings.Contains(got.stderr, "loopback") {
				t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
			}
			if _, err := os.Stat(p.data); !os.IsNotExist(err) {
				t.Errorf("the refused demo made a data folder: %v", err)
			}
		})
	}
}
