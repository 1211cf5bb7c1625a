package auth

import (
	"context"
	"fmt"
	"slices"

	"github.com/kantsten/kantsten/internal/problem"
)

// Staff lists who holds a role in a jurisdiction, "" for operators.
func (s *Service) Staff(ctx context.Context, actor Actor, jurisdiction string) ([]StaffMember, error) {
	if err := actor.May(ManageStaff, Resource{Jurisdiction: jurisdiction}); err != nil {
		return nil, err
	}
	staff, err := s.Store.Staff(ctx, jurisdiction)
	if err != nil {
		return nil, fmt.Errorf("list the staff of %q: %w", jurisdiction, err)
	}
	return staff, nil
}

// IsStaff reports whether a person holds a role in a jurisdiction. Whom the
// answer concerns is for the caller to judge.
func (s *Service) IsStaff(ctx context.Context, personID, jurisdiction string) (bool, error) {
	staff, err := s.Store.Staff(ctx, jurisdiction)
	if err != nil {
		return false, fmt.Errorf("list the staff of %q: %w", jurisdiction, err)
	}
	return slices.ContainsFunc(staff, func(m StaffMember) bool { return m.PersonID == personID }), nil
}

// Dismiss takes one role from a person and ends all their sessions. NotFound
// where they do not hold it. Nothing protects the last administrator or
// operator: the command line can invite the next.
func (s *Service) Dismiss(ctx context.Context, actor Actor, personID string, g Grant) error {
	if err := actor.May(ManageStaff, Resource{Jurisdiction: g.Jurisdiction}); err != nil {
		return err
	}
	ok, err := s.Store.Dismiss(ctx, personID, g, s.now())
	if err != nil {
		return fmt.Errorf("dismiss person %s from %q: %w", personID, g.Jurisdiction, err)
	}
	if !ok {
		return problem.New(problem.NotFound, "nobody here holds that role")
	}
	return nil
}
