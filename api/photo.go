package api

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

func toSuggestion(sg photo.Suggestion) *PhotoSuggestion {
	if sg == (photo.Suggestion{}) {
		return nil
	}
	wire := PhotoSuggestion{TakenAt: sg.Taken, Direction: sg.Direction}
	if at := sg.Position; at != nil {
		wire.Lat, wire.Lon = &at.Lat, &at.Lon
	}
	return &wire
}

// Media is the route by which renditions are shown, whole or by ranges (RFC 9110,
// section 14). A name holds the hash of its content, so what a browser has once it
// need not ask for again.
func (s *Server) Media(e *Edge) Route {
	return Route{Method: http.MethodGet, Path: "/photos/:id/:rendition", Handler: func(c *gin.Context) {
		if err := s.showPhoto(c); err != nil {
			e.writeProblem(c, err)
		}
	}}
}

func (s *Server) showPhoto(c *gin.Context) error {
	ctx, name := c.Request.Context(), "photos/"+c.Param("id")+"/"+c.Param("rendition")
	id, size, sha, ok := photo.ParseName(name)
	if !ok {
		return errNoPhoto()
	}
	shown, err := s.mayShow(ctx, id, c.Request)
	if err != nil {
		return err
	}
	if shown.SHA256[size] != sha {
		// Asked of the row and not of the files: who hides a part of a photo gives
		// its renditions new names, and from that commit on nobody sees the old.
		return problem.New(problem.Gone, "this picture has been replaced by another one")
	}
	object, err := s.Blobs.Get(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := s.mayShow(ctx, id, c.Request); err != nil { // it may just have been masked
			return err
		}
		return errNoPhoto()
	}
	if err != nil {
		return err
	}
	defer func() { _ = object.Close() }() // only read from
	h := c.Writer.Header()
	h.Set("Content-Type", photo.ContentType)
	h.Set("ETag", strconv.Quote(sha))
	h.Set("Cache-Control", cacheControl(shown.Public()))
	h.Set("Content-Security-Policy", mediaPolicy)
	// One range of bytes is served; any other unit is not known, and several ranges
	// would be an answer of many parts, so both get the whole, as the RFC allows.
	if asked := c.Request.Header.Get("Range"); !strings.HasPrefix(asked, "bytes=") || strings.Contains(asked, ",") {
		c.Request.Header.Del("Range")
	}
	http.ServeContent(c.Writer, c.Request, "", object.ModTime, object)
	return nil
}

// mediaPolicy keeps a picture from being anything else in a browser, whatever its
// bytes could be read as.
const mediaPolicy = "default-src 'none'; frame-ancestors 'none'; sandbox"

// mayShow returns how a photo may be seen. One that is not public is not there for
// whoever has no valid signature.
func (s *Server) mayShow(ctx context.Context, id string, r *http.Request) (photo.Shown, error) {
	shown, ok, err := s.Shown.PhotoShown(ctx, id)
	switch {
	case err != nil:
		return photo.Shown{}, err
	case !ok:
		return photo.Shown{}, errNoPhoto()
	case shown.Gone:
		return photo.Shown{}, problem.New(problem.Gone, "this picture was replaced by another one, or deleted")
	case shown.Public():
		return shown, nil
	}
	q := r.URL.Query()
	if !s.Links.VerifyLink(r.URL.Path, q.Get("expires"), q.Get("signature"), s.Now()) {
		return photo.Shown{}, errNoPhoto()
	}
	return shown, nil
}

// cacheControl lets anyone keep a public photo for a day, which is how long one
// that was removed may still be seen, and a private one the reader alone.
func cacheControl(public bool) string {
	if public {
		return "public, max-age=86400, immutable"
	}
	return "private, max-age=3600, immutable"
}

// LastingPhotoURL is the address of one rendition as the recipient of a report
// gets it by e-mail: signed for a month, so that it works for private reports too.
func (s *Server) LastingPhotoURL(p report.Photo, size int) string {
	const month = 30 * 24 * time.Hour
	return s.BaseURL + s.Links.SignLink("/"+photo.Name(p.Folder, size, p.SHA256[size]), s.Now().Add(month))
}

func errNoPhoto() error { return problem.New(problem.NotFound, "there is no such photo") }
