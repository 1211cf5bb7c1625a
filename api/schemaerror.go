package api

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/kantsten/kantsten/internal/problem"
)

// The stable codes of what can be wrong with a field by the contract alone. The
// domain adds its own.
const (
	codeRequired     = "required"
	codeType         = "type"
	codeTooLong      = "too-long"
	codeTooShort     = "too-short"
	codePattern      = "pattern"
	codeFormat       = "format"
	codeUnknown      = "unknown"
	codeUnknownField = "unknown-field"
	codeOutOfRange   = "out-of-range"
	codeTooMany      = "too-many"
	codeTooFew       = "too-few"
	codeDuplicate    = "duplicate"
	codeMalformed    = "malformed"
	codeTrailing     = "trailing-bytes"
	codeTooDeep      = "too-deep"
	codeInvalid      = "invalid"
)

// maxFieldErrors bounds an answer about a body that is wrong all over.
const maxFieldErrors = 50

// invalid makes one error of the fields, nil of none, at most maxFieldErrors.
func invalid(fields []problem.FieldError) error {
	if len(fields) == 0 {
		return nil
	}
	p := problem.Invalidity(fields[:min(len(fields), maxFieldErrors)])
	if len(fields) == 1 { // the codes' texts have no subject: "must be at least 1"
		p.Detail = cmp.Or(fields[0].Field, "the body") + " " + fields[0].Detail
	}
	return p
}

// schemaFields turns the validator's errors into field errors. Its texts are
// not used: they hold the schema and the value.
func schemaFields(err error) []problem.FieldError {
	var many openapi3.MultiError
	if errors.As(err, &many) && !isSchemaError(err) {
		var fields []problem.FieldError
		for _, sub := range many {
			if len(fields) >= maxFieldErrors {
				break
			}
			fields = append(fields, schemaFields(sub)...)
		}
		return fields
	}
	var one *openapi3.SchemaError
	if !errors.As(err, &one) {
		return []problem.FieldError{{Code: codeInvalid, Detail: "is not right"}}
	}
	path := one.JSONPointer()
	if one.SchemaField == "properties" {
		path = append(path, unknownProperty(one.Reason))
	}
	code, detail := describe(one)
	return []problem.FieldError{{Field: pointer(path), Code: code, Detail: detail}}
}

// isSchemaError reports whether err itself is about one value; the causes that
// it may hold are then its own affair.
func isSchemaError(err error) bool {
	_, ok := err.(*openapi3.SchemaError) //nolint:errorlint // the outermost error decides, not one inside
	return ok
}

// unknownProperty finds the name in the validator's only text that has it.
func unknownProperty(reason string) string {
	quoted := strings.TrimSuffix(strings.TrimPrefix(reason, "property "), " is unsupported")
	name, err := strconv.Unquote(quoted)
	if err != nil {
		return "?"
	}
	return clip(name)
}

// pointer writes an RFC 6901 JSON pointer.
func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(clip(p)))
	}
	return b.String()
}

// clip shortens a name that the caller made up, so that it can be repeated.
func clip(name string) string {
	const most = 100
	name = strings.ToValidUTF8(name, "\uFFFD")
	if utf8.RuneCountInString(name) <= most {
		return name
	}
	return string([]rune(name)[:most]) + "…"
}

// describe returns the stable code of what is wrong and a sentence that says
// what would be right.
func describe(e *openapi3.SchemaError) (code, detail string) {
	s := e.Schema
	if s == nil {
		return codeInvalid, "is not right"
	}
	switch e.SchemaField {
	case "required":
		return codeRequired, "is required"
	case "properties":
		return codeUnknownField, "is not known here"
	case "type":
		return codeType, "must be " + typeName(s)
	case "nullable":
		return codeType, "must not be null"
	case "oneOf", "anyOf", "allOf":
		return codeType, "is of no kind that is taken here"
	case "pattern":
		return codePattern, "does not have the right form" + example(s)
	case "format":
		return codeFormat, "must be a " + s.Format + " that exists" + example(s)
	case "enum":
		return codeUnknown, "must be one of " + choices(s.Enum)
	case "uniqueItems":
		return codeDuplicate, "holds the same item twice"
	}
	return describeBound(e.SchemaField, s)
}

// describeBound is describe for limits of length, size and number.
func describeBound(field string, s *openapi3.Schema) (code, detail string) {
	switch {
	case field == "maxLength" && s.MaxLength != nil:
		return codeTooLong, fmt.Sprintf("must be at most %d characters", *s.MaxLength)
	case field == "minLength":
		return codeTooShort, fmt.Sprintf("must be at least %d characters", s.MinLength)
	case field == "maximum" && s.Max != nil:
		return codeOutOfRange, fmt.Sprintf("must be at most %v", *s.Max)
	case field == "minimum" && s.Min != nil:
		return codeOutOfRange, fmt.Sprintf("must be at least %v", *s.Min)
	case field == "maxItems" && s.MaxItems != nil:
		return codeTooMany, fmt.Sprintf("must have at most %d items", *s.MaxItems)
	case field == "minItems":
		return codeTooFew, fmt.Sprintf("must have at least %d items", s.MinItems)
	case field == "maxProperties" && s.MaxProps != nil:
		return codeTooMany, fmt.Sprintf("must have at most %d members", *s.MaxProps)
	case field == "minProperties":
		return codeRequired, "must not be empty"
	}
	return codeInvalid, "is not right"
}

// typeName says which JSON types a schema takes.
func typeName(s *openapi3.Schema) string {
	names := map[string]string{
		"string": "a text", "number": "a number", "integer": "a whole number", "boolean": "true or false",
		"array": "a list", "object": "an object", "null": "null",
	}
	var takes []string
	if s.Type != nil {
		for _, t := range *s.Type {
			takes = append(takes, names[t])
		}
	}
	return strings.Join(takes, " or ")
}

// example quotes the contract's own example, if it has one.
func example(s *openapi3.Schema) string {
	if s.Example == nil {
		return ""
	}
	return fmt.Sprintf(", such as %v", s.Example)
}

func choices(enum []any) string {
	var words []string
	for _, v := range enum {
		words = append(words, fmt.Sprint(v))
	}
	return strings.Join(words, ", ")
}

// parameterField describes what is wrong with a parameter.
func parameterField(p *openapi3.Parameter, err error) problem.FieldError {
	f := problem.FieldError{Field: p.Name, Code: codeType, Detail: "must be " + typeName(p.Schema.Value)}
	var parse *openapi3filter.ParseError
	switch {
	case errors.Is(err, openapi3filter.ErrInvalidRequired):
		f.Code, f.Detail = codeRequired, "is required"
	case errors.Is(err, openapi3filter.ErrInvalidEmptyValue):
		f.Code, f.Detail = codeTooShort, "must not be empty"
	case errors.As(err, &parse):
	default:
		fields := schemaFields(errors.Unwrap(err))
		f.Code, f.Detail = fields[0].Code, fields[0].Detail
		if i := slices.IndexFunc(fields, func(f problem.FieldError) bool { return f.Code != codePattern }); i > 0 {
			f.Code, f.Detail = fields[i].Code, fields[i].Detail // a limit says more than "the wrong form"
		}
	}
	return f
}
