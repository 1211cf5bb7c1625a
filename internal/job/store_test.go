package job

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

var errStoreDown = errors.New("store is down")

// memory is a Store in memory, with the same rules as the databases'.
type memory struct {
	mu     sync.Mutex
	jobs   map[string]*record
	down   bool          // every call fails, as a database that is away
	took   time.Duration // by every call
	claims int
	dones  int
}

type record struct {
	Job
	leased time.Time // end of the lease
	parked bool
	done   bool
	reason string
}

func newMemory(jobs ...Job) *memory {
	m := &memory{jobs: map[string]*record{}}
	m.add(jobs...)
	return m
}

func (m *memory) add(jobs ...Job) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, j := range jobs {
		m.jobs[j.ID] = &record{Job: j}
	}
}

func (m *memory) get(id string) record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return *m.jobs[id]
}

func (m *memory) setDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

func (m *memory) Claim(_ context.Context, kinds []string, n int, lease time.Duration, now time.Time) ([]Job, error) {
	time.Sleep(m.took)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.claims++
	if m.down {
		return nil, errStoreDown
	}
	var due []*record
	for _, r := range m.jobs {
		if !r.done && !r.parked && slices.Contains(kinds, r.Kind) && !r.RunAt.After(now) && !r.leased.After(now) {
			due = append(due, r)
		}
	}
	slices.SortFunc(due, func(a, b *record) int {
		if c := a.RunAt.Compare(b.RunAt); c != 0 {
			return c
		}
		return slices.Compare([]byte(a.ID), []byte(b.ID))
	})
	var claimed []Job
	for _, r := range due[:min(n, len(due))] {
		r.Attempts++
		r.leased = now.Add(lease)
		claimed = append(claimed, r.Job)
	}
	return claimed, nil
}

func (m *memory) Done(_ context.Context, ids []string) error {
	return m.each(ids, func(r *record) { r.done = true }, &m.dones)
}

func (m *memory) Retry(_ context.Context, id string, at time.Time, reason string) error {
	return m.each([]string{id}, func(r *record) { r.leased, r.RunAt, r.reason = time.Time{}, at, reason })
}

func (m *memory) Park(_ context.Context, id, reason string) error {
	return m.each([]string{id}, func(r *record) { r.leased, r.parked, r.reason = time.Time{}, true, reason })
}

func (m *memory) Extend(_ context.Context, ids []string, until time.Time) error {
	return m.each(ids, func(r *record) { r.leased = until })
}

func (m *memory) each(ids []string, change func(*record), counts ...*int) error {
	time.Sleep(m.took)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return errStoreDown
	}
	for _, n := range counts {
		*n++
	}
	for _, id := range ids {
		if r := m.jobs[id]; r != nil {
			change(r)
		}
	}
	return nil
}

// start runs a runner until the returned function, which waits for its end and
// returns its error.
func start(t *testing.T, r *Runner) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	end := make(chan error, 1)
	go func() { end <- r.Run(ctx) }()
	return sync.OnceValue(func() error {
		cancel()
		return <-end
	})
}

// makeJobs makes n jobs of a kind that are due now.
func makeJobs(t *testing.T, kind string, n int) []Job {
	t.Helper()
	jobs := make([]Job, n)
	for i := range jobs {
		j, err := New(kind, "", map[string]int{"n": i}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		jobs[i] = j
	}
	return jobs
}
