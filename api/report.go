package api

import (
	"context"
	"io"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/report"
)

// PostReport serves POST /v1/reports.
func (s *Server) PostReport(ctx context.Context, req PostReportRequestObject) (PostReportResponseObject, error) {
	body, form, err := readReport(req, s.UploadDir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = form.Close() }() // unnamed temporary files
	actor := auth.From(ctx)
	done, err := s.Reports.Submit(ctx, actor, report.Submission{
		Service: body.Service, Lat: body.Lat, Lon: body.Lon, AccuracyM: accuracy(body.AccuracyM),
		Address: body.Address, Description: body.Description, Attributes: body.Attributes,
		PhotoIDs: body.Photos, Alts: body.Alts, NewPhotos: form.readers(), NewAlts: form.newAlts(),
		Answer:   body.Answer,
		Contact:  report.Contact{Name: body.Contact.Name, Email: body.Contact.Email, Phone: body.Contact.Phone},
		Language: reporterLanguage(body.Language, req.Params.AcceptLanguage), Private: body.Private, Origin: report.OriginAPI,
		Key: idempotency("postReport", actor, req.Params.IdempotencyKey, body, form),
	})
	if err != nil {
		return nil, err
	}
	actor.FollowToken = done.FollowToken // whoever filed it sees their own words and photos
	wire, err := s.toReport(auth.With(ctx, actor), done.Report)
	if err != nil {
		return nil, err
	}
	return PostReport201JSONResponse{
		Body: filedReport(wire, done.FollowToken),
		Headers: PostReport201ResponseHeaders{
			ETag: etag(wire.Version), Location: wire.Links.Self, IdempotencyReplayed: replayed(done.Replayed),
		},
	}, nil
}

// readers are the form's photos; none for a report that came as JSON.
func (f *form) readers() []io.ReadSeeker {
	if f == nil {
		return nil
	}
	rs := make([]io.ReadSeeker, len(f.Photos))
	for i, u := range f.Photos {
		rs[i] = u.Reader()
	}
	return rs
}

func accuracy(m float64) *float64 {
	if m == 0 {
		return nil
	}
	return &m
}

// ListReports serves GET /v1/reports.
func (s *Server) ListReports(ctx context.Context, req ListReportsRequestObject) (ListReportsResponseObject, error) {
	q, err := s.query(ctx, req.Params)
	if err != nil {
		return nil, err
	}
	page, err := s.Reports.List(ctx, q)
	if err != nil {
		return nil, err
	}
	list, err := s.toReportList(ctx, page, nil)
	if err != nil {
		return nil, err
	}
	return reportPage{list: list, geoJSON: wantsGeoJSON(ctx)}, nil
}

// GetReport serves GET /v1/reports/{id}.
func (s *Server) GetReport(ctx context.Context, req GetReportRequestObject) (GetReportResponseObject, error) {
	r, err := s.Reports.Read(ctx, auth.From(ctx), req.Id)
	if err != nil {
		return nil, err
	}
	wire, err := s.toReport(ctx, r)
	if err != nil {
		return nil, err
	}
	return GetReport200JSONResponse{Body: wire, Headers: GetReport200ResponseHeaders{ETag: etag(wire.Version)}}, nil
}

// DeleteReport serves DELETE /v1/reports/{id}: the reporter withdraws it.
func (s *Server) DeleteReport(ctx context.Context, req DeleteReportRequestObject) (DeleteReportResponseObject, error) {
	r, err := s.Reports.Withdraw(ctx, auth.From(ctx), req.Id, version(req.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	wire, err := s.toReport(ctx, r)
	if err != nil {
		return nil, err
	}
	return DeleteReport200JSONResponse{Body: wire, Headers: DeleteReport200ResponseHeaders{ETag: etag(wire.Version)}}, nil
}

// DeleteReportPersonalData serves DELETE /v1/reports/{id}/personal-data.
func (s *Server) DeleteReportPersonalData(ctx context.Context, req DeleteReportPersonalDataRequestObject) (DeleteReportPersonalDataResponseObject, error) {
	if err := s.Reports.Erase(ctx, auth.From(ctx), req.Id); err != nil {
		return nil, err
	}
	return DeleteReportPersonalData204Response{}, nil
}
