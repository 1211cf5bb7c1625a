package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
)

// ShownCode is a secret that is shown on the terminal instead of mailed.
type ShownCode struct {
	Kind   string // auth.SignInMailJob, auth.InviteMailJob or JobFollowMail
	Email  string // whom it is for
	Secret string // six digits, or an invitation's link
}

// signInCode makes and sends the code of a sign-in.
func (n *Notifier) signInCode(ctx context.Context, j job.Job) error {
	var p idJob
	if err := decode(j, &p); err != nil {
		return err
	}
	m, err := n.Auth.Issue(ctx, p.ID)
	if err != nil {
		return unlessNothingToSend(err)
	}
	return n.sendCode(ctx, ShownCode{Kind: j.Kind, Email: m.Email, Secret: m.Code}, m.Language, m.ExpiresAt, n.Mailer.Send)
}

// followCode makes and sends the code of a pending subscription.
func (n *Notifier) followCode(ctx context.Context, j job.Job) error {
	var p idJob
	if err := decode(j, &p); err != nil {
		return err
	}
	m, err := n.Followers.Issue(ctx, p.ID)
	if err != nil {
		return unlessNothingToSend(err)
	}
	send := n.Mailer.Send
	if m.Report != "" { // the code of the attempt before is void, so this is another mail
		send = func(ctx context.Context, mail Mail) error {
			mail.MessageID = n.messageID(m.Report, uuid.NewString())
			return n.sendErasable(ctx, mail, n.ended(p.ID))
		}
	}
	return n.sendCode(ctx, ShownCode{Kind: j.Kind, Email: m.Email, Secret: m.Code}, m.Language, m.ExpiresAt, send)
}

func unlessNothingToSend(err error) error {
	if errors.Is(err, auth.ErrNothingToSend) {
		return nil
	}
	return err
}

func (n *Notifier) sendCode(ctx context.Context, c ShownCode, language string, expires time.Time, send func(context.Context, Mail) error) error {
	if n.Show != nil {
		n.Show(c)
		return nil
	}
	w := wordsIn(language)
	minutes := max(1, int(expires.Sub(n.now()).Minutes()))
	return send(ctx, Mail{To: c.Email, Subject: w.codeSubject[c.Kind], Text: fmt.Sprintf(w.codeText[c.Kind], c.Secret, minutes)})
}

// invitation makes and sends the link of an invitation to the staff.
func (n *Notifier) invitation(ctx context.Context, j job.Job) error {
	var p idJob
	if err := decode(j, &p); err != nil {
		return err
	}
	m, err := n.Auth.IssueInvite(ctx, p.ID)
	if err != nil {
		return unlessNothingToSend(err)
	}
	link := n.Links.Invite(m.Secret)
	if n.Show != nil {
		n.Show(ShownCode{Kind: j.Kind, Email: m.Email, Secret: link})
		return nil
	}
	w := wordsIn(m.Language)
	role := w.roles[m.Grant.Role]
	if m.Grant.Jurisdiction != "" {
		to, err := n.Tenants.Get(ctx, m.Grant.Jurisdiction)
		if err != nil {
			return fmt.Errorf("read jurisdiction %s: %w", m.Grant.Jurisdiction, err)
		}
		role += ", " + to.Name
	}
	lastDay := m.ExpiresAt.In(n.Reports.Sweden).Format(time.DateOnly)
	return n.Mailer.Send(ctx, Mail{
		To: m.Email, Subject: fmt.Sprintf(w.invited, role), Text: fmt.Sprintf(w.inviteText, role, link, lastDay),
	})
}
