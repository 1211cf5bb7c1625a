package api

import (
	"regexp"

	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/tenant"
)

// toServices shows a jurisdiction's catalogue, or the base one, in a language.
func toServices(e tenant.Entry, lang string) []Service {
	c := e.Catalogue
	if c == nil {
		c = catalog.Base()
	}
	all := c.Services()
	wire := make([]Service, len(all))
	for i, svc := range all {
		wire[i] = toService(svc, lang)
	}
	return wire
}

func toService(svc catalog.Service, lang string) Service {
	wire := Service{
		Code: svc.Code, Name: svc.Name.In(lang), Description: svc.Description.In(lang),
		Group: svc.GroupName.In(lang), Keywords: svc.KeywordsIn(lang), Attributes: []Attribute{},
	}
	for i, a := range svc.Attributes {
		wire.Attributes = append(wire.Attributes, toAttribute(a, i+1, lang))
	}
	return wire
}

func toAttribute(a catalog.Attribute, order int, lang string) Attribute {
	wire := Attribute{
		Code: a.Code, Datatype: AttributeDatatype(a.Datatype), Required: a.Required, Notice: !a.Variable,
		Label: a.Name.In(lang), Hint: a.Hint.In(lang), Order: order,
	}
	for _, v := range a.Values {
		wire.Values = append(wire.Values, AttributeChoice{Key: v.Key, Name: v.Name.In(lang)})
	}
	return wire
}

// toOverride reads what a jurisdiction changes about a service. A service that
// the base catalogue does not know is the jurisdiction's own.
func toOverride(code string, o ServiceOverride) catalog.Override {
	out := catalog.Override{
		Code: code, Disabled: o.Disabled, Name: catalog.Text(o.Name), Description: catalog.Text(o.Description),
		Attributes: toAttributes(o.Attributes),
	}
	if _, known := catalog.Base().Service(code); !known {
		out.New = &catalog.Service{
			Code: code, Name: out.Name, Description: out.Description, Group: o.Group, Attributes: out.Attributes,
		}
		out.Name, out.Description, out.Attributes = nil, nil, nil
	}
	return out
}

func toAttributes(settings []AttributeSettings) []catalog.Attribute {
	var as []catalog.Attribute
	for _, set := range settings {
		a := catalog.Attribute{
			Code: set.Code, Name: catalog.Text(set.Label), Hint: catalog.Text(set.Hint),
			Datatype: catalog.Datatype(set.Datatype), Required: set.Required, Variable: true,
		}
		for _, v := range set.Values {
			a.Values = append(a.Values, catalog.Value{Key: v.Key, Name: catalog.Text(v.Name)})
		}
		as = append(as, a)
	}
	return as
}

var (
	overrideAt  = regexp.MustCompile(`^/[0-9]+(/new)?`)
	attributeAt = regexp.MustCompile(`^(/attributes/[0-9]+)/name`)
)

// inOverride names a field of a jurisdiction's overrides as the call on one of
// them does.
func inOverride(field string) string {
	return attributeAt.ReplaceAllString(overrideAt.ReplaceAllString(field, ""), "$1/label")
}

func errHalfPosition(latMissing bool) error {
	missing := "lon"
	if latMissing {
		missing = "lat"
	}
	return problem.Field(missing, "required", "a position needs both lat and lon")
}
