package geo

import (
	"strings"
	"testing"
)

func TestIdentify(t *testing.T) {
	t.Parallel()
	number := func(name, value string) Property { return Property{Name: name, Value: value, Numeric: true} }
	text := func(name, value string) Property { return Property{Name: name, Value: value} }
	tests := []struct {
		rule  string
		opts  ReadOptions
		id    Property
		props []Property
		code  string
		name  string
	}{
		{"the better property wins wherever it stands", ReadOptions{}, Property{},
			[]Property{text("ID", "7"), text("KnKod", "0114"), text("NAM", "x"), text("KnNamn", "Väsby")}, "0114", "Väsby"},
		{"an empty property is none", ReadOptions{}, Property{},
			[]Property{text("kommunkod", "  "), text("code", "a"), text("name", "")}, "a", "a"},
		{"a number is padded", ReadOptions{PadCode: 4}, Property{}, []Property{number("knkod", "114")}, "0114", "0114"},
		{"a text is not", ReadOptions{PadCode: 4}, Property{}, []Property{text("knkod", "114")}, "114", "114"},
		{"the file's own id is the last resort", ReadOptions{PadCode: 2}, number("fid", "3"), []Property{text("name", "x")}, "03", "x"},
		{"given properties", ReadOptions{CodeProperty: "nr", NameProperty: "TEXT"}, text("", "id"),
			[]Property{text("code", "a"), text("NR", "5"), text("text", "five")}, "5", "five"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			code, name, err := tt.opts.Identify(tt.id, tt.props)
			if err != nil || code != tt.code || name != tt.name {
				t.Errorf("code %q, name %q, %v; want %q, %q", code, name, err, tt.code, tt.name)
			}
		})
	}
}

func TestIdentifyRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule  string
		opts  ReadOptions
		props []Property
		want  string
	}{
		{"nothing", ReadOptions{}, nil, "no property with a code"},
		{"a given code that is missing, though there is an id", ReadOptions{CodeProperty: "nr"}, []Property{{Name: "code", Value: "1"}}, `no property "nr"`},
		{"a given name that is missing", ReadOptions{NameProperty: "label"}, []Property{{Name: "code", Value: "1"}}, `code 1: no property "label"`},
		{"half a number", ReadOptions{}, []Property{{Name: "code", Value: "1.5", Numeric: true}}, "not a whole one"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			id := Property{}
			if tt.opts.CodeProperty != "" {
				id.Value = "id"
			}
			if _, _, err := tt.opts.Identify(id, tt.props); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
