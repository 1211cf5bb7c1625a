package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/kantsten/kantsten/internal/problem"
)

// checkTusVersion refuses a request that speaks another version, before anything
// of it is processed. OPTIONS is how a client finds the version out, and GET is
// not of the protocol: it is for people and programs that only look.
func checkTusVersion(c *gin.Context) error {
	if c.Request.Method == http.MethodOptions {
		return nil
	}
	c.Header("Tus-Resumable", tusVersion)
	looks := methodOf(c.Request) == http.MethodGet && c.GetHeader("Tus-Resumable") == ""
	if looks || c.GetHeader("Tus-Resumable") == tusVersion {
		return nil
	}
	c.Header("Tus-Version", tusVersion)
	return problem.New(problem.ProtocolVersion, "Tus-Resumable must be %s", tusVersion)
}

// What a page of another origin may send to uploads and read of their answers:
// the protocol's own headers and no credentials.
const (
	uploadMethods = "POST, GET, HEAD, PATCH, DELETE, OPTIONS"
	uploadSent    = "Challenge-Solution, Content-Type, Idempotency-Key, Tus-Resumable, Upload-Checksum, Upload-Defer-Length, Upload-Length, Upload-Metadata, Upload-Offset, X-HTTP-Method-Override, X-Requested-With"
	uploadRead    = "Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, " +
		"Upload-Defer-Length, Upload-Expires, Upload-Length, Upload-Metadata, Upload-Offset, Upload-Photo-Id, Upload-Suggestion, X-Request-Id"
)

// crossOriginUploads lets any web page send a photo, without credentials: who has
// the address of an upload may go on with it, and nothing else can be read or done
// by it. No cache may keep where an upload stands.
func crossOriginUploads(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-store")
	if !anonymous(c.Request) {
		return
	}
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", uploadRead)
	if c.Request.Method == http.MethodOptions && c.GetHeader("Access-Control-Request-Method") != "" {
		h.Set("Access-Control-Allow-Methods", uploadMethods)
		h.Set("Access-Control-Allow-Headers", uploadSent)
		h.Set("Access-Control-Max-Age", "86400")
		c.AbortWithStatus(http.StatusNoContent)
	}
}

// overrideMethod takes the method of an upload's request from
// X-HTTP-Method-Override, as the protocol demands, for networks and programs that
// know no PATCH.
func overrideMethod(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Header.Get("X-HTTP-Method-Override")
		if method != "" && below(r.URL.EscapedPath(), uploadsPath) {
			r = r.WithContext(r.Context()) // a copy: the caller's request is not ours to change
			r.Method = knownMethod(method)
		}
		next.ServeHTTP(w, r)
	})
}
