package backup_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/notify"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
)

// across runs a rule for each database to back up and each to restore into.
func across(t *testing.T, rule func(t *testing.T, from, to string)) {
	t.Helper()
	t.Parallel()
	for _, from := range kinds {
		for _, to := range kinds {
			t.Run(from+" into "+to, func(t *testing.T) {
				t.Parallel()
				rule(t, from, to)
			})
		}
	}
}

// people are what an installation knows besides reports.
type people struct{ session, key, unfollow string }

// live fills a town through its services and returns what its reports look like.
func (p *town) live(t *testing.T) (map[string][]byte, people) {
	t.Helper()
	ctx := t.Context()
	seen := map[string][]byte{}
	for n := range 12 {
		done := p.file(t, submission(t, n))
		if n%4 == 0 {
			_, err := p.reports.ChangeStatus(ctx, auth.Itself(), done.Report.ID, report.StatusChange{
				To: report.InProgress, Text: "Vi är på väg", Version: done.Report.Version, Origin: report.OriginAPI,
			})
			must(t, err)
			_, err = p.reports.AddComment(ctx, auth.Itself(), done.Report.ID, report.Comment{Text: "internt", Internal: true, Origin: report.OriginAPI})
			must(t, err)
			if !done.Report.Private {
				_, err = p.reports.Support(ctx, auth.Actor{}, done.Report.ID, "somebody", report.Key{})
				must(t, err)
			}
		}
		seen[done.Report.ID] = p.remember(t, done.Report.ID)
	}
	var who people
	_, invitation, err := p.auth.Invite(ctx, auth.Itself(), auth.InviteRequest{
		Grant: auth.Grant{Role: auth.Handler, Jurisdiction: "2281"}, Email: "handler@example.org", Language: "sv",
	})
	must(t, err)
	_, who.session, err = p.auth.Accept(ctx, invitation)
	must(t, err)
	_, who.key, err = p.auth.CreateKey(ctx, auth.Itself(), auth.KeyRequest{Name: "k", Scopes: []auth.Scope{auth.ScopeOpen311}})
	must(t, err)
	followed, err := p.followers.Follow(ctx, auth.Actor{}, notify.Follow{
		Area: &notify.Area{Lat: 62.39, Lon: 17.3, RadiusM: 1500.125}, Services: []string{"pothole"}, Email: "follower@example.org", Language: "sv",
	})
	must(t, err)
	mail, err := p.followers.Issue(ctx, followed.ID)
	must(t, err)
	_, err = p.followers.Confirm(ctx, followed.ID, mail.Code)
	must(t, err)
	who.unfollow = followed.Secret
	return seen, who
}

func TestABackupTakenWhileReportsArriveRestoresWhatWasAcknowledged(t *testing.T) {
	across(t, func(t *testing.T, from, to string) {
		old := newTown(t, from)
		seen, who := old.live(t)
		filing := old.startFiling(t, 4)
		before := filing.acknowledged()
		folder := old.take(t)
		filing.stop()
		if len(filing.acknowledged()) <= len(before) {
			t.Error("no report was filed while the backup was taken")
		}
		for _, done := range before {
			seen[done.Report.ID] = old.remember(t, done.Report.ID)
		}

		place := emptyPlace(t, to)
		_, err := place.restorer().Restore(t.Context(), folder)
		must(t, err)
		place.serve(t)
		for _, id := range slices.Sorted(maps.Keys(seen)) {
			if got := place.remember(t, id); !bytes.Equal(got, seen[id]) {
				t.Errorf("report %s:\n got %.900s\nwant %.900s", id, got, seen[id])
			}
		}
		for _, done := range before {
			if !place.secrets.FollowKeys.Verify(done.FollowToken, done.Report.ID, done.Report.TokenEpoch) {
				t.Errorf("the follow token of %s does not verify any more", done.Report.ID)
			}
		}
		place.knows(t, who)
		sameBackup(t, folder, place.take(t))
		place.goesOn(t)
	})
}

// knows checks that sessions, keys and subscriptions work.
func (p *town) knows(t *testing.T, who people) {
	t.Helper()
	if _, err := p.auth.Authenticate(t.Context(), who.session); err != nil {
		t.Errorf("the session does not work: %v", err)
	}
	if _, err := p.auth.AuthenticateKey(t.Context(), who.key); err != nil {
		t.Errorf("the key does not work: %v", err)
	}
	if n := p.rows(t, "subscriptions"); n != 1 {
		t.Errorf("%d subscriptions, want 1", n)
	}
}

// goesOn checks that references have no gap and no duplicate, and that the next
// report of each series takes the next number.
func (p *town) goesOn(t *testing.T) {
	t.Helper()
	numbers := map[string][]string{}
	for cursor := ""; ; {
		page, err := store.Reports{DB: p.db}.Reports(t.Context(), report.Query{IncludeHidden: true, Limit: 100, Cursor: cursor})
		must(t, err)
		for _, r := range page.Reports {
			numbers[r.Jurisdiction] = append(numbers[r.Jurisdiction], r.Reference)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	for n, code := range []string{"2281", "0180"} {
		done := p.file(t, submission(t, 500_000_000+n))
		got := append(numbers[code], done.Report.Reference)
		slices.Sort(got)
		for i, ref := range got {
			if want := fmt.Sprintf("%s-%d-%06d", code, done.Report.CreatedAt.Year(), i+1); ref != want {
				t.Fatalf("reference %s where %s should be", ref, want)
			}
		}
		if len(got) < 6 {
			t.Errorf("only %d reports to %s", len(got), code)
		}
	}
}

// sameBackup compares two backups row by row: whatever the database, the same
// values are the same text.
func sameBackup(t *testing.T, a, b string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(a, "tables", "*"))
	must(t, err)
	if len(files) < 20 {
		t.Errorf("only %d tables", len(files))
	}
	for _, path := range append(files, filepath.Join(a, "blobs.ndjson.gz")) {
		name, err := filepath.Rel(a, path)
		must(t, err)
		one, other := linesOf(t, path), linesOf(t, filepath.Join(b, name))
		slices.Sort(one)
		slices.Sort(other)
		if !slices.Equal(one, other) {
			t.Errorf("%s differs after a restore:\n%.600q\n%.600q", name, one, other)
		}
	}
}

func TestEverythingInABackupIsItsOwnersOnly(t *testing.T) {
	t.Parallel()
	p := newTown(t, "sqlite")
	p.live(t)
	folder := p.take(t)
	must(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		must(t, err)
		info, err := entry.Info()
		must(t, err)
		inside, err := filepath.Rel(folder, path)
		must(t, err)
		switch mode := info.Mode().Perm(); {
		case entry.IsDir() && mode&0o007 != 0, !entry.IsDir() && mode != 0o600:
			t.Errorf("%s has the mode %o", inside, mode)
		case inside == "." && mode != 0o700:
			t.Errorf("the folder has the mode %o", mode)
		}
		return nil
	}))
}

func TestKeysFromAFileComeAlong(t *testing.T) {
	t.Parallel()
	old := newTown(t, "sqlite")
	keys, err := old.secrets.Encode()
	must(t, err)
	file := filepath.Join(t.TempDir(), "keys.json")
	must(t, os.WriteFile(file, keys, 0o600))
	taker := old.taker()
	taker.SecretsFile = file
	folder := filepath.Join(t.TempDir(), "backup")
	_, err = taker.Take(t.Context(), folder)
	must(t, err)

	place := emptyPlace(t, "sqlite")
	r := place.restorer()
	refused(t, r, folder, "KANTSTEN_SECRETS_FILE")
	r.SecretsFile = filepath.Join(t.TempDir(), "other.json")
	must(t, os.WriteFile(r.SecretsFile, []byte("{}"), 0o600))
	refused(t, r, folder, "other.json")
	r.SecretsFile = filepath.Join(t.TempDir(), "new.json")
	_, err = r.Restore(t.Context(), folder)
	must(t, err)
	got, err := os.ReadFile(r.SecretsFile)
	must(t, err)
	if !bytes.Equal(got, keys) {
		t.Error("the keys are not those that were backed up")
	}
	r = emptyPlace(t, "sqlite").restorer()
	r.SecretsFile = file
	refused(t, r, newTown(t, "sqlite").take(t), "KANTSTEN_SECRETS_FILE")
}

func TestABackupSaysWhenItWasTaken(t *testing.T) {
	t.Parallel()
	p := newTown(t, "sqlite")
	taker := p.taker()
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	taker.Now = func() time.Time { return at }
	m, err := taker.Take(t.Context(), filepath.Join(t.TempDir(), "b"))
	must(t, err)
	if !m.TakenAt.Equal(at) || m.Program != "test" || m.Schema < 1 || m.Rows("jurisdictions") != 2 {
		t.Errorf("manifest %+v", m)
	}
}
