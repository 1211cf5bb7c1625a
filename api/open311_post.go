package api

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/open311"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

// postLimits bounds a posted request. 4,000 characters of description take at
// most 48 KB when escaped; the rest is for attributes.
var postLimits = open311.Limits{FormBytes: 256 << 10, Files: maxPhotos, FileBytes: maxPhotoBytes}

// post serves POST requests.
func (o *Open311) post(r *http.Request, _ string) (open311.Document, error) {
	var files form
	defer func() { _ = files.Close() }() // unnamed temporary files
	post, errs, err := open311.ParsePost(r.Header.Get("Content-Type"), r.URL.RawQuery, r.Body, postLimits, o.keepIn(&files))
	if err != nil {
		return nil, err
	}
	if post.Attributes == nil { // the body cannot be read; nobody knows whose key it held
		return errs, nil
	}
	ctx := r.Context()
	actor, err := o.keyHolder(ctx, post.APIKey)
	if err != nil {
		return nil, err
	}
	if len(errs) > 0 {
		return errs, nil
	}
	return o.file(r.WithContext(auth.With(ctx, actor)), post, &files)
}

// keepIn takes files to unnamed temporary files as they come.
func (o *Open311) keepIn(files *form) func(open311.File) error {
	return func(f open311.File) error {
		u, err := spool(f.Body, formLimits{PhotoBytes: maxPhotoBytes, Dir: o.UploadDir})
		if err == nil {
			files.Photos = append(files.Photos, u)
		}
		return err
	}
}

// keyHolder is the program behind an api_key.
func (o *Open311) keyHolder(ctx context.Context, key string) (auth.Actor, error) {
	if key == "" {
		return auth.Actor{}, problem.New(problem.Forbidden, "api_key required: the key that the discovery document says how to get")
	}
	return o.Auth.AuthenticateKey(ctx, key)
}

// file hands a readable post in on behalf of the key's holder.
func (o *Open311) file(r *http.Request, post open311.Post, files *form) (open311.Document, error) {
	ctx, lang := r.Context(), readerLanguage(r)
	within, err := o.mayFileIn(ctx, auth.From(ctx), post.JurisdictionID)
	if err != nil {
		return nil, err
	}
	if !post.Located {
		return open311.Errors{{Code: http.StatusBadRequest, Description: "location could not be resolved: send lat and long"}}, nil
	}
	key, err := postKey(r, post, files)
	if err != nil {
		return nil, err
	}
	counted, err := o.count(r, key)
	if err != nil {
		return nil, err
	}
	done, err := o.Reports.Submit(ctx, auth.From(ctx), report.Submission{
		Service: post.ServiceCode, Lat: post.Lat, Lon: post.Long, Address: post.AddressString,
		Description: post.Description, Attributes: post.Answers(), LenientAttributes: true,
		NewPhotos: files.readers(), MediaURLs: post.MediaURLs,
		Contact:  report.Contact{Name: strings.TrimSpace(post.FirstName + " " + post.LastName), Email: post.Email, Phone: post.Phone},
		Language: lang, Origin: report.OriginOpen311, Within: within, Key: key,
	})
	if done.Replayed || ourFault(err) {
		counted.GiveBack()
	}
	if err != nil {
		return nil, err
	}
	if done.Replayed { // as v1 says it; GeoReport has no word for it
		answerOf(ctx).Set("Idempotency-Replayed", "true")
	}
	return o.created(ctx, done.Report, lang)
}

// mayFileIn returns the jurisdiction that the report must lie in, "" for any. A
// key of a jurisdiction files there and nowhere else; a key of none everywhere.
func (o *Open311) mayFileIn(ctx context.Context, actor auth.Actor, name string) (string, error) {
	code, err := o.codeOf(ctx, name)
	if err != nil {
		return "", err
	}
	if code == "" && !actor.Can(auth.FileByKey, auth.Resource{}) {
		if own := actor.Jurisdictions(auth.FileByKey); len(own) == 1 {
			return own[0], nil
		}
	}
	return code, actor.May(auth.FileByKey, auth.Resource{Jurisdiction: code})
}

// keyForm is what an Idempotency-Key may be, as in v1.
var keyForm = regexp.MustCompile(`^[!-~]{16,128}$`)

// postKey is how a repeat of a post is known: GeoReport itself has no such
// thing, and two equal posts are two requests. FixMyStreet repeats a post after
// a timeout and sends its own number with it; other clients may send the header
// that v1 takes. FixMyStreet's number stands for the report whatever has become
// of its text meanwhile.
func postKey(r *http.Request, post open311.Post, files *form) (report.Key, error) {
	actor := auth.From(r.Context())
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		if !keyForm.MatchString(key) {
			return report.Key{}, problem.Field("Idempotency-Key", "pattern", "must be 16 to 128 visible characters")
		}
		post.APIKey = ""
		return idempotency("open311", actor, key, post, files), nil
	}
	if ids := post.Attributes["fixmystreet_id"]; len(ids) == 1 {
		if id := strings.TrimSpace(ids[0]); id != "" && len(id) <= 128 {
			return idempotency("open311 fixmystreet_id", actor, id, nil, nil), nil
		}
	}
	return report.Key{}, nil
}

// created answers a post.
func (o *Open311) created(ctx context.Context, r report.Report, lang string) (open311.Document, error) {
	entries, err := o.Directory.Entries(ctx, r.Jurisdiction)
	if err != nil {
		return nil, err
	}
	return open311.Created{{ID: r.Reference, ServiceNotice: notice(r, entries[r.Jurisdiction].Name, lang)}}, nil
}
