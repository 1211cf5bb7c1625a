package store_test

import (
	"slices"
	"testing"

	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
)

// account makes a person with a role, or without.
func account(t *testing.T, db *database, id, email, role string) {
	t.Helper()
	must(t, db.InTx(t.Context(), func(exec execFunc) error {
		if err := exec(`INSERT INTO persons (id, email, created_at) VALUES ($1, $2, 0)`, id, email); err != nil {
			return err
		}
		if role == "" {
			return nil
		}
		return exec(`INSERT INTO grants (person, role, jurisdiction, created_at) VALUES ($1, $2, '', 0)`, id, role)
	}))
}

// Whoever works with reports keeps the account, which says who did what; a resident
// does not. In both cases what they follow and did not file stays apart.
func TestForgettingAPerson(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Reports{DB: db.DB}
		account(t, db, "resident", "qvintus@example.org", "")
		account(t, db, "operator", "olga@example.org", "operator")
		account(t, db, "neighbour", "nisse@example.org", "")
		mine := filing()
		mine.Report.PersonID = "resident"
		byAccount := create(t, db, mine)
		mine = filing()
		mine.Contact = report.Contact{Email: "Qvintus@Example.org"}
		byAddress := create(t, db, mine)
		others := create(t, db, filing())
		_, err := s.Update(t.Context(), others.ID, func(r *report.Report) (report.Changes, error) {
			said, neighbour := changes(r.ID), changes(r.ID)
			said.Updates[0].Author, said.Updates[0].AuthorID, said.Updates[0].Text = report.ByResident, "resident", "jag såg det"
			neighbour.Updates[0].Author, neighbour.Updates[0].AuthorID, neighbour.Updates[0].Text = report.ByResident, "neighbour", "jag med"
			said.Updates = append(said.Updates, neighbour.Updates...)
			return said, nil
		})
		must(t, err)
		for alt, photo := range map[string]string{"en lapp": addPhoto(t, db, noon), "": addPhoto(t, db, noon)} {
			_, err := s.Update(t.Context(), others.ID, func(r *report.Report) (report.Changes, error) {
				showed := changes(r.ID)
				showed.Updates[0].Author, showed.Updates[0].AuthorID, showed.Updates[0].Text = report.ByResident, "resident", ""
				showed.Photos, showed.Alts = []string{photo}, []string{alt}
				return showed, nil
			})
			must(t, err)
		}

		found, err := s.Traces(t.Context(), "qvintus@example.org")
		must(t, err)
		slices.Sort(found.Reports)
		if want := []string{byAccount.ID, byAddress.ID}; found.Account != "resident" || found.Staff || !slices.Equal(found.Reports, want) ||
			len(found.Remarks) != 2 || found.Remarks[1].ReportID != others.ID || found.Remarks[0].ReportID != others.ID {
			t.Errorf("the resident's traces are %+v, want reports %v and two remarks to %s, of which one is what a photo shows", found, want, others.ID)
		}
		must(t, s.Forget(t.Context(), found))
		if email, ok, err := s.EmailOf(t.Context(), "resident"); ok || err != nil {
			t.Errorf("the resident's account is still there: %q, %v", email, err)
		}

		found, err = s.Traces(t.Context(), "olga@example.org")
		must(t, err)
		if found.Account != "operator" || !found.Staff || len(found.Reports) > 0 {
			t.Errorf("the operator's traces are %+v", found)
		}
		must(t, s.Forget(t.Context(), found))
		for id, want := range map[string]string{"operator": "olga@example.org", "neighbour": "nisse@example.org"} {
			if email, ok, err := s.EmailOf(t.Context(), id); !ok || email != want || err != nil {
				t.Errorf("the account of %s is %q, %v, %v; want %q", id, email, ok, err, want)
			}
		}
		if found, err = s.Traces(t.Context(), "nobody@example.org"); err != nil || found.Account != "" || len(found.Reports)+len(found.Subscriptions)+len(found.Remarks) > 0 {
			t.Errorf("nobody's traces are %+v, %v", found, err)
		}
	})
}
