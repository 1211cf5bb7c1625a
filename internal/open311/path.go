package open311

import (
	"net/url"
	"strings"
)

// Resource is what a path below the base URL names.
type Resource int

// The resources of GeoReport v2.
const (
	NoResource        Resource = iota
	DiscoveryResource          // discovery.[format]
	ServicesResource           // services.[format]
	ServiceResource            // services/[service_code].[format]
	RequestsResource           // requests.[format]: GET lists, POST creates
	RequestResource            // requests/[service_request_id].[format]
	TokenResource              // tokens/[token].[format]
)

// Route resolves the escaped path below the base URL. Slashes before, after and
// doubled do not count, and only the last extension is one: the id, decoded, may
// hold dots, spaces and (as %2F) slashes. If ok is false there is no such
// resource; the format is then the one to say so in.
func Route(escapedPath string) (r Resource, id string, f Format, ok bool) {
	segments := strings.FieldsFunc(escapedPath, func(c rune) bool { return c == '/' })
	if len(segments) == 0 {
		return NoResource, "", XML, false
	}
	for i, s := range segments {
		decoded, err := url.PathUnescape(s)
		if err != nil {
			decoded = s // such as "100%": taken as it is
		}
		segments[i] = utf8Text(decoded)
	}
	last, f, known := cutExtension(segments[len(segments)-1])
	if !known || len(segments) > 2 {
		return NoResource, "", f, false
	}
	if len(segments) == 1 {
		r = map[string]Resource{
			"discovery": DiscoveryResource, "services": ServicesResource, "requests": RequestsResource,
		}[last]
		return r, "", f, r != NoResource
	}
	r = map[string]Resource{
		"services": ServiceResource, "requests": RequestResource, "tokens": TokenResource,
	}[segments[0]]
	if r == NoResource || last == "" {
		return NoResource, "", f, false
	}
	return r, name(last), f, true
}

// cutExtension takes the last extension, in any case, off a name. Without a
// known one, the format is XML, which every client reads.
func cutExtension(s string) (rest string, f Format, known bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return s, XML, false
	}
	switch f := Format(strings.ToLower(s[i+1:])); f {
	case XML, JSON:
		return s[:i], f, true
	}
	return s, XML, false
}
