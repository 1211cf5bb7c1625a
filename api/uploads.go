package api

import (
	"context"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/limit"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/upload"
)

// The tus protocol (tus.io/protocols/resumable-upload, version 1.0.x) at
// /v1/uploads: core, and the extensions of tusExtensions. What it says of headers
// stands here and in uploads_headers.go, what it says of other origins and
// methods in uploads_edge.go, and what becomes of the bytes in package upload.
const (
	uploadsPath   = "/v1/uploads"
	tusVersion    = "1.0.0"
	tusExtensions = "creation,creation-with-upload,creation-defer-length,termination,checksum,expiration"
	chunkType     = "application/offset+octet-stream"
)

// Uploads are the routes of resumable uploads. They are not generated: a chunk is
// no JSON, and refusals follow the protocol.
func (s *Server) Uploads(e *Edge) []Route {
	route := func(method, path string, serve func(*gin.Context) error) Route {
		return Route{Method: method, Path: path, MaxBody: upload.MaxBytes + 1, Handler: func(c *gin.Context) {
			err := e.identify(c)
			if err == nil {
				err = checkTusVersion(c)
			}
			var counted limit.Pass
			if err == nil {
				counted, err = e.gate(c, "postUpload") // whatever is no POST creates nothing
			}
			if err == nil {
				err = serve(c)
			}
			if err != nil {
				e.writeProblem(c, err)
			}
			settle(counted, c.Writer.Status(), c.Writer.Header())
		}}
	}
	return []Route{
		route(http.MethodOptions, uploadsPath, describeUploads),
		route(http.MethodPost, uploadsPath, func(c *gin.Context) error { return s.postUpload(c, e.sender(c)) }),
		route(http.MethodGet, uploadsPath+"/:secret", s.getUpload),
		route(http.MethodPatch, uploadsPath+"/:secret", s.patchUpload),
		route(http.MethodDelete, uploadsPath+"/:secret", s.deleteUpload),
	}
}

// describeUploads serves OPTIONS /v1/uploads.
func describeUploads(c *gin.Context) error {
	c.Header("Tus-Version", tusVersion)
	c.Header("Tus-Extension", tusExtensions)
	c.Header("Tus-Max-Size", decimal(upload.MaxBytes))
	c.Header("Tus-Checksum-Algorithm", checksumNames)
	c.Status(http.StatusNoContent)
	return nil
}

// postUpload serves POST /v1/uploads: a new upload, with its first chunk if the
// request has one. The sender is who answers for the bytes.
func (s *Server) postUpload(c *gin.Context, sender string) error {
	ctx := c.Request.Context()
	if err := auth.From(ctx).May(auth.Upload, auth.Resource{}); err != nil {
		return err
	}
	length, err := creationLength(c.Request.Header)
	if err != nil {
		return err
	}
	metadata, alt, err := uploadMetadata(c.Request.Header)
	if err != nil {
		return err
	}
	chunk, err := firstChunk(c)
	if err != nil {
		return err
	}
	creation := upload.Creation{Length: length, Metadata: metadata, Alt: alt, Sender: sender}
	if len(c.Request.Header.Values(keyHeader)) > 0 {
		return s.postUploadOnce(c, creation, chunk)
	}
	begun, err := s.Resumable.Create(ctx, creation)
	if err != nil {
		return err
	}
	made := upload.Progress{Upload: begun.Upload}
	if chunk != nil {
		if made, err = s.firstProgress(ctx, made, begun.Secret, *chunk); err != nil {
			return err
		}
	}
	s.answerUpload(c, begun, made)
	return nil
}

// answerUpload answers a creation with where the upload stands.
func (s *Server) answerUpload(c *gin.Context, begun upload.Begun, made upload.Progress) {
	c.Header("Location", s.BaseURL+uploadsPath+"/"+begun.Secret)
	if begun.Replayed {
		c.Header("Idempotency-Replayed", "true")
	}
	uploadHeaders(c.Writer.Header(), made)
	c.JSON(http.StatusCreated, toUpload(made.Upload))
}

// firstProgress adds the first chunk to a new upload. Where it cannot become a
// photo just now, the upload is told as it stands, and the sender goes on from
// there; any other failure leaves no upload that nobody knows of.
func (s *Server) firstProgress(ctx context.Context, made upload.Progress, secret string, chunk upload.Chunk) (upload.Progress, error) {
	grown, err := s.Resumable.Append(ctx, secret, chunk)
	switch {
	case err == nil:
		return grown, nil
	case problem.Is(err, problem.Unavailable):
		made.Upload, err = s.Resumable.Find(ctx, secret)
		return made, err
	}
	if eerr := s.Resumable.End(context.WithoutCancel(ctx), secret); eerr != nil && !problem.Is(eerr, problem.NotFound) {
		return made, eerr
	}
	return made, err
}

// firstChunk is the body of a creation, nil if it has none. Some clients send a
// content type without a body.
func firstChunk(c *gin.Context) (*upload.Chunk, error) {
	if c.Request.ContentLength == 0 {
		return nil, nil //nolint:nilnil // no chunk is no error
	}
	if err := checkChunkType(c.Request.Header); err != nil {
		return nil, err
	}
	chunk, err := chunkOf(c, 0)
	return &chunk, err
}

// getUpload serves GET and HEAD /v1/uploads/{secret}.
func (s *Server) getUpload(c *gin.Context) error {
	u, err := s.Resumable.Find(c.Request.Context(), c.Param("secret"))
	if err != nil {
		return err
	}
	h := c.Writer.Header()
	if u.Metadata != "" {
		h.Set("Upload-Metadata", u.Metadata)
	}
	uploadHeaders(h, upload.Progress{Upload: u})
	c.JSON(http.StatusOK, toUpload(u))
	return nil
}

// patchUpload serves PATCH /v1/uploads/{secret}.
func (s *Server) patchUpload(c *gin.Context) error {
	if err := checkChunkType(c.Request.Header); err != nil {
		return err
	}
	offset, err := requiredNumber(c.Request.Header, "Upload-Offset")
	if err != nil {
		return err
	}
	chunk, err := chunkOf(c, offset)
	if err != nil {
		return err
	}
	if chunk.Length, err = headerNumber(c.Request.Header, "Upload-Length"); err != nil {
		return err
	}
	grown, err := s.Resumable.Append(c.Request.Context(), c.Param("secret"), chunk)
	if err != nil {
		return err
	}
	uploadHeaders(c.Writer.Header(), grown)
	c.Status(http.StatusNoContent)
	return nil
}

// deleteUpload serves DELETE /v1/uploads/{secret}.
func (s *Server) deleteUpload(c *gin.Context) error {
	if err := s.Resumable.End(c.Request.Context(), c.Param("secret")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func checkChunkType(h http.Header) error {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err == nil && media == chunkType {
		return nil
	}
	return &problem.Error{Kind: problem.UnsupportedMedia, Detail: "a chunk is sent as " + chunkType,
		Fields: []problem.FieldError{{Field: "Content-Type", Code: codeUnknown, Detail: "must be " + chunkType}}}
}

func chunkOf(c *gin.Context, offset int64) (upload.Chunk, error) {
	sum, err := uploadChecksum(c.Request.Header)
	return upload.Chunk{
		Offset: offset, Length: upload.Unknown, Size: c.Request.ContentLength, Checksum: sum, Body: newSteadyBody(c),
	}, err
}

const (
	// chunkSilence is how long a sender may say nothing. A phone that has changed
	// networks leaves connections behind of which nobody learns otherwise.
	chunkSilence = time.Minute
	// chunkTime is how long it may take in all, as any request.
	chunkTime = 15 * time.Minute
)

// steadyBody is a body that breaks off when its sender has fallen silent.
type steadyBody struct {
	io.Reader
	conn *http.ResponseController
	end  time.Time
}

func newSteadyBody(c *gin.Context) io.Reader {
	return steadyBody{c.Request.Body, http.NewResponseController(c.Writer), time.Now().Add(chunkTime)}
}

// Read reads on, with a deadline of its own each time.
func (b steadyBody) Read(p []byte) (int, error) {
	deadline := time.Now().Add(chunkSilence)
	if deadline.After(b.end) {
		deadline = b.end
	}
	_ = b.conn.SetReadDeadline(deadline) // where there is none to set, the server's own holds
	return b.Reader.Read(p)
}

// uploadJSON is an upload as its sender reads it.
type uploadJSON struct {
	Offset  int64     `json:"offset"`
	Length  *int64    `json:"length,omitempty"`
	Expires time.Time `json:"expires_at"`
	PhotoID string    `json:"photo_id,omitempty"`
}

func toUpload(u upload.Upload) uploadJSON {
	wire := uploadJSON{Offset: u.Received, Expires: u.Expires, PhotoID: u.PhotoID}
	if u.Length != upload.Unknown {
		wire.Length = &u.Length
	}
	return wire
}

// uploadHeaders tells where an upload stands.
func uploadHeaders(h http.Header, u upload.Progress) {
	h.Set("Upload-Offset", decimal(u.Received))
	h.Set("Upload-Expires", u.Expires.UTC().Format(http.TimeFormat))
	if u.Length == upload.Unknown {
		h.Set("Upload-Defer-Length", "1")
	} else {
		h.Set("Upload-Length", decimal(u.Length))
	}
	if u.PhotoID != "" {
		h.Set("Upload-Photo-Id", u.PhotoID)
	}
	if text := suggestionHeader(u.Suggestion); text != "" {
		h.Set("Upload-Suggestion", text)
	}
}
