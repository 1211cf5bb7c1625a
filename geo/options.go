package geo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ReadOptions says how features stand in a file or table. The zero value reads
// areas and guesses.
type ReadOptions struct {
	// Kind is what the features must be.
	Kind Kind
	// Layer is the layer or table of a container that may hold several. Left
	// empty, it is the only one there is; of several one must be named.
	Layer string
	// CodeProperty and NameProperty name the properties that hold a feature's code
	// and name, upper and lower case being the same; a feature without a value
	// there is an error. Left empty, they are guessed among the usual ones; a
	// feature without a known name is named by its code, one without a known code
	// has its id in the file.
	CodeProperty, NameProperty string
	// PadCode fills codes that are numbers up with leading zeros to so many
	// digits: 4 makes "0114" of 114. Codes that are strings stay as they are.
	PadCode int
	// MaxVertices is how many vertices one feature may have, 10 million by
	// default; MaxFeatures how many features are read, 10 million by default;
	// MaxBytes how long the file may be after decompression, 16 GiB by default.
	MaxVertices, MaxFeatures int
	MaxBytes                 int64
}

// WithDefaults returns the options with every limit that is not given at its
// default, as readers use them.
func (o ReadOptions) WithDefaults() ReadOptions {
	if o.MaxVertices <= 0 {
		o.MaxVertices = 10_000_000
	}
	if o.MaxFeatures <= 0 {
		o.MaxFeatures = 10_000_000
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 16 << 30
	}
	return o
}

// The usual properties, the better ones first: those of Lantmäteriet, SCB,
// OpenStreetMap and Eurostat's LAU.
func codeProperties() []string {
	return []string{
		"kommunkod", "knkod", "kommun_kod", "municipality_code", "ref:scb", "kom_kod", "kommunnr",
		"lau_id", "lau_code", "code", "kod", "id",
	}
}

func nameProperties() []string {
	return []string{
		"kommunnamn", "knnamn", "kommun_namn", "municipality_name", "kom_namn", "namn",
		"lau_name", "name:sv", "name", "nam",
	}
}

// Property is an attribute of a feature as it stands in a file: Value is the
// text, or the number as it is written, and then Numeric is true. An empty Value
// is the same as no property.
type Property struct {
	Name, Value string
	Numeric     bool
}

// Identify chooses a feature's code and name among its properties, and pads the
// code, as the options say; id is what the file itself calls the feature, if
// anything. It is an error if there is no code, or no value in a property that
// the options name. All readers identify features by it.
func (o ReadOptions) Identify(id Property, props []Property) (code, name string, err error) {
	found := identity{opts: o, id: id}
	for _, p := range props {
		found.consider(p)
	}
	return found.result()
}

var errNoCode = errors.New("it has no code")

// identity keeps the best properties for code and name while a feature is read.
type identity struct {
	opts           ReadOptions
	id, code, name Property
	codeAt, nameAt int // place of the property found in the list of usual ones, plus one
}

// wants tells whether a property of that name may hold the code or the name.
func (i *identity) wants(name string) bool {
	return place(name, i.opts.CodeProperty, codeProperties) > 0 || place(name, i.opts.NameProperty, nameProperties) > 0
}

// consider keeps a property if it is the best so far.
func (i *identity) consider(p Property) {
	if p.Value = strings.TrimSpace(p.Value); p.Value == "" {
		return
	}
	if at := place(p.Name, i.opts.CodeProperty, codeProperties); at > 0 && (i.codeAt == 0 || at < i.codeAt) {
		i.code, i.codeAt = p, at
	}
	if at := place(p.Name, i.opts.NameProperty, nameProperties); at > 0 && (i.nameAt == 0 || at < i.nameAt) {
		i.name, i.nameAt = p, at
	}
}

// place returns how good a property is, 1 being the best and 0 none.
func place(name, wanted string, usual func() []string) int {
	if wanted != "" {
		if strings.EqualFold(name, wanted) {
			return 1
		}
		return 0
	}
	return slices.Index(usual(), strings.ToLower(name)) + 1
}

// result returns the code, padded, and the name.
func (i *identity) result() (code, name string, err error) {
	if code, err = i.paddedCode(); err != nil {
		return "", "", err
	}
	switch {
	case i.name.Value != "":
		return code, i.name.Value, nil
	case i.opts.NameProperty != "":
		return "", "", fmt.Errorf("code %s: no property %q with a name", code, i.opts.NameProperty)
	}
	return code, code, nil
}

func (i *identity) paddedCode() (string, error) {
	p := i.code
	if p.Value == "" && i.opts.CodeProperty == "" {
		p = i.id
	}
	code := strings.TrimSpace(p.Value)
	switch {
	case code == "" && i.opts.CodeProperty != "":
		return "", fmt.Errorf("no property %q with a code", i.opts.CodeProperty)
	case code == "":
		return "", errors.New("no property with a code; say which one holds it")
	case !p.Numeric:
		return code, nil
	case strings.Trim(code, "0123456789") != "":
		return "", fmt.Errorf("the code %s is a number, but not a whole one", code)
	}
	if missing := i.opts.PadCode - len(code); missing > 0 {
		code = strings.Repeat("0", min(missing, maxTextBytes)) + code
	}
	return code, nil
}
