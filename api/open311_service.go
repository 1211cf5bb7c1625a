package api

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/open311"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
)

// discovery serves GET discovery.
func (o *Open311) discovery(r *http.Request, _ string) (open311.Document, error) {
	changed, err := o.changeset(r)
	if err != nil {
		return nil, err
	}
	here := o.BaseURL + Open311Prefix + "/v2"
	return open311.Discovery{
		Changeset:  changed,
		Contact:    cmp.Or(o.Contact, "Contact whoever runs "+o.BaseURL+"/"),
		KeyService: cmp.Or(o.KeyService, "Ask whoever runs "+o.BaseURL+"/ for an api_key"),
		Endpoints: []open311.Endpoint{
			{URL: here, Changeset: changed, Type: "production"},
			{URL: cmp.Or(o.TestURL, here), Changeset: changed, Type: "test"},
		},
	}, nil
}

// changeset is when the services last changed: with this release, or with the
// settings of a jurisdiction since.
func (o *Open311) changeset(r *http.Request) (time.Time, error) {
	changed, err := time.Parse(time.DateOnly, released)
	if err != nil {
		return time.Time{}, err
	}
	entries, err := o.Directory.Entries(r.Context())
	if err != nil {
		return time.Time{}, err
	}
	for _, e := range entries {
		if e.UpdatedAt.After(changed) {
			changed = e.UpdatedAt
		}
	}
	if now := o.Now(); changed.After(now) { // a clock behind ours set it
		return now, nil
	}
	return changed, nil
}

// services serves GET services: what can be reported in the jurisdiction, at the
// position, or else anywhere.
func (o *Open311) services(r *http.Request, _ string) (open311.Document, error) {
	offered, err := o.catalogueFor(r)
	if err != nil {
		return nil, err
	}
	lang, all := readerLanguage(r), open311.Services{}
	for _, svc := range offered.Services() {
		all = append(all, open311.Service{
			Code: svc.Code, Name: strings.TrimSpace(svc.Name.In(lang)), Description: svc.Description.In(lang),
			Metadata: len(svc.Attributes) > 0, Keywords: keywords(svc, lang), Group: svc.GroupName.In(lang),
		})
	}
	return all, nil
}

// reserved are words among the keywords that FixMyStreet acts on.
var reserved = []string{"private", "inactive", "staff", "waste_only"}

// keywords are a service's keywords as GeoReport can list them: without commas.
func keywords(svc catalog.Service, lang string) []string {
	var kept []string
	for _, k := range svc.KeywordsIn(lang) {
		if k = strings.ReplaceAll(k, ",", " "); !slices.Contains(reserved, strings.ToLower(strings.TrimSpace(k))) {
			kept = append(kept, k)
		}
	}
	return kept
}

// definition serves GET services/[service_code].
func (o *Open311) definition(r *http.Request, code string) (open311.Document, error) {
	offered, err := o.catalogueFor(r)
	if err != nil {
		return nil, err
	}
	svc, ok := offered.Service(code)
	if !ok {
		return nil, problem.New(problem.NotFound, "there is no service_code %q", code)
	}
	lang, def := readerLanguage(r), open311.ServiceDefinition{ServiceCode: svc.Code}
	for _, a := range svc.Attributes {
		def.Attributes = append(def.Attributes, toGeoAttribute(a, lang))
	}
	return def, nil
}

// toGeoAttribute never leaves the two descriptions empty: validators stumble.
func toGeoAttribute(a catalog.Attribute, lang string) open311.Attribute {
	description := cmp.Or(a.Name.In(lang), a.Code)
	wire := open311.Attribute{
		Variable: a.Variable, Code: a.Code, Datatype: string(a.Datatype), Required: a.Required,
		DatatypeDescription: cmp.Or(a.Hint.In(lang), description), Description: description,
	}
	for _, v := range a.Values {
		wire.Values = append(wire.Values, open311.Value{Key: v.Key, Name: cmp.Or(v.Name.In(lang), v.Key)})
	}
	return wire
}

// catalogueFor is what is offered where the query says: in a jurisdiction, else
// at a position, else the base catalogue. A position that makes no sense, or
// where nobody is responsible, is ignored: clients send lat and long always.
func (o *Open311) catalogueFor(r *http.Request) (*catalog.Catalogue, error) {
	p := open311.ParseQuery(r.URL.RawQuery)
	code, err := o.codeOf(r.Context(), p.Name("jurisdiction_id"))
	if err != nil {
		return nil, err
	}
	if lat, long, ok := p.Position(); code == "" && ok && o.Router.Boundaries.Active() != nil {
		found, err := o.Router.Locate(routing.Question{Lat: lat, Lon: long})
		if err != nil {
			return nil, err
		}
		if found.Owner != nil {
			code = found.Owner.Code
		}
	}
	entries, err := o.Directory.Entries(r.Context())
	if err != nil {
		return nil, err
	}
	if c := entries[code].Catalogue; c != nil {
		return c, nil
	}
	return catalog.Base(), nil
}
