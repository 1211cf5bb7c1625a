package api

import (
	"context"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

// query turns the parameters of a list of reports into the domain's.
func (s *Server) query(ctx context.Context, p ListReportsParams) (report.Query, error) {
	q := report.Query{
		Statuses: statuses(p.Status, p.State), Services: p.Service, UpdatedAfter: p.UpdatedAfter, Voices: p.Merged,
		RadiusM: p.Radius, Text: p.Q, Limit: p.Limit, Cursor: p.Cursor,
	}
	var err error
	if q.Box, err = box(p.Bbox); err != nil {
		return q, err
	}
	if q.Near, err = near(p.Near, p.Radius); err != nil {
		return q, err
	}
	if q.Box != nil && q.Near != nil {
		return q, problem.Field("near", "not-allowed", "give bbox or near, not both")
	}
	q.Jurisdiction, err = s.codeOf(ctx, p.Jurisdiction)
	return q, err
}

// codeOf resolves a jurisdiction's code or alias; empty stays empty.
func (s *Server) codeOf(ctx context.Context, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	j, err := s.Tenants.Get(ctx, name)
	if problem.Is(err, problem.NotFound) {
		return "", problem.Field("jurisdiction", "unknown", "there is no jurisdiction %q", name)
	}
	return j.Code, err
}

// statuses joins the two ways to ask for a status.
func statuses(list []Status, state State) []report.Status {
	var wanted []report.Status
	for _, st := range list {
		wanted = append(wanted, report.Status(st))
	}
	if state == "" {
		return wanted
	}
	if len(wanted) == 0 {
		wanted = report.Statuses()
	}
	var both []report.Status
	for _, st := range wanted {
		if st.Open() == (state == StateOpen) {
			both = append(both, st)
		}
	}
	if both == nil {
		both = []report.Status{""} // no report has it: the two contradict each other
	}
	return both
}

// box reads west,south,east,north.
func box(b []float64) (*orb.Bound, error) {
	if b == nil {
		return nil, nil
	}
	bound := orb.Bound{Min: orb.Point{b[0], b[1]}, Max: orb.Point{b[2], b[3]}}
	if bound.Left() > bound.Right() || bound.Bottom() > bound.Top() || bound.Bottom() < -90 || bound.Top() > 90 {
		return nil, problem.Field("bbox", "out-of-range", "a box is west,south,east,north in degrees, west before east and south before north")
	}
	return &bound, nil
}

// near reads lat,lon, which needs a radius beside it.
func near(at []float64, radius float64) (*orb.Point, error) {
	if at == nil {
		if radius != 0 {
			return nil, problem.Field("near", "required", "radius needs near beside it")
		}
		return nil, nil
	}
	if radius == 0 {
		return nil, problem.Field("radius", "required", "near needs a radius in metres beside it")
	}
	if at[0] < -90 || at[0] > 90 {
		return nil, problem.Field("near", "out-of-range", "near is lat,lon in degrees")
	}
	return &orb.Point{at[1], at[0]}, nil
}

// jurisdictionsOf returns where reports lie, as often as they do.
func jurisdictionsOf(rs []report.Report) []string {
	codes := make([]string, len(rs))
	for i, r := range rs {
		codes[i] = r.Jurisdiction
	}
	return codes
}

// toReportList puts a page into its wire shape; contacts are for staff only.
func (s *Server) toReportList(ctx context.Context, page report.Page, contacts map[string]report.Contact) (ReportList, error) {
	entries, err := s.Directory.Entries(ctx, jurisdictionsOf(page.Reports)...)
	if err != nil {
		return ReportList{}, err
	}
	list := ReportList{Reports: make([]Report, len(page.Reports)), Next: page.Next}
	for i, r := range page.Reports {
		list.Reports[i] = s.publicReport(entries, r)
		list.Reports[i].Contact = toContact(contacts[r.ID])
		if !r.Private { // else it may be private to others; the report itself tells who may know
			list.Reports[i].Case = r.CaseID
		}
	}
	return list, nil
}
