package api

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/kantsten/kantsten/internal/atlas"
	"github.com/kantsten/kantsten/internal/problem"
)

// TilesPrefix is where vector tiles stand.
const TilesPrefix = "/tiles"

const tileType = "application/vnd.mapbox-vector-tile"

// mapCacheControl lets anyone keep what is drawn of the boundaries for a minute:
// another set may be activated at any time, and maps need not show it at once.
const mapCacheControl = "public, max-age=60, must-revalidate"

// Tiles serves /tiles/{layer}/{z}/{x}/{y}.mvt. It is a [Front] because gin
// cannot route a path with an extension. Anyone may read tiles, from any page.
type Tiles struct {
	*Server
	Edge *Edge
}

var _ Front = (*Tiles)(nil)

// Pattern implements [Front].
func (t *Tiles) Pattern(r *http.Request) string {
	if _, err := tileOf(r); problem.Is(err, problem.NotFound) {
		return ""
	}
	return "/tiles/:layer/:z/:x/:y.mvt"
}

// Serve implements [Front]. HEAD comes as GET.
func (t *Tiles) Serve(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "ETag, Retry-After, X-Request-Id")
	h.Set("Cache-Control", "no-cache") // refusals
	at, err := tileOf(r)
	if err != nil {
		return err
	}
	const allow = "GET, HEAD, OPTIONS"
	switch r.Method {
	case http.MethodGet:
	case http.MethodOptions:
		h.Set("Allow", allow)
		preflight(w, allow)
		return nil
	default:
		h.Set("Allow", allow)
		sendNoMethod(w, r)
		return nil
	}
	doc, err := t.Atlas.Tile(at.z, at.x, at.y)
	if err != nil {
		return err
	}
	return drawn{
		doc: doc, mediaType: tileType,
		known: strings.Join(r.Header.Values("If-None-Match"), ","), packing: strings.Join(r.Header.Values("Accept-Encoding"), ","),
	}.write(w)
}

// Refuse implements [Front]. Why is logged by then.
func (t *Tiles) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	t.Edge.sendProblem(w, r, asProblem(r.Context(), err))
}

// tileAt names a tile.
type tileAt struct{ z, x, y int }

// tileOf reads a path below the prefix. What does not have the form of a tile's
// address is NotFound; numbers that are none are BadRequest.
func tileOf(r *http.Request) (tileAt, error) {
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), TilesPrefix+"/"), "/")
	if len(parts) != 4 || parts[0] != atlas.Layer || !strings.HasSuffix(parts[3], ".mvt") {
		return tileAt{}, problem.New(problem.NotFound, "there is nothing at this address; tiles are at %s/%s/{z}/{x}/{y}.mvt", TilesPrefix, atlas.Layer)
	}
	parts[3] = strings.TrimSuffix(parts[3], ".mvt")
	var at tileAt
	var fields []problem.FieldError
	for i, p := range []struct {
		name string
		into *int
	}{{"z", &at.z}, {"x", &at.x}, {"y", &at.y}} {
		if !tileNumber.MatchString(parts[i+1]) {
			fields = append(fields, problem.FieldError{Field: p.name, Code: codeType, Detail: "must be a whole number of at most seven digits, without a sign or leading zeros"})
			continue
		}
		*p.into, _ = strconv.Atoi(parts[i+1]) // it matches
	}
	if len(fields) > 0 {
		return tileAt{}, &problem.Error{Kind: problem.BadRequest, Detail: "this is not the address of a tile: " + fields[0].Field + " " + fields[0].Detail, Fields: fields}
	}
	return at, nil
}

// tileNumber is how a tile's numbers are written, each in one way only, so that
// every tile has one address.
var tileNumber = regexp.MustCompile(`^(0|[1-9][0-9]{0,6})$`)

// GetJurisdictionBoundary serves GET /v1/jurisdictions/{code}/boundary.
func (s *Server) GetJurisdictionBoundary(ctx context.Context, req GetJurisdictionBoundaryRequestObject) (GetJurisdictionBoundaryResponseObject, error) {
	j, err := s.Tenants.Get(ctx, req.Code)
	if err != nil {
		return nil, err
	}
	zoom := atlas.Full
	if req.Params.Zoom != nil {
		zoom = *req.Params.Zoom
	}
	doc, err := s.Atlas.Outline(j.Code, zoom)
	if err != nil {
		return nil, err
	}
	return drawn{doc: doc, mediaType: geoJSONType, known: req.Params.IfNoneMatch, packing: req.Params.AcceptEncoding}, nil
}

// drawn is an answer that an atlas has drawn: whole, or that it has not changed.
type drawn struct {
	doc            atlas.Document
	mediaType      string
	known, packing string // If-None-Match and Accept-Encoding of the request
}

// VisitGetJurisdictionBoundaryResponse implements the generated interface.
func (d drawn) VisitGetJurisdictionBoundaryResponse(w http.ResponseWriter) error { return d.write(w) }

func (d drawn) write(w http.ResponseWriter) error {
	h := w.Header()
	tag := `W/"` + d.doc.Tag + `"` // weak: it is the same for packed bytes and for plain ones
	h.Set("ETag", tag)
	h.Set("Cache-Control", mapCacheControl)
	h.Add("Vary", "Accept-Encoding")
	if tagKnown(d.known, tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if len(d.doc.Body) == 0 { // nothing to show, which map clients take for an empty tile
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	h.Set("Content-Type", d.mediaType)
	body := d.doc.Body
	if d.doc.Packed != nil && takesGzip(d.packing) {
		h.Set("Content-Encoding", "gzip")
		body = d.doc.Packed
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // whoever asked is gone
	return nil
}

// tagKnown reports whether an If-None-Match header names a tag, by the weak
// comparison of RFC 9110, section 13.1.2. Tags here hold no comma.
func tagKnown(ifNoneMatch, tag string) bool {
	for known := range strings.SplitSeq(ifNoneMatch, ",") {
		known = strings.TrimSpace(known)
		if known == "*" || strings.TrimPrefix(known, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// takesGzip reads an Accept-Encoding header, RFC 9110, section 12.5.3.
func takesGzip(accept string) bool {
	anything := false
	for part := range strings.SplitSeq(accept, ",") {
		coding, q, _ := strings.Cut(part, ";")
		q = strings.TrimPrefix(strings.ReplaceAll(q, " ", ""), "q=")
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return weight(q) > 0
		case "*":
			anything = weight(q) > 0
		}
	}
	return anything
}
