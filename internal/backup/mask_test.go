package backup_test

import (
	"context"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/tenant"
)

// watched is a blob store of which something happens before some of its calls.
type watched struct {
	blob.Store
	before func(call, name string)
}

func (w watched) Get(ctx context.Context, name string) (*blob.Object, error) {
	w.before("get", name)
	return w.Store.Get(ctx, name)
}

func (w watched) List(ctx context.Context, prefix string) iter.Seq2[blob.Info, error] {
	w.before("list", prefix)
	return w.Store.List(ctx, prefix)
}

func (w watched) Put(ctx context.Context, name string, r io.Reader, contentType string) error {
	w.before("put", name)
	return w.Store.Put(ctx, name, r, contentType)
}

// once runs something at the first of the calls that fit.
func once(fits func(call, name string) bool, happens func()) func(call, name string) {
	var did sync.Once
	return func(call, name string) {
		if fits(call, name) {
			did.Do(happens)
		}
	}
}

var handler = auth.Actor{Kind: auth.PersonKind, PersonID: "handler", Grants: []auth.Grant{{Role: auth.Handler, Jurisdiction: "2281"}}}

// maskFirst masks the first photo of a report, with one more area each time, and
// does at once what the job after it does.
func (p *town) maskFirst(t *testing.T, id string) {
	t.Helper()
	r, err := store.Reports{DB: p.db}.Report(t.Context(), id)
	must(t, err)
	before := r.Photos[0]
	areas := append(slices.Clone(before.Masks), photo.Area{X: 0.1 * float64(len(before.Masks)), Y: 0, Width: 0.5, Height: 0.5})
	_, _, err = p.reports.MaskPhoto(t.Context(), handler, id, report.Masking{PhotoID: before.ID, Areas: areas, Version: r.Version})
	must(t, err)
	must(t, p.photos.Remove(t.Context(), []string{before.Folder}))
}

// showsNothingOld checks the photo of a restored report: it is there, masked, with
// all its files, and nothing is there of what it showed before.
func (p *town) showsNothingOld(t *testing.T, r report.Report, masks int, keeps bool) {
	t.Helper()
	now, err := store.Reports{DB: p.db}.Report(t.Context(), r.ID)
	must(t, err)
	if len(now.Photos) != 1 || len(now.Photos[0].Masks) != masks || now.Photos[0].State != report.PhotoShown {
		t.Fatalf("the restored photos are %+v, want one with %d masks", now.Photos, masks)
	}
	ph := now.Photos[0]
	for size, sum := range ph.SHA256 {
		if len(p.content(t, photo.Name(ph.Folder, size, sum))) == 0 || sum == r.Photos[0].SHA256[size] {
			t.Errorf("rendition %d is empty, or as it was", size)
		}
	}
	if (ph.Unmasked != "") != keeps {
		t.Errorf("kept is %q", ph.Unmasked)
	}
	for info, err := range p.blobs.List(t.Context(), "") {
		must(t, err)
		kept := keeps && info.Name == photo.UnmaskedName(ph.Folder, ph.Unmasked)
		for _, old := range r.Photos[0].SHA256 {
			if strings.Contains(info.Name, old) && !kept {
				t.Errorf("%s shows what was masked", info.Name)
			}
		}
	}
	shown, _, err := store.Photos{DB: p.db}.PhotoShown(t.Context(), r.Photos[0].Folder)
	must(t, err)
	if shown.Public() {
		t.Error("the old picture has a public address")
	}
	if keeps {
		picture, err := p.reports.Unmasked(t.Context(), handler, r.ID, ph.ID)
		must(t, err)
		must(t, picture.Close())
	}
	if _, owner, ok, err := (store.Reports{DB: p.db}).PhotoIn(t.Context(), ph.Folder); !ok || owner != ph.ID || err != nil {
		t.Errorf("the folder of photo %s belongs to %q, %v", ph.ID, owner, err)
	}
}

func (p *town) keepUnmasked(t *testing.T, keep bool) {
	t.Helper()
	j, err := p.tenants.Get(t.Context(), "2281")
	must(t, err)
	j.Photos = tenant.PhotoRules{KeepUnmasked: keep}
	_, err = p.tenants.Put(t.Context(), j)
	must(t, err)
}

// Whenever a photo is masked while a backup is taken, it is masked after a restore,
// and neither lost nor shown as it was.
func TestAPhotoThatIsMaskedWhileTheBackupIsTaken(t *testing.T) {
	t.Parallel()
	tests := map[string]func(call, name string) bool{
		"before its files are copied":          func(call, name string) bool { return call == "get" && strings.HasPrefix(name, "photos/") },
		"in the middle of them":                func(call, name string) bool { return call == "get" && strings.Contains(name, "/1024-") },
		"after they are copied":                func(call, name string) bool { return call == "list" && name == "erasures/" },
		"and once more while it is taken over": nil,
	}
	for name, when := range tests {
		for _, keeps := range []bool{false, true} {
			rule := name + ", and destroyed"
			if keeps {
				rule = name + ", and kept"
			}
			for _, kind := range kinds { // into which database it goes makes no difference
				t.Run(rule+", "+kind, func(t *testing.T) {
					t.Parallel()
					maskedMeanwhile(t, kind, keeps, when)
				})
			}
		}
	}
}

// maskedMeanwhile masks a photo at a call of the backup, or twice if none is given:
// after its row is read, and when its new files are copied.
func maskedMeanwhile(t *testing.T, kind string, keeps bool, when func(call, name string) bool) {
	t.Helper()
	old := newTown(t, kind)
	old.keepUnmasked(t, keeps)
	other := old.file(t, submission(t, 6)).Report
	r := old.file(t, submission(t, 12)).Report
	taker, masks := old.taker(), 1
	happens := func() { old.maskFirst(t, r.ID) }
	if when == nil {
		masks = 2
		taker.Database = between{store.Backups{DB: old.db}, happens}
		when = func(call, name string) bool {
			folder, _, _, ok := photo.ParseName(name)
			return call == "get" && ok && folder != r.Photos[0].ID && folder != other.Photos[0].ID
		}
	}
	taker.Blobs = watched{old.blobs, once(when, happens)}
	folder := filepath.Join(t.TempDir(), "backup")
	_, err := taker.Take(t.Context(), folder)
	must(t, err)
	place := emptyPlace(t, kind)
	done, err := place.restorer().Restore(t.Context(), folder)
	must(t, err)
	if done.Erased != 0 {
		t.Errorf("%d were erased again", done.Erased)
	}
	place.showsNothingOld(t, r, masks, keeps)
	if now, err := (store.Reports{DB: place.db}).Report(t.Context(), other.ID); err != nil || len(now.Photos) != 1 || len(now.Photos[0].Masks) != 0 {
		t.Errorf("the other report: %+v, %v", now.Photos, err)
	}
}

// A masking that is under way when the rows are read has left a row of its own for
// the new pictures, which the photo has taken over when the files are copied.
func TestAMaskingThatIsUnderWayWhenTheBackupBegins(t *testing.T) {
	across(t, func(t *testing.T, from, to string) {
		old := newTown(t, from)
		r := old.file(t, submission(t, 12)).Report
		begun, goOn, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
		old.photos.Blobs = watched{old.blobs, once(func(call, name string) bool { return call == "put" && strings.HasPrefix(name, "erasures/") },
			func() { close(begun); <-goOn })}
		go func() {
			defer close(done)
			old.maskFirst(t, r.ID)
		}()
		<-begun
		taker := old.taker()
		taker.Database = between{store.Backups{DB: old.db}, func() { close(goOn); <-done }}
		folder := filepath.Join(t.TempDir(), "backup")
		_, err := taker.Take(t.Context(), folder)
		must(t, err)
		place := emptyPlace(t, to)
		_, err = place.restorer().Restore(t.Context(), folder)
		must(t, err)
		place.showsNothingOld(t, r, 1, false)
		if n := place.rows(t, "photos"); n != 1 {
			t.Errorf("%d rows of photos, want 1", n)
		}
	})
}

// What was kept of a masked photo may be destroyed while the backup is taken: the
// photo stays.
func TestWhatWasKeptIsSweptWhileTheBackupIsTaken(t *testing.T) {
	across(t, func(t *testing.T, from, to string) {
		old := newTown(t, from)
		old.keepUnmasked(t, true)
		r := old.file(t, submission(t, 12)).Report
		old.maskFirst(t, r.ID)
		masked, err := store.Reports{DB: old.db}.Report(t.Context(), r.ID)
		must(t, err)
		taker := old.taker()
		taker.Database = between{store.Backups{DB: old.db}, func() {
			old.keepUnmasked(t, false)
			must(t, old.photos.SweepUnmasked(t.Context()))
			must(t, old.photos.RemoveUnmasked(t.Context(), []string{masked.Photos[0].Folder}))
		}}
		folder := filepath.Join(t.TempDir(), "backup")
		_, err = taker.Take(t.Context(), folder)
		must(t, err)
		place := emptyPlace(t, to)
		_, err = place.restorer().Restore(t.Context(), folder)
		must(t, err)
		place.showsNothingOld(t, r, 1, false)
	})
}
