package notify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Folder is a [Mailer] that writes each mail as an .eml file, which any mail
// program opens. It serves where no SMTP server is set.
type Folder struct {
	dir  string
	from *netmail.Address
	log  *slog.Logger
	now  func() time.Time
}

// NewFolder makes a mailer into dir, which is created when the first mail is
// written. log gets each file's name.
func NewFolder(dir, from string, log *slog.Logger, now func() time.Time) (*Folder, error) {
	sender, err := parseFrom(from)
	if err != nil {
		return nil, fmt.Errorf("set up mail folder: %w", err)
	}
	return &Folder{dir: dir, from: sender, log: log, now: now}, nil
}

// Send implements [Mailer]. The file is there whole or not at all, and readable
// by its owner only. It is named after the Message-ID, so that a mail that is
// sent again lies there once.
func (f *Folder) Send(ctx context.Context, m Mail) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	msg, err := compose(m, f.from, f.now())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return fmt.Errorf("write mail: make folder: %w", withoutPath(err))
	}
	name := fileName(msg.GetMessageID())
	tmp, err := os.CreateTemp(f.dir, name+".*.part") // [Folder.Forget] finds it by its name
	if err != nil {
		return fmt.Errorf("write mail: %w", withoutPath(err))
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // fails when all went well: it has its name by then
	_, err = msg.WriteTo(tmp)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("write mail: %w", withoutPath(err))
	}
	if err := os.Rename(tmp.Name(), filepath.Join(f.dir, name)); err != nil {
		return fmt.Errorf("write mail: %w", withoutPath(err))
	}
	if err := syncFolder(f.dir); err != nil {
		return fmt.Errorf("write mail: sync folder: %w", withoutPath(err))
	}
	f.log.InfoContext(ctx, "mail written", "file", name)
	return nil
}

// fileName makes a file name of a Message-ID's local part.
func fileName(messageID string) string {
	local, _, _ := strings.Cut(strings.Trim(messageID, "<>"), "@")
	safe := strings.Map(func(r rune) rune {
		if alphanumeric(r) || r == '-' {
			return r
		}
		return '_' // no slash and no leading dot
	}, local)
	return safe + ".eml"
}

// withoutPath strips the file's path, which is of no use to a reader of reasons.
func withoutPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", p.Op, p.Err)
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		return fmt.Errorf("%s: %w", l.Op, l.Err)
	}
	return err
}

// syncFolder makes a rename durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // G304: the operator's own folder
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
