package open311

import (
	"strings"
	"time"
)

// Requests is the answer of GET requests and of GET requests/[id], which is a
// list of one.
type Requests []Request

// Request is a service request as the public sees it.
type Request struct {
	ID     string // service_request_id: no space, comma or slash
	Closed bool
	// StatusNotes says why the status is as it is; not written if empty.
	StatusNotes string
	ServiceName string
	ServiceCode string
	Description string
	// AgencyResponsible and ServiceNotice are not written if empty.
	AgencyResponsible string
	ServiceNotice     string
	Requested         time.Time
	// Updated is the last change; never written as earlier than Requested.
	Updated time.Time
	// Expected is when the service is expected; not written if zero.
	Expected  time.Time
	Address   string
	AddressID string
	Zipcode   string // digits; spaces are not written
	Lat, Long float64
	MediaURL  string // absolute URL of a public picture
}

func (r Requests) document() (string, node) {
	return "service_requests", list("request", r, Request.node)
}

// node writes the fields that the specification does not let out always, and
// the other four only when known: above all an empty expected_datetime breaks
// readers of dates.
func (r Request) node() node {
	status, updated := "open", r.Updated
	if r.Closed {
		status = "closed"
	}
	if updated.Before(r.Requested) {
		updated = r.Requested
	}
	all := []struct {
		field
		optional bool
	}{
		{field{"service_request_id", text(r.ID)}, false},
		{field{"status", text(status)}, false},
		{field{"status_notes", text(r.StatusNotes)}, true},
		{field{"service_name", text(r.ServiceName)}, false},
		{field{"service_code", text(r.ServiceCode)}, false},
		{field{"description", text(r.Description)}, false},
		{field{"agency_responsible", text(r.AgencyResponsible)}, true},
		{field{"service_notice", text(r.ServiceNotice)}, true},
		{field{"requested_datetime", instant(r.Requested)}, false},
		{field{"updated_datetime", instant(updated)}, false},
		{field{"expected_datetime", instant(r.Expected)}, true},
		{field{"address", text(r.Address)}, false},
		{field{"address_id", text(r.AddressID)}, false},
		{field{"zipcode", text(strings.ReplaceAll(r.Zipcode, " ", ""))}, false},
		{field{"lat", degrees(r.Lat)}, false},
		{field{"long", degrees(r.Long)}, false},
		{field{"media_url", text(r.MediaURL)}, false},
	}
	n := node{kind: object, fields: make([]field, 0, len(all))}
	for _, f := range all {
		if !f.optional || f.node.kind != null {
			n.fields = append(n.fields, f.field)
		}
	}
	return n
}

// Created is the answer of POST requests: a list of one.
type Created []RequestCreated

// RequestCreated says what became of a posted request.
type RequestCreated struct {
	ID string // service_request_id
	// Token stands for the id until that is known; not written beside an id.
	Token         string
	ServiceNotice string
	AccountID     string
}

func (c Created) document() (string, node) {
	return "service_requests", list("request", c, RequestCreated.node)
}

func (c RequestCreated) node() node {
	first := field{"service_request_id", text(c.ID)}
	if c.ID == "" && c.Token != "" {
		first = field{"token", text(c.Token)}
	}
	return node{kind: object, fields: []field{
		first,
		{"service_notice", text(c.ServiceNotice)},
		{"account_id", text(c.AccountID)},
	}}
}

// Tokens is the answer of GET tokens/[token]: a list of one.
type Tokens []RequestToken

// RequestToken says which request a token became.
type RequestToken struct {
	ID    string // not written while unknown: clients poll until it is there
	Token string
}

func (t Tokens) document() (string, node) {
	return "service_requests", list("request", t, RequestToken.node)
}

func (t RequestToken) node() node {
	token := field{"token", text(t.Token)}
	if t.ID == "" {
		return node{kind: object, fields: []field{token}}
	}
	return node{kind: object, fields: []field{{"service_request_id", text(t.ID)}, token}}
}
