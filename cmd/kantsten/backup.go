package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/kantsten/kantsten/internal/backup"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
)

func backupCommand(*flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	return func(ctx context.Context, cfg Config, args []string, out io.Writer) error {
		if len(args) != 1 {
			return misused("backup takes one folder, which it makes")
		}
		if cfg.DatabaseURL == "" { // opening it would make it
			if _, err := os.Stat(cfg.database()); err != nil { //nolint:gosec // the operator names it
				return fmt.Errorf("there is nothing to back up: %w", err)
			}
		}
		return withStorage(ctx, cfg, func(p *program) error {
			m, err := backup.Taker{
				Database: store.Backups{DB: p.db}, Blobs: p.blobs, SecretsFile: cfg.SecretsFile, Program: version, Now: time.Now,
			}.Take(ctx, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "backup of %s in %s: %d reports, %d files. It holds contact data and keys: keep it safe.\n",
				m.TakenAt.Format(time.RFC3339), args[0], m.Rows("reports"), m.Blobs.Lines)
			return err
		})
	}
}

func restoreCommand(flags *flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	journal := flags.String("erasures", "", "folder or s3:// URL of a blob store whose journal of erasures is carried out too, such as that of the lost installation; the journals in the backup and in this installation's own store always are")
	return func(ctx context.Context, cfg Config, args []string, out io.Writer) error {
		if len(args) != 1 {
			return misused("restore takes one folder, which backup wrote")
		}
		if err := cfg.makeData(); err != nil {
			return err
		}
		return withStorage(ctx, cfg, func(p *program) error {
			r := backup.Restorer{
				Database: store.Backups{DB: p.db}, Blobs: p.blobs, SecretsFile: cfg.SecretsFile, Erase: p.reports.EraseAgain,
			}
			if *journal != "" {
				from, err := openJournal(ctx, *journal)
				if err != nil {
					return err
				}
				defer func() { _ = from.Close() }() // only read from
				r.Journals = []report.Erasures{{Blobs: from}}
			}
			done, err := r.Restore(ctx, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "restored the backup of %s: %d reports, %d files; %d times something was erased since, and is erased again\n",
				done.Manifest.TakenAt.Format(time.RFC3339), done.Manifest.Rows("reports"), done.Manifest.Blobs.Lines, done.Erased)
			return err
		})
	}
}

// openJournal opens a blob store to read its journal: a folder that has to be
// there, or a URL.
func openJournal(ctx context.Context, from string) (blob.Store, error) {
	if strings.Contains(from, "://") {
		return blob.Open(ctx, from, "")
	}
	if _, err := os.Stat(from); err != nil {
		return nil, fmt.Errorf("open the journal of erasures: %w", err)
	}
	return blob.OpenDisk(from)
}

// withStorage opens database and blob store for a command that must not change
// them first: no schema is brought forward and no keys are made.
func withStorage(ctx context.Context, cfg Config, do func(*program) error) (err error) {
	p := &program{cfg: cfg, log: slog.New(slog.NewJSONHandler(os.Stderr, nil)), metrics: newMetrics()}
	defer func() { err = errors.Join(err, p.close()) }()
	if p.db, err = store.Open(ctx, cfg.database()); err != nil {
		return err
	}
	if p.blobs, err = blob.Open(ctx, cfg.MediaURL, cfg.Data); err != nil {
		return err
	}
	p.wireDomain()
	return do(p)
}
