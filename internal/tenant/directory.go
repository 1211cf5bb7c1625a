package tenant

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kantsten/kantsten/internal/catalog"
)

// Directory shows jurisdictions by code without asking the database each time:
// for names on lists and in answers, not for deciding where something goes. What
// it shows is at most a second old, and older only while it is being read anew:
// with 36,000 jurisdictions that takes a good part of a second, for which nobody
// waits who asks for those that are known. They are read when they have changed.
type Directory struct {
	Store Store
	Now   func() time.Time

	reading sync.Mutex // one at a time
	present atomic.Pointer[entries]
}

// entries is what the directory shows, never changed.
type entries struct {
	byCode map[string]Entry
	state  State
	read   time.Time
}

// State tells whether jurisdictions were changed: each change adds to one of the two.
type State struct{ Count, Versions int64 }

// Entry is a jurisdiction with its catalogue made ready.
type Entry struct {
	Jurisdiction
	Catalogue *catalog.Catalogue
}

// directoryAge is how old the directory may become.
const directoryAge = time.Second

// Entries returns all jurisdictions by code. The map must not be changed. Those
// that are named are there if they exist at all, however new they are.
func (d *Directory) Entries(ctx context.Context, named ...string) (map[string]Entry, error) {
	present := d.present.Load()
	if !present.knows(named) {
		d.reading.Lock()
	} else if present.fresh(d.Now()) || !d.reading.TryLock() {
		return present.byCode, nil
	}
	defer d.reading.Unlock()
	if present = d.present.Load(); present.knows(named) && present.fresh(d.Now()) { // who read before has seen to it
		return present.byCode, nil
	}
	next, err := d.next(ctx, present)
	if err != nil {
		return nil, err
	}
	d.present.Store(next)
	return next.byCode, nil
}

// next reads what has changed.
func (d *Directory) next(ctx context.Context, present *entries) (*entries, error) {
	now := d.Now()
	// The state is read before what it stands for: what is newer is read once more.
	state, err := d.Store.State(ctx)
	if err != nil {
		return nil, err
	}
	if present != nil && present.state == state {
		return &entries{byCode: present.byCode, state: state, read: now}, nil
	}
	js, err := d.Store.Jurisdictions(ctx)
	if err != nil {
		return nil, err
	}
	byCode := make(map[string]Entry, len(js))
	for _, j := range js {
		byCode[j.Code] = Entry{Jurisdiction: j, Catalogue: j.Catalogue()}
	}
	return &entries{byCode: byCode, state: state, read: now}, nil
}

// knows reports whether those named are there; nothing is where nothing was read.
func (e *entries) knows(named []string) bool {
	return e != nil && !slices.ContainsFunc(named, func(code string) bool { return code != "" && e.byCode[code].Code == "" })
}

func (e *entries) fresh(now time.Time) bool { return now.Sub(e.read) < directoryAge }
