package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// bytesJSON is a text that is not valid UTF-8, which SQLite can hold and JSON
// cannot.
type bytesJSON struct {
	Base64 []byte `json:"base64"`
}

// encodeRow writes a row as one line of JSON. Numbers come back exactly: Go
// writes the shortest text that reads as the same float64.
func encodeRow(r Row) ([]byte, error) {
	values := make([]any, len(r))
	for i, v := range r {
		values[i] = v
		if s, ok := v.(string); ok && !utf8.ValidString(s) {
			values[i] = bytesJSON{[]byte(s)}
		}
	}
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(values); err != nil { // not a number, or infinite
		return nil, fmt.Errorf("encode a row: %w", err)
	}
	return line.Bytes(), nil
}

// decodeRow is the inverse of encodeRow. It takes only what the columns hold.
func decodeRow(line []byte, columns []Column) (Row, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(line, &raw); err != nil {
		return nil, errors.New("a line is not a JSON array") // the decoder quotes values
	}
	if len(raw) != len(columns) {
		return nil, fmt.Errorf("a row has %d values for %d columns", len(raw), len(columns))
	}
	row := make(Row, len(raw))
	for i, v := range raw {
		var err error
		if row[i], err = decodeValue(v, columns[i].Type); err != nil {
			return nil, fmt.Errorf("column %s: not of type %s", columns[i].Name, columns[i].Type)
		}
	}
	return row, nil
}

func decodeValue(raw json.RawMessage, as Type) (any, error) {
	if string(raw) == "null" {
		return nil, nil
	}
	switch as {
	case Text:
		return decodeText(raw)
	case Int:
		return strconv.ParseInt(string(raw), 10, 64)
	case Float:
		return strconv.ParseFloat(string(raw), 64)
	case Bool:
		var b bool
		err := json.Unmarshal(raw, &b)
		return b, err
	}
	return nil, fmt.Errorf("%q is not a type", as)
}

func decodeText(raw json.RawMessage) (string, error) {
	if raw[0] == '{' {
		var b bytesJSON
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		err := dec.Decode(&b)
		return string(b.Base64), err
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err
}
