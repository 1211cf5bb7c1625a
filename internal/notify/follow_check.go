package notify

import (
	"context"
	"fmt"
	"math"
	"regexp"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

// The limits of what can be followed.
const (
	minRadiusM  = 50.0
	maxRadiusM  = 20_000.0
	maxServices = 50
	// maxFollowLat keeps the number of zoom-12 tiles of an area below about
	// 2,600; nobody files reports nearer to a pole.
	maxFollowLat = 85.0
	maxLanguage  = 35 // RFC 5646 section 4.4.1
)

var (
	serviceForm  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	languageForm = regexp.MustCompile(`^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$`)
)

// prepare checks what was asked and makes the row of it.
func (s *Followers) prepare(ctx context.Context, actor auth.Actor, f Follow) (Follower, error) {
	var err error
	faults := f.faults()
	if len(faults) == 0 { // so that only what can be looked up is
		if faults, err = s.unheard(ctx, f); err != nil {
			return Follower{}, err
		}
	}
	row := Follower{Area: f.Area, Services: f.Services, Language: f.Language, CreatedAt: s.now()}
	if f.Push != nil {
		row.Active = true
		row.Push, err = ValidateSubscription(ctx, s.Egress, "/push", Subscription(*f.Push))
	} else if f.Email != "" {
		row.ExpiresAt = row.CreatedAt.Add(followCodeLife)
		if row.Email, err = auth.NormaliseEmail(f.Email); err == nil && !ValidAddress(row.Email) {
			err = problem.Field("/email", "format", "no mail can be sent to this address")
		}
	}
	if p := problem.As(err); p != nil && p.Kind == problem.Invalid {
		faults, err = append(faults, p.Fields...), nil
	}
	if p := problem.Invalidity(faults); p != nil {
		return Follower{}, p
	}
	if err != nil {
		return Follower{}, err
	}
	if f.Report != "" {
		r, err := s.Reports.Read(ctx, actor, f.Report)
		if err != nil {
			return Follower{}, err
		}
		row.Report = r.ID
	}
	return s.named(row)
}

// unheard are the services that nobody has and the area where nobody takes
// reports: who follows them would never hear a word.
func (s *Followers) unheard(ctx context.Context, f Follow) (faults []problem.FieldError, err error) {
	for i, code := range f.Services {
		known, err := s.Places.TakesService(ctx, code)
		if err != nil {
			return nil, fmt.Errorf("look up service %q to follow: %w", code, err)
		}
		if !known {
			faults = append(faults, unknownService(i))
		}
	}
	if f.Area == nil {
		return faults, nil
	}
	reached, err := s.Places.ReachesReports(ctx, f.Area.Lat, f.Area.Lon, f.Area.RadiusM)
	if err != nil {
		return nil, fmt.Errorf("look up an area to follow: %w", err)
	}
	if !reached {
		faults = append(faults, problem.FieldError{Field: "/area/lat", Code: "outside", Detail: "nobody is responsible for any place in this area"})
	}
	return faults, nil
}

// named gives a row its id and secret.
func (s *Followers) named(row Follower) (Follower, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Follower{}, fmt.Errorf("make a subscription's id: %w", err)
	}
	row.ID = id.String()
	secret, err := s.secret(row.ID)
	row.SecretHash = secretHash(secret)
	return row, err
}

// faults says what is wrong with the request but for addresses.
func (f Follow) faults() []problem.FieldError {
	var faults []problem.FieldError
	fault := func(field, code, detail string) {
		faults = append(faults, problem.FieldError{Field: field, Code: code, Detail: detail})
	}
	switch {
	case f.Report == "" && f.Area == nil:
		fault("/report", "required", "say which report or area to follow")
	case f.Report != "" && f.Area != nil:
		fault("/area", "not-allowed", "follow a report or an area, not both at once")
	case f.Report != "" && len(f.Services) > 0:
		fault("/services", "not-allowed", "only an area is followed by services")
	}
	switch {
	case f.Push == nil && f.Email == "":
		fault("/push", "required", "say by push or by e-mail")
	case f.Push != nil && f.Email != "":
		fault("/email", "not-allowed", "by push or by e-mail, not both at once")
	}
	if f.Language != "" && (len(f.Language) > maxLanguage || !languageForm.MatchString(f.Language)) {
		fault("/language", "format", `a language is a BCP 47 tag such as "sv"`)
	}
	faults = append(faults, serviceFaults(f.Services)...)
	if f.Area != nil {
		faults = append(faults, f.Area.faults()...)
	}
	return faults
}

func serviceFaults(services []string) []problem.FieldError {
	if len(services) > maxServices {
		return []problem.FieldError{{Field: "/services", Code: "too-many", Detail: fmt.Sprintf("at most %d services", maxServices)}}
	}
	var faults []problem.FieldError
	for i, code := range services {
		if !serviceForm.MatchString(code) {
			faults = append(faults, unknownService(i))
		}
	}
	return faults
}

func unknownService(i int) problem.FieldError {
	return problem.FieldError{Field: fmt.Sprintf("/services/%d", i), Code: "unknown", Detail: "no service has such a code"}
}

// faults are written so that NaN is one.
func (a Area) faults() []problem.FieldError {
	var faults []problem.FieldError
	fault := func(field, detail string) {
		faults = append(faults, problem.FieldError{Field: field, Code: "out-of-range", Detail: detail})
	}
	if !(math.Abs(a.Lat) <= maxFollowLat) {
		fault("/area/lat", "the middle's latitude is a number from -85 to 85 degrees")
	}
	if !(math.Abs(a.Lon) <= 180) {
		fault("/area/lon", "the middle's longitude is a number from -180 to 180 degrees")
	}
	if !(a.RadiusM >= minRadiusM && a.RadiusM <= maxRadiusM) {
		fault("/area/radius_m", "a radius is from 50 to 20000 metres")
	}
	return faults
}
