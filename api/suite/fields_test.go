package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/openapi"
)

// Every field of every JSON body in the contract, wrong in every way that the
// contract knows: each is refused by its name, and nothing is stored.
func TestEveryFieldOfEveryBody(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		calls := s.bodyCalls(t)
		before := s.stored(t)
		sent := 0
		for _, name := range slices.Sorted(maps.Keys(calls)) {
			t.Run(name, func(t *testing.T) {
				sent += calls[name].refusals(t)
			})
		}
		if len(calls) < 20 || sent < 700 {
			t.Errorf("%d calls with %d wrong bodies: the contract has more", len(calls), sent)
		}
		s.wantStored(t, before)
	})
}

// bodyCall is an operation that takes JSON, and whoever may send it.
type bodyCall struct {
	client       *apitest.Client
	method, path string
	schema       *openapi3.Schema
}

// bodyCalls are all of the contract.
func (s *system) bodyCalls(t *testing.T) map[string]bodyCall {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(openapi.V1())
	must(t, err)
	r := file(t, s.Client, pothole(inSundsvall, nil))
	admin, operator := s.staff(t, auth.Administrator, sundsvall), s.staff(t, auth.Operator, "")
	fill := strings.NewReplacer("{id}", r.Id, "{photo}", r.Id, "{code}", sundsvall, "{service}", "pothole")
	calls := map[string]bodyCall{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.RequestBody == nil || op.RequestBody.Value.Content["application/json"] == nil {
				continue
			}
			call := bodyCall{admin, method, fill.Replace(path), op.RequestBody.Value.Content["application/json"].Schema.Value}
			switch {
			case op.OperationID == "putRules":
				call.client = operator
			case op.Security != nil && slices.ContainsFunc(*op.Security, func(r openapi3.SecurityRequirement) bool { return len(r) == 0 }):
				call.client = s.Client
			}
			if slices.ContainsFunc(op.Parameters, func(p *openapi3.ParameterRef) bool { return p.Value.Name == "If-Match" }) {
				call.client = call.client.With("If-Match", `"1"`)
			}
			calls[op.OperationID] = call
		}
	}
	return calls
}

// refusals sends everything that is wrong and returns how much that was.
func (c bodyCall) refusals(t *testing.T) int {
	t.Helper()
	good, err := sample(c.schema)
	must(t, err)
	if err := c.schema.VisitJSON(good); err != nil {
		t.Fatalf("the body to begin with is not a good one: %v", err)
	}
	wrongs := wrongsOf(c.schema, "", good)
	text, err := json.Marshal(good)
	must(t, err)
	wrongs = append(wrongs, misfit{"trailing bytes", "", append(text, 'x')}, misfit{"half of it", "", text[:len(text)-1]})
	for _, w := range wrongs {
		res := c.client.WithTest(t).Send(c.method, c.path, w.body(t))
		if res.Status != http.StatusUnprocessableEntity && res.Status != http.StatusBadRequest {
			t.Errorf("%s, %s: got %d\n%s", w.at, w.what, res.Status, res)
			continue
		}
		var p apitest.Problem
		if res.JSON(&p); !slices.ContainsFunc(p.Errors, named(w.at)) {
			t.Errorf("%q, %s: the problem names %v", w.at, w.what, p.Errors)
		}
	}
	return len(wrongs)
}

// misfit is a body that is wrong at one place.
type misfit struct {
	what, at string // at is a JSON pointer
	value    any    // JSON, or bytes as they are sent
}

// broken stands in a body for a byte that is not UTF-8; JSON cannot write it.
const broken = "\ue0ff"

func (w misfit) body(t *testing.T) []byte {
	t.Helper()
	if data, ok := w.value.([]byte); ok {
		return data
	}
	data, err := json.Marshal(w.value)
	must(t, err)
	return bytes.ReplaceAll(data, []byte(broken), []byte{0xFF})
}

// wrongsOf are the bodies that are good but for the value at a place, or for one
// below it. good is the whole value of the schema.
func wrongsOf(s *openapi3.Schema, at string, good any) []misfit {
	var all []misfit
	for what, v := range wrongValues(s, good) {
		all = append(all, misfit{what, at, v})
	}
	switch value := good.(type) {
	case map[string]any:
		all = append(all, misfit{"an unknown member", at + "/surprise", withMember(value, "surprise", struct{}{})})
		if s.AdditionalProperties.Schema != nil { // any name will do; what it holds is of one kind
			all = all[:len(all)-1]
		}
		for name, v := range value {
			for _, w := range wrongsOf(member(s, name), at+"/"+name, v) {
				all = append(all, misfit{w.what, w.at, withMember(value, name, w.value)})
			}
			if slices.Contains(s.Required, name) {
				all = append(all, misfit{"absent", at + "/" + name, withMember(value, name, nil)})
			}
		}
	case []any:
		for _, w := range wrongsOf(s.Items.Value, at+"/0", value[0]) {
			all = append(all, misfit{w.what, w.at, []any{w.value}})
		}
	}
	return all
}

// withMember copies an object with one member set, or left out where v is nil.
func withMember(object map[string]any, name string, v any) map[string]any {
	other := maps.Clone(object)
	if delete(other, name); v != nil {
		other[name] = v
	}
	return other
}

func member(s *openapi3.Schema, name string) *openapi3.Schema {
	if p := s.Properties[name]; p != nil {
		return p.Value
	}
	return s.AdditionalProperties.Schema.Value
}

// wrongValues are what a schema takes no more, by what is wrong with them.
func wrongValues(s *openapi3.Schema, good any) map[string]any {
	all := map[string]any{"another type": []any{struct{}{}}}
	kinds := s.OneOf != nil
	if kinds {
		s = s.OneOf[0].Value // the kind of the sample
	}
	switch value := good.(type) {
	case string:
		all["a control character"], all["half a character"] = "a\x00b", "a"+broken+"b"
		if !kinds {
			all["a number"] = 7
		}
		if bound := s.MaxLength; bound != nil {
			all["too long"] = strings.Repeat("a", int(*bound)+1)
		} else if s.Enum == nil {
			all["as long as a body"] = strings.Repeat("a", 60_000) // a text without a bound could fill the database
		}
		if s.MinLength > 0 {
			all["too short"] = strings.Repeat("a", int(s.MinLength)-1)
		}
		if s.Enum != nil {
			all["unknown"] = "surprise"
		}
	case float64:
		all["a number in words"] = "7"
		if s.Min != nil {
			all["too little"] = *s.Min - 1
		}
		if s.Max != nil {
			all["too much"] = *s.Max + 1
		}
	case bool:
		all["a truth in words"] = "yes"
	case []any:
		all["another type"] = "x"
		if s.MaxItems != nil {
			all["too many"] = slices.Repeat([]any{least(s.Items.Value, value[0])}, int(*s.MaxItems)+1)
		}
		if s.MinItems > 0 {
			all["too few"] = []any{}
		}
	case map[string]any:
		if s.MaxProps != nil {
			many := map[string]any{}
			for i := range *s.MaxProps + 1 {
				many[fmt.Sprint("key", i)] = value["key"]
			}
			all["too many"] = many
		}
	}
	return all
}

// least is a good value with the members only that must be there, so that many of
// them fit into a body.
func least(s *openapi3.Schema, good any) any {
	object, ok := good.(map[string]any)
	if !ok {
		return good
	}
	some := maps.Clone(object)
	maps.DeleteFunc(some, func(name string, _ any) bool { return !slices.Contains(s.Required, name) })
	return some
}

// sample is a value that a schema takes, with all of its members.
func sample(s *openapi3.Schema) (any, error) {
	switch {
	case s.OneOf != nil:
		return sample(s.OneOf[0].Value)
	case s.Type.Includes("object"):
		return sampleObject(s)
	case s.Type.Includes("array"):
		item, err := sample(s.Items.Value)
		return []any{item}, err
	case s.Type.Includes("boolean"):
		return true, nil
	}
	candidates := []any{
		s.Example, 0.5, 100.0, "pothole", "2281", "kim@example.org", "0198c0de-7b1a-7c3e-9f00-5a1d2b3c4d5e", "123456", "2026-01-31",
		"0123456789abcdef0123", strings.Repeat("A", 87), "https://push.example.org/x",
	}
	for _, v := range append(s.Enum, candidates...) {
		if v != nil && s.VisitJSON(v) == nil {
			return v, nil
		}
	}
	return nil, fmt.Errorf("none of the samples is a %v %q", *s.Type, s.Pattern)
}

func sampleObject(s *openapi3.Schema) (any, error) {
	object := map[string]any{}
	var err error
	if s.AdditionalProperties.Schema != nil {
		object["key"], err = sample(s.AdditionalProperties.Schema.Value)
	}
	for name, p := range s.Properties {
		var failed error
		if object[name], failed = sample(p.Value); failed != nil {
			err = fmt.Errorf("%s: %w", name, failed)
		}
	}
	return object, err
}
