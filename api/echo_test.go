package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/problem"
)

const someID = "0198c0de-7b1a-7c3e-9f00-5a1d2b3c4d5e"

// echo is the smallest thing that can stand behind the edge: a few calls that
// answer with what they were given. The other calls are nil and panic.
type echo struct {
	StrictServerInterface
	dir     string                  // for photos on their way
	filed   atomic.Int64            // how many reports got through to a handler
	fail    map[string]error        // what GetReport answers by reference
	photos  atomic.Int64            // bytes of the photos of the last report
	context func(context.Context)   // looks at the context of GetApiInfo
	list    func(ListReportsParams) // looks at the parameters of ListReports
}

// Uploads are routed, and reach nothing.
func (*echo) Uploads(e *Edge) []Route { return (&Server{}).Uploads(e) }

func (e *echo) GetApiInfo(ctx context.Context, _ GetApiInfoRequestObject) (GetApiInfoResponseObject, error) { //nolint:revive // the generated interface names it so
	if e.context != nil {
		e.context(ctx)
	}
	return GetApiInfo200JSONResponse{
		ApiName: "Kantsten", ApiVersion: "1.0.0", ApiReleased: "2026-01-31", ApiDocumentation: "https://report.example.se/docs",
		ApiStatus: ApiInfoApiStatusActive, Boundaries: "demo", Languages: []Language{"sv", "en"},
	}, nil
}

func (e *echo) PostReport(_ context.Context, req PostReportRequestObject) (PostReportResponseObject, error) {
	in, f, err := readReport(req, e.dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	e.filed.Add(1)
	if f != nil {
		e.photos.Store(0)
		for _, p := range f.Photos {
			n, err := io.Copy(io.Discard, p.Reader())
			if err != nil {
				return nil, err
			}
			e.photos.Add(n)
		}
	}
	return PostReport201JSONResponse{
		Body:    filed(in),
		Headers: PostReport201ResponseHeaders{ETag: etag(1), Location: "https://report.example.se/v1/reports/" + someID},
	}, nil
}

// filed is a report as if it had been stored.
func filed(in NewReport) FiledReport {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	return FiledReport{
		Id: someID, Reference: "2281-2026-000123", Status: StatusReceived, Service: in.Service,
		Jurisdiction: JurisdictionRef{Code: "2281", Name: "Sundsvall"}, Lat: in.Lat, Lon: in.Lon,
		Description: in.Description, Attributes: in.Attributes, Photos: []Photo{}, Delivery: DeliveryQueued, Voices: 1,
		CreatedAt: now, UpdatedAt: now, Version: 1, FollowToken: "token", Private: in.Private,
		Links: ReportLinks{Self: "/a", Updates: "/b", Routing: "/c", Photos: "/d"},
	}
}

func stored() Report {
	f := filed(NewReport{Service: "pothole", Lat: 62.3908, Lon: 17.3069})
	return Report{
		Id: f.Id, Reference: f.Reference, Status: f.Status, Service: f.Service, Jurisdiction: f.Jurisdiction,
		Lat: f.Lat, Lon: f.Lon, Photos: f.Photos, Delivery: f.Delivery, Voices: f.Voices, CreatedAt: f.CreatedAt,
		UpdatedAt: f.UpdatedAt, Version: 3, Links: f.Links,
	}
}

func (e *echo) GetReport(_ context.Context, req GetReportRequestObject) (GetReportResponseObject, error) {
	if err := e.fail[req.Id]; err != nil {
		return nil, err
	}
	return GetReport200JSONResponse{Body: stored(), Headers: GetReport200ResponseHeaders{ETag: etag(3)}}, nil
}

func (e *echo) ListReports(ctx context.Context, req ListReportsRequestObject) (ListReportsResponseObject, error) {
	if e.list != nil {
		e.list(req.Params)
	}
	if wantsGeoJSON(ctx) {
		r := stored()
		feature := ReportFeature{Type: ReportFeatureTypeFeature, Id: r.Id, Properties: r,
			Geometry: Point{Type: PointTypePoint, Coordinates: []float64{r.Lon, r.Lat}}}
		return ListReports200ApplicationGeoPlusJSONResponse{Type: ReportFeatureCollectionTypeFeatureCollection, Features: []ReportFeature{feature}}, nil
	}
	return ListReports200JSONResponse{Reports: []Report{stored()}}, nil
}

func (e *echo) PutReportStatus(_ context.Context, req PutReportStatusRequestObject) (PutReportStatusResponseObject, error) {
	switch version(req.Params.IfMatch) {
	case 0:
		return nil, &problem.Error{Kind: problem.VersionRequired, Detail: "needs If-Match", Current: 3}
	case 3:
		return PutReportStatus200JSONResponse{Body: stored(), Headers: PutReportStatus200ResponseHeaders{ETag: etag(3)}}, nil
	}
	return nil, &problem.Error{Kind: problem.Stale, Detail: "has moved on", Current: 3}
}

func (e *echo) PostReportSupport(_ context.Context, req PostReportSupportRequestObject) (PostReportSupportResponseObject, error) {
	return PostReportSupport200JSONResponse{Body: Support{SupportCount: 1, Counted: req.Body != nil}}, nil
}

func (e *echo) GetLocate(_ context.Context, req GetLocateRequestObject) (GetLocateResponseObject, error) {
	return GetLocate200JSONResponse{Candidates: []Candidate{}, Services: []Service{}, Nearby: []NearbyReport{}, Boundaries: "demo"}, nil
}

func (e *echo) PostSubscription(_ context.Context, req PostSubscriptionRequestObject) (PostSubscriptionResponseObject, error) {
	return PostSubscription201JSONResponse{Body: Subscription{Id: someID, Secret: "0123456789abcdef", Status: SubscriptionStatusActive}}, nil
}

func (e *echo) GetPushKey(context.Context, GetPushKeyRequestObject) (GetPushKeyResponseObject, error) {
	return nil, errors.New("dial tcp: password hunter2 refused")
}

func (e *echo) GetSession(context.Context, GetSessionRequestObject) (GetSessionResponseObject, error) {
	return GetSession200JSONResponse{ExpiresAt: time.Now(), Person: Person{Id: someID, Memberships: []Membership{}}}, nil
}

// logBuffer is a log that tests can read while requests write it.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// newEdge serves the echo. The log is what the edge wrote.
func newEdge(t testing.TB, s *echo) (c *apitest.Client, h http.Handler, log *logBuffer) {
	t.Helper()
	if s.dir == "" {
		s.dir = t.TempDir()
	}
	log = &logBuffer{}
	edge := Edge{
		Log: slog.New(slog.NewJSONHandler(log, nil)), BaseURL: "https://report.example.se",
		Current: func(_ context.Context, current any) any { return map[string]any{"version": current} },
	}
	h, err := edge.Handler(s)
	if err != nil {
		t.Fatal(err)
	}
	return apitest.New(t, h), h, log
}

// aReport is a body that is right, with one member replaced or added by raw JSON.
func aReport(member, raw string) string {
	members := map[string]string{"service": `"pothole"`, "lat": "62.3908", "lon": "17.3069"}
	if member != "" {
		members[member] = raw
	}
	var parts []string
	for name, value := range members {
		if value != "" {
			parts = append(parts, `"`+name+`":`+value)
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}
