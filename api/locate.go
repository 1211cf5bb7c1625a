package api

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/kantsten/kantsten/internal/likeness"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
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
	nearby, err := s.nearby(ctx, likeness.Report{Service: p.Service, Lat: p.Lat, Lon: p.Lon, AccuracyM: p.Accuracy, Words: p.Q})
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
		wire.Photos = &PhotoRules{
			Hold: j.Photos.Hold, KeepUnmasked: j.Photos.KeepUnmasked,
			Unchecked: PhotoRulesUnchecked(cmp.Or(j.Photos.Unchecked, tenant.HoldUnchecked)),
		}
	}
	return wire
}
