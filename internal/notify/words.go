package notify

import (
	"fmt"
	"strings"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

// words are the texts of one language. In formats %s and %d stand for what the
// field's comment names.
type words struct {
	lang  string
	roles map[auth.Role]string

	filed, commented, photo string
	status                  string // status in words
	planned                 string // date
	handedOver              string // jurisdiction
	merged, unmerged        string // status in words
	joined                  string

	reference, link, unfollow string
	followed, area            string // why a follower hears of it

	service, place, address, where, maps, description string
	photos, contact, filedAt, standing                string
	answerAt                                          string // link
	heldWords                                         string

	codeSubject map[string]string // kind of job to subject
	codeText    map[string]string // kind of job to text; code, minutes
	invited     string            // role and jurisdiction
	inviteText  string            // role and jurisdiction, link, last day
}

// wordsIn returns the texts in a language by its BCP 47 tag: Swedish where none
// is named, English for every language that we do not speak.
func wordsIn(tag string) words {
	base, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if base == "" || base == "sv" {
		return swedish()
	}
	return english()
}

func swedish() words {
	return words{
		lang: "sv",
		roles: map[auth.Role]string{
			auth.Crew: "fältpersonal", auth.Handler: "handläggare", auth.Administrator: "administratör", auth.Operator: "driftansvarig",
		},
		filed: "Ny anmälan", commented: "Ny kommentar", photo: "Nytt foto",
		status: "Ny status: %s", planned: "planerad till %s", handedOver: "Överlämnad till %s",
		merged:    "Anmälan har förts ihop med en annan om samma fel. Status: %s",
		unmerged:  "Anmälan är ett eget ärende igen. Status: %s",
		joined:    "Fler har anmält samma fel",
		reference: "Ärende", link: "Läs mer", unfollow: "Sluta följa",
		followed: "Du får det här för att du följer anmälan.", area: "Du får det här för att du följer platsen.",
		service: "Kategori", place: "Position", address: "Plats", where: "Karta", maps: "I kartappen",
		description: "Beskrivning", photos: "Foton", contact: "Anmälare", filedAt: "Anmält", standing: "Status",
		answerAt:  "Anmälan finns på %s",
		heldWords: "Det kan stå personuppgifter i texten. Den visas inte för andra förrän en handläggare har läst den.",
		codeSubject: map[string]string{
			auth.SignInMailJob: "Din kod för att logga in", JobFollowMail: "Din kod för att följa",
		},
		codeText: map[string]string{
			auth.SignInMailJob: "Din kod för att logga in är %s\n\nDen gäller i %d minuter och fungerar en gång. Lämna den inte till någon.\nHar du inte bett om den behöver du inte göra något.\n",
			JobFollowMail:      "Din kod för att få besked till den här adressen är %s\n\nDen gäller i %d minuter. Har du inte bett om den behöver du inte göra något: då skickas inget mer.\n",
		},
		invited:    "Du är inbjuden som %s",
		inviteText: "Du är inbjuden som %s.\n\nÖppna länken för att börja:\n%s\n\nDen fungerar en gång, till och med %s. Lämna den inte till någon.\n",
	}
}

func english() words {
	return words{
		lang: "en",
		roles: map[auth.Role]string{
			auth.Crew: "crew", auth.Handler: "handler", auth.Administrator: "administrator", auth.Operator: "operator",
		},
		filed: "New report", commented: "New comment", photo: "New photo",
		status: "New status: %s", planned: "planned for %s", handedOver: "Handed over to %s",
		merged:    "Merged with another report of the same fault. Status: %s",
		unmerged:  "The report stands on its own again. Status: %s",
		joined:    "More people have reported the same fault",
		reference: "Report", link: "Read more", unfollow: "Stop following",
		followed: "You get this because you follow the report.", area: "You get this because you follow the place.",
		service: "Category", place: "Position", address: "Place", where: "Map", maps: "In a map app",
		description: "Description", photos: "Photos", contact: "Reporter", filedAt: "Filed", standing: "Status",
		answerAt:  "The report is at %s",
		heldWords: "Its words may hold personal data. Nobody else sees them until a handler has looked.",
		codeSubject: map[string]string{
			auth.SignInMailJob: "Your code to sign in", JobFollowMail: "Your code to follow",
		},
		codeText: map[string]string{
			auth.SignInMailJob: "Your code to sign in is %s\n\nIt is valid for %d minutes and works once. Give it to nobody.\nIf you did not ask for it, you need not do anything.\n",
			JobFollowMail:      "Your code to get notices at this address is %s\n\nIt is valid for %d minutes. If you did not ask for it, you need not do anything: nothing more will be sent.\n",
		},
		invited:    "You are invited as %s",
		inviteText: "You are invited as %s.\n\nOpen the link to begin:\n%s\n\nIt works once, until and including %s. Give it to nobody.\n",
	}
}

// statusOf says in words where a report stands from an update on.
func (w words) statusOf(u report.Update) string {
	switch {
	case u.Status == report.Planned && u.PlannedFor != "":
		return fmt.Sprintf(w.planned, u.PlannedFor)
	case u.CloseReason != "":
		return u.Status.In(w.lang) + " (" + u.CloseReason.In(w.lang) + ")"
	}
	return u.Status.In(w.lang)
}

// happened says in words what an update is about, of facts only: what people
// wrote may hold personal data and stays where it can be erased.
func (w words) happened(u report.Update, j tenant.Jurisdiction) string {
	switch u.Kind {
	case report.WasFiled:
		return w.filed
	case report.Commented:
		return w.commented
	case report.PhotoAdded:
		return w.photo
	case report.HandedOver:
		return fmt.Sprintf(w.handedOver, j.Name)
	case report.Merged:
		return fmt.Sprintf(w.merged, w.statusOf(u))
	case report.Unmerged:
		return fmt.Sprintf(w.unmerged, w.statusOf(u))
	case report.Joined:
		return w.joined
	}
	return fmt.Sprintf(w.status, w.statusOf(u))
}

// serviceIn returns the name of a report's service as its jurisdiction calls it,
// else as the base catalogue does: a jurisdiction may have switched it off.
func serviceIn(lang, code string, j tenant.Jurisdiction) (catalog.Service, string) {
	for _, c := range []*catalog.Catalogue{j.Catalogue(), catalog.Base()} {
		if svc, ok := c.Service(code); ok {
			return svc, svc.Name.In(lang)
		}
	}
	return catalog.Service{}, code
}
