package api

import (
	"context"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/report"
)

// PostReportMerge serves POST /v1/reports/{id}/merge.
func (s *Server) PostReportMerge(ctx context.Context, req PostReportMergeRequestObject) (PostReportMergeResponseObject, error) {
	r, err := s.Reports.Merge(ctx, auth.From(ctx), req.Id, report.Merging{
		Into: req.Body.Into, Text: req.Body.Text, Version: version(req.Params.IfMatch),
	})
	if err != nil {
		return nil, err
	}
	wire, err := s.toReport(ctx, r)
	if err != nil {
		return nil, err
	}
	return PostReportMerge200JSONResponse{Body: wire, Headers: PostReportMerge200ResponseHeaders{ETag: etag(wire.Version)}}, nil
}

// PostReportUnmerge serves POST /v1/reports/{id}/unmerge.
func (s *Server) PostReportUnmerge(ctx context.Context, req PostReportUnmergeRequestObject) (PostReportUnmergeResponseObject, error) {
	text := ""
	if req.Body != nil {
		text = req.Body.Text
	}
	r, err := s.Reports.Unmerge(ctx, auth.From(ctx), req.Id, text, version(req.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	wire, err := s.toReport(ctx, r)
	if err != nil {
		return nil, err
	}
	return PostReportUnmerge200JSONResponse{Body: wire, Headers: PostReportUnmerge200ResponseHeaders{ETag: etag(wire.Version)}}, nil
}

// ListReportVoices serves GET /v1/reports/{id}/voices.
func (s *Server) ListReportVoices(ctx context.Context, req ListReportVoicesRequestObject) (ListReportVoicesResponseObject, error) {
	page, contacts, err := s.Reports.ReportVoices(ctx, auth.From(ctx), req.Id, req.Params.Limit, req.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := s.toReportList(ctx, page, contacts)
	if err != nil {
		return nil, err
	}
	for i := range page.Reports {
		list.Reports[i].Case = page.Reports[i].CaseID // whoever sees them named it
	}
	return ListReportVoices200JSONResponse(list), nil
}
