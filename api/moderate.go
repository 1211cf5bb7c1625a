package api

import (
	"context"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/report"
)

// PostReportCheck serves POST /v1/reports/check.
func (s *Server) PostReportCheck(_ context.Context, req PostReportCheckRequestObject) (PostReportCheckResponseObject, error) {
	found := report.Words{
		Description: req.Body.Description, Address: req.Body.Address, Attributes: req.Body.Attributes, Text: req.Body.Text, Alts: req.Body.Alts,
	}.Found()
	return PostReportCheck200JSONResponse{Found: toFound(found)}, nil
}

// PutReportText serves PUT /v1/reports/{id}/text.
func (s *Server) PutReportText(ctx context.Context, req PutReportTextRequestObject) (PutReportTextResponseObject, error) {
	r, err := s.Reports.Moderate(ctx, auth.From(ctx), req.Id, report.Moderation{
		UpdateID: req.Body.Update, Text: req.Body.Text, Address: req.Body.Address, Drop: req.Body.DropAttributes, Alts: req.Body.Alts,
		Version: version(req.Params.IfMatch),
	})
	if err != nil {
		return nil, err
	}
	wire, err := s.toReport(ctx, r)
	if err != nil {
		return nil, err
	}
	return PutReportText200JSONResponse{Body: wire, Headers: PutReportText200ResponseHeaders{ETag: etag(wire.Version)}}, nil
}

func toFound(found []report.Found) []Found {
	wire := make([]Found, len(found))
	for i, f := range found {
		wire[i] = Found{Field: f.Field, Kind: string(f.Kind), Start: f.Start, End: f.End}
	}
	return wire
}

// heldFor is what held words are held for; nothing for words that are not held, or
// that the caller does not see.
func heldFor(held bool, found func() []report.Found) []Found {
	if !held {
		return nil
	}
	return toFound(found())
}
