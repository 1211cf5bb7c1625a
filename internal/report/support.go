package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

// Support says "me too" once for each person: known by account, else by a
// random id that the client keeps. Whoever filed the report counts already. It
// does not count as a change of the report: a crew's version stays good. The same
// key again counts nobody, and answers as things stand by then.
func (s *Service) Support(ctx context.Context, actor auth.Actor, name, clientID string, key Key) (Supported, error) {
	if f, bad := textFault("/voice", clientID, maxName); bad {
		return Supported{}, problem.Invalidity([]problem.FieldError{f})
	}
	r, err := s.Read(ctx, actor, name)
	if err != nil {
		return Supported{}, err
	}
	if err := s.allow(actor, auth.Support, &r); err != nil {
		return Supported{}, err
	}
	if actor.PersonID == "" && clientID == "" {
		return Supported{}, problem.Field("/voice", "required", "send a random id that this phone keeps, so that each person counts once")
	}
	v := Voice{Hash: voiceHash(actor, clientID), PersonID: actor.PersonID}
	if known := s.known(actor, r); known.ReportID == r.ID {
		v.PersonID, v.Reporter = "", true
	}
	done, err := s.Store.Support(ctx, r.ID, v, key, Event{
		ID: newID(), Kind: EventSupported, ReportID: r.ID, Jurisdiction: r.Jurisdiction, CreatedAt: s.now(),
	})
	switch {
	case err != nil:
		return Supported{}, err
	case done.Key.Replayed && done.Key.Fingerprint != key.Fingerprint:
		return Supported{}, ErrKeyReused()
	case done.Counted:
		s.wake()
	}
	return done, nil
}

// Supported is what came of a "me too".
type Supported struct {
	Report  Report // with the count of its case
	Counted bool   // the voice was new
	Key     Replay // what the call's key stands for
}

// Voice is one who says "me too".
type Voice struct {
	Hash     string // what is stored
	PersonID string // the account, if there is one
	Reporter bool   // it is whoever filed the report, by the follow token
}

// VoiceOf is what is stored of a supporter with an account.
func VoiceOf(personID string) string { return hashed("person " + personID) }

func voiceHash(actor auth.Actor, clientID string) string {
	if actor.PersonID != "" {
		return VoiceOf(actor.PersonID)
	}
	return hashed("client " + clientID)
}

// hashed tells whether the same one comes again. It is the same in all reports:
// by hashes of each report's own nobody could tell, when two reports of one fault
// are merged, who had supported both. Ids are random, so none can be guessed from
// its hash.
func hashed(who string) string {
	sum := sha256.Sum256([]byte("voice\x00" + who))
	return hex.EncodeToString(sum[:16])
}
