package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/egress"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/notify"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/store"
)

// What a picture may cost that another system links to, by Open311: as many
// bytes as a photo that is sent.
const (
	mediaBytes     = 20 << 20
	mediaRedirects = 3
	mediaTimeout   = time.Minute
)

// wireNotices wires what reaches people: the guarded client, push, e-mail, and
// the runner that carries jobs out. A demo reaches nobody outside the allow-list
// and shows its codes instead of sending them.
func (p *program) wireNotices(isDemo bool, out io.Writer) error {
	p.egress = egress.New(egress.Config{Allow: p.cfg.egressAllow, OnlyAllowed: isDemo})
	p.reports.Egress = egress.New(egress.Config{
		Allow: p.cfg.egressAllow, OnlyAllowed: isDemo, MaxRedirects: mediaRedirects, MaxResponseBytes: mediaBytes, Timeout: mediaTimeout,
	})
	p.reports.Detector = p.detector(isDemo)
	p.followers = &notify.Followers{
		Store: store.Followers{DB: p.db}, Reports: p.reports, Places: &routing.Router{Boundaries: p.boundaries}, Egress: p.egress, Now: time.Now,
		CodeKey: p.secrets.CodeKey, SecretKey: p.secrets.LinkKey, Committed: p.wake,
	}
	mailer, folder, err := p.mailer(isDemo)
	if err != nil {
		return err
	}
	p.folder = folder
	notifier := &notify.Notifier{
		Store: store.Followers{DB: p.db}, Followers: p.followers, Reports: p.reports, Tenants: p.tenants,
		Auth: p.auth, Photos: p.photos, Mailer: mailer, Folder: folder, MailDomain: p.mailDomain(),
		Pusher: &notify.Pusher{
			Keys:    notify.VAPID{Public: p.secrets.VAPIDPublic, Private: p.secrets.VAPIDPrivate},
			Subject: p.pushContact(), Client: p.egress,
		},
		Links: p.links(), Now: time.Now, Committed: p.wake,
	}
	if isDemo {
		notifier.Show = showCode(out)
	}
	handlers := notifier.Handlers()
	handlers[report.JobFetchMedia] = p.reports.MediaHandler()
	handlers[report.JobCheckPhoto] = p.reports.CheckHandler() // without a detector too: one may have been there
	handlers[routing.JobReroute] = p.reports.RerouteHandler(p.boundaries)
	p.runner = &job.Runner{
		Store: store.Jobs{DB: p.db}, Handlers: handlers, Log: p.log, Observe: p.metrics.job,
	}
	return nil
}

// detectTimeout is how long a detector may take for one photo, from the first byte
// to the last.
const detectTimeout = 20 * time.Second

// detector asks the program that finds what of a photo nobody should see; nil where
// none is set up. Its address is the operator's own, and yet goes through the guard:
// one on a private network has to be on the allow-list, as everything else there.
func (p *program) detector(isDemo bool) *photo.Detector {
	if p.cfg.MaskURL == "" {
		return nil
	}
	return &photo.Detector{URL: p.cfg.MaskURL, Client: egress.New(egress.Config{
		Allow: p.cfg.egressAllow, OnlyAllowed: isDemo, Timeout: detectTimeout, MaxResponseBytes: photo.MaxDetected,
	})}
}

// mailer sends by SMTP, or without it writes messages as files; the demo sends
// nothing outside.
func (p *program) mailer(isDemo bool) (notify.Mailer, *notify.Folder, error) {
	if p.cfg.SMTPURL != "" && !isDemo {
		m, err := notify.NewSMTP(p.cfg.SMTPURL, p.cfg.MailFrom, nil, time.Now)
		return m, nil, err
	}
	f, err := notify.NewFolder(filepath.Join(p.cfg.Data, "mail"), p.cfg.MailFrom, p.log, time.Now)
	return f, f, err
}

// mailDomain is the right side of Message-IDs: the installation's host name.
func (p *program) mailDomain() string {
	u, err := url.Parse(p.cfg.BaseURL)
	if err != nil || u.Hostname() == "" || strings.Contains(u.Hostname(), ":") {
		return "kantsten.invalid"
	}
	return u.Hostname()
}

// pushContact is how a push service reaches the operator, RFC 8292.
func (p *program) pushContact() string {
	if p.cfg.PushContact != "" {
		return p.cfg.PushContact
	}
	return "https://" + p.mailDomain()
}

// links are the addresses that stand in messages.
func (p *program) links() notify.Links {
	server := p.server()
	return notify.Links{
		Report:   func(r report.Report) string { return p.cfg.BaseURL + "/v1/reports/" + r.Reference },
		Photo:    func(ph report.Photo) string { return server.LastingPhotoURL(ph, photo.Large) },
		Invite:   func(secret string) string { return p.cfg.BaseURL + api.InvitationPath + "#" + secret },
		Unfollow: func(secret string) string { return p.cfg.BaseURL + "/unfollow/" + secret },
	}
}

// showCode prints what the demo does not send.
func showCode(out io.Writer) func(notify.ShownCode) {
	return func(c notify.ShownCode) {
		what := "code to follow"
		switch c.Kind {
		case auth.SignInMailJob:
			what = "sign-in code"
		case auth.InviteMailJob:
			what = "invitation"
		}
		_, _ = fmt.Fprintf(out, "%s for %s: %s\n", what, c.Email, c.Secret)
	}
}

// sweeps are what deletes what nobody needs any more, and decides about what nobody
// waits for.
func (p *program) sweeps() iter.Seq2[string, func(context.Context) error] {
	return func(yield func(string, func(context.Context) error) bool) {
		_ = yield("photos", p.photos.Sweep) &&
			yield("uploads", p.uploads.Sweep) &&
			yield("unmasked pictures", p.photos.SweepUnmasked) &&
			yield("unchecked photos", p.reports.SettleUnchecked) &&
			yield("sign-ins", p.auth.Sweep) &&
			yield("subscriptions", p.followers.Sweep) &&
			yield("idempotency keys", p.sweepKeys) &&
			yield("challenges", p.sweepChallenges) &&
			yield("interrupted files", p.sweepFiles)
	}
}

// How often the media folder is walked, which takes time where there are many
// photos, and how old is what it no longer needs.
const (
	sweepFilesEvery = 24 * time.Hour
	interruptedFor  = 24 * time.Hour
)

// sweepFiles removes what killed processes left in a media folder; a bucket does
// so by a lifecycle rule of its own.
func (p *program) sweepFiles(ctx context.Context) error {
	disk, ok := p.blobs.(*blob.Disk)
	if !ok || time.Since(p.filesSwept) < sweepFilesEvery {
		return nil
	}
	if _, err := disk.Sweep(ctx, interruptedFor); err != nil {
		return err
	}
	p.filesSwept = time.Now()
	return nil
}

func (p *program) sweepKeys(ctx context.Context) error {
	return store.Reports{DB: p.db}.SweepKeys(ctx, time.Now())
}
