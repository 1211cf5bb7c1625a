package auth

import (
	"context"
	"slices"

	"github.com/kantsten/kantsten/internal/problem"
)

// Kind is how an actor became known.
type Kind uint8

// The kinds of actor. The zero value is nobody in particular.
const (
	Anonymous   Kind = iota
	PersonKind       // by a session
	KeyKind          // by an API key
	ProgramKind      // Kantsten itself
)

// Actor is who asks. It holds opaque ids only, so it may stand in a log. The
// zero value is anonymous.
type Actor struct {
	Kind Kind
	// PersonID is the id of the person's row, never an address.
	PersonID string
	// Grants are the staff roles of a person, or the place of an API key.
	Grants []Grant
	// KeyID and Scopes describe an API key.
	KeyID  string
	Scopes []Scope
	// ReportID is the report whose follow token was verified, next to whatever
	// else the actor is.
	ReportID string
	// FollowToken is what the caller showed, not yet verified: only who has read
	// the report it should belong to can tell, and then sets ReportID.
	FollowToken string
}

// Itself is Kantsten acting by its own jobs or its command line.
func Itself() Actor { return Actor{Kind: ProgramKind} }

// May returns nil where the actor may do the action to the resource, else a
// *[problem.Error]: Unauthenticated for who showed nothing at all, Forbidden for
// everybody else. Where it must stay hidden that the resource exists, ask
// [Actor.Can] and answer NotFound.
func (a Actor) May(action Action, res Resource) error {
	switch {
	case a.Can(action, res):
		return nil
	case a.Kind == Anonymous && a.ReportID == "":
		return problem.New(problem.Unauthenticated, "sign in to do this")
	default:
		return problem.New(problem.Forbidden, "you may not do this here")
	}
}

// Can reports whether the actor may do the action to the resource.
func (a Actor) Can(action Action, res Resource) bool {
	row := policy[action]
	for _, g := range a.held() {
		if !row[g.Role].covers(a, g, res) {
			continue
		}
		if g.Role != System || a.hasScopeFor(action) {
			return true
		}
	}
	return false
}

// CanSee reports whether the actor may see the resource at all, in public or as
// somebody to whom a private one is open. Who may not is told NotFound.
func (a Actor) CanSee(res Resource) bool {
	return a.Can(ReadPublic, res) || a.Can(ReadPrivate, res)
}

// Jurisdictions lists where the actor's grants allow the action, sorted: the
// tenants whose queue they read, for instance.
func (a Actor) Jurisdictions(action Action) []string {
	var codes []string
	for _, g := range a.Grants {
		if g.Jurisdiction != "" && a.Can(action, Resource{Jurisdiction: g.Jurisdiction, Private: true}) {
			codes = append(codes, g.Jurisdiction)
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// held lists every role of the actor with the jurisdiction it is held in. A
// grant counts only for the kind of actor that can hold it.
func (a Actor) held() []Grant {
	held := []Grant{{Role: Anyone}}
	if a.ReportID != "" {
		held = append(held, Grant{Role: Reporter})
	}
	switch a.Kind {
	case PersonKind:
		held = append(held, Grant{Role: Resident})
		for _, g := range a.Grants {
			if !g.Grantable() {
				continue
			}
			for _, r := range g.Role.includes() {
				held = append(held, Grant{Role: r, Jurisdiction: g.Jurisdiction})
			}
		}
	case KeyKind:
		for _, g := range a.Grants {
			if g.Role == System {
				held = append(held, g)
			}
		}
	case ProgramKind:
		held = append(held, Grant{Role: Program})
	}
	return held
}

func (a Actor) hasScopeFor(action Action) bool {
	return slices.ContainsFunc(a.Scopes, func(s Scope) bool { return s.allows(action) })
}

type actorKey struct{}

// With returns a context that carries the actor.
func With(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// From returns the actor that the context carries, anonymous if none.
func From(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	return a
}
