package api

import (
	"context"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

// PutReportPhotoMasks serves PUT /v1/reports/{id}/photos/{photo}/masks.
func (s *Server) PutReportPhotoMasks(ctx context.Context, req PutReportPhotoMasksRequestObject) (PutReportPhotoMasksResponseObject, error) {
	m := report.Masking{PhotoID: req.Photo, Areas: make([]photo.Area, len(req.Body.Areas)), Version: version(req.Params.IfMatch)}
	for i, a := range req.Body.Areas {
		m.Areas[i] = photo.Area{X: a.X, Y: a.Y, Width: a.Width, Height: a.Height}
	}
	r, p, err := s.Reports.MaskPhoto(ctx, auth.From(ctx), req.Id, m)
	if err != nil {
		return nil, err
	}
	return PutReportPhotoMasks200JSONResponse{
		Body: s.toStaffPhoto(r, p), Headers: PutReportPhotoMasks200ResponseHeaders{ETag: etag(r.Version)},
	}, nil
}

// PostReportPhotoRelease serves POST /v1/reports/{id}/photos/{photo}/release.
func (s *Server) PostReportPhotoRelease(ctx context.Context, req PostReportPhotoReleaseRequestObject) (PostReportPhotoReleaseResponseObject, error) {
	r, p, err := s.Reports.ReleasePhoto(ctx, auth.From(ctx), req.Id, req.Photo, version(req.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	return PostReportPhotoRelease200JSONResponse{
		Body: s.toStaffPhoto(r, p), Headers: PostReportPhotoRelease200ResponseHeaders{ETag: etag(r.Version)},
	}, nil
}

// DeleteReportPhoto serves DELETE /v1/reports/{id}/photos/{photo}.
func (s *Server) DeleteReportPhoto(ctx context.Context, req DeleteReportPhotoRequestObject) (DeleteReportPhotoResponseObject, error) {
	if err := s.Reports.DeletePhoto(ctx, auth.From(ctx), req.Id, req.Photo, version(req.Params.IfMatch)); err != nil {
		return nil, err
	}
	return DeleteReportPhoto204Response{}, nil
}

// GetReportPhotoUnmasked serves GET /v1/reports/{id}/photos/{photo}/unmasked. The
// generated answer closes the picture.
func (s *Server) GetReportPhotoUnmasked(ctx context.Context, req GetReportPhotoUnmaskedRequestObject) (GetReportPhotoUnmaskedResponseObject, error) {
	picture, err := s.Reports.Unmasked(ctx, auth.From(ctx), req.Id, req.Photo)
	if err != nil {
		return nil, err
	}
	return GetReportPhotoUnmasked200ImagejpegResponse{
		Body: picture, ContentLength: picture.Size,
		Headers: GetReportPhotoUnmasked200ResponseHeaders{CacheControl: "no-store"},
	}, nil
}

// visiblePhotos are the photos of a report that the caller sees, in their wire
// shape.
func (s *Server) visiblePhotos(ctx context.Context, r report.Report) []Photo {
	actor := auth.From(ctx)
	staff, photos := s.Reports.SeesInternal(actor, r), r.ShownPhotos()
	if s.Reports.SeesHidden(actor, r) {
		photos = r.Photos
	}
	wire := make([]Photo, len(photos))
	for i, p := range photos {
		if staff {
			wire[i] = s.toStaffPhoto(r, p)
		} else {
			wire[i] = s.toPhoto(p, r.Private)
		}
	}
	return wire
}

// toStaffPhoto shows what is masked, too.
func (s *Server) toStaffPhoto(r report.Report, p report.Photo) Photo {
	wire := s.toPhoto(p, r.Private)
	for _, a := range p.Masks {
		wire.Masks = append(wire.Masks, Area{X: a.X, Y: a.Y, Width: a.Width, Height: a.Height})
	}
	if p.Unmasked != "" {
		wire.Unmasked = s.links(r.ID).Photos + "/" + p.ID + "/unmasked"
	}
	return wire
}

// toPhotoRules reads the rules for photos; what came without any keeps those that
// hold, so that a client that does not know of them switches nothing off.
func toPhotoRules(now tenant.PhotoRules, wanted *PhotoRules) tenant.PhotoRules {
	if wanted == nil {
		return now
	}
	return tenant.PhotoRules{Hold: wanted.Hold, KeepUnmasked: wanted.KeepUnmasked, Unchecked: tenant.Unchecked(wanted.Unchecked)}
}

// mayRulePhotos leaves the rules for photos to the jurisdiction's administrators,
// once it is set up: they decide who sees what residents have sent.
func mayRulePhotos(ctx context.Context, now, wanted tenant.Jurisdiction) error {
	settled := now.Channel != "" && now.Channel != tenant.None
	if !settled || now.Photos == wanted.Photos || auth.From(ctx).Can(auth.ConfigureJurisdiction, auth.Resource{Jurisdiction: wanted.Code}) {
		return nil
	}
	return problem.New(problem.Forbidden, "how a jurisdiction's photos are handled is for its administrators to change")
}
