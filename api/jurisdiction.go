package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/tenant"
)

// GetJurisdiction serves GET /v1/jurisdictions/{code}.
func (s *Server) GetJurisdiction(ctx context.Context, req GetJurisdictionRequestObject) (GetJurisdictionResponseObject, error) {
	j, err := s.Tenants.Get(ctx, req.Code)
	if err != nil {
		return nil, err
	}
	return GetJurisdiction200JSONResponse{
		Body:    toJurisdiction(j, mayConfigure(ctx, j.Code) == nil),
		Headers: GetJurisdiction200ResponseHeaders{ETag: etag(j.Version)},
	}, nil
}

// mayConfigure lets a jurisdiction's administrators in, and the operator, who
// sets it up.
func mayConfigure(ctx context.Context, code string) error {
	actor, where := auth.From(ctx), auth.Resource{Jurisdiction: code}
	if actor.Can(auth.CreateJurisdiction, where) {
		return nil
	}
	return actor.May(auth.ConfigureJurisdiction, where)
}

// mayChange refuses what would reach over into somebody else's affairs. Aliases
// are one list for the whole installation, so an administrator who could add one
// could take a neighbour's name. Reports carry contact details to where they go,
// so the operator sets that up, and then leaves it to the jurisdiction.
func mayChange(ctx context.Context, now, wanted tenant.Jurisdiction) error {
	if err := mayConfigure(ctx, wanted.Code); err != nil {
		return err
	}
	actor, where := auth.From(ctx), auth.Resource{Jurisdiction: wanted.Code}
	isNew := func(alias string) bool { return !slices.Contains(now.Aliases, alias) }
	if !actor.Can(auth.CreateJurisdiction, where) && slices.ContainsFunc(wanted.Aliases, isNew) {
		return problem.New(problem.Forbidden, "an alias is added by the operator: aliases are one list for the whole installation")
	}
	settled := now.Channel != "" && now.Channel != tenant.None
	moved := wanted.Channel != now.Channel || wanted.Email != now.Email
	if settled && moved && !actor.Can(auth.ConfigureJurisdiction, where) {
		return problem.New(problem.Forbidden, "where a jurisdiction's reports go is for its administrators to change")
	}
	return mayRulePhotos(ctx, now, wanted)
}

// met adds to a refused change the jurisdiction as it is now.
func (s *Server) met(ctx context.Context, code string, err error) error {
	p := problem.As(err)
	if p == nil || p.Kind != problem.Stale {
		return err
	}
	now, nowErr := s.Tenants.Get(ctx, code)
	if nowErr != nil {
		return err // the refusal is worth more than its illustration
	}
	same := *p
	same.Current = now
	return &same
}

// atVersion refuses a change that was not made on the jurisdiction as it is now.
func atVersion(now tenant.Jurisdiction, ifMatch string) error {
	switch v := version(ifMatch); v {
	case now.Version:
		return nil
	case 0:
		return &problem.Error{Kind: problem.VersionRequired, Detail: "send If-Match with the current version", Current: now}
	default:
		return &problem.Error{Kind: problem.Stale, Detail: fmt.Sprintf("version %d is current, not %d", now.Version, v), Current: now}
	}
}

// PutJurisdiction serves PUT /v1/jurisdictions/{code}.
func (s *Server) PutJurisdiction(ctx context.Context, req PutJurisdictionRequestObject) (PutJurisdictionResponseObject, error) {
	now, err := s.Tenants.Get(ctx, req.Code)
	isNew := problem.Is(err, problem.NotFound)
	if err != nil && !isNew {
		return nil, err
	}
	wanted := tenant.Jurisdiction{
		Code: cmp.Or(now.Code, req.Code), Name: req.Body.Name, Channel: tenant.Channel(req.Body.Channel),
		Email: req.Body.Email, Contact: req.Body.Contact, Aliases: req.Body.Aliases, Language: cmp.Or(req.Body.Language, "sv"),
		Services: now.Services, Photos: toPhotoRules(now.Photos, req.Body.Photos), Version: version(req.Params.IfMatch),
	}
	if err := mayChange(ctx, now, wanted); err != nil {
		return nil, err
	}
	if !isNew {
		if err := atVersion(now, req.Params.IfMatch); err != nil {
			return nil, err
		}
	}
	j, err := s.Tenants.Put(ctx, wanted)
	if err != nil {
		return nil, s.met(ctx, wanted.Code, err)
	}
	wire := toJurisdiction(j, true)
	if isNew {
		at := s.BaseURL + "/v1/jurisdictions/" + j.Code
		return PutJurisdiction201JSONResponse{Body: wire, Headers: PutJurisdiction201ResponseHeaders{ETag: etag(j.Version), Location: at}}, nil
	}
	return PutJurisdiction200JSONResponse{Body: wire, Headers: PutJurisdiction200ResponseHeaders{ETag: etag(j.Version)}}, nil
}

// PutJurisdictionService serves PUT /v1/jurisdictions/{code}/services/{service}.
func (s *Server) PutJurisdictionService(ctx context.Context, req PutJurisdictionServiceRequestObject) (PutJurisdictionServiceResponseObject, error) {
	j, err := s.Tenants.Get(ctx, req.Code)
	if err != nil {
		return nil, err
	}
	if err := auth.From(ctx).May(auth.ConfigureJurisdiction, auth.Resource{Jurisdiction: j.Code}); err != nil {
		return nil, err
	}
	if err := atVersion(j, req.Params.IfMatch); err != nil {
		return nil, err
	}
	wanted := j
	wanted.Services = slices.DeleteFunc(slices.Clone(j.Services), func(o catalog.Override) bool { return o.Code == req.Service })
	wanted.Services = append(wanted.Services, toOverride(req.Service, *req.Body))
	if p := catalog.Base().Validate(wanted.Services); p != nil {
		return nil, renamed(p, inOverride)
	}
	if j, err = s.Tenants.Put(ctx, wanted); err != nil {
		return nil, s.met(ctx, wanted.Code, err)
	}
	return PutJurisdictionService200JSONResponse{
		Body: toOffered(j, req.Service), Headers: PutJurisdictionService200ResponseHeaders{ETag: etag(j.Version)},
	}, nil
}

// toOffered is a service as a jurisdiction has it, be it switched off.
func toOffered(j tenant.Jurisdiction, code string) Service {
	svc, open := j.Catalogue().Service(code)
	if !open {
		svc, _ = catalog.Base().Service(code)
	}
	wire := toService(svc, j.Language)
	wire.Code, wire.Disabled = code, !open
	return wire
}

// staffPlace resolves a jurisdiction in a path for calls on its staff and keys.
func (s *Server) staffPlace(ctx context.Context, name string) (string, error) {
	j, err := s.Tenants.Get(ctx, name)
	return j.Code, err
}

// ListStaff serves GET /v1/jurisdictions/{code}/staff.
func (s *Server) ListStaff(ctx context.Context, req ListStaffRequestObject) (ListStaffResponseObject, error) {
	code, err := s.staffPlace(ctx, req.Code)
	if err != nil {
		return nil, err
	}
	staff, err := s.Auth.Staff(ctx, auth.From(ctx), code)
	if err != nil {
		return nil, err
	}
	invited, err := s.Auth.Invites(ctx, auth.From(ctx), code)
	if err != nil {
		return nil, err
	}
	list := ListStaff200JSONResponse{Staff: []Staff{}}
	for _, m := range staff {
		list.Staff = append(list.Staff, Staff{Id: m.PersonID, Email: m.Email, Role: Role(m.Role), State: StaffStateActive})
	}
	for _, inv := range invited {
		list.Staff = append(list.Staff, toInvited(inv))
	}
	return list, nil
}

func toInvited(inv auth.Invitation) Staff {
	return Staff{
		Id: inv.ID, Email: inv.Email, Role: Role(inv.Grant.Role), State: StaffStateInvited,
		CreatedAt: inv.CreatedAt, ExpiresAt: inv.ExpiresAt,
	}
}

// PostStaff serves POST /v1/jurisdictions/{code}/staff.
func (s *Server) PostStaff(ctx context.Context, req PostStaffRequestObject) (PostStaffResponseObject, error) {
	j, err := s.Tenants.Get(ctx, req.Code)
	if err != nil {
		return nil, err
	}
	inv, _, err := s.Auth.Invite(ctx, auth.From(ctx), auth.InviteRequest{
		Grant: auth.Grant{Role: auth.Role(req.Body.Role), Jurisdiction: j.Code}, Email: req.Body.Email, Language: j.Language,
	})
	if err != nil {
		return nil, err
	}
	s.wake()
	return PostStaff201JSONResponse(toInvited(inv)), nil
}

// DeleteStaff serves DELETE /v1/jurisdictions/{code}/staff/{id}: every role that
// a person has there, or an invitation that is not accepted yet.
func (s *Server) DeleteStaff(ctx context.Context, req DeleteStaffRequestObject) (DeleteStaffResponseObject, error) {
	code, err := s.staffPlace(ctx, req.Code)
	if err != nil {
		return nil, err
	}
	actor := auth.From(ctx)
	staff, err := s.Auth.Staff(ctx, actor, code)
	if err != nil {
		return nil, err
	}
	found := false
	for _, m := range staff {
		if m.PersonID != req.Id {
			continue
		}
		if err := s.Auth.Dismiss(ctx, actor, m.PersonID, auth.Grant{Role: m.Role, Jurisdiction: code}); err != nil {
			return nil, err
		}
		found = true
	}
	if !found {
		if err := s.Auth.CancelInvite(ctx, actor, code, req.Id); err != nil {
			return nil, err
		}
	}
	return DeleteStaff204Response{}, nil
}

// ListKeys serves GET /v1/jurisdictions/{code}/keys.
func (s *Server) ListKeys(ctx context.Context, req ListKeysRequestObject) (ListKeysResponseObject, error) {
	code, err := s.staffPlace(ctx, req.Code)
	if err != nil {
		return nil, err
	}
	keys, err := s.Auth.Keys(ctx, auth.From(ctx), code)
	if err != nil {
		return nil, err
	}
	list := ListKeys200JSONResponse{Keys: []Key{}}
	for _, k := range keys {
		if k.RevokedAt.IsZero() {
			list.Keys = append(list.Keys, Key{Id: k.ID, Name: k.Name, Scopes: toScopes(k.Scopes), CreatedAt: k.CreatedAt})
		}
	}
	return list, nil
}

func toScopes(scopes []auth.Scope) []Scope {
	wire := make([]Scope, len(scopes))
	for i, sc := range scopes {
		wire[i] = Scope(sc)
	}
	return wire
}

// PostKey serves POST /v1/jurisdictions/{code}/keys.
func (s *Server) PostKey(ctx context.Context, req PostKeyRequestObject) (PostKeyResponseObject, error) {
	code, err := s.staffPlace(ctx, req.Code)
	if err != nil {
		return nil, err
	}
	ask := auth.KeyRequest{Jurisdiction: code, Name: req.Body.Name}
	for _, sc := range req.Body.Scopes {
		ask.Scopes = append(ask.Scopes, auth.Scope(sc))
	}
	k, secret, err := s.Auth.CreateKey(ctx, auth.From(ctx), ask)
	if err != nil {
		return nil, err
	}
	return PostKey201JSONResponse{Id: k.ID, Name: k.Name, Scopes: toScopes(k.Scopes), CreatedAt: k.CreatedAt, Key: secret}, nil
}

// DeleteKey serves DELETE /v1/jurisdictions/{code}/keys/{id}.
func (s *Server) DeleteKey(ctx context.Context, req DeleteKeyRequestObject) (DeleteKeyResponseObject, error) {
	code, err := s.staffPlace(ctx, req.Code)
	if err != nil {
		return nil, err
	}
	if err := s.Auth.RevokeKey(ctx, auth.From(ctx), code, req.Id); err != nil {
		return nil, err
	}
	return DeleteKey204Response{}, nil
}
