package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/open311"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

// maxRequests is how many requests a list holds; the newest win.
const maxRequests = 1000

// requests serves GET requests: public reports, newest first.
func (o *Open311) requests(r *http.Request, _ string) (open311.Document, error) {
	asked, errs := open311.ParseList(r.URL.RawQuery, o.Now())
	if len(errs) > 0 {
		return errs, nil
	}
	ctx := r.Context()
	code, err := o.codeOf(ctx, asked.JurisdictionID)
	if err != nil {
		return nil, err
	}
	page, err := o.Reports.List(ctx, toQuery(asked, code))
	if err != nil {
		return nil, err
	}
	return o.toRequests(ctx, page.Reports, readerLanguage(r))
}

// toQuery asks by name alone where ids are given, whatever else is: a report
// that was handed over is still found by who filed it with its first recipient.
//
// GeoReport knows no cases: each report is a request of its own, which other
// systems that copied it must be able to see through to its end. So a voice stands
// in the list, and is open as long as its case is; its notes say what it is.
func toQuery(asked open311.ListQuery, jurisdiction string) report.Query {
	if len(asked.IDs) > 0 {
		return report.Query{Names: asked.IDs, Limit: maxRequests}
	}
	q := report.Query{
		Services: asked.Services, Jurisdiction: jurisdiction, Limit: maxRequests,
		FiledFrom: asked.From, FiledBefore: asked.Until, Voices: true,
	}
	switch {
	case !asked.Closed:
		q.Statuses = statuses(nil, StateOpen)
	case !asked.Open:
		q.Statuses = statuses(nil, StateClosed)
	}
	return q
}

// request serves GET requests/[service_request_id], by reference or UUID. Only
// public reports are shown, to whoever asks.
func (o *Open311) request(r *http.Request, id string) (open311.Document, error) {
	ctx := r.Context()
	if _, err := o.codeOf(ctx, open311.ParseQuery(r.URL.RawQuery).Name("jurisdiction_id")); err != nil {
		return nil, err
	}
	found, err := o.Reports.Read(ctx, auth.Actor{}, id)
	if err != nil {
		return nil, err
	}
	return o.toRequests(ctx, []report.Report{found}, readerLanguage(r))
}

func (o *Open311) toRequests(ctx context.Context, rs []report.Report, lang string) (open311.Requests, error) {
	entries, err := o.Directory.Entries(ctx, jurisdictionsOf(rs)...)
	if err != nil {
		return nil, err
	}
	all := make(open311.Requests, len(rs))
	for i, r := range rs {
		all[i] = o.toRequest(r, entries[r.Jurisdiction], lang)
	}
	return all, nil
}

// toRequest shows what anyone may see; answers to attributes and whoever filed
// the report are not among it.
func (o *Open311) toRequest(r report.Report, e tenant.Entry, lang string) open311.Request {
	wire := open311.Request{
		ID: r.Reference, Closed: !r.Status.Open(), StatusNotes: statusNotes(r, lang),
		ServiceName: nameOfService(e, r.Service, lang), ServiceCode: r.Service, Description: r.Description,
		AgencyResponsible: e.Name, Requested: r.CreatedAt, Updated: r.UpdatedAt,
		Address: addressOf(r, e), Lat: r.Lat, Long: r.Lon, MediaURL: o.mediaURL(r),
	}
	if wire.Closed && !r.ClosedAt.IsZero() {
		wire.Updated = r.ClosedAt // GeoReport: for a closed request, when it was closed
	}
	if r.Delivery == report.Held || r.TextHeld {
		wire.ServiceNotice = notice(r, e.Name, lang)
	}
	return wire
}

// nameOfService is the service's name in the reader's language; a service that
// has been taken away since keeps its base name, else its code.
func nameOfService(e tenant.Entry, code, lang string) string {
	for _, c := range []*catalog.Catalogue{e.Catalogue, catalog.Base()} {
		if c == nil {
			continue
		}
		if svc, ok := c.Service(code); ok {
			return svc.Name.In(lang)
		}
	}
	return code
}

// addressOf is never empty: validators and clients count on it.
func addressOf(r report.Report, e tenant.Entry) string {
	if r.Address != "" {
		return r.Address
	}
	return fmt.Sprintf("%s (%.5f, %.5f)", e.Name, r.Lat, r.Lon)
}

// mediaURL is the address of the first photo that is shown, in the size that screens show.
func (o *Open311) mediaURL(r report.Report) string {
	shown := r.ShownPhotos()
	if len(shown) == 0 {
		return ""
	}
	p := shown[0]
	for _, size := range []int{photo.Large, photo.Medium, photo.Small} {
		if sha := p.SHA256[size]; sha != "" {
			return o.photoURL(p.Folder, size, sha, false)
		}
	}
	return ""
}
