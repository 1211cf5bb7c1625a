package auth_test

import (
	"bytes"
	"math"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
)

const report = "0199a0b0-1111-7000-8000-000000000001"

func followKey(id byte) auth.FollowKey {
	return auth.FollowKey{ID: id, Key: bytes.Repeat([]byte{id}, 32)}
}

func TestFollowTokenIsWhatItWas(t *testing.T) {
	t.Parallel()
	// Fixed for good: a change here ends every follow link in the world. It was
	// computed apart from this code: HMAC-SHA-256 by openssl over "follow", NUL,
	// the id and eight zero-led bytes of the epoch, behind the key's id.
	const want = "B1u34RSWPzKle0NvTKfy5bcRQH3kk3a0liJjlBo80a1g"
	if got := (auth.FollowKeys{Current: followKey(7)}).Token(report, 3); got != want {
		t.Errorf("token %s, want %s", got, want)
	}
}

func TestFollowTokenVerifies(t *testing.T) {
	t.Parallel()
	before := auth.FollowKeys{Current: followKey(1)}
	rotated := auth.FollowKeys{Current: followKey(2), Old: []auth.FollowKey{followKey(1)}}
	token := before.Token(report, 0)
	flip := func(at int) string {
		b := []byte(token)
		if b[at] == 'A' {
			b[at] = 'B'
		} else {
			b[at] = 'A'
		}
		return string(b)
	}
	short := auth.FollowKeys{Current: auth.FollowKey{ID: 1}}
	tests := []struct {
		name   string
		keys   auth.FollowKeys
		token  string
		report string
		epoch  int64
		want   bool
	}{
		{"the report's own", before, token, report, 0, true},
		{"by an old key", rotated, token, report, 0, true},
		{"by a newer key", rotated, rotated.Token(report, 0), report, 0, true},
		{"by a key that is gone", auth.FollowKeys{Current: followKey(2)}, token, report, 0, false},
		{"by another key of the same id", auth.FollowKeys{Current: auth.FollowKey{ID: 1, Key: bytes.Repeat([]byte{9}, 32)}}, token, report, 0, false},
		{"of another report", before, token, strings.Replace(report, "1", "2", 1), 0, false},
		{"after the epoch was raised", before, token, report, 1, false},
		{"of the least epoch", before, token, report, math.MinInt64, false},
		{"with another key id", before, flip(0), report, 0, false},
		{"with another first byte", before, flip(2), report, 0, false},
		{"with another last byte", before, flip(43), report, 0, false},
		{"of no key at all", auth.FollowKeys{}, (auth.FollowKeys{}).Token(report, 0), report, 0, false},
		{"of a key without bytes", short, short.Token(report, 0), report, 0, false},
		{"empty", before, "", report, 0, false},
		{"one short", before, token[:43], report, 0, false},
		{"one long", before, token + "A", report, 0, false},
		{"with a line break", before, token[:43] + "\n", report, 0, false},
		{"with a line break inside", before, token[:20] + "\n" + token[21:], report, 0, false},
		{"with NUL", before, "\x00" + token[1:], report, 0, false},
		{"a megabyte", before, strings.Repeat(token, 1<<15), report, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.keys.Verify(tt.token, tt.report, tt.epoch); got != tt.want {
				t.Errorf("verify = %v, want %v", got, tt.want)
			}
		})
	}
}

func FuzzFollowToken(f *testing.F) {
	keys := auth.FollowKeys{Current: followKey(2), Old: []auth.FollowKey{followKey(1)}}
	f.Add(keys.Token(report, 0), report, int64(0))
	f.Add("", "", int64(-1))
	f.Add(strings.Repeat("A", 44), report+"\x00", int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, token, id string, epoch int64) {
		old := auth.FollowKeys{Current: keys.Old[0]}
		ours := token == keys.Token(id, epoch) || token == old.Token(id, epoch)
		if got := keys.Verify(token, id, epoch); got != ours {
			t.Errorf("verify %q of %q at %d = %v, want %v", token, id, epoch, got, ours)
		}
		if !keys.Verify(keys.Token(id, epoch), id, epoch) || keys.Verify(keys.Token(id, epoch), id+"x", epoch) {
			t.Errorf("the token of %q at %d is not its own", id, epoch)
		}
	})
}

func linkKey() auth.LinkKey { return bytes.Repeat([]byte{5}, 32) }

// signed is a link taken apart as a server would.
func signed(t testing.TB, path string, end time.Time) (expires, signature string) {
	t.Helper()
	return signedBy(t, linkKey(), path, end)
}

func signedBy(t testing.TB, key auth.LinkKey, path string, end time.Time) (expires, signature string) {
	t.Helper()
	link := key.SignLink(path, end)
	query, err := url.ParseQuery(strings.TrimPrefix(link, path+"?"))
	if err != nil {
		t.Fatalf("link %q: %v", link, err)
	}
	return query.Get("expires"), query.Get("signature")
}

func TestLinkVerifies(t *testing.T) {
	t.Parallel()
	const path = "/media/photos/abc/400-def.jpg"
	end := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	expires, signature := signed(t, path, end)
	_, unkeyed := signedBy(t, nil, path, end)
	later := strconv.FormatInt(end.Add(time.Hour).Unix(), 10)
	tests := []struct {
		name                     string
		key                      auth.LinkKey
		path, expires, signature string
		now                      time.Time
		want                     bool
	}{
		{"before the end", linkKey(), path, expires, signature, end.Add(-time.Microsecond), true},
		{"at the end", linkKey(), path, expires, signature, end, false},
		{"long after", linkKey(), path, expires, signature, end.AddDate(10, 0, 0), false},
		{"with a later end", linkKey(), path, later, signature, end.Add(-time.Hour), false},
		{"of another path", linkKey(), path + "x", expires, signature, end.Add(-time.Hour), false},
		{"by another key", bytes.Repeat([]byte{6}, 32), path, expires, signature, end.Add(-time.Hour), false},
		{"by no key", nil, path, expires, unkeyed, end.Add(-time.Hour), false},
		{"with a sign before the number", linkKey(), path, "+" + expires, signature, end.Add(-time.Hour), false},
		{"with a zero before the number", linkKey(), path, "0" + expires, signature, end.Add(-time.Hour), false},
		{"without a time", linkKey(), path, "", signature, end.Add(-time.Hour), false},
		{"with a time too large", linkKey(), path, strings.Repeat("9", 30), signature, end.Add(-time.Hour), false},
		{"without a signature", linkKey(), path, expires, "", end.Add(-time.Hour), false},
		{"with half of one", linkKey(), path, expires, signature[:20], end.Add(-time.Hour), false},
		{"padded", linkKey(), path, expires, signature + "=", end.Add(-time.Hour), false},
		{"a megabyte", linkKey(), path, expires, strings.Repeat("A", 1<<20), end.Add(-time.Hour), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.key.VerifyLink(tt.path, tt.expires, tt.signature, tt.now); got != tt.want {
				t.Errorf("verify = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestALinkKeyMakesNoFollowTokens(t *testing.T) {
	t.Parallel()
	// The same key for both must not let one stand for the other.
	keys := auth.FollowKeys{Current: auth.FollowKey{ID: 0, Key: linkKey()}}
	_, signature := signed(t, report, time.Unix(0, 0))
	if keys.Verify("A"+signature, report, 0) {
		t.Error("a link's signature is a follow token")
	}
}

func FuzzVerifyLink(f *testing.F) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	expires, signature := signed(f, "/a", now.Add(time.Hour))
	f.Add("/a", expires, signature)
	f.Add("/a\x00", "-1", signature+"=")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, path, expires, signature string) {
		got := linkKey().VerifyLink(path, expires, signature, now)
		seconds, err := strconv.ParseInt(expires, 10, 64)
		if err != nil {
			if got {
				t.Errorf("accepted the time %q", expires)
			}
			return
		}
		wantExpires, wantSignature := signed(t, path, time.Unix(seconds, 0))
		want := expires == wantExpires && signature == wantSignature && seconds > now.Unix()
		if got != want {
			t.Errorf("verify %q until %q = %v, want %v", path, expires, got, want)
		}
	})
}
