package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/internal/report"
)

// recent remembers of the newest reports what a view of the map asks about, so
// that it is known without asking the database how a view is found sooner. It is
// a hint and no more: what it says may be a while old, and changes no answer.
type recent struct {
	reading sync.Mutex // one at a time; the others go on with what is known
	known   atomic.Pointer[glimpses]
}

// glimpses are the newest reports, newest first, as they were at a time. Where
// they lie stands by itself: of most, a view of the map looks at nothing else.
type glimpses struct {
	at     time.Time
	places []orb.Point
	all    []glimpse
}

// glimpse is what the index reports_newest holds of one report, but its place.
type glimpse struct {
	id      string
	private bool
	voice   bool
	status  report.Status
	service string
}

// recentAge is how old the hint may become. Reading it takes some 10 ms.
const recentAge = 30 * time.Second

// floor returns the id of the oldest report that a walk from the newest on may
// come to, where the walk is known to find more than a page; else it is empty.
func (s Reports) floor(ctx context.Context, f filter) (string, error) {
	if f.needsRows() {
		return "", nil
	}
	known, err := s.glimpses(ctx)
	if err != nil {
		return "", err
	}
	found, box := 0, *f.box
	for i, p := range known.places {
		if !box.Contains(p) {
			continue
		}
		if f.shows(p, &known.all[i]) {
			found++
		}
		if found > f.q.Limit {
			return known.all[len(known.all)-1].id, nil
		}
	}
	return "", nil
}

// glimpses returns what is known of the newest reports, reading them anew where
// that is too old.
func (s Reports) glimpses(ctx context.Context) (*glimpses, error) {
	known := s.recent.known.Load()
	if known != nil && (time.Since(known.at) < recentAge || !s.recent.reading.TryLock()) {
		return known, nil
	}
	if known == nil {
		s.recent.reading.Lock()
	}
	defer s.recent.reading.Unlock()
	if now := s.recent.known.Load(); now != known { // somebody has read them meanwhile
		return now, nil
	}
	rows, err := s.query(ctx, fmt.Sprintf(`SELECT id, lat, lon, private, status, service, case_id <> '' FROM reports ORDER BY id DESC LIMIT %d`, s.walk))
	words := map[string]string{}
	var places []orb.Point
	all, err := collect(rows, err, func(row scanner) (glimpse, error) {
		g, place, err := scanGlimpse(row, words)
		places = append(places, place)
		return g, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the newest reports: %w", err)
	}
	known = &glimpses{at: time.Now(), places: places, all: all}
	s.recent.known.Store(known)
	return known, nil
}

// scanGlimpse reads one report. Words keeps one copy of each status and service.
func scanGlimpse(row scanner, words map[string]string) (glimpse, orb.Point, error) {
	var g glimpse
	var place orb.Point
	var status, service string
	err := row.Scan(&g.id, &place[1], &place[0], &g.private, &status, &service, &g.voice)
	g.status, g.service = report.Status(once(words, status)), once(words, service)
	return g, place, err
}

func once(words map[string]string, w string) string {
	if known, ok := words[w]; ok {
		return known
	}
	w = strings.Clone(w)
	words[w] = w
	return w
}

// needsRows tells that the filter asks for more than a glimpse shows.
func (f *filter) needsRows() bool {
	q := f.q
	return q.Jurisdiction != "" || q.Case != "" || q.Triage || q.Names != nil || q.Assignee != "" || q.Text != "" ||
		!q.FiledFrom.IsZero() || !q.FiledBefore.IsZero()
}

// shows tells whether a report that lies in the box would be in the list.
func (f *filter) shows(at orb.Point, g *glimpse) bool {
	return (f.q.Near == nil || f.circleHolds(at.Lon(), at.Lat())) &&
		(f.lastID == "" || g.id < f.lastID) && (!g.private || f.q.IncludeHidden) && (!g.voice || f.q.Voices) &&
		(len(f.q.Statuses) == 0 || slices.Contains(f.q.Statuses, g.status)) &&
		(len(f.q.Services) == 0 || slices.Contains(f.q.Services, g.service))
}

// circleHolds is inCircle for one place.
func (f *filter) circleHolds(lon, lat float64) bool {
	dx := (lon - f.q.Near.Lon()) * metresPerDegree * math.Cos(f.q.Near.Lat()*math.Pi/180)
	dy := (lat - f.q.Near.Lat()) * metresPerDegree
	return dx*dx+dy*dy <= f.q.RadiusM*f.q.RadiusM
}
