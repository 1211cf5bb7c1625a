package tenant

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/kantsten/kantsten/internal/catalog"
)

// Directory shows jurisdictions by code without asking the database each time:
// for names on lists and in answers, not for deciding where something goes. What
// it shows is at most a second old.
type Directory struct {
	Store Store
	Now   func() time.Time

	mu      sync.Mutex
	read    time.Time
	entries map[string]Entry
}

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
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Now()
	isNew := func(code string) bool { return code != "" && d.entries[code].Code == "" }
	if d.entries != nil && now.Sub(d.read) < directoryAge && !slices.ContainsFunc(named, isNew) {
		return d.entries, nil
	}
	js, err := d.Store.Jurisdictions(ctx)
	if err != nil {
		return nil, err
	}
	entries := make(map[string]Entry, len(js))
	for _, j := range js {
		entries[j.Code] = Entry{Jurisdiction: j, Catalogue: j.Catalogue()}
	}
	d.entries, d.read = entries, now
	return entries, nil
}
