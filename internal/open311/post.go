package open311

import (
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits on the fields of a post, in characters or pieces. That of the
// description is the specification's.
const (
	maxDescription = 4000
	maxLine        = 500
	maxMediaURL    = 2000
	maxMediaURLs   = 10
)

// Post is a request that a client wants to create. Texts are trimmed UTF-8 of
// one line, but for the description, and "" where the client gave none.
type Post struct {
	APIKey         string
	JurisdictionID string
	ServiceCode    string
	// Located says that Lat and Long are set. Where it is false, at least one
	// of AddressString and AddressID is not empty.
	Located       bool
	Lat, Long     float64
	AddressString string
	AddressID     string
	// Attributes are the answers, by attribute code, as they came but for
	// their line ends: not checked, possibly empty.
	Attributes map[string][]string
	// Description keeps its spaces and its line breaks, as LF. It is text, not
	// markup.
	Description string
	Email       string
	DeviceID    string
	AccountID   string
	FirstName   string
	LastName    string
	Phone       string
	// MediaURLs are absolute http or https URLs. They may point anywhere: only
	// a client that refuses private addresses may fetch them.
	MediaURLs []string
}

// Answers returns the attributes in the form in which a catalogue checks them.
func (p Post) Answers() map[string]any {
	answers := make(map[string]any, len(p.Attributes))
	for code, values := range p.Attributes {
		answers[code] = values
	}
	return answers
}

// post picks the fields out of the parameters. Those it does not know are
// ignored.
func (p Params) post(errs *Errors) Post {
	post := Post{ServiceCode: name(p.Get("service_code"))}
	if post.ServiceCode == "" {
		errs.add("service_code required: one of the codes that GET services lists")
	}
	post.AddressString = p.line("address_string", errs)
	post.AddressID = p.line("address_id", errs)
	p.location(&post, errs)
	post.Description = p.description(errs)
	post.MediaURLs = p.mediaURLs(errs)
	post.APIKey = p.line("api_key", errs)
	post.JurisdictionID = name(p.Get("jurisdiction_id"))
	post.Email = p.line("email", errs)
	post.DeviceID = p.line("device_id", errs)
	post.AccountID = p.line("account_id", errs)
	post.FirstName = p.line("first_name", errs)
	post.LastName = p.line("last_name", errs)
	post.Phone = p.line("phone", errs)
	post.Attributes = p.attributes()
	return post
}

// line returns a field of one line; line breaks, as in a postal address, become
// spaces.
func (p Params) line(key string, errs *Errors) string {
	v := strings.ReplaceAll(p.Get(key), "\n", " ")
	switch {
	case strings.ContainsFunc(v, isControl):
		errs.add("%s: must not hold control characters", key)
	case utf8.RuneCountInString(v) > maxLine:
		errs.add("%s: must be at most %d characters", key, maxLine)
	default:
		return v
	}
	return ""
}

// location reads lat and long, and asks for them unless there is an address.
func (p Params) location(post *Post, errs *Errors) {
	before := len(*errs)
	lat, hasLat := p.coordinate("lat", 90, errs)
	long, hasLong := p.coordinate("long", 180, errs)
	switch {
	case len(*errs) > before: // said already
	case hasLat && hasLong:
		post.Located, post.Lat, post.Long = true, lat, long
	case post.AddressString != "" || post.AddressID != "":
	case hasLat:
		errs.add("long required: lat and long belong together")
	case hasLong:
		errs.add("lat required: lat and long belong together")
	default:
		errs.add("lat and long required: the position in degrees, WGS 84")
	}
}

// degree is a decimal number as JSON or a person writes it; not what else
// strconv reads.
var degree = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// coordinate reads a finite number of degrees within ±limit; false if there is
// none.
func (p Params) coordinate(key string, limit float64, errs *Errors) (float64, bool) {
	s := p.Get(key)
	if s == "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || len(s) > 100 || !degree.MatchString(s) || math.Abs(f) > limit {
		errs.add("%s: must be a number from %g to %g with a point, such as 59.3293", key, -limit, limit)
		return 0, false
	}
	return f + 0, true // + 0 turns -0 into 0
}

func (p Params) description(errs *Errors) string {
	v := p.first("description")
	switch {
	case strings.ContainsFunc(v, isControl):
		errs.add("description: must not hold control characters other than tab and line breaks")
	case utf8.RuneCountInString(v) > maxDescription:
		errs.add("description: must be at most %d characters", maxDescription)
	default:
		return v
	}
	return ""
}

// Lists in parameters, as PHP and others write them: "[]", "[0]", or the bare
// name repeated.
var (
	mediaURLKey  = regexp.MustCompile(`^media_url(\[[0-9]*\])?$`)
	attributeKey = regexp.MustCompile(`^attribute\[([^\[\]]+)\](\[[0-9]*\])?$`)
)

func (p Params) mediaURLs(errs *Errors) []string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(p)) {
		if !mediaURLKey.MatchString(key) {
			continue
		}
		for _, v := range p[key] {
			if v = strings.TrimSpace(v); v == "" {
				continue
			}
			if !isWebURL(v) {
				errs.add("media_url: must be an absolute http or https address")
				return nil
			}
			all = append(all, v)
		}
	}
	if len(all) > maxMediaURLs {
		errs.add("media_url: at most %d are taken", maxMediaURLs)
		return nil
	}
	return all
}

// isWebURL reports whether s is an absolute http or https URL with a host and
// without a password in it.
func isWebURL(s string) bool {
	if len(s) > maxMediaURL {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
}

// attributes collects attribute[CODE], attribute[CODE][] and attribute[CODE][0].
func (p Params) attributes() map[string][]string {
	all := make(map[string][]string)
	for _, key := range slices.Sorted(maps.Keys(p)) {
		if m := attributeKey.FindStringSubmatch(key); m != nil {
			all[m[1]] = append(all[m[1]], p[key]...)
		}
	}
	return all
}
