package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/upload"
)

// secretWords stand in everything personal of the report that is erased.
const secretWords = "Qvintus Personlig"

// eraseKit files a report full of personal data, with an answer of the reporter's
// and a subscription of their address, among others that stay.
func eraseKit(t *testing.T, db *database) report.Report {
	t.Helper()
	for range 20 {
		create(t, db, filing())
	}
	f := filing()
	f.Report.Description, f.Report.Address = "Hål, ring "+secretWords, secretWords+"s gata 1"
	f.Report.PersonID = "person of " + secretWords
	f.Contact = report.Contact{Name: secretWords, Email: "Qvintus.Personlig@example.org", Phone: "+46 70 " + secretWords}
	f.Photos = []string{addPhoto(t, db, noon)}
	f.Updates[0].Text, f.Updates[0].AuthorID = "jag heter "+secretWords, "person of "+secretWords
	f.Alts, f.AltHeld = []string{secretWords + " visar"}, report.AltWithReport
	r := create(t, db, f)
	u := upload.Upload{ID: "0198c0de-7b1a-7c3e-9f00-5a1d2b3c4d5e", Length: 5, Metadata: "alt " + secretWords, Alt: secretWords, State: upload.Open, Created: noon, Expires: noon}
	_, err := store.Uploads{DB: db.DB}.AddUpload(t.Context(), u, "hash", photo.Once{}, nil)
	must(t, err)
	_, err = store.Uploads{DB: db.DB}.Finish(t.Context(), u.ID, 0, 5, f.Photos[0])
	must(t, err)
	_, err = store.Reports{DB: db.DB}.Update(t.Context(), r.ID, func(r *report.Report) (report.Changes, error) {
		c := changes(r.ID)
		c.Updates[0].Text = "hälsar " + secretWords
		staff := changes(r.ID)
		staff.Updates[0].Author, staff.Updates[0].Text = report.ByStaff, "lagat"
		c.Updates = append(c.Updates, staff.Updates...)
		return c, nil
	})
	must(t, err)
	for i, email := range []string{"qvintus.personlig@example.org", "somebody.else@example.org"} {
		must(t, db.InTx(t.Context(), func(exec execFunc) error {
			return exec(`INSERT INTO subscriptions (id, secret, report, lat, lon, lon_m, radius_m, services, channel, endpoint,
				p256dh, auth, email, language, active, code_hash, tries, expires_at, created_at)
				VALUES ($1, $1, $2, 0, 0, 0, 0, '', 'mail', '', '', '', $3, 'sv', TRUE, '', 0, 0, 0)`, fmt.Sprint(i), r.ID, email)
		}))
	}
	return r
}

// blank is what the domain blanks in the report itself.
func blank(r *report.Report) (report.Changes, error) {
	r.Description, r.Address, r.Attributes, r.PersonID = "", "", nil, ""
	r.TokenEpoch++
	c := changes(r.ID)
	c.Updates[0].Kind, c.Updates[0].Text = report.TextRemoved, ""
	return c, nil
}

func TestErasingLeavesNoTrace(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Reports{DB: db.DB}
		r := eraseKit(t, db)
		if where := columnsWith(t, db, "Personlig"); len(where) < 10 {
			t.Fatalf("the words are found in %v only: the search does not see them", where)
		}
		var seen []report.Photo
		erased, err := s.Erase(t.Context(), r.ID, func(r *report.Report) (report.Changes, error) {
			seen = r.Photos
			return blank(r)
		})
		must(t, err)
		if len(seen) != 1 || erased.Version != 3 {
			t.Errorf("the change saw %d photos; version %d", len(seen), erased.Version)
		}
		for _, word := range []string{"Personlig", "personlig", "PERSONLIG"} {
			if where := columnsWith(t, db, word); len(where) != 0 {
				t.Errorf("%s is still found in %v", word, where)
			}
		}
		noBytes(t, db, secretWords, "Qvintus.Personlig", "qvintus personlig")
		us, err := s.Updates(t.Context(), r.ID, true)
		must(t, err)
		contact, err := s.Contact(t.Context(), r.ID)
		must(t, err)
		got, err := s.Report(t.Context(), r.ID)
		must(t, err)
		if len(us) != 4 || us[2].Text != "lagat" || !contact.Empty() || len(got.Photos) != 0 || got.Description != "" {
			t.Errorf("what is left: %+v, %+v, %+v", us, contact, got)
		}
		if n := db.count(t, `SELECT count(*) FROM subscriptions`); n != 1 {
			t.Errorf("%d subscriptions, want the other one", n)
		}
		if _, err := s.Erase(t.Context(), r.ID, blank); err != nil { // as a restore does it again
			t.Errorf("erase once more: %v", err)
		}
	})
}

// A reporter whose connection breaks meanwhile could not ask again: the follow
// token has ended. Only SQLite sees a write through once it has begun.
func TestAnErasureThatIsCommittedIsNoFailure(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		r := eraseKit(t, db)
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		_, err := store.Reports{DB: db.DB}.Erase(ctx, r.ID, func(r *report.Report) (report.Changes, error) {
			leave()
			return blank(r)
		})
		where := columnsWith(t, db, "Personlig")
		if done := err == nil; done != db.sqlite() || done != (len(where) == 0) {
			t.Errorf("%v, and the words are in %v", err, where)
		}
		if err == nil {
			noBytes(t, db, secretWords)
		}
	})
}

// Who filed a report by their account may have left no contact data with it.
func TestErasingEndsWhatTheReportersAccountFollows(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		f := filing()
		f.Report.PersonID, f.Contact = "the reporter", report.Contact{}
		r := create(t, db, f)
		must(t, db.InTx(t.Context(), func(exec execFunc) error {
			return exec(`INSERT INTO persons (id, email, created_at) VALUES ('the reporter', 'me@example.org', 0), ('another', 'you@example.org', 0)`)
		}))
		for _, email := range []string{"me@example.org", "you@example.org"} {
			must(t, db.InTx(t.Context(), func(exec execFunc) error {
				return exec(`INSERT INTO subscriptions (id, secret, report, lat, lon, lon_m, radius_m, services, channel, endpoint,
					p256dh, auth, email, language, active, code_hash, tries, expires_at, created_at)
					VALUES ($2, $2, $1, 0, 0, 0, 0, '', 'mail', '', '', '', $2, 'sv', TRUE, '', 0, 0, 0)`, r.ID, email)
			}))
		}
		_, err := store.Reports{DB: db.DB}.Erase(t.Context(), r.ID, blank)
		must(t, err)
		if me, you := db.count(t, `SELECT count(*) FROM subscriptions WHERE email = 'me@example.org'`),
			db.count(t, `SELECT count(*) FROM subscriptions`); me != 0 || you != 1 {
			t.Errorf("the reporter follows by %d, all by %d subscriptions", me, you)
		}
	})
}

// columnsWith lists every column of every table in which a text stands.
func columnsWith(t *testing.T, db *database, text string) (found []string) {
	t.Helper()
	raw := db.raw(t)
	columns := allColumns(t, db, raw)
	if len(columns) < 100 {
		t.Fatalf("%d columns are not all", len(columns))
	}
	for _, c := range columns {
		var n int
		// #nosec G201 -- names from the schema
		count := fmt.Sprintf(`SELECT count(*) FROM %q WHERE CAST(%q AS TEXT) LIKE '%%%s%%'`, c[0], c[1], text)
		must(t, raw.QueryRowContext(t.Context(), count).Scan(&n))
		if n > 0 {
			found = append(found, c[0]+"."+c[1])
		}
	}
	slices.Sort(found)
	return found
}

// allColumns lists table and column.
func allColumns(t *testing.T, db *database, raw *sql.DB) (columns [][2]string) {
	t.Helper()
	query := `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'`
	if db.sqlite() {
		query = `SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'`
	}
	rows, err := raw.QueryContext(t.Context(), query)
	must(t, err)
	defer func() { _ = rows.Close() }() // rows.Err says what went wrong
	for rows.Next() {
		var c [2]string
		must(t, rows.Scan(&c[0], &c[1]))
		columns = append(columns, c)
	}
	must(t, rows.Err())
	return columns
}

// noBytes looks into SQLite's files themselves.
func noBytes(t *testing.T, db *database, words ...string) {
	t.Helper()
	if !db.sqlite() {
		return // its files are not ours to read; VACUUM and the recycling of WAL do it there
	}
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(db.url + suffix)
		must(t, err)
		for _, w := range words {
			if at := bytes.Index(data, []byte(w)); at >= 0 {
				t.Errorf("%q is at byte %d of the file%s", w, at, suffix)
			}
		}
	}
}
