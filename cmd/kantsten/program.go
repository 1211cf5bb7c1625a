package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/internal/atlas"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/egress"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/notify"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/tenant"
	"github.com/kantsten/kantsten/internal/upload"
)

// program is everything wired together. Reading [open] from top to bottom shows
// what stands on what.
type program struct {
	cfg Config
	log *slog.Logger

	db      *store.DB
	blobs   blob.Store
	secrets auth.Secrets
	sweden  *time.Location

	boundaries *routing.Boundaries
	tenants    *tenant.Service
	directory  *tenant.Directory
	photos     *photo.Library
	uploads    *upload.Service
	auth       *auth.Service
	reports    *report.Service
	followers  *notify.Followers
	folder     *notify.Folder // of mails; nil where they are sent
	egress     *egress.Client
	runner     *job.Runner
	metrics    *metrics

	filesSwept time.Time // only the sweep touches it
}

// open opens the database and the blob store, brings the schema forward and
// wires the services. It starts nothing. The log goes to logTo; a demo prints the
// codes that it does not send there too.
func open(ctx context.Context, cfg Config, isDemo bool, logTo io.Writer) (_ *program, err error) {
	p := &program{cfg: cfg, log: slog.New(slog.NewJSONHandler(logTo, nil)), metrics: newMetrics()}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if err := p.openStorage(ctx); err != nil {
		return nil, err
	}
	if p.secrets, err = auth.LoadSecrets(ctx, store.Secrets{DB: p.db}, cfg.SecretsFile); err != nil {
		return nil, fmt.Errorf("load the secrets (KANTSTEN_SECRETS_FILE): %w", err)
	}
	if p.sweden, err = time.LoadLocation("Europe/Stockholm"); err != nil {
		return nil, fmt.Errorf("load Sweden's time zone: %w", err)
	}
	p.wireDomain()
	return p, p.wireNotices(isDemo, logTo)
}

func (p *program) openStorage(ctx context.Context) (err error) {
	if err := p.cfg.makeData(); err != nil {
		return err
	}
	if p.db, err = store.Open(ctx, p.cfg.database()); err != nil {
		return err
	}
	p.db.Observe = p.metrics.write
	mark, err := (store.Backups{DB: p.db}).Loaded(ctx)
	if err != nil {
		return err
	}
	if mark != "" {
		return errors.New("a restore into this database is not finished: run kantsten restore again, with the same folder")
	}
	if err := p.db.Migrate(ctx); err != nil {
		return err
	}
	if p.blobs, err = blob.Open(ctx, p.cfg.MediaURL, p.cfg.Data); err != nil {
		return err
	}
	return nil
}

func (p *program) wireDomain() {
	p.boundaries = &routing.Boundaries{
		Sets: store.BoundarySets{DB: p.db}, Blobs: p.blobs, Log: p.log,
		CacheDir: filepath.Join(p.cfg.Data, "boundaries"),
	}
	p.tenants = &tenant.Service{Store: store.Tenants{DB: p.db}, Now: time.Now, Committed: p.wake}
	p.directory = &tenant.Directory{Store: store.Tenants{DB: p.db}, Now: time.Now}
	p.photos = &photo.Library{
		Processor: &photo.Processor{
			Limits: photo.Limits{Memory: p.cfg.PhotoMemory}, Zone: p.sweden, Observe: p.metrics.photo,
			HEIC: heicDecoder(),
		},
		Blobs: p.blobs, Rows: store.Photos{DB: p.db}, Now: time.Now,
	}
	p.uploads = &upload.Service{Rows: store.Uploads{DB: p.db}, Blobs: p.blobs, Photos: p.photos, Key: derivedKey(p.secrets.LinkKey, "key of uploads"), Share: p.cfg.LimitUploads, Dir: p.uploadDir(), Now: time.Now}
	p.auth = &auth.Service{Store: store.Auth{DB: p.db}, CodeKey: p.secrets.CodeKey, Now: time.Now}
	p.reports = &report.Service{
		Store: store.Reports{DB: p.db}, Router: &routing.Router{Boundaries: p.boundaries},
		Tenants: p.tenants, Photos: p.photos, Follow: p.secrets.FollowKeys,
		Sweden: p.sweden, Now: time.Now, Committed: p.wake,
	}
}

// wake starts the jobs that a commit has left.
func (p *program) wake() {
	if p.runner != nil {
		p.runner.Wake()
	}
}

// server is the v1 API over the services.
func (p *program) server() *api.Server {
	return &api.Server{
		Reports: p.reports, Router: &routing.Router{Boundaries: p.boundaries}, Atlas: &atlas.Atlas{Boundaries: p.boundaries}, Tenants: p.tenants, Directory: p.directory,
		Photos: p.photos, Resumable: p.uploads, Blobs: p.blobs, Shown: store.Photos{DB: p.db}, Auth: p.auth, Links: p.secrets.LinkKey,
		Followers: p.followers, Parked: store.Jobs{DB: p.db}, PushKey: p.secrets.VAPIDPublic,
		BaseURL: p.cfg.BaseURL, Version: version, UploadDir: p.uploadDir(), Now: time.Now, Committed: p.wake,
	}
}

// uploadDir is where photos lie while they are read; private to this process.
func (p *program) uploadDir() string { return filepath.Join(p.cfg.Data, "uploads") }

func (p *program) close() error {
	var errs []error
	if p.blobs != nil {
		errs = append(errs, p.blobs.Close())
	}
	if p.db != nil {
		errs = append(errs, p.db.Close())
	}
	return errors.Join(errs...)
}

// makeUploadDir makes the folder anew: what a crash left there belongs to nobody.
func (p *program) makeUploadDir() error {
	if err := os.RemoveAll(p.uploadDir()); err != nil { //nolint:gosec // below the data folder
		return fmt.Errorf("empty the upload folder: %w", err)
	}
	if err := os.MkdirAll(p.uploadDir(), 0o700); err != nil { //nolint:gosec // below the data folder
		return fmt.Errorf("make the upload folder: %w", err)
	}
	return nil
}
