package routing_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/pgtest"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

// onBoth runs a rule for a town with layers of every kind, on either database.
func onBoth(t *testing.T, rule func(t *testing.T, w *town)) {
	t.Helper()
	for name, url := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "kantsten.db") },
		"postgres": pgtest.URL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTownAt(t, url(t))
			w.places(t, "lamp-owner", lamp("state", "Lampor", 17.03), lamp("private", "Andra lampor", 17.13))
			w.places(t, "rail-owner", street("state", "Banan", 17.05))
			w.rules(t, "", routing.Rule{ID: "lamps", Layer: "lamp-owner", WithinM: 300, Outcome: routing.ToOwner},
				routing.Rule{ID: "rails", Layer: "rail-owner", WithinM: 300, Outcome: routing.ToOwner})
			for _, code := range []string{"state", "private"} {
				w.jurisdiction(t, tenant.Jurisdiction{Code: code, Name: "Owner " + code})
			}
			rule(t, w)
		})
	}
}

// process is another process of the same installation, with a cache of that name.
func (w *town) process(cache string) *routing.Boundaries {
	return &routing.Boundaries{
		Sets: w.sets, Blobs: w.Boundaries.Blobs, CacheDir: filepath.Join(w.dir, cache), Log: slog.New(slog.DiscardHandler),
	}
}

// answers routes a few hundred faults.
func answers(t *testing.T, b *routing.Boundaries) []string {
	t.Helper()
	random := rand.New(rand.NewPCG(7, 8)) // the same places each time
	r := routing.Router{Boundaries: b}
	var all []string
	for range 300 {
		q := routing.Question{Service: "pothole", Lat: 62 + random.Float64()/10, Lon: 16.99 + random.Float64()/4, AccuracyM: 5}
		route, err := r.Route(t.Context(), q)
		if err != nil {
			all = append(all, err.Error())
			continue
		}
		all = append(all, route.Jurisdiction+" "+string(route.Trace))
	}
	return all
}

// starts lets a process start and checks that it answers as it was.
func (w *town) starts(t *testing.T, cache string, want []string) {
	t.Helper()
	b := w.process(cache)
	must(t, b.Refresh(t.Context()))
	if got := answers(t, b); !slices.Equal(got, want) {
		t.Errorf("it answers otherwise:\n%v\n%v", got, want)
	}
}

// files lists those that have a suffix in a folder, of which there is one for each
// of the four layers.
func (w *town) files(t *testing.T, folder string, of func(name string) bool) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(w.dir, folder, "*"))
	must(t, err)
	all = slices.DeleteFunc(all, func(path string) bool { return !of(filepath.Base(path)) })
	if len(all) != 4 {
		t.Fatalf("%d files in %s, want one for each layer: %v", len(all), folder, all)
	}
	return all
}

func (w *town) copies(t *testing.T, cache string) []string {
	t.Helper()
	return w.files(t, cache, func(name string) bool { return strings.HasSuffix(name, ".idx") })
}

func (w *town) indexes(t *testing.T) []string {
	t.Helper()
	return w.files(t, "media/boundaries", func(name string) bool { return len(name) == 2*sha256.Size })
}

func (w *town) features(t *testing.T) []string {
	t.Helper()
	return w.files(t, "media/boundaries", func(name string) bool { return strings.HasSuffix(name, ".geojson.gz") })
}

// damages are what a disk, or a hand, does to a file; nil removes it.
var damages = map[string]func(content []byte) []byte{
	"missing":      func([]byte) []byte { return nil },
	"one bit":      func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
	"the last bit": func(b []byte) []byte { b[len(b)-1] ^= 0x80; return b },
	"cut off":      func(b []byte) []byte { return b[:len(b)*2/3] },
	"empty":        func(b []byte) []byte { return b[:0] },
	"longer":       func(b []byte) []byte { return append(b, 0) },
	"other things": func([]byte) []byte { return []byte("<html>502 Bad Gateway</html>") },
}

// damage puts a damaged file in the place of each. The old one is not written to:
// another process may have it mapped.
func damage(t *testing.T, files []string, do func([]byte) []byte) {
	t.Helper()
	for _, path := range files {
		b, err := os.ReadFile(path)
		must(t, err)
		must(t, os.Remove(path))
		if b = do(b); b != nil {
			must(t, os.WriteFile(path, b, 0o600))
		}
	}
}

// whole checks that files have the hash that they are named by.
func whole(t *testing.T, files []string) {
	t.Helper()
	for _, path := range files {
		b, err := os.ReadFile(path)
		must(t, err)
		sum := sha256.Sum256(b)
		if hash, _, _ := strings.Cut(filepath.Base(path), "."); hash != hex.EncodeToString(sum[:]) {
			t.Errorf("%s is still damaged", path)
		}
	}
}

// older makes an index one of an older version of the format, with sound hashes:
// what an update of the program finds.
func older(b []byte) []byte {
	const version, headerHash, header = 8, 96, 128
	binary.LittleEndian.PutUint32(b[version:], 1)
	sum := sha256.Sum256(b[:headerHash])
	copy(b[headerHash:header], sum[:])
	body := len(b) - sha256.Size
	sum = sha256.Sum256(b[:body])
	return append(b[:body], sum[:]...)
}

func TestADamagedLocalCopyIsMadeAnew(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *town) {
		want := answers(t, w.Boundaries)
		local := map[string]func([]byte) []byte{"of an older version": older}
		for name, do := range damages {
			local[name] = do
		}
		for name, do := range local {
			t.Log(name)
			damage(t, w.copies(t, "cache"), do)
			w.starts(t, "cache", want)
			whole(t, w.copies(t, "cache"))
		}
		// A sound index, but another layer's.
		copies := w.copies(t, "cache")
		other, err := os.ReadFile(copies[0])
		must(t, err)
		damage(t, copies[1:], func([]byte) []byte { return bytes.Clone(other) })
		w.starts(t, "cache", want)
		whole(t, copies)
	})
}

func TestADamagedIndexIsBuiltAnewFromItsFeatures(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *town) {
		want := answers(t, w.Boundaries)
		before := w.indexes(t)
		for name, do := range damages {
			t.Log(name)
			damage(t, w.indexes(t), do)
			damage(t, w.copies(t, "cache"), do)
			w.starts(t, "cache", want)
			whole(t, w.copies(t, "cache"))
			whole(t, w.indexes(t))
			if after := w.indexes(t); !slices.Equal(after, before) {
				t.Errorf("%s: the indexes are %v, were %v", name, after, before)
			}
			w.starts(t, "another of "+name, want) // by what was put back
		}
	})
}

// An update of the program may bring another format. The set gets an index of it,
// and whoever has the old one mapped goes on.
func TestAnIndexOfAnOlderVersionIsReplaced(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *town) {
		want := answers(t, w.Boundaries)
		sets, err := w.sets.ActiveSets(t.Context())
		must(t, err)
		for _, set := range sets {
			was := set.SHA256
			b, err := os.ReadFile(filepath.Join(w.dir, "media", set.Index))
			must(t, err)
			sum := sha256.Sum256(older(b))
			set.SHA256 = hex.EncodeToString(sum[:])
			set.Index = "boundaries/" + set.SHA256
			must(t, w.Boundaries.Blobs.Put(t.Context(), set.Index, bytes.NewReader(b), "application/octet-stream"))
			must(t, w.Boundaries.Blobs.Delete(t.Context(), "boundaries/"+was))
			must(t, w.sets.ReplaceIndex(t.Context(), set, was))
		}
		w.starts(t, "updated", want)
		after, err := w.sets.ActiveSets(t.Context())
		must(t, err)
		for _, set := range sets {
			if !slices.Contains(after, set) {
				t.Errorf("the set is not what it was: %+v", set)
			}
		}
		must(t, w.Boundaries.Refresh(t.Context()))
		if got := answers(t, w.Boundaries); !slices.Equal(got, want) {
			t.Error("who has the old index answers otherwise")
		}
		w.starts(t, "later", want)
	})
}

// Somebody else has built it meanwhile: theirs stays.
func TestAnIndexIsReplacedOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *town) {
		set := w.Boundaries.Active().Set
		other := set
		other.SHA256, other.Index = strings.Repeat("a", 64), "boundaries/"+strings.Repeat("a", 64)
		must(t, w.sets.ReplaceIndex(t.Context(), other, strings.Repeat("b", 64)))
		got, err := w.sets.Set(t.Context(), set.ID)
		must(t, err)
		if got != set {
			t.Errorf("the set is %+v, was %+v", got, set)
		}
	})
}

func TestProcessesThatStartAtOnceDoNotHarmEachOther(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *town) {
		want := answers(t, w.Boundaries)
		for name, do := range damages {
			damage(t, w.indexes(t), do)
			var all sync.WaitGroup
			errs := make([]error, 6)
			processes := make([]*routing.Boundaries, len(errs))
			for i := range errs { // two have each cache in common
				processes[i] = w.process(name + string(rune('a'+i/2)))
				all.Go(func() { errs[i] = processes[i].Refresh(t.Context()) })
			}
			all.Wait()
			must(t, errors.Join(errs...))
			for _, b := range processes {
				if got := answers(t, b); !slices.Equal(got, want) {
					t.Errorf("%s: one answers otherwise", name)
				}
			}
			whole(t, w.indexes(t))
		}
	})
}

func TestASetOfWhichNothingIsLeftIsNamed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *town) {
		want := answers(t, w.Boundaries)
		features := w.features(t)
		saved := map[string][]byte{}
		for _, path := range features {
			b, err := os.ReadFile(path)
			must(t, err)
			saved[path] = b
		}
		of := map[string]func([]byte) []byte{"of other areas": otherAreas(t)}
		for name, do := range damages {
			of[name] = do
		}
		id := w.Boundaries.Active().ID
		damage(t, w.indexes(t), damages["missing"])
		for name, do := range of {
			damage(t, features, do)
			err := w.process("new").Refresh(t.Context())
			if !errors.Is(err, routing.ErrLost) || !strings.Contains(err.Error(), "kantsten boundaries import") {
				t.Errorf("%s: error %v, want one that says what to do", name, err)
			}
			// Who serves goes on, also when the database asks for something else.
			w.jurisdiction(t, tenant.Jurisdiction{Code: "trafikverket", Name: "Trafikverket"})
			if got := answers(t, w.Boundaries); !slices.Equal(got, want) || w.Boundaries.Active().ID != id {
				t.Errorf("%s: who serves answers otherwise", name)
			}
			for path, b := range saved {
				must(t, os.WriteFile(path, b, 0o600))
			}
		}
		w.starts(t, "new", want)
	})
}

// otherAreas is a sound file that was not imported as this set.
func otherAreas(t *testing.T) func([]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, `{"type":"Feature","properties":{"code":"2281","name":"x"},"geometry":{"type":"MultiPolygon","coordinates":[[[[1,1],[2,1],[2,2],[1,1]]]]}}`)
	must(t, errors.Join(err, z.Close()))
	return func([]byte) []byte { return bytes.Clone(b.Bytes()) }
}

// lostMunicipalities is a town of whose municipality layer nothing is left.
func lostMunicipalities(t *testing.T, w *town) {
	t.Helper()
	set := w.Boundaries.Active().Set
	must(t, w.Boundaries.Blobs.Delete(t.Context(), set.Index))
	must(t, w.Boundaries.Blobs.Delete(t.Context(), set.Features))
	err := w.process("new").Refresh(t.Context())
	if !errors.Is(err, routing.ErrLost) || !strings.Contains(err.Error(), set.ID) || !strings.Contains(err.Error(), "layer municipality, from squares") {
		t.Fatalf("error %v, want one that names set %s", err, set.ID)
	}
}

func TestTheSameFileImportedAgainPutsBackWhatWasLost(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *town) {
		want := answers(t, w.Boundaries)
		lostMunicipalities(t, w)
		b := w.process("operator's")
		_, _, err := b.Import(t.Context(), builder(t, box("2281", "Sundsvall", 17, 17.1), box("2262", "Timrå", 17.1, 17.2)), routing.About{Source: "squares"}, noon)
		must(t, err)
		w.starts(t, "new", want)
	})
}

func TestAnotherSetTakesThePlaceOfOneThatIsLost(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *town) {
		lostMunicipalities(t, w)
		b := w.process("operator's")
		set, _, err := b.Import(t.Context(), builder(t, box("2281", "Sundsvall", 17, 17.2)), routing.About{Source: "a newer file"}, noon)
		must(t, err)
		must(t, b.Activate(t.Context(), set.ID, noon))
		must(t, w.Boundaries.Refresh(t.Context()))
		for _, b := range []*routing.Boundaries{b, w.Boundaries, w.process("new")} {
			must(t, b.Refresh(t.Context()))
			if b.Active().ID != set.ID {
				t.Errorf("set %s is active, want %s", b.Active().ID, set.ID)
			}
		}
	})
}

// brokenStore is a blob store that some calls do not reach.
type brokenStore struct {
	blob.Store
	get, put error
}

func (s brokenStore) Get(ctx context.Context, name string) (*blob.Object, error) {
	if s.get != nil {
		return nil, s.get
	}
	return s.Store.Get(ctx, name)
}

func (s brokenStore) Put(ctx context.Context, name string, r io.Reader, contentType string) error {
	if s.put != nil {
		return s.put
	}
	return s.Store.Put(ctx, name, r, contentType)
}

func TestAStorageThatDoesNotAnswerIsNoLoss(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	refused := errors.New("connection refused")
	b := w.process("new")
	b.Blobs = brokenStore{Store: w.Boundaries.Blobs, get: refused}
	if err := b.Refresh(t.Context()); !errors.Is(err, refused) || errors.Is(err, routing.ErrLost) {
		t.Errorf("error %v, want that of the storage alone", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, w.Boundaries.Blobs.Delete(t.Context(), w.Boundaries.Active().Set.Index))
	set := w.Boundaries.Active().Set
	if _, err := w.process("new").Load(ctx, set); !errors.Is(err, context.Canceled) || errors.Is(err, routing.ErrLost) {
		t.Errorf("error %v, want that it was broken off", err)
	}
}

// What cannot be put back is served all the same.
func TestAnIndexThatCannotBePutBackIsServed(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	want := answers(t, w.Boundaries)
	must(t, w.Boundaries.Blobs.Delete(t.Context(), w.Boundaries.Active().Set.Index))
	b := w.process("new")
	b.Blobs = brokenStore{Store: w.Boundaries.Blobs, put: errors.New("read-only storage")}
	must(t, b.Refresh(t.Context()))
	if got := answers(t, b); !slices.Equal(got, want) {
		t.Error("it answers otherwise")
	}
	if _, err := w.Boundaries.Blobs.Get(t.Context(), w.Boundaries.Active().Set.Index); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("the index was put back, %v", err)
	}
	w.starts(t, "later", want)
}
