package api

import (
	"context"
	"maps"
	"strconv"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

// toReport puts a report into its wire shape, with what the caller may see.
func (s *Server) toReport(ctx context.Context, r report.Report) (Report, error) {
	entries, err := s.Directory.Entries(ctx, r.Jurisdiction)
	if err != nil {
		return Report{}, err
	}
	contact, err := s.Reports.Contact(ctx, auth.From(ctx), r)
	if err != nil {
		return Report{}, err
	}
	r = s.Reports.Shown(auth.From(ctx), r)
	wire := s.publicReport(entries, r)
	wire.Contact = toContact(contact)
	if s.Reports.SeesInternal(auth.From(ctx), r) {
		wire.Attributes, wire.HeldUpdates = toAnswers(r.Attributes), r.HeldUpdates
	}
	wire.Assignee = s.toAssignee(ctx, r)
	wire.Photos = s.visiblePhotos(ctx, r)
	if s.Reports.SeesInternal(auth.From(ctx), r) {
		counts, err := s.Reports.Store.VoicePhotos(ctx, []string{r.ID})
		if err != nil {
			return Report{}, err
		}
		wire.VoicePhotos, wire.VoicePhotosHeld = counts[r.ID].All, counts[r.ID].Hidden
	}
	wire.Case, err = s.caseOf(ctx, r)
	return wire, err
}

// caseOf names the case of a voice to those who may see it. A public report has a
// public case; a private one may have a case that is private to others.
func (s *Server) caseOf(ctx context.Context, r report.Report) (string, error) {
	if r.CaseID == "" || !r.Private || s.Reports.SeesInternal(auth.From(ctx), r) {
		return r.CaseID, nil
	}
	_, err := s.Reports.Read(ctx, auth.From(ctx), r.CaseID)
	if problem.Is(err, problem.NotFound) {
		return "", nil
	}
	return r.CaseID, err
}

// toAssignee names who works on a report, to the staff it lies with.
func (s *Server) toAssignee(ctx context.Context, r report.Report) *PersonRef {
	if r.Assignee == "" || !s.Reports.SeesInternal(auth.From(ctx), r) {
		return nil
	}
	return &PersonRef{Id: r.Assignee}
}

// publicReport is what anyone who may see the report sees of it.
func (s *Server) publicReport(entries map[string]tenant.Entry, r report.Report) Report {
	entry := entries[r.Jurisdiction]
	return Report{
		Id: r.ID, Reference: r.Reference, Jurisdiction: toJurisdictionRef(r.Jurisdiction, entry),
		Service: r.Service, ServiceName: serviceName(entry, r), Status: Status(r.Status),
		CloseReason: CloseReason(r.CloseReason), PlannedFor: r.PlannedFor, DuplicateOf: r.DuplicateOf,
		Delivery: Delivery(r.Delivery), Lat: r.Lat, Lon: r.Lon, AccuracyM: metres(r.AccuracyM), Address: r.Address,
		Description: r.Description, Attributes: askedAnswers(entry, r), Photos: s.toPhotos(r.ShownPhotos(), r.Private), PhotosHeld: len(r.Photos) - len(r.ShownPhotos()),
		Language: r.Language, Private: r.Private, Outside: r.Outside, SupportCount: r.SupportedBy, Voices: r.Voices(),
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, ClosedAt: r.ClosedAt, Version: r.Version,
		Links: s.links(r.ID), Routing: routingOf(r), TextHeld: r.TextHeld, Found: heldFor(r.TextHeld, r.Found),
	}
}

func metres(m *float64) float64 {
	if m == nil {
		return 0
	}
	return *m
}

func toJurisdictionRef(code string, e tenant.Entry) JurisdictionRef {
	return JurisdictionRef{Code: code, Name: e.Name, Channel: Channel(e.Channel)}
}

// serviceName is the service's name in the reporter's language; a service that
// has been taken away since keeps its code.
func serviceName(e tenant.Entry, r report.Report) string {
	c := e.Catalogue
	if c == nil {
		c = catalog.Base()
	}
	svc, ok := c.Service(r.Service)
	if !ok {
		return r.Service
	}
	return svc.Name.In(r.Language)
}

// askedAnswers are the answers to what the service asks. Other systems send
// attributes of their own beside them, of which nobody knows whether they are
// personal: those are for staff only.
func askedAnswers(e tenant.Entry, r report.Report) AttributeValues {
	c := e.Catalogue
	if c == nil {
		c = catalog.Base()
	}
	svc, _ := c.Service(r.Service) // of an unknown one nothing was asked
	asked := maps.Clone(r.Attributes)
	maps.DeleteFunc(asked, func(code string, _ catalog.Answer) bool {
		_, ok := svc.Attribute(code)
		return !ok
	})
	return toAnswers(asked)
}

func toAnswers(answers map[string]catalog.Answer) AttributeValues {
	if len(answers) == 0 {
		return nil
	}
	wire := make(AttributeValues, len(answers))
	for code, a := range answers {
		wire[code] = a
	}
	return wire
}

func toContact(c report.Contact) *ReportContact {
	if c.Empty() {
		return nil
	}
	return &ReportContact{Name: c.Name, Email: c.Email, Phone: c.Phone}
}

func (s *Server) links(id string) ReportLinks {
	self := s.BaseURL + "/v1/reports/" + id
	return ReportLinks{Self: self, Updates: self + "/updates", Routing: self + "/routing", Photos: self + "/photos"}
}

func (s *Server) toPhotos(photos []report.Photo, private bool) []Photo {
	wire := make([]Photo, len(photos))
	for i, p := range photos {
		wire[i] = s.toPhoto(p, private)
	}
	return wire
}

// toPhoto gives the addresses of a photo's renditions: for good where anyone may
// see them, signed and for an hour where not.
func (s *Server) toPhoto(p report.Photo, private bool) Photo {
	wire := Photo{
		Id: p.ID, Width: p.Width, Height: p.Height, Blurhash: p.BlurHash, Alt: p.Alt, CreatedAt: p.CreatedAt,
		Renditions: map[string]string{}, Dimensions: map[string]Dimensions{}, State: PhotoState(p.State),
	}
	for size, sha := range p.SHA256 {
		key := strconv.Itoa(size)
		wire.Renditions[key] = s.photoURL(p.Folder, size, sha, private || p.State.Hidden())
		width, height := photo.Sides(p.Width, p.Height, size)
		wire.Dimensions[key] = Dimensions{Width: width, Height: height}
	}
	return wire
}

// privateFor is how long the address of a private photo works.
const privateFor = time.Hour

func (s *Server) photoURL(folder string, size int, sha string, private bool) string {
	path := "/" + photo.Name(folder, size, sha)
	if private {
		path = s.Links.SignLink(path, s.Now().Add(privateFor))
	}
	return s.BaseURL + path
}

// toUpdate shows an update in the history of r.
func (s *Server) toUpdate(r report.Report, u report.Update) Update {
	wire := Update{
		Id: u.ID, Kind: UpdateKind(u.Kind), Author: Author(u.Author), CreatedAt: u.CreatedAt, Internal: u.Internal,
		Status: Status(u.Status), Text: u.Text, CloseReason: CloseReason(u.CloseReason), PlannedFor: u.PlannedFor,
		DuplicateOf: u.DuplicateOf, HandedFrom: u.From, HandedTo: u.To,
		TextHeld: u.Held,
	}
	switch {
	case u.ReportID == r.ID:
	case r.CaseID != "":
		wire.Case = u.ReportID
	default:
		wire.Voice = u.ReportID
	}
	if u.StillBad != nil {
		fixed := !*u.StillBad
		wire.Fixed = &fixed
	}
	photos := make([]report.Photo, len(u.Pictures))
	for i, p := range u.Pictures {
		photos[i] = p.Photo
		wire.Photos = append(wire.Photos, s.toPhoto(p.Photo, p.Private))
	}
	wire.Found = heldFor(u.Held, func() []report.Found { return u.Found(photos) })
	return wire
}

func replayed(yes bool) *string {
	if !yes {
		return nil
	}
	t := "true"
	return &t
}

// filedReport is a report with the token that only its reporter gets. The generated
// type repeats the fields of Report, so the report is copied by way of them.
func filedReport(r Report, token string) FiledReport {
	return FiledReport{
		AccuracyM: r.AccuracyM, Address: r.Address, Assignee: r.Assignee, Attributes: r.Attributes,
		CloseReason: r.CloseReason, ClosedAt: r.ClosedAt, Contact: r.Contact, CreatedAt: r.CreatedAt,
		Delivery: r.Delivery, Description: r.Description, DuplicateOf: r.DuplicateOf, FollowToken: token,
		Id: r.Id, Jurisdiction: r.Jurisdiction, Language: r.Language, Lat: r.Lat, Links: r.Links, Lon: r.Lon,
		Outside: r.Outside, Photos: r.Photos, PhotosHeld: r.PhotosHeld, VoicePhotos: r.VoicePhotos, VoicePhotosHeld: r.VoicePhotosHeld, PlannedFor: r.PlannedFor, Private: r.Private, Reference: r.Reference,
		Routing: FiledReportRouting(r.Routing), Service: r.Service, ServiceName: r.ServiceName, Status: r.Status,
		SupportCount: r.SupportCount, Voices: r.Voices, Case: r.Case, TextHeld: r.TextHeld, HeldUpdates: r.HeldUpdates, Found: r.Found, UpdatedAt: r.UpdatedAt, Version: r.Version,
	}
}

// routingOf says how a report's area was found.
func routingOf(r report.Report) ReportRouting {
	if r.Outside {
		return ReportRoutingNearest
	}
	return ReportRoutingArea
}
