package table

import (
	"context"
	"database/sql"
	"strings"
)

// Quote makes an identifier of any text without a zero byte.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Each passes the rows of a query on, until there are no more or row returns an
// error.
func Each(ctx context.Context, tx *sql.Tx, query string, args []any, row func(*sql.Rows) error) error {
	// A driver would read what is left of a result before it closes it.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows); err != nil {
			cancel()
			return err
		}
	}
	return rows.Err()
}
