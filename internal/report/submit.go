package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

// Submission is what a resident, or another system, hands in.
type Submission struct {
	Service     string
	Lat, Lon    float64
	AccuracyM   *float64
	Address     string
	Description string
	Attributes  map[string]any
	PhotoIDs    []string        // uploaded before
	Alts        []string        // what they show, in their order; empty leaves what is known
	NewPhotos   []io.ReadSeeker // uploaded with the report
	NewAlts     []string        // what those show
	MediaURLs   []string        // http or https addresses of pictures, fetched after the commit
	Contact     Contact
	Language    string
	Private     bool
	Origin      Origin
	Key         Key
	// Answer is where the reporter said the fault is, by the code of one of those
	// who may be responsible; empty if they were not asked or did not say.
	Answer string
	// Within restricts where the report may go; empty for anywhere. A position
	// elsewhere is refused naming the right jurisdiction. It may go from there to
	// whom a rule names.
	Within string
	// LenientAttributes keeps answers that the service does not ask for, as
	// Open311 clients send them.
	LenientAttributes bool
}

// Submitted is a report that is safely stored.
type Submitted struct {
	Report      Report
	FollowToken string
	Replayed    bool
}

// ErrRoutingChanged tells that boundaries or rules were replaced between finding
// who is responsible and storing the report.
var ErrRoutingChanged = errors.New("boundaries or rules have changed")

// ErrChannelChanged tells that a jurisdiction got a channel between deciding that
// a report to it has to be held and storing the report: nobody would release it.
var ErrChannelChanged = errors.New("the jurisdiction has a channel now")

// Submit files a report: validate, locate and route, keep the photos, store.
// When it returns, the report is durably committed. The same key again returns
// the first report and stores nothing.
func (s *Service) Submit(ctx context.Context, actor auth.Actor, sub Submission) (Submitted, error) {
	if err := actor.May(auth.File, auth.Resource{}); err != nil {
		return Submitted{}, err
	}
	if done, ok, err := s.submittedBefore(ctx, sub.Key); ok || err != nil {
		return done, err
	}
	filed, err := s.file(ctx, actor, &sub)
	if err != nil {
		return Submitted{}, err
	}
	if filed.LeftJobs {
		s.wake()
	}
	return s.submitted(filed, sub.Key)
}

// file decides where a report goes and stores it, if what it was decided by still
// holds in the transaction; else it decides anew.
func (s *Service) file(ctx context.Context, actor auth.Actor, sub *Submission) (Filed, error) {
	for range deciding {
		f, err := s.prepare(ctx, actor, sub)
		if err != nil {
			return Filed{}, err
		}
		filed, err := s.Store.Create(ctx, f)
		if err == nil || !errors.Is(err, ErrChannelChanged) && !errors.Is(err, ErrRoutingChanged) {
			return filed, err
		}
		if err := s.Router.Refresh(ctx); err != nil {
			return Filed{}, errJustChanging(err)
		}
	}
	return Filed{}, errJustChanging(errors.New("boundaries, rules or channels changed each time"))
}

// deciding is how often it is decided anew where a report goes, while boundaries
// and channels change meanwhile.
const deciding = 3

// errJustChanging asks to come again when boundaries and channels have settled.
func errJustChanging(cause error) error {
	return &problem.Error{
		Kind: problem.Unavailable, Detail: "it is just being changed who is responsible; try again in a moment",
		RetryAfter: 2 * time.Second, Cause: cause,
	}
}

// submittedBefore answers a repeated idempotency key before any work is done.
func (s *Service) submittedBefore(ctx context.Context, key Key) (Submitted, bool, error) {
	first, ok, err := s.usedBefore(ctx, key)
	if err != nil || !ok {
		return Submitted{}, false, err
	}
	r, err := s.Store.Report(ctx, first.Resource)
	if err != nil {
		return Submitted{}, false, err
	}
	done, err := s.submitted(Filed{Report: r, Replayed: true, Fingerprint: first.Fingerprint}, key)
	return done, true, err
}

// usedBefore returns what an idempotency key stands for, false if it is new or
// there is none. A key of another request is an error.
func (s *Service) usedBefore(ctx context.Context, key Key) (Replay, bool, error) {
	if key.Key == "" {
		return Replay{}, false, nil
	}
	first, ok, err := s.Store.Replay(ctx, key)
	if err == nil && ok && first.Fingerprint != key.Fingerprint {
		err = ErrKeyReused()
	}
	return first, ok && err == nil, err
}

func (s *Service) submitted(f Filed, key Key) (Submitted, error) {
	if f.Replayed && f.Fingerprint != key.Fingerprint {
		return Submitted{}, ErrKeyReused()
	}
	return Submitted{
		Report:      f.Report,
		FollowToken: s.Follow.Token(f.Report.ID, f.Report.TokenEpoch),
		Replayed:    f.Replayed,
	}, nil
}

// ErrKeyReused is the problem of an idempotency key that comes again with
// another request.
func ErrKeyReused() error {
	return problem.Field("Idempotency-Key", "reused", "this key was used for another request; make a new one")
}

// prepare checks a submission, finds who is responsible and keeps its photos.
func (s *Service) prepare(ctx context.Context, actor auth.Actor, sub *Submission) (Filing, error) {
	d, err := s.decide(ctx, sub)
	if problem.Is(err, problem.Invalid) { // nobody is refused by what no longer holds
		if err := s.Router.Refresh(ctx); err != nil {
			return Filing{}, errJustChanging(err)
		}
		d, err = s.decide(ctx, sub)
	}
	if err != nil {
		return Filing{}, err
	}
	if err := sub.keepPhotos(ctx, s); err != nil {
		return Filing{}, err
	}
	return s.filing(actor, sub, d), nil
}

// decision is what is decided of a submission before anything is stored.
type decision struct {
	route   routing.Route
	answers map[string]catalog.Answer
}

// decide checks a submission and finds who is responsible, from memory alone.
func (s *Service) decide(ctx context.Context, sub *Submission) (decision, error) {
	faults := sub.faults()
	if !plausible(sub.Lat, sub.Lon) {
		return decision{}, problem.Invalidity(faults)
	}
	route, err := s.Router.Route(ctx, routing.Question{
		Service: sub.Service, Lat: sub.Lat, Lon: sub.Lon, AccuracyM: value(sub.AccuracyM),
		Answer: sub.Answer,
	})
	if err != nil {
		return decision{}, withFaults(err, faults)
	}
	j := route.Recipient
	if j.Code == "" {
		return decision{}, fmt.Errorf("jurisdiction %s has an area and is not known", route.Jurisdiction)
	}
	answers, more := sub.answers(j)
	if faults = slices.Concat(sub.elsewhere(j, route.Area), faults, more); len(faults) > 0 {
		return decision{}, problem.Invalidity(faults)
	}
	return decision{route, answers}, nil
}

// elsewhere says that the position does not lie where the report may go.
func (sub *Submission) elsewhere(j tenant.Jurisdiction, area string) []problem.FieldError {
	if sub.Within == "" || sub.Within == j.Code || sub.Within == area {
		return nil
	}
	return []problem.FieldError{{
		Field: "/jurisdiction", Code: "elsewhere",
		Detail: fmt.Sprintf("the position does not lie in %s but in %s (%s)", sub.Within, j.Name, j.Code),
	}}
}

// keepPhotos keeps the new photos, once: when the report has to be located
// again, they are kept already.
func (sub *Submission) keepPhotos(ctx context.Context, s *Service) error {
	ids, err := s.keep(ctx, sub.NewPhotos, sub.NewAlts)
	if err != nil {
		return err
	}
	sub.PhotoIDs, sub.NewPhotos = append(sub.PhotoIDs, ids...), nil
	sub.Alts, err = s.altTexts(ctx, sub.PhotoIDs, sub.Alts)
	return err
}

// keep makes photos safe and stores them unclaimed, for a report or comment to
// claim; what nobody claims is swept. Alts say what they show, as far as they go.
func (s *Service) keep(ctx context.Context, photos []io.ReadSeeker, alts []string) ([]string, error) {
	var ids []string
	for i, src := range photos {
		alt := ""
		if i < len(alts) {
			alt = alts[i]
		}
		p, err := s.Photos.KeepOnce(ctx, src, alt, photo.Once{})
		if err != nil {
			return nil, atField(err, fmt.Sprintf("photo/%d", i))
		}
		ids = append(ids, p.ID)
	}
	return ids, nil
}

// filing puts together all that is stored in the one transaction.
func (s *Service) filing(actor auth.Actor, sub *Submission, d decision) Filing {
	now, j, route := s.now(), d.route.Recipient, d.route
	r := Report{
		ID: newID(), Jurisdiction: j.Code, Service: sub.Service, Status: Received, Delivery: deliveryOn(j.Channel),
		Lat: sub.Lat, Lon: sub.Lon, AccuracyM: sub.AccuracyM, Address: sub.Address,
		Description: sub.Description, Attributes: d.answers, Language: sub.Language, Private: sub.Private,
		Origin: sub.Origin, PersonID: actor.PersonID, Outside: route.Outside, BoundarySet: route.BoundarySet,
		CreatedAt: now, UpdatedAt: now, Version: 1,
	}
	r.TextHeld = r.needsHolding(sub.Alts)
	u := r.entry(WasFiled, actor, sub.Origin, now)
	u.Author, u.Trace = ByReporter, route.Trace
	caused := r.caused(u, EventFiled)
	caused.claim(&r, sub.PhotoIDs, sub.Alts, s.arrival(actor, &r, j.Photos))
	if r.TextHeld {
		caused.AltHeld = AltWithReport
	}
	caused.AtVersion = j.Version
	if r.Delivery == Queued {
		caused.Jobs = append(caused.Jobs, newJob(JobDeliver, DeliverJob{ReportID: r.ID}, now))
	}
	for i := range sub.MediaURLs {
		caused.Jobs = append(caused.Jobs, newJob(JobFetchMedia, FetchMediaJob{ReportID: r.ID, Position: i}, now))
	}
	return Filing{
		Report: r, Contact: sub.Contact, MediaURLs: sub.MediaURLs, Key: sub.Key, Year: seriesYear(now, s.Sweden),
		Revision: route.Revision, Changes: caused,
	}
}

// deliveryOn says how a report to a jurisdiction on a channel starts out.
func deliveryOn(c tenant.Channel) Delivery {
	switch c {
	case tenant.None:
		return Held
	case tenant.Web:
		return Delivered
	}
	return Queued
}

// faults tidies the texts and says what is wrong with them and the position.
func (sub *Submission) faults() []problem.FieldError {
	sub.Description, sub.Address = asWritten(sub.Description), tidy(sub.Address)
	if sub.Language == "" {
		sub.Language = "sv"
	}
	var faults []problem.FieldError
	for _, t := range []struct {
		field, text string
		limit       int
	}{{"/description", sub.Description, MaxText}, {"/address", sub.Address, maxAddress}, {"/language", sub.Language, 35}} {
		if f, bad := textFault(t.field, t.text, t.limit); bad {
			faults = append(faults, f)
		}
	}
	faults = append(faults, sub.Contact.faults()...)
	faults = append(faults, altFaults(sub.Alts, len(sub.PhotoIDs))...)
	if n := len(sub.PhotoIDs) + len(sub.NewPhotos) + len(sub.MediaURLs); n > maxPhotos {
		faults = append(faults, problem.FieldError{Field: "/photos", Code: "too-many", Detail: "at most 10 photos"})
	}
	return append(faults, sub.placeFaults()...)
}

func (sub *Submission) placeFaults() []problem.FieldError {
	var faults []problem.FieldError
	fault := func(field, detail string) {
		faults = append(faults, problem.FieldError{Field: field, Code: "out-of-range", Detail: detail})
	}
	if !(math.Abs(sub.Lat) <= 90) {
		fault("/lat", "a latitude is a number from -90 to 90 degrees")
	}
	if !(math.Abs(sub.Lon) <= 180) {
		fault("/lon", "a longitude is a number from -180 to 180 degrees")
	}
	if a := sub.AccuracyM; a != nil && !(*a >= 0 && *a <= 100_000) {
		fault("/accuracy_m", "an accuracy is a radius from 0 to 100000 metres")
	}
	return faults
}

func plausible(lat, lon float64) bool { return math.Abs(lat) <= 90 && math.Abs(lon) <= 180 }

// answers checks the service and its attributes against what j takes.
func (sub *Submission) answers(j tenant.Jurisdiction) (map[string]catalog.Answer, []problem.FieldError) {
	if sub.Service == "" {
		return nil, []problem.FieldError{{Field: "/service", Code: "required", Detail: "say what kind of fault it is"}}
	}
	svc, ok := j.Catalogue().Service(sub.Service)
	if !ok {
		return nil, []problem.FieldError{{Field: "/service", Code: "unknown", Detail: "no such service is open in " + j.Name}}
	}
	mode := catalog.Strict
	if sub.LenientAttributes {
		mode = catalog.Lenient
	}
	return svc.Check(sub.Attributes, mode)
}

// withFaults adds the faults of the text to a problem of the position, so that
// the client hears of all at once.
func withFaults(err error, faults []problem.FieldError) error {
	if p := problem.As(err); p != nil && p.Kind == problem.Invalid && len(faults) > 0 {
		return problem.Invalidity(append(faults, p.Fields...))
	}
	return err
}

// atField says in which field of the request a problem stands.
func atField(err error, field string) error {
	p := problem.As(err)
	if p == nil {
		return err
	}
	moved := *p
	moved.Fields = nil
	for _, f := range p.Fields {
		f.Field = field
		moved.Fields = append(moved.Fields, f)
	}
	return &moved
}

func value(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}
