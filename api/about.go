package api

import (
	"context"
	"encoding/json"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/report"
)

// released is the date of this version of the contract.
const released = "2026-11-22"

// GetApiInfo serves GET /v1/api-info.
func (s *Server) GetApiInfo(context.Context, GetApiInfoRequestObject) (GetApiInfoResponseObject, error) { //nolint:revive // the generated interface names it
	info := GetApiInfo200JSONResponse{
		ApiName: "Kantsten", ApiVersion: "1.0.0", ApiReleased: released, ApiStatus: ApiInfoApiStatusActive,
		ApiDocumentation: s.BaseURL + "/docs", SoftwareVersion: s.Version, Boundaries: "none", Languages: []Language{"sv", "en"},
		Limits: ApiLimits{Photos: maxPhotos, PhotoBytes: maxPhotoBytes, DescriptionCharacters: report.MaxText},
	}
	if active := s.Router.Boundaries.Active(); active != nil {
		info.Boundaries = active.Label()
	}
	return info, nil
}

// ListParkedJobs serves GET /v1/jobs/parked.
func (s *Server) ListParkedJobs(ctx context.Context, req ListParkedJobsRequestObject) (ListParkedJobsResponseObject, error) {
	if err := auth.From(ctx).May(auth.ReadJobs, auth.Resource{}); err != nil {
		return nil, err
	}
	limit := pageSize(req.Params.Limit)
	jobs, err := s.Parked.Parked(ctx, req.Params.Cursor, limit+1)
	if err != nil {
		return nil, err
	}
	list := ListParkedJobs200JSONResponse{Jobs: []Job{}}
	if len(jobs) > limit {
		jobs, list.Next = jobs[:limit], jobs[limit-1].ID
	}
	for _, j := range jobs {
		list.Jobs = append(list.Jobs, toJob(j))
	}
	return list, nil
}

// PostJobRetry serves POST /v1/jobs/{id}/retry.
func (s *Server) PostJobRetry(ctx context.Context, req PostJobRetryRequestObject) (PostJobRetryResponseObject, error) {
	if err := auth.From(ctx).May(auth.ReadJobs, auth.Resource{}); err != nil {
		return nil, err
	}
	j, err := s.Parked.Unpark(ctx, req.Id, s.Now())
	if err != nil {
		return nil, err
	}
	s.wake()
	return PostJobRetry202JSONResponse(toJob(j)), nil
}

func toJob(j job.GivenUp) Job {
	return Job{Id: j.ID, Kind: j.Kind, Attempts: j.Attempts, Report: reportOf(j), Error: j.Reason, CreatedAt: j.CreatedAt}
}

// reportOf is the report that a job names; notices name an update instead.
func reportOf(j job.GivenUp) string {
	var names struct {
		ReportID string `json:"report_id"`
	}
	if err := json.Unmarshal(j.Payload, &names); err != nil {
		return "" // not every payload is an object
	}
	return names.ReportID
}

// wake starts the jobs that a committed call has left.
func (s *Server) wake() {
	if s.Committed != nil {
		s.Committed()
	}
}
