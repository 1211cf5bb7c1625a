package store

import (
	"database/sql"
	"fmt"
)

// ForeignFile opens an SQLite file that somebody else made, by a data source name.
// It is for reading borders, and has nothing to do with the store's own database.
func ForeignFile(dsn string) (*sql.DB, error) { return foreign("sqlite", dsn) }

// ForeignServer does the same with a PostgreSQL server.
func ForeignServer(url string) (*sql.DB, error) { return foreign("pgx", url) }

func foreign(driver, dsn string) (*sql.DB, error) {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, fmt.Errorf("open a database to read from: %w", err)
	}
	return db, nil
}
