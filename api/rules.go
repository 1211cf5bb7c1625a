package api

import (
	"context"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
)

// GetJurisdictionRules serves GET /v1/jurisdictions/{code}/rules.
func (s *Server) GetJurisdictionRules(ctx context.Context, req GetJurisdictionRulesRequestObject) (GetJurisdictionRulesResponseObject, error) {
	code, err := s.rulesPlace(ctx, req.Code)
	if err != nil {
		return nil, err
	}
	now, err := s.Router.Boundaries.RulesOf(ctx, code)
	if err != nil {
		return nil, err
	}
	return GetJurisdictionRules200JSONResponse{Body: toRules(now), Headers: GetJurisdictionRules200ResponseHeaders{ETag: etag(now.Version)}}, nil
}

// PutJurisdictionRules serves PUT /v1/jurisdictions/{code}/rules.
func (s *Server) PutJurisdictionRules(ctx context.Context, req PutJurisdictionRulesRequestObject) (PutJurisdictionRulesResponseObject, error) {
	code, err := s.rulesPlace(ctx, req.Code)
	if err != nil {
		return nil, err
	}
	now, err := s.putRules(ctx, code, *req.Body, req.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return PutJurisdictionRules200JSONResponse{Body: toRules(now), Headers: PutJurisdictionRules200ResponseHeaders{ETag: etag(now.Version)}}, nil
}

// GetRules serves GET /v1/rules.
func (s *Server) GetRules(ctx context.Context, _ GetRulesRequestObject) (GetRulesResponseObject, error) {
	if err := auth.From(ctx).May(auth.LoadBoundaries, auth.Resource{}); err != nil {
		return nil, err
	}
	now, err := s.Router.Boundaries.RulesOf(ctx, "")
	if err != nil {
		return nil, err
	}
	return GetRules200JSONResponse{Body: toRules(now), Headers: GetRules200ResponseHeaders{ETag: etag(now.Version)}}, nil
}

// PutRules serves PUT /v1/rules.
func (s *Server) PutRules(ctx context.Context, req PutRulesRequestObject) (PutRulesResponseObject, error) {
	if err := auth.From(ctx).May(auth.LoadBoundaries, auth.Resource{}); err != nil {
		return nil, err
	}
	now, err := s.putRules(ctx, "", *req.Body, req.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return PutRules200JSONResponse{Body: toRules(now), Headers: PutRules200ResponseHeaders{ETag: etag(now.Version)}}, nil
}

// rulesPlace resolves a jurisdiction in a path and lets its administrators in.
func (s *Server) rulesPlace(ctx context.Context, name string) (string, error) {
	j, err := s.Tenants.Get(ctx, name)
	if err != nil {
		return "", err
	}
	return j.Code, auth.From(ctx).May(auth.ConfigureJurisdiction, auth.Resource{Jurisdiction: j.Code})
}

// putRules replaces the rules of a jurisdiction, or with an empty code those of
// the installation. A refusal for the version shows the rules that it met.
func (s *Server) putRules(ctx context.Context, code string, body RoutingRulesSettings, ifMatch string) (routing.RulesInForce, error) {
	rules := make([]routing.Rule, len(body.Rules))
	for i, r := range body.Rules {
		rules[i] = fromRule(r)
	}
	boundaries, wanted := s.Router.Boundaries, version(ifMatch)
	var err error = &problem.Error{Kind: problem.VersionRequired, Detail: "send If-Match with the current version"}
	if wanted != 0 {
		var put routing.RulesInForce
		if put, err = boundaries.PutRules(ctx, code, rules, wanted, s.Now()); err == nil {
			return put, nil
		}
	}
	p := problem.As(err)
	if p == nil || p.Kind != problem.Stale && p.Kind != problem.VersionRequired {
		return routing.RulesInForce{}, err
	}
	met := *p
	if now, nowErr := boundaries.RulesOf(ctx, code); nowErr == nil {
		met.Current = now
	}
	return routing.RulesInForce{}, &met
}

func fromRule(r RoutingRule) routing.Rule {
	return routing.Rule{
		ID: r.Id, Area: r.Area, Services: r.Services, Layer: r.Layer, WithinM: r.WithinM, Owners: r.Owners,
		Outcome: routing.Outcome(r.Outcome), To: r.To, Contact: r.Contact, Note: catalog.Text(r.Note),
	}
}

func toRules(now routing.RulesInForce) RoutingRules {
	wire := RoutingRules{Rules: toRuleList(now.Rules), Sha256: now.SHA256, Version: now.Version}
	if now.Of == "" {
		wire.Defaults = toRuleList(routing.Defaults().Rules)
	}
	return wire
}

func toRuleList(rules []routing.Rule) []RoutingRule {
	wire := make([]RoutingRule, len(rules))
	for i, r := range rules {
		wire[i] = RoutingRule{
			Id: r.ID, Area: r.Area, Services: r.Services, Layer: r.Layer, WithinM: r.WithinM, Owners: r.Owners,
			Outcome: RoutingRuleOutcome(r.Outcome), To: r.To, Contact: r.Contact, Note: LocalText(r.Note),
		}
	}
	return wire
}
