package routing

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/problem"
)

// Limits on a list of rules.
const (
	maxRules      = 500
	maxServices   = 100 // in one rule
	maxOwners     = 100
	maxOwnerRunes = 100
	maxNoteRunes  = 1000
	maxNotes      = 10
)

var (
	ruleID    = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	layerForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	langForm  = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
)

// reserved are the ids of what decides where no rule does: a rule of that name
// would make a trace lie.
var reserved = [...]string{RuleArea, RuleNearest, RuleHandOver, RuleReturned, RuleTriage, RuleSuccession, RuleNoHeir}

// faults returns what is wrong with the rules of a jurisdiction, or with an empty
// code of the installation, each with a pointer to where; nil if nothing is.
func (s *Snapshot) faults(of string, rules []Rule) *problem.Error {
	if len(rules) > maxRules {
		return problem.Field("/rules", "too-many", "at most %d rules", maxRules)
	}
	check := ruleCheck{on: s, of: of, seen: map[string]bool{}}
	for i := range rules {
		check.at = "/rules/" + strconv.Itoa(i)
		check.rule(&rules[i])
	}
	return problem.Invalidity(check.faults)
}

// ruleCheck goes through a list of rules.
type ruleCheck struct {
	on     *Snapshot
	of     string
	at     string // pointer to the rule
	seen   map[string]bool
	faults []problem.FieldError
}

func (c *ruleCheck) fault(field, code, format string, args ...any) {
	c.faults = append(c.faults, problem.FieldError{Field: c.at + field, Code: code, Detail: fmt.Sprintf(format, args...)})
}

func (c *ruleCheck) rule(r *Rule) {
	c.id(r.ID)
	c.area(r.Area)
	c.services(r)
	c.layer(r)
	c.outcome(r)
	c.note(r.Note)
}

func (c *ruleCheck) id(id string) {
	switch {
	case len(id) > 64 || !ruleID.MatchString(id):
		c.fault("/id", "pattern", "an id has 1 to 64 lower-case letters, digits and single hyphens")
	case slices.Contains(reserved[:], id):
		c.fault("/id", "reserved", "%q is what traces call it when no rule decides", id)
	case c.seen[id]:
		c.fault("/id", "duplicate", "another rule of the list has the id %q", id)
	}
	c.seen[id] = true
}

func (c *ruleCheck) area(area string) {
	if area == "" || area == c.of {
		return
	}
	if c.of != installation {
		c.fault("/area", "elsewhere", "the rules of %s apply in %s only", c.of, c.of)
	} else if j, ok := c.on.jurisdictions[area]; !ok || j.Code != area {
		c.fault("/area", "unknown", "no jurisdiction has the code %q", area)
	}
}

func (c *ruleCheck) services(r *Rule) {
	if len(r.Services) > maxServices {
		c.fault("/services", "too-many", "at most %d services", maxServices)
		return
	}
	place := r.Area
	if c.of != installation {
		place = c.of
	}
	base, own := catalog.Base(), c.on.jurisdictions[place].Catalogue()
	for i, code := range r.Services {
		_, known := base.Service(code)
		if _, knownHere := own.Service(code); !known && !knownHere {
			c.fault("/services/"+strconv.Itoa(i), "unknown", "there is no service %q", code)
		}
	}
}

func (c *ruleCheck) layer(r *Rule) {
	switch {
	case r.Layer == Municipality:
		c.fault("/layer", "unknown", "the layer %s holds no owners; name an area instead", Municipality)
	case r.Layer != "" && (len(r.Layer) > 64 || !layerForm.MatchString(r.Layer)):
		c.fault("/layer", "pattern", "a layer has 1 to 64 lower-case letters, digits and single hyphens")
	case r.Layer == "" && (r.WithinM != 0 || len(r.Owners) > 0 || r.Contact):
		c.fault("/layer", "required", "a distance, owners and a contact need the layer that they are about")
	}
	if !(r.WithinM >= 0 && r.WithinM <= maxReachM) {
		c.fault("/within_m", "out-of-range", "a distance is from 0 to %d metres", maxReachM)
	}
	if len(r.Owners) > maxOwners {
		c.fault("/owners", "too-many", "at most %d owners", maxOwners)
		return
	}
	for i, owner := range r.Owners {
		c.owner("/owners/"+strconv.Itoa(i), owner)
	}
}

func (c *ruleCheck) owner(field, owner string) {
	switch n := utf8.RuneCountInString(owner); {
	case n == 0 || n > maxOwnerRunes:
		c.fault(field, "length", "an owner has 1 to %d characters", maxOwnerRunes)
	case strings.Contains(strings.TrimSuffix(owner, "*"), "*"):
		c.fault(field, "pattern", "a * stands at the end only, for all owners that begin so")
	}
	c.text(field, owner)
}

func (c *ruleCheck) outcome(r *Rule) {
	switch r.Outcome {
	case ToJurisdiction:
		if _, ok := c.on.jurisdictions[r.To]; !ok {
			c.fault("/to", "unknown", "no jurisdiction has the code or alias %q", r.To)
		}
		return
	case ToOwner:
		if r.Layer == "" {
			c.fault("/layer", "required", "the outcome %s needs the layer that says who that is", ToOwner)
		}
	case Stay:
	default:
		c.fault("/outcome", "unknown", "an outcome is %s, %s or %s", ToJurisdiction, ToOwner, Stay)
	}
	if r.To != "" {
		c.fault("/to", "unexpected", "only the outcome %s goes to somebody named", ToJurisdiction)
	}
}

func (c *ruleCheck) note(note catalog.Text) {
	if len(note) > maxNotes {
		c.fault("/note", "too-many", "at most %d languages", maxNotes)
		return
	}
	for lang, text := range note {
		field := "/note/" + lang
		if !langForm.MatchString(lang) {
			c.fault("/note", "unknown", "a note is given by language, such as sv")
			continue
		}
		if n := utf8.RuneCountInString(text); n == 0 || n > maxNoteRunes {
			c.fault(field, "length", "a note has 1 to %d characters", maxNoteRunes)
		}
		c.text(field, text)
	}
}

func (c *ruleCheck) text(field, text string) {
	if code, detail := problem.TextFault(text); code != "" {
		c.fault(field, code, "the text %s", detail)
	}
}
