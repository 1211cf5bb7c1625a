package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/gin-gonic/gin"
	"github.com/kantsten/kantsten/internal/limit"
	"github.com/kantsten/kantsten/internal/problem"
)

const (
	jsonType      = "application/json"
	multipartType = "multipart/form-data"
)

// enforce lets only requests through that keep the contract.
func (e *Edge) enforce(contract *contract) gin.HandlerFunc {
	return func(c *gin.Context) {
		op := contract.operations[c.Request.Method+" "+c.FullPath()]
		counted, err := e.admit(c, op)
		if err != nil {
			e.writeProblem(c, err)
		} else {
			c.Next()
		}
		settle(counted, c.Writer.Status(), c.Writer.Header())
	}
}

// admit checks a request in the order of cost: who asks, parameters, the caller's
// share, body. It returns how the call was counted.
func (e *Edge) admit(c *gin.Context, op *operation) (counted limit.Pass, err error) {
	if err := e.identify(c); err != nil {
		return counted, err
	}
	if !op.credentialsGiven(c.Request) {
		return counted, problem.New(problem.Unauthenticated, "this call needs credentials, and the request has none")
	}
	if err := op.checkParameters(c); err != nil {
		return counted, err
	}
	media, err := negotiate(c.GetHeader("Accept"), op.offers)
	if err != nil {
		return counted, err
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), mediaTypeKey, media))
	if counted, err = e.gate(c, op.route.Operation.OperationID); err != nil {
		return counted, err
	}
	return counted, op.checkBody(c)
}

func (e *Edge) identify(c *gin.Context) error {
	if e.Identify == nil {
		return nil
	}
	ctx, err := e.Identify(c.Request.Context(), c.Request)
	if err != nil {
		return err
	}
	c.Request = c.Request.WithContext(ctx)
	return nil
}

// checkParameters checks path, query and headers.
func (op *operation) checkParameters(c *gin.Context) error {
	query, err := op.readQuery(c.Request)
	if err != nil {
		return err
	}
	if _, err := parseVersion(c.GetHeader("If-Match")); err != nil {
		return err
	}
	path := make(map[string]string, len(c.Params))
	for i, p := range c.Params {
		if uuidForm.MatchString(p.Value) { // RFC 9562, 4: either case is read, lower is written
			p.Value = strings.ToLower(p.Value)
			c.Params[i].Value = p.Value
		}
		path[p.Key] = p.Value
	}
	input := &openapi3filter.RequestValidationInput{
		Request: c.Request, PathParams: path, QueryParams: query, Route: op.route, Options: &filterOptions,
	}
	var fields []problem.FieldError
	for _, p := range op.parameters {
		err := openapi3filter.ValidateParameter(c.Request.Context(), input, p)
		if err == nil {
			continue
		}
		if isPath(p) { // no such name can exist
			return problem.New(problem.NotFound, "there is nothing by this name")
		}
		fields = append(fields, parameterField(p, err))
	}
	return invalid(fields)
}

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// number is how JSON writes one. Go would also take "NaN", "Inf" and "0x1p-2".
var number = regexp.MustCompile(`^-?[0-9]{1,20}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?$`)

// readQuery parses the query and refuses what the contract does not know:
// unknown and repeated parameters, texts that are none, numbers that are none.
func (op *operation) readQuery(r *http.Request) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem.New(problem.BadRequest, "the query cannot be read: a %% must be followed by two hexadecimal digits, and parameters are joined by &")
	}
	var fields []problem.FieldError
	for name, values := range query {
		p := op.queryParameter(name)
		switch {
		case p == nil:
			fields = append(fields, problem.FieldError{Field: clip(name), Code: codeUnknownField, Detail: "is not a parameter of this call"})
		case len(values) > 1:
			fields = append(fields, problem.FieldError{Field: name, Code: codeDuplicate, Detail: "stands more than once; join several values by commas"})
		default:
			fields = append(fields, checkQueryText(p, values[0])...)
		}
	}
	return query, invalid(fields)
}

func (op *operation) queryParameter(name string) *openapi3.Parameter {
	for _, p := range op.parameters {
		if p.In == openapi3.ParameterInQuery && p.Name == name {
			return p
		}
	}
	return nil
}

// checkQueryText checks what the validator does not look at.
func checkQueryText(p *openapi3.Parameter, value string) []problem.FieldError {
	if code, detail := problem.TextFault(value); code != "" {
		return []problem.FieldError{{Field: p.Name, Code: code, Detail: detail}}
	}
	schema, items := p.Schema.Value, []string{value}
	if schema.Type.Is("array") {
		schema, items = schema.Items.Value, strings.Split(value, ",")
	}
	if !schema.Type.Is("number") && !schema.Type.Is("integer") {
		return nil
	}
	for _, item := range items {
		if !number.MatchString(item) {
			return []problem.FieldError{{Field: p.Name, Code: codeType, Detail: "must be a number, such as 62.3908"}}
		}
	}
	return nil
}

// checkBody reads a JSON body and checks it, or leaves a multipart body to be
// streamed by the handler. A wrong content type is 415: the generated code would
// leave the body nil.
func (op *operation) checkBody(c *gin.Context) error {
	if op.body == nil {
		return nil
	}
	media, err := op.contentType(c.Request)
	if err != nil {
		return err
	}
	limit := op.maxJSON
	if media == multipartType {
		limit = op.maxBody
	}
	if c.Request.ContentLength > limit {
		return tooLarge(limit) // not a byte of it is read
	}
	limitBody(limit)(c)
	if media == multipartType {
		return nil
	}
	data, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return bodyFault(err)
	}
	if len(data) == 0 && !op.body.Required {
		c.Request.Body = http.NoBody
		return nil
	}
	value, err := decodeValid(data, op.json)
	if err != nil {
		return err
	}
	c.Request.Body = newCheckedBody(data, value)
	return nil
}

func tooLarge(limit int64) error {
	return problem.New(problem.TooLarge, "the body is larger than %d bytes", limit)
}

// bodyFault is why a body could not be read: too large, or the caller went away.
func bodyFault(err error) error {
	var cut *http.MaxBytesError
	if errors.As(err, &cut) {
		return tooLarge(cut.Limit)
	}
	return &problem.Error{Kind: problem.BadRequest, Detail: "the body ended before it was complete", Cause: err}
}

// contentType returns which of the operation's media types the body is, and
// writes the header as the generated code compares it: in lower case.
func (op *operation) contentType(r *http.Request) (string, error) {
	header := r.Header.Values("Content-Type")
	if len(header) == 0 && !op.body.Required && r.ContentLength == 0 {
		return jsonType, nil
	}
	if len(header) != 1 {
		return "", op.unsupported()
	}
	media, params, err := mime.ParseMediaType(header[0])
	if err != nil || op.body.Content[media] == nil {
		return "", op.unsupported()
	}
	switch media {
	case jsonType:
		if cs := params["charset"]; cs != "" && !strings.EqualFold(cs, "utf-8") {
			return "", problem.New(problem.UnsupportedMedia, "JSON is read as UTF-8 only")
		}
		r.Header.Set("Content-Type", jsonType)
	case multipartType:
		if b := params["boundary"]; b == "" || len(b) > 70 || !utf8.ValidString(b) { // RFC 2046, 5.1.1
			return "", &problem.Error{Kind: problem.BadRequest, Detail: "multipart/form-data needs a boundary of 1 to 70 characters",
				Fields: []problem.FieldError{{Field: "Content-Type", Code: codePattern, Detail: "needs a boundary of 1 to 70 characters"}}}
		}
		r.Header.Set("Content-Type", mime.FormatMediaType(media, params))
	}
	return media, nil
}

func (op *operation) unsupported() error {
	var takes []string
	for _, media := range []string{jsonType, multipartType} {
		if op.body.Content[media] != nil {
			takes = append(takes, media)
		}
	}
	return &problem.Error{Kind: problem.UnsupportedMedia, Detail: "this call takes " + strings.Join(takes, " or "),
		Fields: []problem.FieldError{{Field: "Content-Type", Code: codeUnknown, Detail: "must be " + strings.Join(takes, " or ")}}}
}
