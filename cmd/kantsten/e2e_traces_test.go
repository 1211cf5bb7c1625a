package main_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver "sqlite", to look into the program's file
)

// files lists the files below a folder of the data folder; one that goes away
// meanwhile may be missing.
func (p *place) files(t *testing.T, below string) (paths []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(p.data), below, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			paths = append(paths, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// read returns a file of the data folder, nothing if it has gone away.
func (p *place) read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(p.data, path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return b
}

// mailsTo returns the decoded texts of the mails that were written to somebody.
func (e *erasure) mailsTo(address string) (texts []string) {
	e.Helper()
	for _, path := range e.place.files(e.T, "mail") {
		if filepath.Ext(path) != ".eml" {
			continue // not whole yet
		}
		to, text := readMail(e.T, e.place.read(e.T, path))
		if to == address {
			texts = append(texts, text)
		}
	}
	return texts
}

// readMail decodes a mail as its reader's program does.
func readMail(t *testing.T, raw []byte) (to, text string) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%v in the mail\n%s", err, raw)
	}
	if encoding := m.Header.Get("Content-Transfer-Encoding"); encoding != "quoted-printable" {
		t.Fatalf("the mail is encoded as %q\n%s", encoding, raw)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatalf("%v in the mail\n%s", err, raw)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatalf("%v in the mail\n%s", err, raw)
	}
	addresses, err := m.Header.AddressList("To")
	if err != nil || len(addresses) != 1 {
		t.Fatalf("the mail is to %v; %v", addresses, err)
	}
	return addresses[0].Address, subject + "\n" + string(body)
}

// traces lists where the erased words stand: files of the data folder by their
// bytes, mails decoded too, columns of the database, and the log.
func (e *erasure) traces() (found []string) {
	e.Helper()
	look := func(where string, text []byte) {
		text = bytes.ToLower(text)
		if slices.ContainsFunc(erasedWords(), func(word string) bool { return bytes.Contains(text, []byte(word)) }) {
			found = append(found, where)
		}
	}
	for _, path := range e.place.files(e.T, ".") {
		b := e.place.read(e.T, path)
		if filepath.Ext(path) == ".eml" {
			to, text := readMail(e.T, b)
			b = append(b, to+"\n"+text...)
		}
		look(path, append([]byte(path+"\n"), b...))
	}
	columns := 0
	e.columns(func(column, text string) {
		columns++
		look(column, []byte(text))
	})
	said := e.server.said.String()
	look("the log", []byte(said))
	if columns < 100 || !strings.Contains(said, "mail written") {
		e.Fatalf("%d columns and the log %.200q are not all", columns, said)
	}
	return found
}

// open opens the program's database beside it, to read. It is closed again before
// the program goes on: a reader would keep SQLite from overwriting its log.
func (e *erasure) open() *sql.DB {
	e.Helper()
	driver, at := "pgx", e.databaseURL
	if at == "" {
		driver, at = "sqlite", "file:"+filepath.Join(e.place.data, "kantsten.db")+"?mode=ro&_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, at)
	if err != nil {
		e.Fatal(err)
	}
	return db
}

// columns shows every value of every column, as text, one column at a time.
func (e *erasure) columns(show func(column, text string)) {
	e.Helper()
	db := e.open()
	defer func() { _ = db.Close() }() // only read from
	names := `SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = current_schema()`
	if e.databaseURL == "" {
		names = `SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'`
	}
	for _, name := range e.texts(db, names) {
		table, column, _ := strings.Cut(name, ".")
		values := fmt.Sprintf(`SELECT COALESCE(CAST(%q AS TEXT), '') FROM %q`, column, table) // #nosec G201 -- names from the schema
		show(name, strings.Join(e.texts(db, values), "\n"))
	}
}

// texts runs a query of one column.
func (e *erasure) texts(db *sql.DB, query string) (all []string) {
	e.Helper()
	rows, err := db.QueryContext(e.Context(), query)
	if err != nil {
		e.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }() // rows.Err says what went wrong
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			e.Fatalf("%s: %v", query, err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		e.Fatalf("%s: %v", query, err)
	}
	return all
}

// noJobs waits until nothing is left to do; what was given up is left, too.
func (e *erasure) noJobs() {
	e.Helper()
	db := e.open()
	defer func() { _ = db.Close() }() // only read from
	eventually(e, "no jobs are left", func() bool { return len(e.texts(db, `SELECT id FROM jobs`)) == 0 })
}
