package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

// JobFollowMail sends the code of a pending subscription. Its payload is the
// subscription's id. The other kinds are made by the report and auth packages,
// and [ChannelPush] and [ChannelMail] by telling.
const JobFollowMail = "follow-mail"

// idJob is the payload of a job about one thing.
type idJob struct {
	ID string `json:"id"`
}

// Notifier carries out the jobs that reach people. All fields are required but
// for those that say otherwise.
type Notifier struct {
	Store     FollowerStore
	Followers *Followers
	Reports   *report.Service
	Tenants   *tenant.Service
	Auth      *auth.Service
	Photos    *photo.Library
	Pusher    *Pusher
	Mailer    Mailer
	// Folder is the Mailer where that writes files, for the mails of an erased
	// report to be removed; nil otherwise.
	Folder *Folder
	// MailDomain is the right side of Message-IDs.
	MailDomain string
	Links      Links
	// Show gets codes and invitations instead of the Mailer: the demo prints
	// them to its terminal. nil in earnest.
	Show func(ShownCode)
	Now  func() time.Time
	// Committed is called after a commit that left jobs; nil if nobody waits.
	Committed func()
}

// Links makes the absolute URLs that stand in messages.
type Links struct {
	// Report is where people read a report.
	Report func(report.Report) string
	// Photo is the largest rendition of a photo, as the recipient of the report
	// may open it.
	Photo func(report.Photo) string
	// Invite is where the secret of an invitation is used.
	Invite func(secret string) string
	// Unfollow is where a subscription ends, by a POST without a question if it
	// is https; nil for mails without such a link.
	Unfollow func(secret string) string
}

// The bounds of attempts. A mail is a connection to the server, a new one each;
// push services answer in a fraction of a second or not at all.
const (
	pushWorkers  = 16
	mailWorkers  = 4
	pushTimeout  = 20 * time.Second
	mailTimeout  = time.Minute
	filesTimeout = 5 * time.Minute
	// pushGiveUp: older news is no news, and what waits at a dead service must
	// not keep its workers for days.
	pushGiveUp = 24 * time.Hour
)

// Handlers returns what carries out each kind of job, for a [job.Runner].
func (n *Notifier) Handlers() map[string]job.Handler {
	byMail := func(run func(context.Context, job.Job) error) job.Handler {
		return job.Handler{Run: run, Workers: mailWorkers, Timeout: mailTimeout}
	}
	return map[string]job.Handler{
		report.JobTell:       {Run: n.tell},
		report.JobDeliver:    byMail(n.deliver),
		report.JobForward:    byMail(n.forward),
		report.JobEraseFiles: {Run: n.eraseFiles, Workers: 1, Timeout: filesTimeout},
		ChannelPush: {
			Run: n.push, Workers: pushWorkers, Timeout: pushTimeout, Backoff: job.Backoff{GiveUp: pushGiveUp},
		},
		ChannelMail:        byMail(n.mail),
		JobFollowMail:      byMail(n.followCode),
		auth.SignInMailJob: byMail(n.signInCode),
		auth.InviteMailJob: byMail(n.invitation),
	}
}

// decode reads a job's payload. One that cannot be read never will be.
func decode(j job.Job, to any) error {
	if err := json.Unmarshal(j.Payload, to); err != nil {
		return job.Permanent(fmt.Errorf("the payload of a %s job cannot be read", j.Kind))
	}
	return nil
}

func (n *Notifier) now() time.Time { return n.Now().UTC() }

func (n *Notifier) wake() {
	if n.Committed != nil {
		n.Committed()
	}
}
