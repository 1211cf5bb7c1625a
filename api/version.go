package api

import (
	"strconv"
	"strings"

	"github.com/kantsten/kantsten/internal/problem"
)

// version returns the version that an If-Match header names, 0 where there is
// none. The edge has refused what cannot be read before a handler runs.
func version(ifMatch string) int64 {
	v, err := parseVersion(ifMatch)
	if err != nil {
		return 0
	}
	return v
}

// etag returns the entity tag of a version.
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// parseVersion reads an If-Match header. Versions count changes, so a weak tag
// says as much as a strong one. "*" is refused: it would overwrite a change
// that the caller has never seen.
func parseVersion(ifMatch string) (int64, error) {
	ifMatch = strings.TrimSpace(ifMatch)
	if ifMatch == "" {
		return 0, nil
	}
	if ifMatch == "*" {
		return 0, ifMatchFault(`"*" is not taken here: name the version that the change was made on`)
	}
	digits, ok := strings.CutPrefix(strings.TrimPrefix(ifMatch, "W/"), `"`)
	digits, closed := strings.CutSuffix(digits, `"`)
	if !ok || !closed || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, ifMatchFault(`must be one version in quotes as ETag gave it, such as "3"`)
	}
	v, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || v < 1 {
		return 0, ifMatchFault("there is no such version")
	}
	return v, nil
}

func ifMatchFault(detail string) error {
	return &problem.Error{
		Kind:   problem.BadRequest,
		Detail: "If-Match " + detail,
		Fields: []problem.FieldError{{Field: "If-Match", Code: codePattern, Detail: detail}},
	}
}
