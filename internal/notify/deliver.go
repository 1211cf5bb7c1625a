package notify

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

// deliver brings a report to whoever is responsible, on the channel that they
// have when it runs. A report that is delivered, waits in triage or has become a
// voice of another by then is left alone: of a fault the crew gets one report.
func (n *Notifier) deliver(ctx context.Context, j job.Job) error {
	var p report.DeliverJob
	if err := decode(j, &p); err != nil {
		return err
	}
	r, err := n.Reports.Read(ctx, auth.Itself(), p.ReportID)
	if err != nil {
		return fmt.Errorf("read the report to deliver: %w", err)
	}
	if r.CaseID != "" || r.Delivery != report.Queued && r.Delivery != report.Failed {
		return nil
	}
	to, err := n.Tenants.Get(ctx, r.Jurisdiction)
	if err != nil {
		return fmt.Errorf("read jurisdiction %s: %w", r.Jurisdiction, err)
	}
	reached, err := n.deliverTo(ctx, r, to)
	if err != nil {
		return err
	}
	if _, err := n.Store.SetDelivery(ctx, r, reached, to.Version); err != nil {
		return fmt.Errorf("note the delivery of report %s: %w", r.ID, err)
	}
	return nil
}

// deliverTo returns how far the report has come by it.
func (n *Notifier) deliverTo(ctx context.Context, r report.Report, to tenant.Jurisdiction) (report.Delivery, error) {
	switch to.Channel {
	case tenant.None:
		return report.Held, nil
	case tenant.Web:
		return report.Delivered, nil
	case tenant.Email:
		return report.Sent, n.deliverByMail(ctx, r, to)
	}
	return "", fmt.Errorf("deliver report %s: jurisdiction %s has the channel %q, which nothing serves", r.ID, to.Code, to.Channel)
}

func (n *Notifier) deliverByMail(ctx context.Context, r report.Report, to tenant.Jurisdiction) error {
	contact, err := n.Reports.Contact(ctx, auth.Itself(), r)
	if err != nil {
		return err
	}
	arrival, err := n.arrival(ctx, r)
	if err != nil {
		return err
	}
	m := n.deliveryMail(r, to, contact)
	m.MessageID = n.messageID(r.ID, to.Code+" "+arrival)
	return n.sendErasable(ctx, m, n.erasedSince(r))
}

// arrival names the occasion on which a report came to its recipient: the last
// hand-over, empty where there was none. A mail that is sent again has the same
// Message-ID by it, and a report that was handed on and comes back has a new one,
// which no server takes for a repetition.
func (n *Notifier) arrival(ctx context.Context, r report.Report) (string, error) {
	_, history, err := n.Reports.History(ctx, auth.Itself(), r.ID)
	if err != nil {
		return "", fmt.Errorf("read the history of report %s: %w", r.ID, err)
	}
	last := ""
	for _, u := range history {
		if u.Kind == report.HandedOver {
			last = u.ID
		}
	}
	return last, nil
}

// deliveryMail is all that a crew needs, in the jurisdiction's language. The
// subject holds no text written by people: it is what a lock screen shows.
func (n *Notifier) deliveryMail(r report.Report, to tenant.Jurisdiction, contact report.Contact) Mail {
	w := wordsIn(to.Language)
	svc, name := serviceIn(w.lang, r.Service, to)
	var b strings.Builder
	line := func(label, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", label, value)
		}
	}
	line(w.reference, r.Reference)
	line(w.service, name)
	line(w.filedAt, n.localTime(r.CreatedAt))
	if r.Status != report.Received { // it waited, and was withdrawn, or answered by another
		line(w.standing, w.statusOf(report.Update{Status: r.Status, PlannedFor: r.PlannedFor, CloseReason: r.CloseReason}))
	}
	lat, lon := degrees(r.Lat), degrees(r.Lon)
	line(w.place, lat+", "+lon+accuracy(r))
	line(w.where, "https://www.openstreetmap.org/?mlat="+lat+"&mlon="+lon+"#map=18/"+lat+"/"+lon)
	line(w.maps, "geo:"+lat+","+lon) // RFC 5870
	line(w.address, r.Address)
	if r.Description != "" {
		fmt.Fprintf(&b, "\n%s:\n%s\n", w.description, r.Description)
	}
	if answers := answersIn(w.lang, svc, r.Attributes); len(answers) > 0 {
		b.WriteString("\n" + strings.Join(answers, "\n") + "\n")
	}
	if r.TextHeld {
		b.WriteString("\n" + w.heldWords + "\n")
	}
	if photos := checked(r.Photos); len(photos) > 0 {
		b.WriteString("\n" + w.photos + ":\n")
		for _, p := range photos {
			b.WriteString(n.Links.Photo(p) + "\n")
		}
	}
	if !contact.Empty() {
		fmt.Fprintf(&b, "\n%s:\n%s\n", w.contact, strings.Join(notEmpty(contact.Name, contact.Email, contact.Phone), "\n"))
	}
	fmt.Fprintf(&b, "\n"+w.answerAt+"\n", n.Links.Report(r))
	return Mail{To: to.Email, Subject: "[" + r.Reference + "] " + name, Text: b.String()}
}

// checked leaves out the photos that the detector is still looking at: they follow,
// for their addresses change when something is masked.
func checked(photos []report.Photo) []report.Photo {
	return slices.DeleteFunc(slices.Clone(photos), func(p report.Photo) bool { return p.State == report.PhotoChecking })
}

// degrees writes a coordinate to a millionth of a degree, about a decimetre.
func degrees(v float64) string { return strconv.FormatFloat(v, 'f', 6, 64) }

func accuracy(r report.Report) string {
	if r.AccuracyM == nil {
		return ""
	}
	return fmt.Sprintf(" (± %.0f m)", *r.AccuracyM)
}

// localTime is on the crew's clock.
func (n *Notifier) localTime(t time.Time) string {
	return t.In(n.Reports.Sweden).Format("2006-01-02 15:04")
}

// answersIn writes the answers to a service's questions, in the order of the
// questions; then those that nobody asked for, by their code.
func answersIn(lang string, svc catalog.Service, answers map[string]catalog.Answer) []string {
	var lines []string
	asked := map[string]bool{}
	for _, a := range svc.Attributes {
		asked[a.Code] = true
		if answer, ok := answers[a.Code]; ok {
			lines = append(lines, a.Name.In(lang)+": "+answerIn(lang, a, answer))
		}
	}
	var others []string
	for code, answer := range answers {
		if !asked[code] {
			others = append(others, code+": "+answer.String())
		}
	}
	slices.Sort(others)
	return append(lines, others...)
}

// answerIn writes chosen values by their names.
func answerIn(lang string, a catalog.Attribute, answer catalog.Answer) string {
	values := answer.Values()
	for i, key := range values {
		for _, v := range a.Values {
			if v.Key == key {
				values[i] = v.Name.In(lang)
			}
		}
	}
	return strings.Join(values, ", ")
}

func notEmpty(all ...string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}
