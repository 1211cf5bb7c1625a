package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

// Support says "me too" once for each person: known by account, else by a
// random id that the client keeps. It does not count as a change of the report:
// a crew's version stays good.
func (s *Service) Support(ctx context.Context, actor auth.Actor, name, clientID string) (r Report, counted bool, err error) {
	if f, bad := textFault("/voice", clientID, maxName); bad {
		return Report{}, false, problem.Invalidity([]problem.FieldError{f})
	}
	r, err = s.Read(ctx, actor, name)
	if err != nil {
		return Report{}, false, err
	}
	if err := s.allow(actor, auth.Support, &r); err != nil {
		return Report{}, false, err
	}
	r, counted, err = s.Store.Support(ctx, r.ID, voice(actor, clientID, r.ID), Event{
		ID: newID(), Kind: EventSupported, ReportID: r.ID, Jurisdiction: r.Jurisdiction, CreatedAt: s.now(),
	})
	if err == nil {
		s.wake()
	}
	return r, counted, err
}

// voice is what is stored of a supporter: a hash that tells whether the same
// one comes again to the same report, and nothing across reports.
func voice(actor auth.Actor, clientID, reportID string) string {
	who := "client " + clientID
	switch {
	case actor.PersonID != "":
		who = "person " + actor.PersonID
	case clientID == "":
		who = "once " + newID()
	}
	sum := sha256.Sum256([]byte(reportID + "\x00" + who))
	return hex.EncodeToString(sum[:16])
}
