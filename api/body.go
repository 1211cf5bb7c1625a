package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/oapi-codegen/runtime"
)

const (
	// maxDepth is how many levels a JSON body may have; the contract needs seven.
	maxDepth = 32
	// maxValues is how many members and items a JSON body may have. Each wrong
	// one costs the validator some microseconds, and 64 KiB of them nearly half
	// a second. A longer body, as the contract allows for few calls, may have more:
	// one for each so many bytes.
	maxValues     = 4000
	bytesForValue = maxJSONBody / maxValues
)

// mostValues is how many members and items a body of so many bytes may have.
func mostValues(bytes int) int { return max(maxValues, bytes/bytesForValue) }

// checkedBody is a request body that has been read and checked. The generated
// code binds the checked value, so a body is decoded once.
type checkedBody struct {
	io.Reader
	value any
}

func newCheckedBody(data []byte, value any) io.ReadCloser {
	return checkedBody{bytes.NewReader(data), value}
}

// Close implements io.ReadCloser.
func (checkedBody) Close() error { return nil }

// ValidatedValue is what the generated code asks for.
func (b checkedBody) ValidatedValue() any { return b.value }

// decodeNewReport reads the JSON of a report where the edge could not: in a
// multipart body's part. The rules are the same as for a JSON body.
func decodeNewReport(data []byte) (NewReport, error) {
	contract, err := loadContract()
	if err != nil {
		return NewReport{}, err
	}
	value, err := decodeValid(data, contract.doc.Components.Schemas["NewReport"].Value)
	if err != nil {
		return NewReport{}, err
	}
	var report NewReport
	if err := runtime.BindJSONValue(value, &report); err != nil {
		return NewReport{}, fmt.Errorf("bind a report that obeys the contract: %w", err)
	}
	return report, nil
}

// decodeValid decodes JSON and checks it against the contract. Most bodies are
// right, so a pass that only says yes or no comes first.
func decodeValid(data []byte, schema *openapi3.Schema) (any, error) {
	value, err := decodeJSON(data)
	if err != nil {
		return nil, err
	}
	if schema.VisitJSON(value, yesOrNo...) == nil {
		return value, nil
	}
	return nil, invalid(schemaFields(schema.VisitJSON(value, everyFault...)))
}

// decodeJSON decodes one JSON value, more strictly than encoding/json: nothing
// may follow it, it must be UTF-8, members must not repeat, texts must not hold
// control characters, numbers must fit, and depth and size have limits. What is
// wrong with a member is a 422 that names it; the rest is a 400.
func decodeJSON(data []byte) (any, error) {
	if value, ok := decodePlain(data); ok {
		return value, nil
	}
	return decodeSlowly(data)
}

// decodePlain decodes a body in which nothing is wrong, at a third of the price
// of reading it token by token; anything suspicious is not ok.
func decodePlain(data []byte) (value any, ok bool) {
	shape := measure(data)
	if !utf8.Valid(data) || shape.depth > maxDepth || shape.values > mostValues(len(data)) {
		return nil, false
	}
	if json.Unmarshal(data, &value) != nil {
		return nil, false
	}
	members, ok := plain(value)
	return value, ok && members == shape.members // fewer: one stood twice
}

// shape is how much there is in a JSON text.
type shape struct{ members, values, depth int }

// measure counts without decoding; of a text that is not JSON it counts nonsense.
func measure(data []byte) shape {
	var s shape
	depth, inText := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == ':':
			s.members++
		case c == ',':
			s.values++
		case c == '{' || c == '[':
			s.values++
			depth++
			s.depth = max(s.depth, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return s
}

// plain counts the members in a value; ok is false if a text in it is not fit.
func plain(value any) (members int, ok bool) {
	switch v := value.(type) {
	case string:
		code, _ := problem.TextFault(v)
		return 0, code == ""
	case []any:
		for _, item := range v {
			n, ok := plain(item)
			if !ok {
				return 0, false
			}
			members += n
		}
	case map[string]any:
		members = len(v)
		for name, item := range v {
			n, ok := plain(item)
			if code, _ := problem.TextFault(name); !ok || code != "" {
				return 0, false
			}
			members += n
		}
	}
	return members, true
}

// decodeSlowly is decodeJSON for a body in which something may be wrong, and
// says what.
func decodeSlowly(data []byte) (any, error) {
	d := jsonReader{dec: json.NewDecoder(bytes.NewReader(data)), most: mostValues(len(data)), broken: !utf8.Valid(data)}
	d.dec.UseNumber()
	value, err := d.value()
	if err != nil {
		return nil, bodyProblem(err)
	}
	if _, err := d.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, badBody(codeTrailing, "something follows the JSON value")
	}
	if len(d.fields) > 0 {
		return nil, invalid(d.fields)
	}
	if d.broken {
		return nil, badBody(problem.NotUTF8, "the body is not UTF-8")
	}
	return value, nil
}

// badBody is a 400 about the body as a whole, whose JSON pointer is "".
func badBody(code, detail string) error {
	return &problem.Error{Kind: problem.BadRequest, Detail: detail, Fields: []problem.FieldError{{Field: "", Code: code, Detail: detail}}}
}

// bodyProblem says where JSON stops being JSON, without repeating any of it.
func bodyProblem(err error) error {
	if problem.As(err) != nil {
		return err
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return badBody(codeMalformed, fmt.Sprintf("the body is not JSON: byte %d does not belong there", syntax.Offset))
	}
	return badBody(codeMalformed, "the body is not JSON, or ends too early")
}

// jsonReader builds a value from tokens, so that depth and repeats are seen.
type jsonReader struct {
	dec    *json.Decoder
	path   []string
	fields []problem.FieldError
	values int
	most   int  // values
	broken bool // the body is not UTF-8; the decoder shows the place as U+FFFD
}

func (d *jsonReader) value() (any, error) {
	token, err := d.dec.Token()
	if err != nil {
		return nil, err
	}
	if d.values++; d.values > d.most {
		return nil, badBody(codeTooMany, fmt.Sprintf("the body has more than %d members and items", d.most))
	}
	switch t := token.(type) {
	case json.Delim:
		if len(d.path) >= maxDepth {
			return nil, badBody(codeTooDeep, fmt.Sprintf("the body has more than %d levels", maxDepth))
		}
		if t == '{' {
			return d.object()
		}
		return d.array()
	case string:
		d.checkText(t)
	case json.Number:
		return d.number(t), nil
	}
	return token, nil
}

func (d *jsonReader) object() (any, error) {
	object := map[string]any{}
	for d.dec.More() {
		token, err := d.dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // the decoder takes nothing else here
		d.path = append(d.path, name)
		if _, twice := object[name]; twice {
			d.fault(codeDuplicate, "stands more than once")
		}
		d.checkText(name)
		if object[name], err = d.value(); err != nil {
			return nil, err
		}
		d.path = d.path[:len(d.path)-1]
	}
	_, err := d.dec.Token() // the closing brace
	return object, err
}

func (d *jsonReader) array() (any, error) {
	array := []any{}
	for d.dec.More() {
		d.path = append(d.path, strconv.Itoa(len(array)))
		value, err := d.value()
		if err != nil {
			return nil, err
		}
		array = append(array, value)
		d.path = d.path[:len(d.path)-1]
	}
	_, err := d.dec.Token() // the closing bracket
	return array, err
}

// number returns a float64; JSON may write numbers that none can hold.
func (d *jsonReader) number(n json.Number) any {
	f, err := n.Float64()
	if err != nil {
		d.fault(codeOutOfRange, "is a number out of all bounds")
	}
	return f
}

func (d *jsonReader) checkText(s string) {
	if d.broken && strings.ContainsRune(s, utf8.RuneError) {
		d.fault(problem.NotUTF8, "is not UTF-8")
		return
	}
	if code, detail := problem.TextFault(s); code != "" {
		d.fault(code, detail)
	}
}

func (d *jsonReader) fault(code, detail string) {
	if len(d.fields) < maxFieldErrors {
		d.fields = append(d.fields, problem.FieldError{Field: pointer(d.path), Code: code, Detail: detail})
	}
}
