package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/report"
)

// idempotency names a call that may come again: by its route and caller, and for
// anonymous callers by the key alone. The fingerprint is of the parsed fields and
// the photos' bytes, so that a repeat may differ in its multipart boundary, the
// order of its JSON members and its white space, and in nothing else.
func idempotency(route string, actor auth.Actor, key string, body any, f *form) report.Key {
	if key == "" {
		return report.Key{}
	}
	hash := sha256.New()
	fields, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("api: a body that was read from JSON can be written as JSON: %v", err))
	}
	_, _ = hash.Write(fields) // a hash never fails to write
	if f != nil {
		for _, u := range f.Photos {
			_, _ = hash.Write(u.SHA256[:])
			if alt := f.altOf(u); alt != "" { // quoted, so that nothing in it looks like the next photo
				_, _ = hash.Write([]byte(strconv.Quote(alt)))
			}
		}
	}
	return report.Key{
		Scope: route + " " + caller(actor, key), Key: key,
		Fingerprint: hex.EncodeToString(hash.Sum(nil)),
	}
}

// acting names a route by what it does to which report. A report has two names, and
// a client may repeat a call by the other one: it is the same call. What is no
// report keeps its name, for it will be refused by it.
func (s *Server) acting(ctx context.Context, operation, name, key string) (string, error) {
	if key == "" || !report.IsReference(name) {
		return operation + " " + name, nil
	}
	id, ok, err := s.Reports.Store.IDOf(ctx, name)
	if err != nil {
		return "", err
	}
	if !ok {
		id = name
	}
	return operation + " " + id, nil
}

// caller tells one caller's key from another's. What is stored of a person is a
// hash that only the key can lead to, so that it ties no report to an account
// after its erasure.
func caller(a auth.Actor, key string) string {
	switch a.Kind {
	case auth.PersonKind:
		sum := sha256.Sum256([]byte(a.PersonID + "\x00" + key))
		return "person " + hex.EncodeToString(sum[:16])
	case auth.KeyKind:
		return "key " + a.KeyID
	}
	return "anyone"
}
