package notify

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

// pushTTL is how long a push service keeps a notice for a phone that is off.
const pushTTL = 72 * time.Hour

// tell finds out who hears of an update. That a report was filed is told to the
// followers of the area: whoever follows the report itself came later and knows.
// All else is told to those who follow that very report. Of a private report
// they can only do so because they may read it; areas never hear of it.
func (n *Notifier) tell(ctx context.Context, j job.Job) error {
	var p report.TellJob
	if err := decode(j, &p); err != nil {
		return err
	}
	u, ok, err := n.Store.Update(ctx, p.UpdateID)
	if err != nil {
		return fmt.Errorf("read update %s: %w", p.UpdateID, err)
	}
	if !ok || u.Internal {
		return nil
	}
	filed := u.Kind == report.WasFiled
	r, err := n.Reports.Read(ctx, auth.Itself(), u.ReportID)
	if err != nil {
		return fmt.Errorf("read the report of update %s: %w", u.ID, err)
	}
	if filed && r.Private {
		return nil
	}
	if err := n.Store.Tell(ctx, Telling{JobID: j.ID, UpdateID: u.ID, Report: r, Areas: filed, Voices: toVoices(u, r), Now: n.now()}); err != nil {
		return fmt.Errorf("tell of update %s: %w", u.ID, err)
	}
	n.wake()
	return nil
}

// toVoices reports whether an update is news for who follows a voice of r too: of
// a case that is public everything, of a private one what was done.
func toVoices(u report.Update, r report.Report) bool {
	switch u.Kind {
	case report.Merged, report.Unmerged: // for those that it brings along, or takes back
		return true
	case report.StatusChanged, report.HandedOver:
		return r.CaseID == ""
	case report.Commented, report.PhotoAdded:
		return r.CaseID == "" && !r.Private
	}
	return false
}

// noticeJob is the payload of the jobs "push" and "mail". The store writes it in
// SQL.
type noticeJob struct {
	Subscription string `json:"subscription"`
	Update       string `json:"update"`
}

// notice is what one follower hears of one update.
type notice struct {
	to     Follower
	update report.Update
	report report.Report // the follower's, which may be a voice of the update's
	tenant tenant.Jurisdiction
}

// notice reads what a job is about; ok is false where there is nobody, or
// nothing, to tell of any more.
func (n *Notifier) notice(ctx context.Context, j job.Job) (no notice, ok bool, err error) {
	var p noticeJob
	if err := decode(j, &p); err != nil {
		return no, false, err
	}
	if no.to, ok, err = n.Store.Follower(ctx, p.Subscription); err != nil {
		return no, false, fmt.Errorf("read subscription %s: %w", p.Subscription, err)
	}
	if !ok || !no.to.Active {
		return no, false, nil
	}
	if no.update, ok, err = n.Store.Update(ctx, p.Update); err != nil || !ok {
		return no, false, err
	}
	no.report, err = n.Reports.Read(ctx, auth.Itself(), no.update.ReportID)
	if err != nil {
		return no, false, fmt.Errorf("read the report of update %s: %w", p.Update, err)
	}
	if no.to.Report != "" && no.to.Report != no.report.ID {
		if no.report, ok, err = n.voice(ctx, no.to.Report, no.report); err != nil || !ok {
			return no, false, err
		}
	}
	if no.report.Private && no.to.Report == "" {
		return no, false, nil // it became private meanwhile
	}
	no.tenant, err = n.Tenants.Get(ctx, no.report.Jurisdiction)
	if problem.Is(err, problem.NotFound) {
		no.tenant, err = tenant.Jurisdiction{Code: no.report.Jurisdiction, Name: no.report.Jurisdiction}, nil
	}
	return no, err == nil, err
}

// voice reads a voice, by which its follower hears of what happens to its case c:
// each hears of their own report, by its own reference. ok is false where it is no
// voice of c any more.
func (n *Notifier) voice(ctx context.Context, id string, c report.Report) (v report.Report, ok bool, err error) {
	v, err = n.Reports.Read(ctx, auth.Itself(), id)
	if err != nil {
		return v, false, fmt.Errorf("read the voice %s: %w", id, err)
	}
	return v, v.CaseID != "" && (v.CaseID == c.ID || v.CaseID == c.CaseID), nil
}

// pushPayload is what a browser's service worker gets. It stays on a lock
// screen, so it says nothing that is not public: of a report only its service,
// municipality, status and reference.
type pushPayload struct {
	Title  string        `json:"title"`
	Body   string        `json:"body"`
	URL    string        `json:"url"`
	Report string        `json:"report"`
	Status report.Status `json:"status"`
	Tag    string        `json:"tag"` // a later notice of the same report replaces the earlier
}

// push sends a notice by Web Push and forgets a subscription that is dead.
func (n *Notifier) push(ctx context.Context, j job.Job) error {
	no, ok, err := n.notice(ctx, j)
	if err != nil || !ok {
		return err
	}
	payload, err := json.Marshal(n.payload(no))
	if err != nil {
		return job.Permanent(fmt.Errorf("encode a push payload: %w", err))
	}
	err = n.Pusher.Send(ctx, no.to.Push, Message{Payload: payload, TTL: pushTTL, Topic: no.topic()})
	if errors.Is(err, ErrGone) {
		if err := n.Store.Drop(ctx, no.to.ID); err != nil {
			return fmt.Errorf("remove subscription %s: %w", no.to.ID, err)
		}
		return nil
	}
	return err
}

func (n *Notifier) payload(no notice) pushPayload {
	w := wordsIn(no.to.Language)
	_, service := serviceIn(w.lang, no.report.Service, no.tenant)
	body := []string{w.happened(no.update, no.tenant)}
	switch no.update.Kind {
	case report.StatusChanged, report.Merged, report.Unmerged: // they say it themselves
	default:
		body = append(body, w.statusOf(no.update))
	}
	return pushPayload{
		Title:  service + " · " + no.tenant.Name,
		Body:   strings.Join(append(body, no.report.Reference), " · "),
		URL:    n.Links.Report(no.report),
		Report: no.report.ID,
		Status: no.update.Status,
		Tag:    "report-" + no.report.ID,
	}
}

// topic lets a later notice of the same report replace one that still waits for
// the phone. It is hashed with the subscription: a push service must not learn
// from it who follows the same report.
func (no notice) topic() string {
	const bytes = 24 // 32 letters, the most that a topic has
	sum := sha256.Sum256([]byte(no.to.ID + " " + no.report.ID))
	return base64.RawURLEncoding.EncodeToString(sum[:bytes])
}

// mail sends a notice by e-mail.
func (n *Notifier) mail(ctx context.Context, j job.Job) error {
	no, ok, err := n.notice(ctx, j)
	if err != nil || !ok {
		return err
	}
	m, err := n.noticeMail(no)
	if err != nil {
		return err
	}
	return n.sendErasable(ctx, m, n.ended(no.to.ID))
}

func (n *Notifier) noticeMail(no notice) (Mail, error) {
	w := wordsIn(no.to.Language)
	_, service := serviceIn(w.lang, no.report.Service, no.tenant)
	happened := w.happened(no.update, no.tenant)
	lines := []string{
		service + ", " + no.tenant.Name, happened,
		w.reference + ": " + no.report.Reference, "",
		w.link + ": " + n.Links.Report(no.report), "",
	}
	why := w.followed
	if no.to.Report == "" {
		why = w.area
	}
	lines = append(lines, why)
	unfollow := ""
	if n.Links.Unfollow != nil {
		secret, err := n.Followers.secret(no.to.ID)
		if err != nil {
			return Mail{}, job.Permanent(err)
		}
		unfollow = n.Links.Unfollow(secret)
		lines = append(lines, w.unfollow+": "+unfollow)
	}
	return Mail{
		To:          no.to.Email,
		Subject:     "[" + no.report.Reference + "] " + happened,
		Text:        strings.Join(lines, "\n") + "\n",
		Unsubscribe: unfollow,
		MessageID:   n.messageID(no.report.ID, no.to.ID+" "+no.update.ID),
	}, nil
}

// messageID names a mail that concerns a report: the report's id, then a hash of
// what tells the mail from the report's others. The same mail again has the same
// name, and [Folder.Forget] finds all mails of a report by theirs.
func (n *Notifier) messageID(reportID, what string) string {
	const bytes = 12
	sum := sha256.Sum256([]byte(what))
	return reportID + "." + hex.EncodeToString(sum[:bytes]) + "@" + n.MailDomain
}
