package api

import (
	"context"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

// PutReportStatus serves PUT /v1/reports/{id}/status.
func (s *Server) PutReportStatus(ctx context.Context, req PutReportStatusRequestObject) (PutReportStatusResponseObject, error) {
	r, err := s.Reports.ChangeStatus(ctx, auth.From(ctx), req.Id, report.StatusChange{
		To: report.Status(req.Body.Status), Text: req.Body.Text, Reason: report.CloseReason(req.Body.Reason),
		PlannedFor: req.Body.PlannedFor, DuplicateOf: req.Body.DuplicateOf,
		Version: version(req.Params.IfMatch), Origin: report.OriginAPI,
	})
	if err != nil {
		return nil, err
	}
	wire, err := s.toReport(ctx, r)
	if err != nil {
		return nil, err
	}
	return PutReportStatus200JSONResponse{Body: wire, Headers: PutReportStatus200ResponseHeaders{ETag: etag(wire.Version)}}, nil
}

// PostReportHandOver serves POST /v1/reports/{id}/hand-over.
func (s *Server) PostReportHandOver(ctx context.Context, req PostReportHandOverRequestObject) (PostReportHandOverResponseObject, error) {
	actor := auth.From(ctx)
	route, err := s.acting(ctx, "postReportHandOver", req.Id, req.Params.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	r, again, err := s.Reports.HandOver(ctx, actor, req.Id, report.Passing{
		To: req.Body.To, Text: req.Body.Text, Version: version(req.Params.IfMatch),
		Key: idempotency(route, actor, req.Params.IdempotencyKey, req.Body, nil),
	})
	if err != nil {
		return nil, err
	}
	wire, err := s.toReport(ctx, r)
	if err != nil {
		return nil, err
	}
	return PostReportHandOver200JSONResponse{
		Body:    wire,
		Headers: PostReportHandOver200ResponseHeaders{ETag: etag(wire.Version), IdempotencyReplayed: replayed(again)},
	}, nil
}

// PutReportAssignee serves PUT /v1/reports/{id}/assignee.
func (s *Server) PutReportAssignee(ctx context.Context, req PutReportAssigneeRequestObject) (PutReportAssigneeResponseObject, error) {
	actor := auth.From(ctx)
	if err := s.mayWork(ctx, actor, req.Id, req.Body.Assignee); err != nil {
		return nil, err
	}
	r, err := s.Reports.Assign(ctx, actor, req.Id, req.Body.Assignee, version(req.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	wire, err := s.toReport(ctx, r)
	if err != nil {
		return nil, err
	}
	return PutReportAssignee200JSONResponse{Body: wire, Headers: PutReportAssignee200ResponseHeaders{ETag: etag(wire.Version)}}, nil
}

// mayWork refuses an assignee who is not staff where the report lies. Who may not
// assign learns nothing of others' staff: that is refused later.
func (s *Server) mayWork(ctx context.Context, actor auth.Actor, id, assignee string) error {
	if assignee == "" {
		return nil
	}
	r, err := s.Reports.Read(ctx, actor, id)
	if err != nil || !actor.Can(auth.Assign, auth.Resource{Jurisdiction: r.Jurisdiction}) {
		return err
	}
	works, err := s.Auth.IsStaff(ctx, assignee, r.Jurisdiction)
	if err == nil && !works {
		err = problem.Field("/assignee", "unknown", "nobody with this id works for %s", r.Jurisdiction)
	}
	return err
}

// ListQueue serves GET /v1/queue.
func (s *Server) ListQueue(ctx context.Context, req ListQueueRequestObject) (ListQueueResponseObject, error) {
	actor, p := auth.From(ctx), req.Params
	q := report.Query{Statuses: openUnless(p.Status), Limit: p.Limit, Cursor: p.Cursor, Assignee: assignee(actor, p.Assignee)}
	var err error
	if q.Jurisdiction, q.Triage, err = s.whoseQueue(ctx, actor, p.Jurisdiction); err != nil {
		return nil, err
	}
	page, contacts, err := s.Reports.Queue(ctx, actor, q)
	if err != nil {
		return nil, err
	}
	list, err := s.toReportList(ctx, page, contacts)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(page.Reports))
	for i, r := range page.Reports {
		ids[i] = r.ID
	}
	ofVoices, err := s.Reports.Store.VoicePhotos(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i, r := range page.Reports {
		list.Reports[i].VoicePhotos, list.Reports[i].VoicePhotosHeld = ofVoices[r.ID].All, ofVoices[r.ID].Hidden
		list.Reports[i].Assignee, list.Reports[i].Photos = s.toAssignee(ctx, r), s.visiblePhotos(ctx, r)
		list.Reports[i].HeldUpdates = r.HeldUpdates
	}
	return ListQueue200JSONResponse(list), nil
}

// openUnless leaves closed reports out of a queue unless they are asked for.
func openUnless(asked []Status) []report.Status {
	if len(asked) > 0 {
		return statuses(asked, "")
	}
	return statuses(nil, StateOpen)
}

// assignee reads "me" and "none", or a person's id.
func assignee(actor auth.Actor, asked string) string {
	switch asked {
	case "me":
		return actor.PersonID
	case "none":
		return report.Nobody
	}
	return asked
}

// whoseQueue is the jurisdiction that was asked for, else the caller's only one;
// an operator who names none gets the triage.
func (s *Server) whoseQueue(ctx context.Context, actor auth.Actor, asked string) (code string, triage bool, err error) {
	if asked != "" {
		code, err = s.codeOf(ctx, asked)
		return code, false, err
	}
	own := actor.Jurisdictions(auth.ReadQueue)
	switch {
	case len(own) == 1:
		return own[0], false, nil
	case len(own) > 1:
		return "", false, problem.Field("jurisdiction", "required", "you work for several: say whose queue, one of %v", own)
	}
	return "", true, nil
}
