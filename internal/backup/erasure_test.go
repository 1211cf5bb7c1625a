package backup_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/backup"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
)

// somebody is the name that has to be forgotten, wherever it stands.
const somebody = "Hemliga-Klara"

// filePersonal files a report that has the name in every place that takes one.
func (p *town) filePersonal(t *testing.T) report.Report {
	t.Helper()
	s := submission(t, 300_000_000) // with a photo
	s.Contact = report.Contact{Name: somebody, Email: somebody + "@example.org"}
	s.Description, s.Address, s.Private = "skrivet av "+somebody, "hos "+somebody, false
	done := p.file(t, s)
	_, err := p.reports.AddComment(t.Context(), auth.Actor{FollowToken: done.FollowToken}, done.Report.ID,
		report.Comment{Text: "hälsar " + somebody, Origin: report.OriginAPI})
	must(t, err)
	if len(done.Report.Photos) != 1 {
		t.Fatalf("%d photos", len(done.Report.Photos))
	}
	return done.Report
}

// eachRow calls see with each row of the database.
func (p *town) eachRow(t *testing.T, see func(table, row string)) {
	t.Helper()
	_, err := store.Backups{DB: p.db}.Dump(t.Context(), func(table backup.Table, rows iter.Seq2[backup.Row, error]) error {
		for row, err := range rows {
			if err != nil {
				return err
			}
			see(table.Name, fmt.Sprint(row...))
		}
		return nil
	})
	must(t, err)
}

func (p *town) rows(t *testing.T, table string) (n int) {
	t.Helper()
	p.eachRow(t, func(of, _ string) {
		if of == table {
			n++
		}
	})
	return n
}

// namedIn lists the tables and files in which a name stands.
func (p *town) namedIn(t *testing.T, name string) (where []string) {
	t.Helper()
	p.eachRow(t, func(table, row string) {
		if strings.Contains(row, name) {
			where = append(where, "table "+table)
		}
	})
	must(t, filepath.WalkDir(p.data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(name)) {
			where = append(where, "file "+filepath.Base(path))
		}
		return err
	}))
	return where
}

// hasPhotos reports whether files of the report's photos are in the place.
func (p *town) hasPhotos(t *testing.T, r report.Report) (has bool) {
	t.Helper()
	for info, err := range p.blobs.List(t.Context(), "photos/"+r.Photos[0].ID+"/") {
		must(t, err)
		has = has || info.Name != ""
	}
	return has
}

func TestWhoWasErasedAfterTheBackupStaysErased(t *testing.T) {
	for name, journal := range map[string]func(t *testing.T, old, place *town, r *backup.Restorer){
		"by the journal of the blob store that is still there": func(_ *testing.T, old, place *town, r *backup.Restorer) {
			place.blobs, place.photos.Blobs, r.Blobs = old.blobs, old.blobs, old.blobs
		},
		"by the journal of the lost installation": func(t *testing.T, old, _ *town, r *backup.Restorer) {
			saved, err := blob.OpenDisk(filepath.Join(old.data, "blobs"))
			must(t, err)
			t.Cleanup(func() { must(t, saved.Close()) })
			r.Journals = []report.Erasures{{Blobs: saved}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			across(t, func(t *testing.T, from, to string) {
				old := newTown(t, from)
				other := old.file(t, submission(t, 0)).Report
				personal := old.filePersonal(t)
				folder := old.take(t)
				must(t, old.reports.Erase(t.Context(), auth.Itself(), personal.Reference))

				place := emptyPlace(t, to)
				r := place.restorer()
				journal(t, old, place, &r)
				done, err := r.Restore(t.Context(), folder)
				must(t, err)
				if done.Erased != 1 {
					t.Errorf("%d reports were erased again, want 1", done.Erased)
				}
				if where := place.namedIn(t, somebody); len(where) > 0 {
					t.Errorf("the name stands in %v", where)
				}
				if place.hasPhotos(t, personal) {
					t.Error("the photos are still there")
				}
				if want := old.remember(t, other.ID); !bytes.Equal(place.remember(t, other.ID), want) {
					t.Error("somebody else's report was changed")
				}
			})
		})
	}
}

// Without the journal the name comes back: it is the journal that keeps it away.
func TestWithoutAJournalAnErasureIsUndone(t *testing.T) {
	t.Parallel()
	old := newTown(t, "sqlite")
	personal := old.filePersonal(t)
	folder := old.take(t)
	must(t, old.reports.Erase(t.Context(), auth.Itself(), personal.ID))
	place := emptyPlace(t, "sqlite")
	_, err := place.restorer().Restore(t.Context(), folder)
	must(t, err)
	if len(place.namedIn(t, somebody)) == 0 || !place.hasPhotos(t, personal) {
		t.Error("a backup from before the erasure does not hold what was erased")
	}
}

// The journal goes from backup to backup and is carried out once.
func TestAnErasureBeforeTheBackupIsNotRepeated(t *testing.T) {
	t.Parallel()
	old := newTown(t, "sqlite")
	personal := old.filePersonal(t)
	first := old.take(t)
	must(t, old.reports.Erase(t.Context(), auth.Itself(), personal.ID))
	second := old.take(t)

	place := emptyPlace(t, "sqlite")
	done, err := place.restorer().Restore(t.Context(), second)
	must(t, err)
	history, err := store.Reports{DB: place.db}.Updates(t.Context(), personal.ID, true)
	must(t, err)
	want, err := store.Reports{DB: old.db}.Updates(t.Context(), personal.ID, true)
	must(t, err)
	if done.Erased != 0 || len(history) != len(want) {
		t.Errorf("%d reports were erased again; the history has %d entries, want %d", done.Erased, len(history), len(want))
	}
	older := emptyPlace(t, "sqlite")
	r := older.restorer()
	r.Journals = []report.Erasures{{Blobs: place.blobs}}
	done, err = r.Restore(t.Context(), first)
	must(t, err)
	if where := older.namedIn(t, somebody); done.Erased != 1 || len(where) > 0 {
		t.Errorf("%d reports were erased again by the restored journal; the name stands in %v", done.Erased, where)
	}
}

// between is a database of which something happens after its rows were read and
// before its files are copied.
type between struct {
	store.Backups
	happens func()
}

func (b between) Dump(ctx context.Context, table func(backup.Table, iter.Seq2[backup.Row, error]) error) (int64, error) {
	schema, err := b.Backups.Dump(ctx, table)
	b.happens()
	return schema, err
}

func TestWhoIsErasedWhileTheBackupIsTakenStaysErased(t *testing.T) {
	across(t, func(t *testing.T, from, to string) {
		old := newTown(t, from)
		personal := old.filePersonal(t)
		taker := old.taker()
		taker.Database = between{store.Backups{DB: old.db}, func() {
			must(t, old.reports.Erase(t.Context(), auth.Itself(), personal.ID))
			must(t, old.photos.Remove(t.Context(), []string{personal.Photos[0].ID}))
		}}
		folder := filepath.Join(t.TempDir(), "backup")
		_, err := taker.Take(t.Context(), folder)
		must(t, err)
		place := emptyPlace(t, to)
		done, err := place.restorer().Restore(t.Context(), folder)
		must(t, err)
		if where := place.namedIn(t, somebody); done.Erased != 1 || len(where) > 0 || place.rows(t, "photos") != 0 {
			t.Errorf("%d reports were erased again; the name stands in %v; %d photos", done.Erased, where, place.rows(t, "photos"))
		}
	})
}

func TestAPhotoThatNobodyClaimedMayBeMissing(t *testing.T) {
	t.Parallel()
	old := newTown(t, "sqlite")
	kept, _, err := old.photos.Keep(t.Context(), picture(t, 1))
	must(t, err)
	half, _, err := old.photos.Keep(t.Context(), picture(t, 2))
	must(t, err)
	for info, err := range old.blobs.List(t.Context(), "photos/"+half.ID+"/320") { // its last one
		must(t, err)
		must(t, old.blobs.Delete(t.Context(), info.Name))
	}
	folder := old.take(t)
	place := emptyPlace(t, "sqlite")
	_, err = place.restorer().Restore(t.Context(), folder)
	must(t, err)
	var photos []string
	place.eachRow(t, func(table, row string) {
		if table == "photos" {
			photos = append(photos, row)
		}
	})
	if len(photos) != 1 || !strings.Contains(photos[0], kept.ID) {
		t.Errorf("photos %v, want only %s", photos, kept.ID)
	}
	for info, err := range place.blobs.List(t.Context(), "photos/"+half.ID+"/") {
		must(t, err)
		t.Errorf("the file %s belongs to no row", info.Name)
	}
}

func TestALostFileIsNamed(t *testing.T) {
	t.Parallel()
	old := newTown(t, "sqlite")
	r := old.file(t, submission(t, 3)).Report
	must(t, old.photos.Remove(t.Context(), []string{r.Photos[0].ID}))
	folder := filepath.Join(t.TempDir(), "backup")
	_, err := old.taker().Take(t.Context(), folder)
	if err == nil || !strings.Contains(err.Error(), "photos/"+r.Photos[0].ID) {
		t.Errorf("error %v, want one that names the photo", err)
	}
	isEmpty(t, folder)
}

func isEmpty(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	for _, e := range entries {
		t.Errorf("%s is left", e.Name())
	}
}

// Where the journal cannot be written, nothing is erased and nobody is told so.
func TestNoErasureWithoutItsJournal(t *testing.T) {
	t.Parallel()
	p := newTown(t, "sqlite")
	personal := p.filePersonal(t)
	must(t, p.blobs.Put(t.Context(), "erasures", strings.NewReader("in the way"), "text/plain"))
	if err := p.reports.Erase(t.Context(), auth.Itself(), personal.ID); err == nil {
		t.Error("it is said to be erased")
	}
	if len(p.namedIn(t, somebody)) == 0 {
		t.Error("it was erased without a trace in the journal")
	}
}
