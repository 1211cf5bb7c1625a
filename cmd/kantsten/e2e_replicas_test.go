package main_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx", to count tries

	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/pgtest"
)

// replicas starts two processes on one PostgreSQL and one media storage. Each
// has a data folder of its own, as on two machines.
func replicas(t *testing.T) (databaseURL string, places [2]*place, servers [2]*server) {
	t.Helper()
	databaseURL = pgtest.URL(t)
	media := "KANTSTEN_MEDIA_URL=file://" + filepath.Join(t.TempDir(), "media")
	for i := range places {
		places[i] = newPlace(t, databaseURL, media)
	}
	places[0].do("boundaries", "import", square(t, "9001", "Before"))
	for i := range places {
		servers[i] = places[i].serve()
	}
	return databaseURL, places, servers
}

// mailedCode waits for the code in the mail that one of the replicas writes.
func mailedCode(t *testing.T, places [2]*place, email string) string {
	t.Helper()
	six := regexp.MustCompile(`\b[0-9]{6}\b`)
	var code string
	eventually(t, "the code for "+email+" is written", func() bool {
		for _, p := range places {
			files, _ := filepath.Glob(filepath.Join(p.data, "mail", "*.eml")) // the pattern is sound
			for _, file := range files {
				b, err := os.ReadFile(file)
				if err == nil && strings.Contains(string(b), email) {
					_, text, _ := strings.Cut(string(b), "\r\n\r\n")
					code = six.FindString(text)
				}
			}
		}
		return code != ""
	})
	return code
}

// other returns n codes of six digits that are all wrong.
func other(code string, n int) []string {
	var wrong []string
	for i := 0; len(wrong) < n; i++ {
		if c := fmt.Sprintf("%06d", 100000+7919*i%900000); c != code {
			wrong = append(wrong, c)
		}
	}
	return wrong
}

// TestACodeHasFiveTriesInAll: however many processes and connections guess.
func TestACodeHasFiveTriesInAll(t *testing.T) {
	t.Parallel()
	databaseURL, places, servers := replicas(t)
	db, err := sql.Open("pgx", databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, tt := range []struct {
		rule  string
		email string
		wrong int
		tries int
		in    bool
	}{
		{"four wrong guesses leave one", "fyra@kantsten.example", 4, 5, true},
		{"five leave none", "fem@kantsten.example", 5, 5, false},
		{"fifty at once count as five", "femtio@kantsten.example", 50, 5, false},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			id, code := beginSignIn(t, places, servers, tt.email)
			if n := guess(t, servers, id, other(code, tt.wrong)); n != 0 {
				t.Errorf("%d wrong codes were taken", n)
			}
			if n := guess(t, servers, id, []string{code}); (n == 1) != tt.in {
				t.Errorf("after %d wrong guesses the right code gets %d sessions, want in: %v", tt.wrong, n, tt.in)
			}
			var tries int
			err := db.QueryRowContext(t.Context(), `SELECT max(tries) FROM sign_ins WHERE email = $1`, tt.email).Scan(&tries)
			if err != nil || tries != tt.tries {
				t.Errorf("%d tries were counted, %v; want %d", tries, err, tt.tries)
			}
		})
	}
}

// beginSignIn asks the first replica for a code.
func beginSignIn(t *testing.T, places [2]*place, servers [2]*server, email string) (id, code string) {
	t.Helper()
	var begun struct {
		ID string `json:"sign_in_id"`
	}
	servers[0].api().WithTest(t).Send(http.MethodPost, "/v1/sign-in", map[string]string{"email": email}).
		Want(http.StatusAccepted).JSON(&begun)
	return begun.ID, mailedCode(t, places, email)
}

// guess tries every code at once, in turn on the two replicas, and returns how
// many were let in.
func guess(t *testing.T, servers [2]*server, id string, codes []string) int {
	var in atomic.Int32
	var all sync.WaitGroup
	start := make(chan struct{})
	for i, code := range codes {
		api := servers[i%2].api().WithTest(t)
		all.Go(func() {
			<-start
			res := api.Send(http.MethodPost, "/v1/sign-in/confirm", map[string]string{"sign_in_id": id, "code": code})
			if res.Status == http.StatusOK {
				in.Add(1)
			}
		})
	}
	close(start)
	all.Wait()
	return int(in.Load())
}

// TestReplicasFollowNewBoundaries: a set that one process activates is used by
// all of them, and so is the one before when another takes that back. How soon is
// asserted in package routing, where waiting takes no time.
func TestReplicasFollowNewBoundaries(t *testing.T) {
	t.Parallel()
	_, places, servers := replicas(t)
	for _, s := range servers {
		if code := responsible(s.api()); code != "9001" {
			t.Fatalf("%s answers for %q, want 9001", s.base, code)
		}
	}
	id, _ := places[0].imported(square(t, "9002", "After"))
	for _, step := range []struct {
		by   *place
		args []string
		want string
	}{
		{places[0], []string{"activate", id}, "9002"},
		{places[1], []string{"undo"}, "9001"},
		{places[1], []string{"activate", id}, "9002"},
	} {
		step.by.do(append([]string{"boundaries"}, step.args...)...)
		committed := time.Now() // and a little later, as the command has ended since
		for _, s := range servers {
			eventually(t, s.base+" follows", func() bool { return responsible(s.api()) == step.want })
			t.Logf("a replica followed %v %v after the command had ended", step.args, time.Since(committed))
		}
	}
}

// responsible asks whose the middle of Sundsvall is.
func responsible(api *apitest.Client) string {
	var got struct {
		Jurisdiction struct{ Code string }
	}
	api.Get("/v1/locate?lat=62.3908&lon=17.3069").Want(http.StatusOK).JSON(&got)
	return got.Jurisdiction.Code
}
