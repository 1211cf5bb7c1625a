package catalog

import (
	"maps"
	"slices"
	"strconv"

	"github.com/kantsten/kantsten/internal/problem"
)

// Override is what one jurisdiction changes about one service, as data. The
// zero value of a field changes nothing.
type Override struct {
	// Code is the service that is changed, or the new one's.
	Code string `json:"code"`
	// Disabled takes the service out of the jurisdiction's catalogue.
	Disabled bool `json:"disabled,omitempty"`
	// Name and Description replace the service's own, in all languages at once:
	// a service with a Swedish name of one kind and an English one of another
	// would be two services to its readers.
	Name        Text `json:"name,omitempty"`
	Description Text `json:"description,omitempty"`
	// Attributes are asked after the service's own; one with the code of an
	// existing attribute takes its place instead.
	Attributes []Attribute `json:"attributes,omitempty"`
	// New is a whole service that the base catalogue does not have. Its code
	// is the override's.
	New *Service `json:"new,omitempty"`
}

// For returns the catalogue that the overrides make of c, and leaves c as it
// is. It expects overrides that passed [Catalogue.Validate]; of others it
// ignores those that name no service, and the last of several for one service
// and field wins.
func (c *Catalogue) For(overrides []Override) *Catalogue {
	if len(overrides) == 0 {
		return c
	}
	services := make(map[string]Service, len(c.services)+len(overrides))
	for _, s := range c.services {
		services[s.Code] = s
	}
	for _, o := range overrides {
		s, ok := services[o.Code]
		if o.New != nil && !ok {
			s, ok = *o.New, true
			s.Code = o.Code
		}
		if ok {
			services[o.Code] = o.apply(s)
		}
	}
	for _, o := range overrides {
		if o.Disabled {
			delete(services, o.Code)
		}
	}
	return newCatalogue(slices.Collect(maps.Values(services)), c.groups)
}

// apply returns s as the override wants it. s is a copy, its attributes are
// not: they are cloned before they change.
func (o Override) apply(s Service) Service {
	if len(o.Name) > 0 {
		s.Name = o.Name
	}
	if len(o.Description) > 0 {
		s.Description = o.Description
	}
	if len(o.Attributes) == 0 {
		return s
	}
	s.Attributes = slices.Clone(s.Attributes)
	for _, a := range o.Attributes {
		same := func(b Attribute) bool { return b.Code == a.Code }
		if i := slices.IndexFunc(s.Attributes, same); i >= 0 {
			s.Attributes[i] = a
		} else {
			s.Attributes = append(s.Attributes, a)
		}
	}
	return s
}

// Validate returns what is wrong with overrides of c, nil if nothing is. The
// fields are JSON pointers into the list ("/0/name/en").
func (c *Catalogue) Validate(overrides []Override) *problem.Error {
	var f faults
	if len(overrides) > maxServiceSets {
		f.add("", "too-many", "at most 500 overrides")
		return problem.Invalidity(f)
	}
	seen := map[string]bool{}
	for i, o := range overrides {
		at := "/" + strconv.Itoa(i)
		f.unique(at+"/code", seen, o.Code)
		f.override(at, o, c)
	}
	if len(f) == 0 { // each is right alone; now together
		f = c.For(overrides).faults()
		for i := range f { // the pointers are into the result: name the list instead
			f[i] = problem.FieldError{Field: "", Code: f[i].Code, Detail: "the services would not be right together: " + f[i].Field + " " + f[i].Detail}
		}
	}
	return problem.Invalidity(f)
}

func (f *faults) override(at string, o Override, c *Catalogue) {
	_, exists := c.byCode[o.Code]
	switch {
	case o.New == nil && !exists:
		f.add(at+"/code", "unknown", "must be a service of the base catalogue, or come with a new one")
	case o.New != nil && exists:
		f.add(at+"/code", "duplicate", "the base catalogue has a service of this code")
	case o.New != nil:
		s := *o.New
		if s.Code != "" && s.Code != o.Code {
			f.add(at+"/new/code", "conflict", "must be the override's code, or left out")
		}
		s.Code = o.Code
		f.service(at+"/new", s, c.groups)
	}
	if len(o.Name) > 0 {
		f.text(at+"/name", o.Name, maxNameLength)
	}
	if len(o.Description) > 0 {
		f.text(at+"/description", o.Description, maxTextLength)
	}
	f.attributes(at+"/attributes", o.Attributes)
}
