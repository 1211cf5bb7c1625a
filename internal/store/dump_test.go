package store_test

import (
	"io/fs"
	"iter"
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/kantsten/kantsten/internal/backup"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/migrations"
)

// dumped counts the rows of every table in a dump, in the order of the tables.
func dumped(t *testing.T, db *database) (order []string, rows map[string]int) {
	t.Helper()
	rows = map[string]int{}
	schema, err := store.Backups{DB: db.DB}.Dump(t.Context(), func(table backup.Table, all iter.Seq2[backup.Row, error]) error {
		order = append(order, table.Name)
		for _, err := range all {
			if err != nil {
				return err
			}
			rows[table.Name]++
		}
		return nil
	})
	must(t, err)
	newest, err := store.Backups{DB: db.DB}.Newest()
	must(t, err)
	if schema != newest || schema < 1 {
		t.Errorf("schema %d, the newest is %d", schema, newest)
	}
	return order, rows
}

// tableWord finds the tables in the text of the migrations, apart from what the
// database says of itself.
var tableWord = regexp.MustCompile(`(?mi)^\s*CREATE TABLE (?:IF NOT EXISTS )?"?(\w+)"?`)

func TestEveryTableOfTheMigrationsIsInABackup(t *testing.T) {
	var want []string
	files, err := fs.Glob(migrations.Files, "*.sql")
	must(t, err)
	for _, name := range files {
		text, err := migrations.Files.ReadFile(name)
		must(t, err)
		for _, m := range tableWord.FindAllStringSubmatch(string(text), -1) {
			want = append(want, m[1])
		}
	}
	slices.Sort(want)
	onBoth(t, func(t *testing.T, db *database) {
		order, _ := dumped(t, db)
		if got := slices.Sorted(slices.Values(order)); !slices.Equal(got, want) {
			t.Errorf("tables %v,\nwant   %v", got, want)
		}
	})
}

func TestATableComesAfterThoseItRefersTo(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		order, _ := dumped(t, db)
		for child, parent := range map[string]string{
			"jurisdiction_aliases": "jurisdictions", "grants": "persons", "sessions": "persons", "contacts": "reports", "updates": "reports",
			"photos": "reports", "voices": "reports", "subscriptions": "reports", "subscription_tiles": "subscriptions",
		} {
			if slices.Index(order, child) < slices.Index(order, parent) {
				t.Errorf("%s comes before %s in %v", child, parent, order)
			}
		}
	})
}

// A dump reads one state: what is committed while it runs is not in it, in no
// table.
func TestADumpIsOneState(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		for range 3 {
			create(t, db, filing())
		}
		_, before := dumped(t, db)
		during := map[string]int{}
		_, err := store.Backups{DB: db.DB}.Dump(t.Context(), func(table backup.Table, all iter.Seq2[backup.Row, error]) error {
			create(t, db, filing()) // beside each table
			for _, err := range all {
				must(t, err)
				during[table.Name]++
			}
			return nil
		})
		must(t, err)
		if !maps.Equal(before, during) || before["reports"] != 3 {
			t.Errorf("rows %v, before it began %v", during, before)
		}
	})
}

func TestAnEmptyDatabaseHasNothingToBackUp(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), sqliteURL(t))
	must(t, err)
	defer func() { must(t, db.Close()) }()
	_, err = store.Backups{DB: db}.Dump(t.Context(), func(backup.Table, iter.Seq2[backup.Row, error]) error { return nil })
	if err == nil {
		t.Error("it was dumped")
	}
}
