package api

import (
	"net/http"
	"strconv"
)

// roughly is how many bytes a report in a page has, with some to spare.
const roughly = 1200

// reportPage answers with a page of reports, as a list or as GeoJSON. Maps ask for
// little else, so it writes its own JSON.
type reportPage struct {
	list    ReportList
	geoJSON bool
}

// VisitListReportsResponse implements the generated interface.
func (p reportPage) VisitListReportsResponse(w http.ResponseWriter) error {
	text := jsonText{b: make([]byte, 0, roughly*(len(p.list.Reports)+1))}
	mediaType := "application/json"
	if p.geoJSON {
		mediaType = geoJSONType
		text.features(p.list)
	} else {
		text.reportList(p.list)
	}
	if text.err != nil {
		return text.err
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(text.b)))
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(text.b)
	return err
}

// reportList writes a [ReportList].
func (t *jsonText) reportList(list ReportList) {
	t.raw(`{`)
	t.textIf("next", list.Next)
	t.key("reports")
	t.raw(`[`)
	for i := range list.Reports {
		if i > 0 {
			t.raw(`,`)
		}
		t.report(&list.Reports[i])
	}
	t.raw("]}\n")
}

// features writes a [ReportFeatureCollection] (RFC 7946).
func (t *jsonText) features(list ReportList) {
	t.raw(`{"features":[`)
	for i := range list.Reports {
		if i > 0 {
			t.raw(`,`)
		}
		t.feature(&list.Reports[i])
	}
	t.raw(`]`)
	t.textIf("next", list.Next)
	t.raw(`,"type":"FeatureCollection"}` + "\n")
}

func (t *jsonText) feature(r *Report) {
	t.raw(`{"geometry":{"coordinates":[`)
	t.float(r.Lon)
	t.raw(`,`)
	t.float(r.Lat)
	t.raw(`],"type":"Point"}`)
	t.text("id", r.Id)
	t.key("properties")
	t.report(r)
	t.raw(`,"type":"Feature"}`)
}

// report writes a [Report], its members in the order of the generated type, which
// is that of the alphabet.
func (t *jsonText) report(r *Report) {
	t.raw(`{`)
	t.membersToJ(r)
	t.membersFromL(r)
	t.raw(`}`)
}

func (t *jsonText) membersToJ(r *Report) {
	t.numberIf("accuracy_m", r.AccuracyM)
	t.textIf("address", r.Address)
	if r.Assignee != nil {
		t.value("assignee", r.Assignee)
	}
	if len(r.Attributes) > 0 {
		t.value("attributes", r.Attributes)
	}
	t.textIf("case", r.Case)
	t.textIf("close_reason", string(r.CloseReason))
	t.atIf("closed_at", r.ClosedAt)
	if r.Contact != nil {
		t.value("contact", r.Contact)
	}
	t.at("created_at", r.CreatedAt)
	t.text("delivery", string(r.Delivery))
	t.text("description", r.Description)
	t.textIf("duplicate_of", r.DuplicateOf)
	if len(r.Found) > 0 {
		t.value("found", r.Found)
	}
	t.wholeIf("held_updates", r.HeldUpdates)
	t.text("id", r.Id)
	t.jurisdiction(r.Jurisdiction)
}

func (t *jsonText) membersFromL(r *Report) {
	t.textIf("language", r.Language)
	t.number("lat", r.Lat)
	t.links(r.Links)
	t.number("lon", r.Lon)
	t.yesIf("outside", r.Outside)
	t.photos(r.Photos)
	t.wholeIf("photos_held", r.PhotosHeld)
	t.textIf("planned_for", r.PlannedFor)
	t.yes("private", r.Private)
	t.text("reference", r.Reference)
	t.textIf("routing", string(r.Routing))
	t.text("service", r.Service)
	t.textIf("service_name", r.ServiceName)
	t.text("status", string(r.Status))
	t.whole("support_count", int64(r.SupportCount))
	t.yesIf("text_held", r.TextHeld)
	t.at("updated_at", r.UpdatedAt)
	t.whole("version", r.Version)
	t.wholeIf("voice_photos", r.VoicePhotos)
	t.wholeIf("voice_photos_held", r.VoicePhotosHeld)
	t.whole("voices", int64(r.Voices))
}

func (t *jsonText) jurisdiction(j JurisdictionRef) {
	t.key("jurisdiction")
	t.raw(`{`)
	t.textIf("channel", string(j.Channel))
	t.text("code", j.Code)
	t.text("name", j.Name)
	t.raw(`}`)
}

func (t *jsonText) links(l ReportLinks) {
	t.key("links")
	t.raw(`{`)
	t.text("photos", l.Photos)
	t.text("routing", l.Routing)
	t.text("self", l.Self)
	t.text("updates", l.Updates)
	t.raw(`}`)
}

func (t *jsonText) photos(photos []Photo) {
	if photos != nil && len(photos) == 0 {
		t.key("photos")
		t.raw(`[]`)
		return
	}
	t.value("photos", photos)
}
