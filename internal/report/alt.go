package report

import (
	"context"
	"fmt"
	"strconv"

	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
)

// altFaults tidies the texts that say what named photos show, and says what is
// wrong with them.
func altFaults(alts []string, photos int) []problem.FieldError {
	if len(alts) > photos {
		return []problem.FieldError{{Field: "/alts", Code: "too-many", Detail: "there are more texts than photos"}}
	}
	var faults []problem.FieldError
	for i := range alts {
		alts[i] = tidy(alts[i])
		if f, bad := textFault("/alts/"+strconv.Itoa(i), alts[i], photo.MaxAlt); bad {
			faults = append(faults, f)
		}
	}
	return faults
}

// altTexts are the texts of photos that are about to be claimed, in their order:
// the given ones, and of a photo without one the text that it was uploaded with.
func (s *Service) altTexts(ctx context.Context, ids, given []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	known, err := s.Store.AltTexts(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("read what photos show: %w", err)
	}
	alts := make([]string, len(ids))
	for i, id := range ids {
		if alts[i] = known[id]; i < len(given) && given[i] != "" {
			alts[i] = given[i]
		}
	}
	return alts, nil
}
