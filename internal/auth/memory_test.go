package auth_test

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/auth/storetest"
)

// memory keeps everything in maps behind one mutex: the smallest store that
// keeps the promises of auth.Store, so that the service can be tested without a
// database.
type memory struct {
	mu       sync.Mutex
	signIns  []*signIn
	persons  map[string]string // id by address
	grants   map[string][]auth.Grant
	sessions map[auth.Hash]*session
	keys     map[auth.Hash]*auth.Key
	invites  []*invite
	jobs     []auth.Job
}

type signIn struct {
	auth.SignInRow
	tries int
	used  bool
}

type session struct {
	auth.Session
	revoked bool
}

type invite struct {
	auth.Invitation
	secret auth.Hash
	ended  bool
}

func newMemory() *memory {
	return &memory{
		persons:  map[string]string{},
		grants:   map[string][]auth.Grant{},
		sessions: map[auth.Hash]*session{},
		keys:     map[auth.Hash]*auth.Key{},
	}
}

func TestMemoryStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) storetest.Fixture {
		m := newMemory()
		return storetest.Fixture{Store: m, Peer: m, Jobs: m.Jobs}
	})
}

func (m *memory) Jobs(context.Context) ([]auth.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.jobs), nil
}

func (m *memory) BeginSignIn(_ context.Context, row auth.SignInRow, limits []auth.Limit, job auth.Job) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var times []time.Time // newest first
	for _, s := range m.signIns {
		if s.Email == row.Email {
			times = append(times, s.CreatedAt)
		}
	}
	slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	var retry time.Time
	for _, l := range limits {
		if len(times) < l.Count {
			continue
		}
		if free := times[l.Count-1].Add(l.Window); free.After(row.CreatedAt) && free.After(retry) {
			retry = free
		}
	}
	if !retry.IsZero() {
		return &auth.TooManyError{RetryAt: retry}
	}
	for _, s := range m.signIns {
		s.used = s.used || s.Email == row.Email
	}
	m.signIns = append(m.signIns, &signIn{SignInRow: row})
	m.jobs = append(m.jobs, job)
	return nil
}

// live finds the sign-in that match accepts, if it is live.
func (m *memory) live(now time.Time, match func(*signIn) bool) *signIn {
	for _, s := range m.signIns {
		if match(s) && !s.used && s.ExpiresAt.After(now) {
			return s
		}
	}
	return nil
}

func (m *memory) SetCode(_ context.Context, id string, code auth.Hash, maxTries int, now time.Time) (auth.SignInRow, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.live(now, func(s *signIn) bool { return s.ID == id && s.tries < maxTries })
	if s == nil {
		return auth.SignInRow{}, false, nil
	}
	s.Code = code
	return s.SignInRow, true, nil
}

func (m *memory) TakeTry(_ context.Context, secret auth.Hash, maxTries int, now time.Time) (auth.SignInRow, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.live(now, func(s *signIn) bool { return s.Secret == secret && s.tries < maxTries })
	if s == nil {
		return auth.SignInRow{}, false, nil
	}
	s.tries++
	return s.SignInRow, true, nil
}

func (m *memory) FinishSignIn(_ context.Context, f auth.FinishSignIn) (auth.Person, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.live(f.Session.CreatedAt, func(s *signIn) bool { return s.ID == f.ID && s.Code == f.Code })
	if s == nil {
		return auth.Person{}, false, nil
	}
	s.used = true
	return m.enter(s.Email, f.NewPersonID, f.Session, f.Token), true, nil
}

// enter finds or makes the person of an address and stores their session.
func (m *memory) enter(email, newID string, s auth.Session, token auth.Hash) auth.Person {
	id, known := m.persons[email]
	if !known {
		id = newID
		m.persons[email] = id
	}
	s.PersonID = id
	m.sessions[token] = &session{Session: s}
	return m.person(id)
}

func (m *memory) person(id string) auth.Person {
	p := auth.Person{ID: id, Grants: slices.Clone(m.grants[id])}
	for email, owner := range m.persons {
		if owner == id {
			p.Email = email
		}
	}
	return p
}

func (m *memory) Session(_ context.Context, token auth.Hash, now time.Time) (auth.Session, auth.Person, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[token]
	if s == nil || s.revoked || !s.ExpiresAt.After(now) {
		return auth.Session{}, auth.Person{}, false, nil
	}
	return s.Session, m.person(s.PersonID), true, nil
}

func (m *memory) RevokeSession(_ context.Context, token auth.Hash, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.sessions[token]; s != nil {
		s.revoked = true
	}
	return nil
}

func (m *memory) RevokeSessions(_ context.Context, personID string, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.revokeSessions(personID)
	return nil
}

func (m *memory) revokeSessions(personID string) {
	for _, s := range m.sessions {
		s.revoked = s.revoked || s.PersonID == personID
	}
}

func (m *memory) CreateKey(_ context.Context, k auth.Key, secret auth.Hash) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[secret] = &k
	return nil
}

func (m *memory) Key(_ context.Context, secret auth.Hash) (auth.Key, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.keys[secret]; k != nil {
		return *k, true, nil
	}
	return auth.Key{}, false, nil
}

func (m *memory) Keys(_ context.Context, jurisdiction string) ([]auth.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []auth.Key
	for _, k := range m.keys {
		if k.Jurisdiction == jurisdiction {
			keys = append(keys, *k)
		}
	}
	slices.SortFunc(keys, func(a, b auth.Key) int { return cmp.Compare(a.ID, b.ID) })
	return keys, nil
}

func (m *memory) RevokeKey(_ context.Context, id, jurisdiction string, now time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.keys {
		if k.ID == id && k.Jurisdiction == jurisdiction && k.RevokedAt.IsZero() {
			k.RevokedAt = now
			return true, nil
		}
	}
	return false, nil
}

func (m *memory) CreateInvite(_ context.Context, inv auth.Invitation, secret auth.Hash, jobs []auth.Job) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, i := range m.invites {
		i.ended = i.ended || i.Email == inv.Email && i.Grant == inv.Grant
	}
	m.invites = append(m.invites, &invite{Invitation: inv, secret: secret})
	m.jobs = append(m.jobs, jobs...)
	return nil
}

// open finds the invitation that match accepts, if it is open.
func (m *memory) open(now time.Time, match func(*invite) bool) *invite {
	for _, i := range m.invites {
		if match(i) && !i.ended && i.ExpiresAt.After(now) {
			return i
		}
	}
	return nil
}

func (m *memory) SetInviteSecret(_ context.Context, id string, secret auth.Hash, now time.Time) (auth.Invitation, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.open(now, func(i *invite) bool { return i.ID == id })
	if i == nil {
		return auth.Invitation{}, false, nil
	}
	i.secret = secret
	return i.Invitation, true, nil
}

func (m *memory) AcceptInvite(_ context.Context, a auth.AcceptInvite) (auth.Person, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.open(a.Session.CreatedAt, func(i *invite) bool { return i.secret == a.Secret })
	if i == nil {
		return auth.Person{}, false, nil
	}
	i.ended = true
	p := m.enter(i.Email, a.NewPersonID, a.Session, a.Token)
	if !slices.Contains(p.Grants, i.Grant) {
		m.grants[p.ID] = append(m.grants[p.ID], i.Grant)
	}
	return m.person(p.ID), true, nil
}

func (m *memory) CancelInvite(_ context.Context, id, jurisdiction string, _ time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, i := range m.invites {
		if i.ID == id && i.Grant.Jurisdiction == jurisdiction && !i.ended {
			i.ended = true
			return true, nil
		}
	}
	return false, nil
}

func (m *memory) Invites(_ context.Context, jurisdiction string, now time.Time) ([]auth.Invitation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []auth.Invitation
	for _, i := range m.invites {
		if i.Grant.Jurisdiction == jurisdiction && !i.ended && i.ExpiresAt.After(now) {
			open = append(open, i.Invitation)
		}
	}
	return open, nil
}

func (m *memory) Staff(_ context.Context, jurisdiction string) ([]auth.StaffMember, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var staff []auth.StaffMember
	for email, id := range m.persons {
		for _, g := range m.grants[id] {
			if g.Jurisdiction == jurisdiction {
				staff = append(staff, auth.StaffMember{PersonID: id, Email: email, Role: g.Role})
			}
		}
	}
	slices.SortFunc(staff, func(a, b auth.StaffMember) int {
		return cmp.Or(cmp.Compare(a.Email, b.Email), cmp.Compare(a.Role, b.Role))
	})
	return staff, nil
}

func (m *memory) Dismiss(_ context.Context, personID string, g auth.Grant, _ time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.Index(m.grants[personID], g)
	if at < 0 {
		return false, nil
	}
	m.grants[personID] = slices.Delete(m.grants[personID], at, at+1)
	m.revokeSessions(personID)
	email := m.person(personID).Email
	for _, i := range m.invites {
		i.ended = i.ended || i.Email == email && i.Grant.Jurisdiction == g.Jurisdiction
	}
	return true, nil
}

func (m *memory) Sweep(_ context.Context, signInsBefore, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.signIns = slices.DeleteFunc(m.signIns, func(s *signIn) bool { return !s.CreatedAt.After(signInsBefore) })
	m.invites = slices.DeleteFunc(m.invites, func(i *invite) bool { return !i.ExpiresAt.After(now) })
	for token, s := range m.sessions {
		if !s.ExpiresAt.After(now) {
			delete(m.sessions, token)
		}
	}
	return nil
}
