package api

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/routing"
)

// GetReportRouting serves GET /v1/reports/{id}/routing.
func (s *Server) GetReportRouting(ctx context.Context, req GetReportRoutingRequestObject) (GetReportRoutingResponseObject, error) {
	r, stored, err := s.Reports.Routing(ctx, auth.From(ctx), req.Id)
	if err != nil {
		return nil, err
	}
	traces, err := readTraces(stored)
	if err != nil {
		return nil, err
	}
	wire, err := s.toReport(ctx, r)
	if err != nil {
		return nil, err
	}
	return GetReportRouting200JSONResponse(s.toRouting(wire, traces, languageOf(req.Params.AcceptLanguage))), nil
}

func readTraces(stored []json.RawMessage) ([]routing.Trace, error) {
	traces := make([]routing.Trace, len(stored))
	for i, b := range stored {
		var err error
		if traces[i], err = routing.ReadTrace(b); err != nil {
			return nil, err
		}
	}
	return traces, nil
}

// toRouting explains by the last trace, with every trace as a step. What was
// found at the position is that of the last time it was looked at.
func (s *Server) toRouting(r Report, traces []routing.Trace, lang string) Routing {
	wire := Routing{Jurisdiction: r.Jurisdiction, Channel: r.Jurisdiction.Channel, Delivery: r.Delivery, Steps: []RoutingStep{}}
	for _, t := range traces {
		wire.Reason, wire.Explanation, wire.Certain = reason(t), t.Explain(lang), t.Certain
		wire.BoundarySet, wire.DistanceM = t.BoundarySet, decimetres(t.Owner.DistanceM)
		wire.Candidates = toCandidates(t.Candidates)
		if t.Routed() {
			s.decided(&wire, t, lang)
		}
		wire.Steps = append(wire.Steps, RoutingStep{Rule: t.Rule, Outcome: t.Owner.Code, Detail: t.Explain(lang)})
	}
	return wire
}

// decided fills in what boundaries and rules made of a position.
func (s *Server) decided(wire *Routing, t routing.Trace, lang string) {
	wire.Rule, wire.RuleList = t.Rule, t.List
	wire.Asked, wire.Answer, wire.RunnerUp = t.Asked, t.Answer, t.RunnerUp
	wire.Note, wire.Owner = t.Note.In(lang), s.toOwner(t.Contact, t.Feature)
	if t.Area != nil {
		area := toCandidates([]routing.Party{*t.Area})[0]
		wire.Area = &area
	}
	wire.Layers, wire.Features = nil, nil
	for _, l := range t.Layers {
		wire.Layers = append(wire.Layers, RoutingLayer{Layer: l.Layer, BoundarySet: l.Set})
	}
	for _, h := range t.Hits {
		wire.Features = append(wire.Features, OwnerFeature{Layer: h.Layer, Code: h.Code, Name: h.Name, DistanceM: decimetres(h.DistanceM)})
	}
}

// reason is the short code for why: the ids of rules are their authors' own.
func reason(t routing.Trace) string {
	if t.List != "" {
		return "rule"
	}
	return t.Rule
}

// toOwner is who owns what stands there, if the resident may have their contact.
func (s *Server) toOwner(may bool, feature *routing.Hit) *OwnerContact {
	if !may || feature == nil {
		return nil
	}
	name, contact := s.Router.Boundaries.Now().Contact(feature.Code)
	return &OwnerContact{Code: feature.Code, Name: cmp.Or(name, feature.Name, feature.Code), Contact: contact}
}

func toQuestion(ask *routing.Ask) *Question {
	if ask == nil {
		return nil
	}
	wire := &Question{Text: ask.Text, Answers: make([]QuestionAnswer, len(ask.Answers))}
	for i, a := range ask.Answers {
		wire.Answers[i] = QuestionAnswer{Code: a.Code, Name: a.Name, Label: a.Label}
	}
	return wire
}
