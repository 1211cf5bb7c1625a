package report

import "github.com/kantsten/kantsten/internal/catalog"

// In says a status in words, in lower case, in a language ("sv", "en").
func (s Status) In(lang string) string { return statusWords[s].In(lang) }

// In says a reason in words, in lower case, in a language ("sv", "en").
func (c CloseReason) In(lang string) string { return reasonWords[c].In(lang) }

var statusWords = map[Status]catalog.Text{
	Received:           {"sv": "mottagen", "en": "received"},
	Acknowledged:       {"sv": "bekräftad", "en": "acknowledged"},
	Planned:            {"sv": "planerad", "en": "planned"},
	InProgress:         {"sv": "pågår", "en": "in progress"},
	WaitingForReporter: {"sv": "väntar på svar från anmälaren", "en": "waiting for the reporter"},
	Fixed:              {"sv": "åtgärdad", "en": "fixed"},
	Closed:             {"sv": "avslutad", "en": "closed"},
}

var reasonWords = map[CloseReason]catalog.Text{
	Duplicate: {"sv": "dubblett", "en": "duplicate"},
	NoAction:  {"sv": "ingen åtgärd", "en": "no action"},
	NotFound:  {"sv": "felet hittades inte", "en": "nothing found"},
	Withdrawn: {"sv": "återtagen", "en": "withdrawn"},
}
