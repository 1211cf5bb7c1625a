package api_test

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/report"
)

const day = 24 * time.Hour

// stamp writes a time of the system's clock as a parameter.
func (sys *system) stamp(d time.Duration) string {
	return url.QueryEscape(sys.now().Add(d).UTC().Format(time.RFC3339))
}

func TestOpen311RequestFields(t *testing.T) { onBothDatabases(t, open311RequestFields) }

func open311RequestFields(t *testing.T, sys *system) {
	id := sys.filed(t, sys.pothole())
	row := sys.row(t, id)
	always := []string{ // rules 99, 100
		"service_request_id", "status", "service_name", "service_code", "description", "requested_datetime",
		"updated_datetime", "address", "address_id", "zipcode", "lat", "long", "media_url",
	}
	for _, name := range always {
		if _, ok := row[name]; !ok {
			t.Errorf("rule 100: %s is not there", name)
		}
	}
	for _, name := range []string{"expected_datetime", "service_notice"} {
		if _, ok := row[name]; ok {
			t.Errorf("rule 100: %s is unknown and must be left out", name)
		}
	}
	for _, name := range []string{"zipcode", "address_id", "media_url"} {
		if row[name] != nil {
			t.Errorf("rule 8: %s = %v, want null", name, row[name])
		}
	}
	if row["address"] != "Sundsvall (62.39080, 17.30690)" {
		t.Errorf("rule 104: address %q", row["address"])
	}
	body := string(sys.get("/v2/requests/" + id + ".json").Body)
	for _, number := range []string{`"lat":62.3908`, `"long":17.3069`} {
		if !strings.Contains(body, number) {
			t.Errorf("rules 9, 103: %s has no %s", body, number)
		}
	}
	round := sys.row(t, sys.filed(t, sys.pothole("lat", "62", "long", "17.25")))
	if asText(round["lat"]) != "62.0" {
		t.Errorf("rule 103: lat %v", round["lat"])
	}
}

func TestOpen311ListAndByIDAgree(t *testing.T) { onBothDatabases(t, open311ListAndByIDAgree) }

func open311ListAndByIDAgree(t *testing.T, sys *system) {
	a := sys.postMultipart(t, sys.pothole("address_string", "Torget"), map[string][]byte{"media": jpegBytes(t)})
	first := only(t, a.document(t))["service_request_id"].(string)
	sys.filed(t, sys.pothole("lat", timraLat, "long", timraLong))
	sys.change(first, report.StatusChange{To: report.Planned, PlannedFor: "2031-05-01"})
	codes := map[any]bool{}
	for _, s := range list(t, sys.both(t, "/v2/services", "")) {
		codes[s["service_code"]] = true
	}
	rows := list(t, sys.both(t, "/v2/requests", ""))
	if len(rows) != 2 {
		t.Fatalf("the list has %d rows", len(rows))
	}
	for _, row := range rows {
		if byID := sys.row(t, row["service_request_id"].(string)); !reflect.DeepEqual(row, byID) {
			t.Errorf("rules 112, 128: in the list %v, by id %v", row, byID)
		}
		if !codes[row["service_code"]] {
			t.Errorf("rule 129: service_code %v is not among the services", row["service_code"])
		}
	}
	if rows[1]["status_notes"] != "Planerad: 2031-05-01" || rows[1]["status"] != "open" {
		t.Errorf("rule 101: %v", rows[1])
	}
}

func TestOpen311ByID(t *testing.T) { onBothDatabases(t, open311ByID) }

func open311ByID(t *testing.T, sys *system) {
	id := sys.filed(t, sys.pothole())
	r, err := sys.Server.Reports.Read(t.Context(), crew(), id)
	must(t, err)
	hidden := sys.private(t)
	tests := []struct {
		name, path string
		status     int
	}{
		{"rule 113: by reference", id + ".json", 200},
		{"by UUID", r.ID + ".json", 200},
		{"rule 12: an extension in capitals", id + ".JSON", 200},
		{"rule 21: a slash behind", id + ".json/", 200},
		{"percent-encoded", strings.ReplaceAll(id, "-", "%2D") + ".json", 200},
		{"with its jurisdiction", id + ".json?jurisdiction_id=2281", 200},
		{"with an alias", id + ".json?jurisdiction_id=sundsvall.se", 200},
		{"rule 28: with any api_key", id + ".json?api_key=wrong", 200},
		{"rule 24: with an unknown jurisdiction", id + ".json?jurisdiction_id=nowhere", 404},
		{"rule 111: unknown", "2281-2026-999999.json", 404},
		{"rule 111: no reference at all", "x%00y.json", 404},
		{"very long", strings.Repeat("9", 4000) + ".json", 404},
		{"rule 106: private, by reference", hidden.Reference + ".json", 404},
		{"rule 106: private, by UUID", hidden.ID + ".json", 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := sys.get("/v2/requests/" + tt.path)
			if a.Status != tt.status {
				t.Fatalf("status %d, want %d: %s", a.Status, tt.status, a.Body)
			}
			if tt.status != 200 {
				a.faults(t)
			} else if got := only(t, a.document(t))["service_request_id"]; got != id { // rule 110
				t.Errorf("got %v", got)
			}
		})
	}
	sys.pass(400 * day)
	sys.row(t, id) // rule 111: no 90 days
}

// private files a report that is not shown.
func (sys *system) private(t *testing.T) report.Report {
	t.Helper()
	done, err := sys.Server.Reports.Submit(t.Context(), crew(), report.Submission{
		Service: "pothole", Lat: 62.3908, Lon: 17.3069, Description: "secret", Private: true, Origin: report.OriginAPI,
	})
	must(t, err)
	return done.Report
}

func TestOpen311ListFilters(t *testing.T) { onBothDatabases(t, open311ListFilters) }

func open311ListFilters(t *testing.T, sys *system) {
	if body := string(sys.get("/v2/requests.json").Body); body != "[]\n" {
		t.Errorf("rule 91: the empty list is %q", body)
	}
	if root, v := spark(t, sys.get("/v2/requests.xml").Body); root != "service_requests" || len(v.([]any)) != 0 {
		t.Errorf("rule 91: the empty list is <%s> %v", root, v)
	}
	old := sys.filed(t, sys.pothole())
	sys.pass(100 * day)
	litter := sys.filed(t, sys.pothole("service_code", "litter"))
	sys.pass(day)
	timra := sys.filed(t, sys.pothole("lat", timraLat, "long", timraLong))
	sys.pass(day)
	closed := sys.filed(t, sys.pothole())
	sys.change(closed, report.StatusChange{To: report.Fixed, Text: "lagat"})
	hidden := sys.private(t).Reference
	tests := []struct {
		name, query string
		want        []string
	}{
		{"rules 96, 98: 90 days, newest first", "", []string{closed, timra, litter}},
		{"rule 26: empty parameters are absent", "?status=&service_code=&start_date=&end_date=&jurisdiction_id=", []string{closed, timra, litter}},
		{"rule 33: unknown ones are ignored", "?q=x&lat=1&long=2&callback=f&page_size=x", []string{closed, timra, litter}},
		{"rule 92: ids override dates and status", "?status=closed&service_request_id=" + old + "," + litter, []string{litter, old}},
		{"rule 34: ids repeated", "?service_request_id=" + old + "&service_request_id=" + litter, []string{litter, old}},
		{"rule 92: unknown ids are absent", "?service_request_id=" + old + ",1,%00", []string{old}},
		{"rule 92: a hand-over hides nothing", "?jurisdiction_id=2262&service_request_id=" + old, []string{old}},
		{"rule 106: private ids are absent", "?service_request_id=" + hidden, []string{}},
		{"rule 93: a service", "?service_code=litter", []string{litter}},
		{"rule 93: two", "?service_code=litter,%20pothole", []string{closed, timra, litter}},
		{"rule 93: an unknown one", "?service_code=unicorn", []string{}},
		{"rule 94: open", "?status=open", []string{timra, litter}},
		{"rule 94: closed", "?status=closed", []string{closed}},
		{"rule 94: both", "?status=open&status=closed", []string{closed, timra, litter}},
		{"rule 23: a jurisdiction", "?jurisdiction_id=2262", []string{timra}},
		{"rule 23: its alias", "?jurisdiction_id=sundsvall.se", []string{closed, litter}},
		{"rule 95: a start", "?start_date=" + sys.stamp(-time.Hour-day), []string{closed, timra}},
		{"rule 95: an end", "?end_date=" + sys.stamp(-time.Hour), []string{timra, litter}},
		{"rule 96: a start alone reaches 90 days", "?start_date=" + sys.stamp(-103*day), []string{old}},
		{"rule 96: an end alone reaches back 90 days", "?end_date=" + sys.stamp(-90*day), []string{old}},
		{"rule 96: an end in the future", "?end_date=" + sys.stamp(2*time.Hour), []string{closed, timra, litter}},
		{"rule 97: exactly 90 days", "?start_date=" + sys.stamp(-91*day) + "&end_date=" + sys.stamp(-day), []string{timra, litter}},
		{"rule 31: dates alone", "?start_date=" + sys.now().UTC().Add(-time.Hour-day).Format("2006-01-02"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := sys.ids(t, tt.query); tt.want != nil && !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestOpen311ListRefusals(t *testing.T) { onBothDatabases(t, open311ListRefusals) }

func open311ListRefusals(t *testing.T, sys *system) {
	for _, tt := range []struct {
		name, query string
		status      int
		says        string
	}{
		{"rule 94: another status", "?status=pending", 400, "400 status: "},
		{"rule 31: no date", "?start_date=yesterday", 400, "400 start_date: "},
		{"rule 31: no date, at the end", "?end_date=2026-13-01T00:00:00Z", 400, "400 end_date: "},
		{"rule 97: more than 90 days", "?start_date=2026-01-01T00:00:00Z&end_date=2026-06-01T00:00:00Z", 400, "400 start_date and end_date: "},
		{"rule 97: backwards", "?start_date=2026-02-01T00:00:00Z&end_date=2026-01-01T00:00:00Z", 400, "400 end_date: "},
		{"rule 24: an unknown jurisdiction", "?jurisdiction_id=0000", 404, "404 jurisdiction_id: "},
		{"an unknown jurisdiction beside ids", "?jurisdiction_id=0000&service_request_id=1", 404, "404 jurisdiction_id: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, format := range []string{"xml", "json"} {
				a := sys.get("/v2/requests." + format + tt.query)
				if a.Status != tt.status || !strings.HasPrefix(a.faults(t)[0], tt.says) {
					t.Errorf("status %d, %q; want %d, %q…", a.Status, a.faults(t), tt.status, tt.says)
				}
			}
		})
	}
}

// Rule 31: what clients write for a moment is understood.
func TestOpen311Dates(t *testing.T) { onBothDatabases(t, open311Dates) }

func open311Dates(t *testing.T, sys *system) {
	sys.filed(t, sys.pothole())
	before := sys.now().UTC().Add(-time.Hour)
	for _, layout := range []string{
		"2006-01-02T15:04:05Z", "2006-01-02T15:04Z", "2006-01-02T15:04:05.000Z", "2006-01-02", "2006-01-02T15:04:05",
		"2006-01-02T15:04:05+00:00", "2006-01-02T15:04:05%2B0000", "2006-01-02 15:04:05Z",
	} {
		query := "?start_date=" + strings.ReplaceAll(before.Format(strings.ReplaceAll(layout, "%2B", "+")), " ", "%20")
		if strings.Contains(layout, "%2B") {
			query = strings.ReplaceAll(query, "+", "%2B")
		}
		if got := sys.ids(t, query); len(got) != 1 {
			t.Errorf("%s finds %v", query, got)
		}
	}
}

func TestOpen311Closing(t *testing.T) { onBothDatabases(t, open311Closing) }

func open311Closing(t *testing.T, sys *system) {
	id := sys.filed(t, sys.pothole())
	twin := sys.filed(t, sys.pothole())
	before := sys.row(t, id)
	sys.pass(time.Hour)
	r := sys.change(id, report.StatusChange{To: report.Closed, Reason: report.Duplicate, DuplicateOf: twin, Text: "se det andra"})
	row := sys.row(t, id)
	if row["status"] != "closed" || row["status_notes"] != "Avslutad: dubblett" {
		t.Errorf("rules 101, 133: %v, %v", row["status"], row["status_notes"])
	}
	if row["updated_datetime"].(string) <= before["updated_datetime"].(string) {
		t.Errorf("rule 133: updated_datetime %v after %v", row["updated_datetime"], before["updated_datetime"])
	}
	if want := r.ClosedAt.UTC().Format("2006-01-02T15:04:05Z"); row["updated_datetime"] != want {
		t.Errorf("rule 102: updated_datetime %v, closed at %s", row["updated_datetime"], want)
	}
	sys.pass(time.Hour)
	sys.change(id, report.StatusChange{To: report.Acknowledged, Text: "nej, ett annat"})
	if again := sys.row(t, id); again["status"] != "open" || again["status_notes"] != "Bekräftad" {
		t.Errorf("reopened: %v", again)
	}
}

// Every status has its words, in both languages.
func TestOpen311StatusWords(t *testing.T) { onBothDatabases(t, open311StatusWords) }

func open311StatusWords(t *testing.T, sys *system) {
	for _, tt := range []struct {
		change report.StatusChange
		sv, en string
	}{
		{report.StatusChange{To: report.Acknowledged}, "Bekräftad", "Acknowledged"},
		{report.StatusChange{To: report.InProgress}, "Pågår", "In progress"},
		{report.StatusChange{To: report.WaitingForReporter}, "Väntar på svar från anmälaren", "Waiting for the reporter"},
		{report.StatusChange{To: report.Fixed, Text: "lagat"}, "Åtgärdad", "Fixed"},
		{report.StatusChange{To: report.Closed, Reason: report.NoAction, Text: "nej"}, "Avslutad: ingen åtgärd", "Closed: no action"},
		{report.StatusChange{To: report.Closed, Reason: report.NotFound, Text: "nej"}, "Avslutad: felet hittades inte", "Closed: nothing found"},
	} {
		t.Run(tt.en, func(t *testing.T) {
			id := sys.filed(t, sys.pothole())
			sys.change(id, tt.change)
			for lang, want := range map[string]string{"sv": tt.sv, "en": tt.en} {
				doc := sys.get("/v2/requests/"+id+".json", "Accept-Language", lang).document(t)
				if got := only(t, doc)["status_notes"]; got != want {
					t.Errorf("in %s: %v, want %s", lang, got, want)
				}
			}
		})
	}
}

// Rules 98 and 109: a thousand at most, the newest, and no odd one spoils them.
func TestOpen311ListIsCutAtAThousand(t *testing.T) { onBothDatabases(t, open311ListIsCutAtAThousand) }

func open311ListIsCutAtAThousand(t *testing.T, sys *system) {
	file := func(i int) string {
		done, err := sys.Server.Reports.Submit(t.Context(), crew(), report.Submission{
			Service: "pothole", Lat: 62.3908, Lon: 17.3069, Origin: report.OriginAPI,
			Description: fmt.Sprintf("%d ]]> \uFFFF \uFFFE <!-- &amp; \u2028", i),
		})
		if err != nil {
			t.Error(err)
		}
		return done.Report.Reference
	}
	var filing sync.WaitGroup
	for worker := range 6 { // side by side, as commits wait for disks
		filing.Go(func() {
			for i := range 167 {
				file(worker*167 + i)
			}
		})
	}
	filing.Wait()
	last := file(1002)
	ids := sys.ids(t, "")
	if len(ids) != 1000 || ids[0] != last {
		t.Errorf("%d requests, the first %s; want 1000, the first %s", len(ids), ids[0], last)
	}
	query := "?service_request_id=" + strings.Join(ids, ",")
	if again := sys.ids(t, query); !slices.Equal(again, ids) {
		t.Errorf("asked for by their ids, %d of %d come", len(again), len(ids))
	}
}

// GeoReport knows no cases: a voice stays a request of its own, which goes on with
// its case, and its notes say so.
func TestOpen311ShowsVoicesOfACase(t *testing.T) { onBothDatabases(t, open311ShowsVoicesOfACase) }

func open311ShowsVoicesOfACase(t *testing.T, sys *system) {
	of, voice := sys.filed(t, sys.pothole()), sys.filed(t, sys.pothole())
	handler := auth.Actor{Kind: auth.PersonKind, PersonID: "h", Grants: []auth.Grant{{Role: auth.Handler, Jurisdiction: "2281"}}}
	if _, err := sys.Server.Reports.Merge(t.Context(), handler, voice, report.Merging{Into: of, Version: 1}); err != nil {
		t.Fatal(err)
	}
	sys.change(of, report.StatusChange{To: report.Planned, PlannedFor: "2031-05-01"})
	row := sys.row(t, voice)
	if row["status"] != "open" || row["status_notes"] != "Planerad: 2031-05-01 (hör ihop med en annan anmälan om samma fel)" {
		t.Errorf("the voice is %v, %v", row["status"], row["status_notes"])
	}
	sys.change(of, report.StatusChange{To: report.Fixed})
	if row := sys.row(t, voice); row["status"] != "closed" {
		t.Errorf("the voice of a fixed case is %v", row["status"])
	}
	if ids := sys.ids(t, "?status=closed"); !slices.Contains(ids, voice) || !slices.Contains(ids, of) {
		t.Errorf("the list holds %v", ids)
	}
}
