package store

import (
	"context"
	"fmt"
)

// insertMediaURLs keeps the addresses of pictures that are still to be fetched.
func (t *tx) insertMediaURLs(ctx context.Context, reportID string, addresses []string) error {
	for i, address := range addresses {
		if _, err := t.exec(ctx, `INSERT INTO media_urls (report, position, url) VALUES ($1, $2, $3)`,
			reportID, i, address); err != nil {
			return fmt.Errorf("insert a media address: %w", err)
		}
	}
	return nil
}

// MediaURL returns the address of a picture that is still to be fetched.
func (s Reports) MediaURL(ctx context.Context, reportID string, position int) (address string, ok bool, err error) {
	ok, err = s.one(ctx, `SELECT url FROM media_urls WHERE report = $1 AND position = $2`, []any{reportID, position}, &address)
	if err != nil {
		return "", false, fmt.Errorf("read a media address of report %s: %w", reportID, err)
	}
	return address, ok, nil
}

// MediaDone forgets the address of a picture.
func (s Reports) MediaDone(ctx context.Context, reportID string, position int) error {
	return s.inTx(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, `DELETE FROM media_urls WHERE report = $1 AND position = $2`, reportID, position)
		return err
	})
}
