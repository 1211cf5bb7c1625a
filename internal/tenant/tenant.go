// Package tenant knows the jurisdictions: the bodies that can be responsible,
// and how each of them wants its reports.
//
// A jurisdiction is known by its code, for Swedish municipalities the four-digit
// one as a string, leading zero kept; aliases such as "sundsvall.se" resolve to
// it. One that the boundary import made has the channel none: reports to it are
// held for the operator until somebody says where they should go.
//
// A [Service] reads and changes jurisdictions, each at its version, and decides
// nothing about who may. A [Directory] is for showing: what it says is up to a
// second old, so nothing is routed by it.
package tenant

import (
	"context"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/problem"
)

// Channel is the way on which a jurisdiction takes its reports.
type Channel string

// The channels.
const (
	None    Channel = "none"    // nobody yet: reports are held in the operator's triage
	Web     Channel = "web"     // the queue in Kantsten itself
	Email   Channel = "email"   // a message for each report
	Open311 Channel = "open311" // the jurisdiction's own GeoReport server
)

// Channels lists the channels that can be chosen.
func Channels() []Channel { return []Channel{None, Web, Email} }

// Jurisdiction is a body that can be responsible.
type Jurisdiction struct {
	Code      string
	Name      string
	Aliases   []string
	Channel   Channel
	Email     string // where reports go on the channel email
	Contact   string // how residents may reach it; public
	Language  string // of its staff and its messages
	Services  []catalog.Override
	Photos    PhotoRules
	Version   int64
	UpdatedAt time.Time
}

// PhotoRules say how a jurisdiction wants the photos of its reports handled.
type PhotoRules struct {
	// Hold keeps every photo from the public until a handler has looked at it.
	Hold bool `json:"hold,omitempty"`
	// KeepUnmasked keeps what a photo showed before it was masked, for its handlers;
	// otherwise that is destroyed.
	KeepUnmasked bool `json:"keep_unmasked,omitempty"`
	// Unchecked says what becomes of a photo that the detector did not answer for;
	// empty is [HoldUnchecked].
	Unchecked Unchecked `json:"unchecked,omitempty"`
}

// Unchecked is what becomes of a photo that no detector has looked at.
type Unchecked string

// What can be done with it.
const (
	HoldUnchecked    Unchecked = "hold"    // a handler looks at it first
	PublishUnchecked Unchecked = "publish" // it is shown
)

// Catalogue is what can be reported to the jurisdiction.
func (j Jurisdiction) Catalogue() *catalog.Catalogue { return catalog.Base().For(j.Services) }

// Matches reports whether the name, the code or an alias begins with a text,
// whatever its case.
func (j Jurisdiction) Matches(text string) bool {
	text = strings.ToLower(text)
	begins := func(s string) bool { return strings.HasPrefix(strings.ToLower(s), text) }
	return begins(j.Name) || begins(j.Code) || slices.ContainsFunc(j.Aliases, begins)
}

// Store keeps jurisdictions.
type Store interface {
	// Jurisdiction returns one by code or alias; problem.NotFound if none.
	Jurisdiction(ctx context.Context, name string) (Jurisdiction, error)
	// Jurisdictions returns all, by code.
	Jurisdictions(ctx context.Context) ([]Jurisdiction, error)
	// State is another one after each change of jurisdictions, and is quickly read.
	State(ctx context.Context) (State, error)
	// PutJurisdiction stores j if the stored version is j.Version (0 for a new
	// one) and releases the reports that were held for want of a channel;
	// problem.Stale otherwise.
	PutJurisdiction(ctx context.Context, j Jurisdiction) (Jurisdiction, error)
}

// Service reads and changes jurisdictions.
type Service struct {
	Store Store
	Now   func() time.Time
	// Committed is called after a change that may have left jobs.
	Committed func()
}

// Get returns a jurisdiction by code or alias.
func (s *Service) Get(ctx context.Context, name string) (Jurisdiction, error) {
	return s.Store.Jurisdiction(ctx, name)
}

// List returns all jurisdictions by code.
func (s *Service) List(ctx context.Context) ([]Jurisdiction, error) {
	return s.Store.Jurisdictions(ctx)
}

// Put creates or changes a jurisdiction. Reports that were held for want of a
// channel are released in the same transaction.
func (s *Service) Put(ctx context.Context, j Jurisdiction) (Jurisdiction, error) {
	if p := j.faults(); p != nil {
		return Jurisdiction{}, p
	}
	j.UpdatedAt = s.Now().UTC()
	j, err := s.Store.PutJurisdiction(ctx, j)
	if err == nil && s.Committed != nil {
		s.Committed()
	}
	return j, err
}

// maxContact is how long a contact may be, in characters.
const maxContact = 1000

var (
	codeForm  = regexp.MustCompile(`^[0-9A-Za-z]{1,32}$`)
	aliasForm = regexp.MustCompile(`^[0-9a-z]([0-9a-z.-]{0,61}[0-9a-z])?$`)
)

func (j Jurisdiction) faults() *problem.Error {
	var faults []problem.FieldError
	fault := func(field, code, detail string) {
		faults = append(faults, problem.FieldError{Field: field, Code: code, Detail: detail})
	}
	if !codeForm.MatchString(j.Code) {
		fault("code", "pattern", "a code has 1 to 32 letters and digits")
	}
	if n := utf8.RuneCountInString(j.Name); n == 0 || n > 200 || !oneLine(j.Name) {
		fault("/name", "length", "a name has 1 to 200 characters on one line")
	}
	if !slices.Contains(Channels(), j.Channel) {
		fault("/channel", "unknown", "a channel is none, web or email")
	}
	if j.Channel == Email && j.Email == "" {
		fault("/email", "required", "the channel email needs an address to send to")
	} else if a, err := mail.ParseAddress(j.Email); j.Email != "" && (err != nil || a.Address != j.Email || !oneLine(j.Email)) {
		fault("/email", "format", "an e-mail address such as gata@example.org")
	}
	if n := utf8.RuneCountInString(j.Contact); n > maxContact {
		fault("/contact", "too-long", "a contact has at most 1000 characters")
	} else if code, detail := problem.TextFault(j.Contact); code != "" {
		fault("/contact", code, "a contact "+detail)
	}
	if u := j.Photos.Unchecked; u != "" && u != HoldUnchecked && u != PublishUnchecked {
		fault("/photos/unchecked", "unknown", "what is not checked is held (hold) or shown (publish)")
	}
	for _, a := range j.Aliases {
		if !aliasForm.MatchString(a) {
			fault("/aliases", "pattern", "an alias is a lower-case domain name")
		}
	}
	return problem.Invalidity(faults)
}

func oneLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
