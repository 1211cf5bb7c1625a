package suite

import (
	"testing"
)

func TestFileAndRead(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		r := s.filed(t, inSundsvall, nil)
		t.Log(r.Reference)
		s.resident(t).Get("/v1/session").Want(200)
		s.staff(t, "crew", sundsvall).Get("/v1/queue").Want(200)
	})
}
