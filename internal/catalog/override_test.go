package catalog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func both(s string) Text { return Text{"sv": s, "en": s} }

func TestForChangesACopyOnly(t *testing.T) {
	t.Parallel()
	before, err := json.Marshal(Base().Services())
	if err != nil {
		t.Fatal(err)
	}
	own := Attribute{Code: "parking-zone", Name: both("Zone"), Hint: both("One letter"), Datatype: String, Variable: true, Required: true}
	replaced := Attribute{Code: "size", Name: both("Size"), Hint: both("Centimetres"), Datatype: Number, Variable: true}
	overrides := []Override{
		{Code: "dead-animal", Disabled: true},
		{Code: "bin", Name: both("Rubbish bins"), Description: both("Bins in the street")},
		{Code: "pothole", Attributes: []Attribute{replaced, own}},
		{Code: "harbour", New: &Service{Name: both("Harbour"), Description: both("Quays"), Group: "water", Order: 25}},
	}
	if err := Base().Validate(overrides); err != nil {
		t.Fatal(err)
	}
	c := Base().For(overrides)

	if _, ok := c.Service("dead-animal"); ok {
		t.Error("a service that is switched off is still there")
	}
	if s, _ := c.Service("bin"); s.Name.In("sv") != "Rubbish bins" || s.Description.In("sv") != "Bins in the street" {
		t.Errorf("renamed service = %+v", s)
	}
	s, _ := c.Service("pothole")
	if s.Attributes[0].Datatype != Number || s.Attributes[len(s.Attributes)-1].Code != own.Code {
		t.Errorf("attributes = %+v: want size replaced in its place and the new one last", s.Attributes)
	}
	third := c.Services()[2]
	if third.Code != "harbour" || third.GroupName.In("en") == "" {
		t.Errorf("new service = %+v: want it third by its order, with its group's name", third)
	}
	if after, _ := json.Marshal(Base().Services()); string(after) != string(before) {
		t.Error("the base catalogue has changed")
	}
}

func TestForIgnoresWhatNamesNoService(t *testing.T) {
	t.Parallel()
	c := Base().For([]Override{{Code: "nonsense", Name: both("x")}, {Code: "", Disabled: true}})
	if got := len(c.Services()); got != 20 {
		t.Errorf("%d services, want 20", got)
	}
	if Base().For(nil) != Base() {
		t.Error("without overrides the base itself is wanted")
	}
}

func TestServicesIsACopy(t *testing.T) {
	t.Parallel()
	c := Base().For([]Override{{Code: "bin", Disabled: true}})
	list := c.Services()
	slices.Reverse(list)
	if c.Services()[0].Code != "pothole" {
		t.Error("a caller reordered the catalogue")
	}
}

// questionCodes returns n different codes, questions n different attributes.
func questionCodes(n int) []string {
	codes := make([]string, n)
	for i := range codes {
		codes[i] = fmt.Sprintf("q%d", i)
	}
	return codes
}

func questions(n int) []Attribute {
	var all []Attribute
	for _, code := range questionCodes(n) {
		all = append(all, Attribute{Code: code, Name: both("N"), Hint: both("H"), Datatype: String, Variable: true})
	}
	return all
}

func TestValidateNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	valid := Service{Name: both("N"), Description: both("D"), Group: "other"}
	tests := []struct {
		rule      string
		overrides []Override
		want      string // field:code of the first fault
	}{
		{"unknown service", []Override{{Code: "nonsense"}}, "/0/code:unknown"},
		{"twice", []Override{{Code: "bin"}, {Code: "bin"}}, "/1/code:duplicate"},
		{"rename in one language", []Override{{Code: "bin", Name: Text{"sv": "Korg"}}}, "/0/name/en:required"},
		{"line break in a name", []Override{{Code: "bin", Name: both("a\nb")}}, "/0/name/en:format"},
		{"name not UTF-8", []Override{{Code: "bin", Name: both("\xe5")}}, "/0/name/en:format"},
		{"name too long", []Override{{Code: "bin", Name: both(strings.Repeat("å", 101))}}, "/0/name/en:format"},
		{"language that needs escaping", []Override{{Code: "bin", Name: Text{"sv": "a", "en": "a", "a/b~": "\x00"}}}, "/0/name/a~1b~0:format"},
		{"new one of an old code", []Override{{Code: "bin", New: &valid}}, "/0/code:duplicate"},
		{"new one of two codes", []Override{{Code: "quay", New: &Service{Code: "pier", Name: both("N"), Description: both("D"), Group: "other"}}}, "/0/new/code:conflict"},
		{"new one of a bad code", []Override{{Code: "Quay!", New: &valid}}, "/0/new/code:format"},
		{"new one without a group", []Override{{Code: "quay", New: &Service{Name: both("N"), Description: both("D")}}}, "/0/new/group:unknown"},
		{"attribute without a type", []Override{{Code: "bin", Attributes: []Attribute{{Code: "x", Name: both("N"), Hint: both("H")}}}}, "/0/attributes/0/datatype:unknown"},
		{"attribute twice", []Override{{Code: "bin", Attributes: slices.Repeat([]Attribute{{Code: "x", Name: both("N"), Hint: both("H"), Datatype: String}}, 2)}}, "/0/attributes/1/code:duplicate"},
		{"a name that is taken", []Override{{Code: "bin", Name: Base().services[0].Name}}, ":duplicate"},
		{"too many", make([]Override, 501), ":too-many"},
		{"too many attributes", []Override{{Code: "bin", Attributes: make([]Attribute, 51)}}, "/0/attributes:too-many"},
		{"too many attributes together", []Override{{Code: "bin", Attributes: questions(49)}}, ":too-many"},
		{"too many values", []Override{{Code: "bin", Attributes: []Attribute{{Code: "x", Name: both("N"), Hint: both("H"), Datatype: SingleValueList, Values: make([]Value, 201)}}}}, "/0/attributes/0/values:too-many"},
		{"description in one language", []Override{{Code: "bin", Description: Text{"en": "Bins"}}}, "/0/description/sv:required"},
		{"too many keywords", []Override{{Code: "quay", New: &Service{Name: both("N"), Description: both("D"), Group: "other", Keywords: map[string][]string{"sv": questionCodes(51)}}}}, "/0/new/keywords/sv:too-many"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			err := Base().Validate(tt.overrides)
			if err == nil {
				t.Fatal("no error")
			}
			if got := err.Fields[0].Field + ":" + err.Fields[0].Code; got != tt.want {
				t.Errorf("first fault = %s, want %s", got, tt.want)
			}
		})
	}
}
