package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"os"
	"strings"

	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"
)

// S3 keeps blobs in a bucket of storage that speaks S3.
type S3 struct {
	bucket *gcblob.Bucket
	prefix string // before every name; "" or ending in a slash
}

// OpenS3 opens s3://bucket/prefix. Keys come from where the AWS tools take
// them, first AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; never from the URL,
// which may be logged. With ?endpoint=https://host the storage is another than
// Amazon's: buckets are then addressed by path, checksums only made where S3
// demands them (others refuse the newer ones), and the region is us-east-1
// unless ?region= or the environment names one. Other query options are those
// of gocloud.dev/blob/s3blob. Nothing is sent before the first use.
func OpenS3(ctx context.Context, u *url.URL) (*S3, error) {
	if u.Host == "" || u.User != nil {
		return nil, errors.New("open blob store: S3 is given as s3://bucket/prefix?endpoint=https://host, with the keys in the environment")
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		if !ValidName(prefix) {
			return nil, fmt.Errorf("open blob store: %q is not a valid prefix", prefix)
		}
		prefix += "/"
	}
	query, err := s3Query(u.Query())
	if err != nil {
		return nil, err
	}
	opener := s3blob.URLOpener{}
	bucket, err := opener.OpenBucketURL(ctx, &url.URL{Scheme: s3blob.Scheme, Host: u.Host, RawQuery: query.Encode()})
	if err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	return &S3{bucket: bucket, prefix: prefix}, nil
}

// s3Query adds what storage other than Amazon's needs, where it is not set.
func s3Query(query url.Values) (url.Values, error) {
	if !query.Has("endpoint") {
		return query, nil
	}
	endpoint, err := url.Parse(query.Get("endpoint"))
	if err != nil || endpoint.Host == "" || endpoint.Scheme != "https" && endpoint.Scheme != "http" {
		return nil, errors.New("open blob store: endpoint is an http or https URL")
	}
	defaults := map[string]string{
		"use_path_style":               "true",
		"request_checksum_calculation": "when_required",
		"response_checksum_validation": "when_required",
	}
	if os.Getenv("AWS_REGION") == "" && os.Getenv("AWS_DEFAULT_REGION") == "" {
		defaults["region"] = "us-east-1"
	}
	for key, value := range defaults {
		if !query.Has(key) {
			query.Set(key, value)
		}
	}
	return query, nil
}

// Close lets go of the connections.
func (s *S3) Close() error { return s.bucket.Close() }

// Put stores a blob; see [Store].
func (s *S3) Put(ctx context.Context, name string, r io.Reader, contentType string) error {
	if !ValidName(name) {
		return &nameError{"put", name}
	}
	// Upload gives up the object when r fails: it cancels before it closes.
	if err := s.bucket.Upload(ctx, s.prefix+name, r, &gcblob.WriterOptions{ContentType: contentType}); err != nil {
		return fmt.Errorf("put blob %s: %w", name, err)
	}
	return nil
}

// Get opens a blob; see [Store].
func (s *S3) Get(ctx context.Context, name string) (*Object, error) {
	if !ValidName(name) {
		return nil, &nameError{"get", name}
	}
	r, err := s.bucket.NewReader(ctx, s.prefix+name, nil)
	if err != nil {
		return nil, fmt.Errorf("get blob %s: %w", name, s3NotFound(err))
	}
	return &Object{ReadSeekCloser: r, Info: Info{
		Name: name, Size: r.Size(), ModTime: r.ModTime(), ContentType: r.ContentType(),
	}}, nil
}

// Delete removes a blob; see [Store].
func (s *S3) Delete(ctx context.Context, name string) error {
	if !ValidName(name) {
		return nil // nothing can be there
	}
	err := s.bucket.Delete(ctx, s.prefix+name)
	if err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("delete blob %s: %w", name, err)
	}
	return nil
}

// List yields the blobs whose names begin with prefix; see [Store].
func (s *S3) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if !validPrefix(prefix) {
			return // no blob can be named so
		}
		objects := s.bucket.List(&gcblob.ListOptions{Prefix: s.prefix + prefix})
		for {
			o, err := objects.Next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Info{}, fmt.Errorf("list blobs %q: %w", prefix, err))
				return
			}
			name := strings.TrimPrefix(o.Key, s.prefix)
			if ValidName(name) && !yield(Info{Name: name, Size: o.Size, ModTime: o.ModTime}, nil) {
				return
			}
		}
	}
}

// s3NotFound puts ErrNotFound into the chain where the storage says so.
func s3NotFound(err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return err
}
