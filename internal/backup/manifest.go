package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// format is the version of the form of a backup.
const format = 1

const (
	manifestName  = "manifest.json"
	blobListName  = "blobs.ndjson.gz"
	erasuresName  = "erasures.ndjson.gz"
	secretsName   = "secrets.json"
	blobsFolder   = "blobs"
	tablesFolder  = "tables"
	maxManifest   = 4 << 20 // bytes; it grows with the number of tables only
	maxSecrets    = 64 << 10
	maxTableNames = 10_000
)

// Sum tells a file from every other.
type Sum struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hex
}

// List is a file of lines.
type List struct {
	Lines int64 `json:"lines"` // without a table's line of columns
	Sum
}

// TableList is a table's rows.
type TableList struct {
	Name string `json:"name"`
	List
}

// Manifest says what a backup holds. Through it and blobs.ndjson.gz every file
// is bound by its hash.
type Manifest struct {
	Format   int         `json:"format"`
	Program  string      `json:"program"` // version that wrote it
	Schema   int64       `json:"schema"`
	TakenAt  time.Time   `json:"taken_at"` // what was committed before is in it
	Tables   []TableList `json:"tables"`   // in the order to load them
	Blobs    List        `json:"blobs"`
	Erasures List        `json:"erasures"`
	Secrets  *Sum        `json:"secrets,omitempty"`
}

// Rows returns how many rows of a table are in the backup.
func (m Manifest) Rows(table string) int64 {
	for _, t := range m.Tables {
		if t.Name == table {
			return t.Lines
		}
	}
	return 0
}

func (t TableList) path() string { return tablesFolder + "/" + t.Name + ".ndjson.gz" }

// tableName is what a table may be called, so that it also is a file's name.
var tableName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// parseManifest reads a manifest and checks that it can be acted on.
func parseManifest(data []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return Manifest{}, fmt.Errorf("%s is damaged: not the JSON object that is expected", manifestName)
	}
	if m.Format > format {
		return Manifest{}, fmt.Errorf("the backup has format %d, this program reads up to %d: use a newer one", m.Format, format)
	}
	if m.Format < 1 || m.Schema < 1 || len(m.Tables) == 0 || len(m.Tables) > maxTableNames {
		return Manifest{}, errors.New(manifestName + " is damaged: format, schema or tables are missing")
	}
	seen := map[string]bool{}
	for _, t := range m.Tables {
		if !tableName.MatchString(t.Name) || seen[t.Name] {
			return Manifest{}, fmt.Errorf("%s is damaged: %.80q is not the name of a table, or stands there twice", manifestName, t.Name)
		}
		seen[t.Name] = true
	}
	return m, nil
}

// blobLine is a line of blobs.ndjson.gz: one for each file that a row refers to,
// in the order of tables and rows.
type blobLine struct {
	Name string `json:"name"`
	Sum
	// LeftOut files were gone when they were to be copied, because the row is gone
	// by now. The row is left out of a restore.
	LeftOut bool `json:"left_out,omitempty"`
}
