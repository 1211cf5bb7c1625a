package api

import (
	"context"
	"mime"
	"strconv"
	"strings"

	"github.com/kantsten/kantsten/internal/problem"
)

const geoJSONType = "application/geo+json"

// wantsGeoJSON reports whether the caller of this request prefers GeoJSON.
func wantsGeoJSON(ctx context.Context) bool {
	media, _ := ctx.Value(mediaTypeKey).(string)
	return media == geoJSONType
}

// negotiate picks the offer that an Accept header likes best (RFC 9110, 12.5.1);
// among equals the first. A call with one format always answers in it: a
// caller that asked for something else is helped more by it than by a refusal.
func negotiate(accept string, offers []string) (string, error) {
	if len(offers) == 0 {
		return "", nil
	}
	if len(offers) == 1 || strings.TrimSpace(accept) == "" {
		return offers[0], nil
	}
	best, bestQuality := "", 0.0
	for _, offer := range offers {
		if q := quality(accept, offer); q > bestQuality {
			best, bestQuality = offer, q
		}
	}
	if best == "" {
		return "", problem.New(problem.NotAcceptable, "this call answers in %s", strings.Join(offers, " or "))
	}
	return best, nil
}

// quality is how much an Accept header likes a media type, 0 to 1; the most
// specific range that matches decides.
func quality(accept, offer string) float64 {
	major, _, _ := strings.Cut(offer, "/")
	q, specific := 0.0, -1
	for part := range strings.SplitSeq(accept, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue // a caller's nonsense likes nothing
		}
		rank := -1
		switch media {
		case offer:
			rank = 2
		case major + "/*":
			rank = 1
		case "*/*":
			rank = 0
		}
		if rank > specific {
			q, specific = weight(params["q"]), rank
		}
	}
	return q
}

// weight reads a "q" parameter; absent means 1, nonsense 0.
func weight(s string) float64 {
	if s == "" {
		return 1
	}
	q, err := strconv.ParseFloat(s, 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}
