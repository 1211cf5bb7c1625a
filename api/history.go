package api

import (
	"cmp"
	"context"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

// ListReportUpdates serves GET /v1/reports/{id}/updates.
func (s *Server) ListReportUpdates(ctx context.Context, req ListReportUpdatesRequestObject) (ListReportUpdatesResponseObject, error) {
	r, all, err := s.Reports.History(ctx, auth.From(ctx), req.Id)
	if err != nil {
		return nil, err
	}
	list := ListReportUpdates200JSONResponse{Updates: []Update{}}
	for _, u := range all {
		if u.ID <= req.Params.Cursor {
			continue
		}
		if len(list.Updates) == pageSize(req.Params.Limit) {
			list.Next = list.Updates[len(list.Updates)-1].Id
			break
		}
		list.Updates = append(list.Updates, s.toUpdate(r, u))
	}
	return list, nil
}

// pageSize is how many entries a page has at most.
func pageSize(limit int) int {
	if limit == 0 {
		return report.DefaultLimit
	}
	return limit
}

// PostReportUpdate serves POST /v1/reports/{id}/updates.
func (s *Server) PostReportUpdate(ctx context.Context, req PostReportUpdateRequestObject) (PostReportUpdateResponseObject, error) {
	route, err := s.acting(ctx, "postReportUpdate", req.Id, req.Params.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	c := report.Comment{
		Text: req.Body.Text, Internal: req.Body.Internal, PhotoIDs: req.Body.Photos, Alts: req.Body.Alts, Origin: report.OriginAPI,
		Key: idempotency(route, auth.From(ctx), req.Params.IdempotencyKey, req.Body, nil),
	}
	if f := req.Body.Fixed; f != nil {
		stillBad := !*f
		c.StillBad = &stillBad
	}
	added, err := s.Reports.AddComment(ctx, auth.From(ctx), req.Id, c)
	if err != nil {
		return nil, err
	}
	return PostReportUpdate201JSONResponse{
		Body: s.toUpdate(added.Report, added.Update),
		Headers: PostReportUpdate201ResponseHeaders{
			ETag: etag(added.Report.Version), IdempotencyReplayed: replayed(added.Replayed),
		},
	}, nil
}

// ListReportPhotos serves GET /v1/reports/{id}/photos.
func (s *Server) ListReportPhotos(ctx context.Context, req ListReportPhotosRequestObject) (ListReportPhotosResponseObject, error) {
	r, err := s.Reports.Read(ctx, auth.From(ctx), req.Id)
	if err != nil {
		return nil, err
	}
	return ListReportPhotos200JSONResponse{Photos: s.visiblePhotos(ctx, r)}, nil
}

// PostReportPhoto serves POST /v1/reports/{id}/photos.
func (s *Server) PostReportPhoto(ctx context.Context, req PostReportPhotoRequestObject) (PostReportPhotoResponseObject, error) {
	route, err := s.acting(ctx, "postReportPhoto", req.Id, req.Params.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	c := report.Comment{Origin: report.OriginAPI}
	var form *form
	if req.JSONBody != nil {
		c.PhotoIDs, c.Alts = req.JSONBody.Photos, req.JSONBody.Alts
	} else {
		if form, err = readPhoto(req.MultipartBody, s.UploadDir); err != nil {
			return nil, err
		}
		defer func() { _ = form.Close() }() // unnamed temporary files
		c.NewPhotos, c.NewAlts = form.readers(), form.newAlts()
	}
	c.Key = idempotency(route, auth.From(ctx), req.Params.IdempotencyKey, req.JSONBody, form)
	added, err := s.Reports.AddComment(ctx, auth.From(ctx), req.Id, c)
	if err != nil {
		return nil, err
	}
	body, err := s.toAdded(added)
	if err != nil {
		return nil, err
	}
	return PostReportPhoto201JSONResponse{Body: body, Headers: PostReportPhoto201ResponseHeaders{
		ETag: etag(added.Report.Version), IdempotencyReplayed: replayed(added.Replayed),
	}}, nil
}

// toAdded shows the photos that an update has added.
func (s *Server) toAdded(added report.Commentary) (AddedPhotos, error) {
	var all []Photo
	for _, p := range added.Report.Photos {
		if p.UpdateID == added.Update.ID {
			all = append(all, s.toPhoto(p, added.Report.Private))
		}
	}
	if len(all) == 0 {
		return AddedPhotos{}, problem.New(problem.Gone, "the photo was removed meanwhile")
	}
	return AddedPhotos{
		Id: all[0].Id, Renditions: all[0].Renditions, Dimensions: all[0].Dimensions, Width: all[0].Width, Height: all[0].Height,
		Blurhash: all[0].Blurhash, Alt: all[0].Alt, CreatedAt: all[0].CreatedAt,
		Photos: all,
	}, nil
}

// PostReportSupport serves POST /v1/reports/{id}/support.
func (s *Server) PostReportSupport(ctx context.Context, req PostReportSupportRequestObject) (PostReportSupportResponseObject, error) {
	voice, key := "", req.Params.IdempotencyKey
	if req.Body != nil {
		voice = req.Body.Voice
	}
	actor := auth.From(ctx)
	route, err := s.acting(ctx, "postReportSupport", req.Id, key)
	if err != nil {
		return nil, err
	}
	done, err := s.Reports.Support(ctx, actor, req.Id, cmp.Or(voice, key), // a key is as good a name for one voice
		idempotency(route, actor, key, voice, nil))
	if err != nil {
		return nil, err
	}
	return PostReportSupport200JSONResponse{
		Body:    Support{SupportCount: done.Report.SupportedBy, Counted: done.Counted},
		Headers: PostReportSupport200ResponseHeaders{IdempotencyReplayed: replayed(done.Key.Replayed)},
	}, nil
}
