package api

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/report"
)

// statusNotes is the finer status: "Planned: 2026-05-01", "Closed: duplicate",
// "Fixed (merged with another report of the same fault)".
func statusNotes(r report.Report, lang string) string {
	notes := finerStatus(r, lang)
	if r.CaseID != "" {
		notes += " (" + mergedNote.In(lang) + ")"
	}
	return notes
}

var mergedNote = catalog.Text{
	"sv": "hör ihop med en annan anmälan om samma fel", "en": "merged with another report of the same fault",
}

func finerStatus(r report.Report, lang string) string {
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
	wordsNotice = catalog.Text{
		"sv": "Det kan stå personuppgifter i texten, så den visas inte förrän en handläggare har läst den.",
		"en": "Its words may hold personal data, so they are not shown until a handler has looked.",
	}
	sentNotice = catalog.Text{
		"sv": "Anmälan är sparad och går till %s.",
		"en": "The report is stored and goes to %s.",
	}
)

// notice says truthfully where a report lies, and that its words are held.
func notice(r report.Report, jurisdiction, lang string) string {
	said := sentNotice
	if r.Delivery == report.Held {
		said = heldNotice
	}
	text := fmt.Sprintf(said.In(lang), jurisdiction)
	if r.TextHeld {
		text += " " + wordsNotice.In(lang)
	}
	return text
}
