package api

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/report"
)

// statusNotes is the finer status: "Planned: 2026-05-01", "Closed: duplicate".
func statusNotes(r report.Report, lang string) string {
	word := capitalised(r.Status.In(lang))
	switch detail := r.CloseReason.In(lang); {
	case r.Status == report.Closed && detail != "":
		return word + ": " + detail
	case r.Status == report.Planned && r.PlannedFor != "":
		return word + ": " + r.PlannedFor
	}
	return word
}

// capitalised begins a text with a capital letter.
func capitalised(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
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
