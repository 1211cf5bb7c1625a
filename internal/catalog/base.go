package catalog

import (
	"bytes"
	_ "embed" // the base catalogue is data
	"encoding/json"
	"fmt"
	"sync"
)

// baseJSON is the base catalogue. It is Kantsten's own text; its codes are part
// of the API and stay for good.
//
//go:embed base.json
var baseJSON []byte

// base parses the embedded catalogue once. It can fail only if the program was
// built from a broken file, which a test of this package would have refused;
// what is left then is an empty catalogue, and no panic.
var base = sync.OnceValue(func() *Catalogue {
	c, err := parse(baseJSON)
	if err != nil {
		return newCatalogue(nil, nil)
	}
	return c
})

// Base returns the services that every jurisdiction has unless it overrides
// them. Every call returns the same catalogue.
func Base() *Catalogue { return base() }

// parse reads a catalogue document and checks all of it.
func parse(doc []byte) (*Catalogue, error) {
	var file struct {
		Groups   map[string]Text `json:"groups"`
		Services []Service       `json:"services"`
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("parse catalogue: %w", err)
	}
	c := newCatalogue(file.Services, file.Groups)
	if faults := c.faults(); len(faults) > 0 {
		return nil, fmt.Errorf("check catalogue: %d faults, the first: %s: %s", len(faults), faults[0].Field, faults[0].Detail)
	}
	return c, nil
}
