package api

import (
	"fmt"

	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/report"
)

// statusWords say in a reader's words what open and closed leave out.
var statusWords = map[report.Status]catalog.Text{
	report.Received:           {"sv": "Mottagen", "en": "Received"},
	report.Acknowledged:       {"sv": "Bekräftad", "en": "Acknowledged"},
	report.Planned:            {"sv": "Planerad", "en": "Planned"},
	report.InProgress:         {"sv": "Pågår", "en": "In progress"},
	report.WaitingForReporter: {"sv": "Väntar på svar från anmälaren", "en": "Waiting for the reporter"},
	report.Fixed:              {"sv": "Åtgärdad", "en": "Fixed"},
	report.Closed:             {"sv": "Avslutad", "en": "Closed"},
}

var reasonWords = map[report.CloseReason]catalog.Text{
	report.Duplicate: {"sv": "dubblett", "en": "duplicate"},
	report.NoAction:  {"sv": "ingen åtgärd", "en": "no action"},
	report.NotFound:  {"sv": "felet hittades inte", "en": "nothing found"},
	report.Withdrawn: {"sv": "återtagen", "en": "withdrawn"},
}

// statusNotes is the finer status: "Planned: 2026-05-01", "Closed: duplicate".
func statusNotes(r report.Report, lang string) string {
	word := statusWords[r.Status].In(lang)
	switch detail := reasonWords[r.CloseReason].In(lang); {
	case r.Status == report.Closed && detail != "":
		return word + ": " + detail
	case r.Status == report.Planned && r.PlannedFor != "":
		return word + ": " + r.PlannedFor
	}
	return word
}

// What becomes of a report; %s is who it lies with.
var (
	heldNotice = catalog.Text{
		"sv": "Anmälan är sparad. %s tar ännu inte emot anmälningar här, så den väntar hos den som driver tjänsten.",
		"en": "The report is stored. %s does not take reports here yet, so it waits with whoever runs this service.",
	}
	sentNotice = catalog.Text{
		"sv": "Anmälan är sparad och går till %s.",
		"en": "The report is stored and goes to %s.",
	}
)

// notice says truthfully where a report lies.
func notice(r report.Report, jurisdiction, lang string) string {
	if r.Delivery == report.Held {
		return fmt.Sprintf(heldNotice.In(lang), jurisdiction)
	}
	return fmt.Sprintf(sentNotice.In(lang), jurisdiction)
}
