package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

// errUndelivered lets late photos wait for their report.
var errUndelivered = errors.New("the report itself is not delivered yet")

// forward brings photos that came after their report to its recipient. Where the
// report has not left yet, or has been handed on since, the delivery itself has
// the photos: the one that is under way may have been written before they came, so
// they wait for it and may then be seen twice, which is better than not at all.
func (n *Notifier) forward(ctx context.Context, j job.Job) error {
	var p report.ForwardJob
	if err := decode(j, &p); err != nil {
		return err
	}
	u, ok, err := n.Store.Update(ctx, p.UpdateID)
	if err != nil {
		return fmt.Errorf("read update %s: %w", p.UpdateID, err)
	}
	if !ok {
		return nil
	}
	r, err := n.Reports.Read(ctx, auth.Itself(), u.ReportID)
	if err != nil {
		return fmt.Errorf("read the report of update %s: %w", u.ID, err)
	}
	arrival, err := n.arrival(ctx, r)
	if err != nil {
		return err
	}
	switch {
	case arrival > u.ID: // handed on since: ids sort by time
		return nil
	case r.Delivery == report.Queued:
		return job.RetryAfter(errUndelivered, time.Minute)
	case r.Delivery != report.Sent:
		return nil
	}
	to, err := n.Tenants.Get(ctx, r.Jurisdiction)
	if err != nil {
		return fmt.Errorf("read jurisdiction %s: %w", r.Jurisdiction, err)
	}
	m, ok := n.lateMail(r, u, to)
	if !ok {
		return nil
	}
	m.Headers = map[string]string{"In-Reply-To": "<" + n.messageID(r.ID, to.Code+" "+arrival) + ">"}
	return n.sendErasable(ctx, m, n.erasedSince(r))
}

// lateMail tells of the photos of one update; ok is false where there are none any
// more, or nobody to mail to.
func (n *Notifier) lateMail(r report.Report, u report.Update, to tenant.Jurisdiction) (m Mail, ok bool) {
	late := slices.DeleteFunc(checked(r.Photos), func(p report.Photo) bool { return p.UpdateID != u.ID })
	if to.Channel != tenant.Email || len(late) == 0 {
		return Mail{}, false
	}
	w := wordsIn(to.Language)
	_, service := serviceIn(w.lang, r.Service, to)
	lines := []string{w.reference + ": " + r.Reference, w.service + ": " + service, ""}
	if u.Text != "" {
		lines = append(lines, u.Text, "")
	}
	lines = append(lines, w.photos+":")
	for _, p := range late {
		lines = append(lines, n.Links.Photo(p))
	}
	lines = append(lines, "", fmt.Sprintf(w.answerAt, n.Links.Report(r)))
	return Mail{
		To: to.Email, Subject: "[" + r.Reference + "] " + w.photo, Text: strings.Join(lines, "\n") + "\n",
		MessageID: n.messageID(r.ID, to.Code+" "+u.ID),
	}, true
}
