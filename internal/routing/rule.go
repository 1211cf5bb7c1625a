package routing

import (
	"crypto/sha256"
	_ "embed" // the defaults
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/kantsten/kantsten/internal/catalog"
)

// Outcome says where a rule sends reports.
type Outcome string

// The outcomes.
const (
	ToJurisdiction Outcome = "jurisdiction" // to the one that the rule names
	ToOwner        Outcome = "owner"        // to whoever owns what stands there
	Stay           Outcome = "stay"         // to the area, whatever later rules say
)

// Rule says where reports of some services go where somebody owns what stands
// there, or everywhere. What a rule leaves out does not restrict it. The first
// rule that applies decides.
type Rule struct {
	ID       string   `json:"id"`
	Area     string   `json:"area,omitempty"`     // code of the jurisdiction whose area it is about
	Services []string `json:"services,omitempty"` // their codes
	// Layer must have a feature here: one that holds the position, or a line or
	// point that is the nearest of its layer and at most WithinM metres away.
	Layer   string  `json:"layer,omitempty"`
	WithinM float64 `json:"within_m,omitempty"`
	// Owners are the codes of which the feature must have one, in any case of the
	// letters; one that ends with * stands for all that begin so.
	Owners  []string `json:"owners,omitempty"`
	Outcome Outcome  `json:"outcome"`
	To      string   `json:"to,omitempty"` // code or alias, for ToJurisdiction
	// Contact gives the resident the contact of the feature's owner.
	Contact bool         `json:"contact,omitempty"`
	Note    catalog.Text `json:"note,omitempty"` // for the resident
}

// covers reports whether the rule is about a service in an area.
func (r *Rule) covers(area, service string) bool {
	return (r.Area == "" || r.Area == area) && (len(r.Services) == 0 || slices.Contains(r.Services, service))
}

// met reports whether the layer that the rule asks for has such a feature here.
func (r *Rule) met(here map[string]Hit) bool {
	if r.Layer == "" {
		return true
	}
	hit, ok := here[r.Layer]
	return ok && hit.DistanceM <= r.WithinM && r.wants(hit.Code)
}

func (r *Rule) wants(owner string) bool {
	return len(r.Owners) == 0 || slices.ContainsFunc(r.Owners, func(wanted string) bool {
		if start, open := strings.CutSuffix(wanted, "*"); open {
			return len(owner) >= len(start) && strings.EqualFold(owner[:len(start)], start)
		}
		return strings.EqualFold(owner, wanted)
	})
}

// RuleList is rules in the order in which they are asked. It is named by its
// content and never changed, so what it once decided can be explained.
type RuleList struct {
	SHA256 string
	Rules  []Rule
}

// NewRuleList names rules by their content.
func NewRuleList(rules []Rule) RuleList {
	l := RuleList{Rules: rules}
	sum := sha256.Sum256(l.JSON())
	l.SHA256 = hex.EncodeToString(sum[:])
	return l
}

// JSON returns the rules as they are stored.
func (l RuleList) JSON() []byte {
	b, err := json.Marshal(append([]Rule{}, l.Rules...))
	if err != nil {
		panic(fmt.Sprintf("routing: a rule holds finite numbers and strings only: %v", err))
	}
	return b
}

// ReadRuleList reads stored rules and makes sure that they are what they are
// called.
func ReadRuleList(sha256 string, b []byte) (RuleList, error) {
	var rules []Rule
	if err := json.Unmarshal(b, &rules); err != nil {
		return RuleList{}, fmt.Errorf("read rule list %s: %w", sha256, err)
	}
	l := NewRuleList(rules)
	if l.SHA256 != sha256 {
		return RuleList{}, fmt.Errorf("rule list %s is not what it was", sha256)
	}
	return l, nil
}

// Whose rules are asked after those of the area: those of the installation, and
// those that hold for all of Sweden. No jurisdiction has such a code.
const (
	installation = ""
	national     = "*"
)

//go:embed defaults.json
var defaults []byte

// Defaults are the rules that hold in all of Sweden where nobody has others. They
// ask for a layer of road owners, so without one they do nothing.
func Defaults() RuleList {
	var rules []Rule
	if err := json.Unmarshal(defaults, &rules); err != nil {
		panic(fmt.Sprintf("routing: the embedded rules are tested: %v", err))
	}
	return NewRuleList(rules)
}
