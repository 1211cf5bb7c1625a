package api

import (
	"context"
	"crypto/subtle"
	"errors"
	"io"

	"github.com/gin-gonic/gin"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/upload"
)

const keyHeader = "Idempotency-Key"

// begunFields are what an upload's creation says, for the fingerprint of its key.
type begunFields struct {
	Length   int64
	Metadata string
	Chunk    bool
}

// creationTries is how often a creation is tried while others with its key begin
// uploads that come to nothing.
const creationTries = 3

// postUploadOnce is postUpload for a call that may come again. The first chunk is
// set aside until all of it is there, for a key stands for its bytes too: so a
// chunk that breaks off begins nothing, and one that comes again is known to be the
// same, and only what the upload lacks of it is added.
func (s *Server) postUploadOnce(c *gin.Context, creation upload.Creation, chunk *upload.Chunk) error {
	ctx, headers := c.Request.Context(), c.Request.Header.Values(keyHeader)
	if len(headers) > 1 || !keyForm.MatchString(headers[0]) {
		return problem.Field(keyHeader, codePattern, "must be 16 to 128 visible characters")
	}
	aside, err := s.chunkAside(creation, chunk)
	if err != nil {
		return err
	}
	defer func() { _ = aside.Close() }() // an unnamed temporary file
	fields := begunFields{Length: creation.Length, Metadata: creation.Metadata, Chunk: chunk != nil}
	creation.Once = photo.Once(idempotency("postUpload", auth.From(ctx), headers[0], fields, aside))
	for range creationTries {
		var begun upload.Begun
		if begun, err = s.Resumable.Create(ctx, creation); err != nil {
			return err
		}
		var made upload.Progress
		if made, err = s.goOn(ctx, begun, aside, creation.Once); err == nil {
			s.answerUpload(c, begun, made)
			return nil
		}
		if !problem.Is(err, problem.NotFound) { // else whoever began it was refused
			return err
		}
	}
	return err
}

// chunkAside reads a whole first chunk, and makes sure that it is what its checksum
// says and no more than the upload.
func (s *Server) chunkAside(creation upload.Creation, chunk *upload.Chunk) (*form, error) {
	aside := &form{}
	if chunk == nil {
		return aside, nil
	}
	most := int64(upload.MaxBytes)
	if creation.Length != upload.Unknown {
		most = min(most, creation.Length)
	}
	if chunk.Checksum != nil {
		chunk.Body = io.TeeReader(chunk.Body, chunk.Checksum.Hash)
	}
	u, err := setAside(chunk.Body, s.UploadDir, most)
	switch _, broken := errors.AsType[*brokenBody](err); {
	case broken:
		return nil, &problem.Error{Kind: problem.BadRequest, Detail: "the body ended before it was complete", Cause: err}
	case problem.Is(err, problem.TooLarge):
		return nil, problem.New(problem.TooLarge, "a photo may have at most %d MiB, and an upload no more than its length", upload.MaxBytes>>20)
	case err != nil:
		return nil, err
	}
	aside.Photos = []*sentPhoto{u}
	if sum := chunk.Checksum; sum != nil && subtle.ConstantTimeCompare(sum.Hash.Sum(nil), sum.Sum) != 1 {
		return nil, errors.Join(problem.New(problem.ChecksumMismatch, "what arrived is not what Upload-Checksum says; none of it is kept"), aside.Close())
	}
	return aside, nil
}

// goOn adds what an upload lacks of its first chunk. Where it cannot become a photo
// just now, or the same call adds it elsewhere, the upload is told as it stands; any
// other failure leaves no upload, and the key stands for none.
func (s *Server) goOn(ctx context.Context, begun upload.Begun, aside *form, once photo.Once) (upload.Progress, error) {
	made := upload.Progress{Upload: begun.Upload}
	if len(aside.Photos) == 0 || made.State == upload.Done || made.Received >= aside.Photos[0].Size {
		return made, nil
	}
	sent, from := aside.Photos[0], made.Received
	grown, err := s.Resumable.Append(ctx, begun.Secret, upload.Chunk{
		Offset: from, Length: upload.Unknown, Size: sent.Size - from, Body: io.NewSectionReader(sent.file, from, sent.Size-from),
	})
	switch {
	case err == nil:
		return grown, nil
	case problem.Is(err, problem.NotFound):
		return made, err
	case problem.Is(err, problem.Unavailable) || problem.Is(err, problem.Conflict):
		made.Upload, err = s.Resumable.Find(ctx, begun.Secret)
		return made, err
	}
	return made, errors.Join(err, s.Resumable.Abandon(context.WithoutCancel(ctx), begun.Upload, once))
}
