package api

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geo"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

// How many similar open reports locate shows, and from how near in metres.
const (
	nearbyShown  = 10
	nearbyRadius = 100
)

// GetLocate serves GET /v1/locate.
func (s *Server) GetLocate(ctx context.Context, req GetLocateRequestObject) (GetLocateResponseObject, error) {
	p := req.Params
	found, err := s.Router.Locate(routing.Question{Service: p.Service, Lat: p.Lat, Lon: p.Lon, AccuracyM: p.Accuracy})
	if err != nil {
		return nil, err
	}
	entries, err := s.Directory.Entries(ctx, bestOf(found))
	if err != nil {
		return nil, err
	}
	nearby, err := s.nearby(ctx, p)
	if err != nil {
		return nil, err
	}
	lang := languageOf(p.AcceptLanguage)
	wire := GetLocate200JSONResponse{
		Certain: found.Certain, Candidates: toCandidates(found.Candidates()), Services: []Service{},
		Question: toQuestion(found.Question(lang)), Nearby: nearby, Boundaries: found.Set.Label(),
	}
	if found.Owner != nil {
		best := found.Choices[0]
		entry := entries[best.Code]
		ref := toJurisdictionRef(best.Code, entry)
		border := decimetres(found.BorderM)
		wire.Jurisdiction, wire.BorderM = &ref, &border
		wire.Services = toServices(entry, lang)
		wire.Note, wire.Owner = best.Note.In(lang), s.toOwner(best.Contact, best.Feature)
	} else if found.Nearest != nil {
		wire.Nearest = &NearestArea{Code: found.Nearest.Code, Name: found.Nearest.Name, DistanceM: decimetres(found.Nearest.DistanceM)}
	}
	return wire, nil
}

// bestOf is the code of who is responsible, empty where nobody is.
func bestOf(found routing.Found) string {
	if found.Owner == nil {
		return ""
	}
	return found.Choices[0].Code
}

func toCandidates(parties []routing.Party) []Candidate {
	wire := make([]Candidate, len(parties))
	for i, p := range parties {
		wire[i] = Candidate{Code: p.Code, Name: p.Name, DistanceM: decimetres(p.DistanceM), Share: math.Round(100*p.Share) / 100}
	}
	return wire
}

// nearby finds open reports close to a position, so that one fault becomes one
// report.
func (s *Server) nearby(ctx context.Context, p GetLocateParams) ([]NearbyReport, error) {
	q := report.Query{
		Near: &orb.Point{p.Lon, p.Lat}, RadiusM: max(nearbyRadius, min(p.Accuracy, 10*nearbyRadius)),
		Statuses: statuses(nil, StateOpen), Limit: nearbyShown,
	}
	if p.Service != "" {
		q.Services = []string{p.Service}
	}
	page, err := s.Reports.List(ctx, q)
	if err != nil {
		return nil, err
	}
	wire := make([]NearbyReport, len(page.Reports))
	for i, r := range page.Reports {
		wire[i] = NearbyReport{
			Id: r.ID, Reference: r.Reference, Service: r.Service, Status: Status(r.Status), Lat: r.Lat, Lon: r.Lon,
			DistanceM: metresBetween(p.Lat, p.Lon, r.Lat, r.Lon), Description: r.Description,
			SupportCount: r.SupportedBy, CreatedAt: r.CreatedAt,
		}
	}
	return wire, nil
}

// metresBetween is the distance of two points to 0.1 m, on a sphere.
func metresBetween(lat1, lon1, lat2, lon2 float64) float64 {
	return decimetres(geo.DistanceHaversine(orb.Point{lon1, lat1}, orb.Point{lon2, lat2}))
}

// decimetres rounds metres to what the distances are worth: their calculation is
// good to half a metre.
func decimetres(m float64) float64 { return math.Round(10*m) / 10 }

// ListServices serves GET /v1/services.
func (s *Server) ListServices(ctx context.Context, req ListServicesRequestObject) (ListServicesResponseObject, error) {
	p := req.Params
	lang := languageOf(p.AcceptLanguage)
	code, err := s.serviceArea(ctx, p)
	if err != nil {
		return nil, err
	}
	entries, err := s.Directory.Entries(ctx, code)
	if err != nil {
		return nil, err
	}
	list := ServiceList{Services: toServices(entries[code], lang)}
	if code != "" {
		ref := toJurisdictionRef(code, entries[code])
		list.Jurisdiction = &ref
	}
	return ListServices200JSONResponse{Body: list, Headers: ListServices200ResponseHeaders{ContentLanguage: lang}}, nil
}

// serviceArea is the jurisdiction that was asked about, by code, alias or
// position; empty for the base catalogue.
func (s *Server) serviceArea(ctx context.Context, p ListServicesParams) (string, error) {
	if p.Jurisdiction != "" {
		j, err := s.Tenants.Get(ctx, p.Jurisdiction)
		return j.Code, err
	}
	if p.Lat == nil && p.Lon == nil {
		return "", nil
	}
	if p.Lat == nil || p.Lon == nil {
		return "", errHalfPosition(p.Lat == nil)
	}
	route, err := s.Router.Route(ctx, routing.Question{Lat: *p.Lat, Lon: *p.Lon})
	return route.Jurisdiction, renamed(err, func(field string) string { return strings.TrimPrefix(field, "/") })
}

// renamed gives the fields of a problem the names that they have in the request:
// the domain's are JSON pointers into what it was given.
func renamed(err error, rename func(string) string) error {
	p := problem.As(err)
	if p == nil {
		return err
	}
	same := *p
	same.Fields = slices.Clone(p.Fields)
	for i := range same.Fields {
		same.Fields[i].Field = rename(same.Fields[i].Field)
	}
	return &same
}

// ListJurisdictions serves GET /v1/jurisdictions.
func (s *Server) ListJurisdictions(ctx context.Context, req ListJurisdictionsRequestObject) (ListJurisdictionsResponseObject, error) {
	all, err := s.Tenants.List(ctx)
	if err != nil {
		return nil, err
	}
	list := ListJurisdictions200JSONResponse{Jurisdictions: []Jurisdiction{}}
	for _, j := range all {
		if j.Code <= req.Params.Cursor || !j.Matches(req.Params.Q) {
			continue
		}
		if len(list.Jurisdictions) == pageSize(req.Params.Limit) {
			list.Next = list.Jurisdictions[len(list.Jurisdictions)-1].Code
			break
		}
		list.Jurisdictions = append(list.Jurisdictions, toJurisdiction(j, false))
	}
	return list, nil
}

func toJurisdiction(j tenant.Jurisdiction, full bool) Jurisdiction {
	wire := Jurisdiction{
		Code: j.Code, Name: j.Name, Channel: Channel(j.Channel), Contact: j.Contact, Aliases: append([]string{}, j.Aliases...),
		Language: j.Language, Version: j.Version,
	}
	if full {
		wire.Email = j.Email
	}
	return wire
}
