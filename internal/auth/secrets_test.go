package auth_test

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
)

// secretTable is a table of secrets: insert if absent, and read.
type secretTable struct {
	mu     sync.Mutex
	values map[string][]byte
}

func (s *secretTable) PutIfAbsent(_ context.Context, name string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.values[name]; !there {
		if s.values == nil {
			s.values = map[string][]byte{}
		}
		s.values[name] = bytes.Clone(value)
	}
	return nil
}

func (s *secretTable) Get(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, there := s.values[name]
	if !there {
		return nil, errors.New("no such secret")
	}
	return bytes.Clone(value), nil
}

func madeSecrets(t testing.TB) auth.Secrets {
	t.Helper()
	s, err := auth.LoadSecrets(t.Context(), &secretTable{}, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSecretsAreMadeOnceForAllProcesses(t *testing.T) {
	t.Parallel()
	table := &secretTable{}
	loaded := make([]auth.Secrets, 20)
	var wg sync.WaitGroup
	for i := range loaded {
		wg.Go(func() {
			var err error
			if loaded[i], err = auth.LoadSecrets(t.Context(), table, ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range loaded[1:] {
		if !reflect.DeepEqual(s, loaded[0]) {
			t.Fatal("two processes have different secrets")
		}
	}
	if reflect.DeepEqual(loaded[0], madeSecrets(t)) {
		t.Error("two installations have the same secrets")
	}
}

func TestMadeSecretsAreWhole(t *testing.T) {
	t.Parallel()
	s := madeSecrets(t)
	private, err := base64.RawURLEncoding.DecodeString(s.VAPIDPrivate)
	if err != nil || len(private) != 32 {
		t.Fatalf("VAPID private key of %d bytes: %v", len(private), err)
	}
	public, err := base64.RawURLEncoding.DecodeString(s.VAPIDPublic)
	if err != nil || len(public) != 65 || public[0] != 4 {
		t.Fatalf("VAPID public key of %d bytes: %v", len(public), err)
	}
	key, err := ecdh.P256().NewPrivateKey(private)
	if err != nil || !bytes.Equal(key.PublicKey().Bytes(), public) {
		t.Errorf("the VAPID keys are no pair: %v", err)
	}
	keys := [][]byte{s.LinkKey, s.CodeKey, s.FollowKeys.Current.Key}
	for i, a := range keys {
		if len(a) != 32 || bytes.Equal(a, make([]byte, 32)) {
			t.Errorf("key %d of %d bytes", i, len(a))
		}
		for _, b := range keys[:i] {
			if bytes.Equal(a, b) {
				t.Error("one key for two purposes")
			}
		}
	}
}

func TestSecretsFromAFile(t *testing.T) {
	t.Parallel()
	want := madeSecrets(t)
	want.FollowKeys.Old = []auth.FollowKey{followKey(200), followKey(0)}
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "secrets.json")
	if err := os.WriteFile(file, append(data, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	table := &secretTable{}
	got, err := auth.LoadSecrets(t.Context(), table, file)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the file gave other secrets: %v", err)
	}
	if len(table.values) != 0 {
		t.Error("secrets of a file went into the table")
	}
	if _, err := auth.LoadSecrets(t.Context(), table, file+".not"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// badSecrets maps what is wrong to a document that is. edit changes a good one.
func badSecrets(t testing.TB) map[string][]byte {
	t.Helper()
	good, err := madeSecrets(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	edit := func(field string, value any) []byte {
		var doc map[string]any
		if err := json.Unmarshal(good, &doc); err != nil {
			t.Fatal(err)
		}
		doc[field] = value
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	type key = map[string]any
	full, short := make([]byte, 32), make([]byte, 31)
	return map[string][]byte{
		"nothing":                 nil,
		"null":                    []byte("null"),
		"an array":                []byte("[]"),
		"an empty object":         []byte("{}"),
		"cut short":               good[:len(good)-1],
		"followed by another":     append(bytes.Clone(good), good...),
		"too long":                append(bytes.Clone(good), bytes.Repeat([]byte(" "), 64<<10)...),
		"an unknown field":        edit("folow_keys", 1),
		"another's public key":    edit("vapid_public", madeSecrets(t).VAPIDPublic),
		"no public key":           edit("vapid_public", ""),
		"private key not base64":  edit("vapid_private", "###"),
		"private key and a break": edit("vapid_private", privateOf(t, good)+"\n"),
		"private key too short":   edit("vapid_private", base64.RawURLEncoding.EncodeToString(short)),
		"private key zero":        edit("vapid_private", base64.RawURLEncoding.EncodeToString(full)),
		"private key a number":    edit("vapid_private", 1),
		"short link key":          edit("link_key", short),
		"short code key":          edit("code_key", short),
		"no code key":             edit("code_key", nil),
		"no follow keys":          edit("follow_keys", []key{}),
		"short follow key":        edit("follow_keys", []key{{"id": 1, "key": short}}),
		"short old follow key":    edit("follow_keys", []key{{"id": 1, "key": full}, {"id": 2, "key": short}}),
		"follow key id twice":     edit("follow_keys", []key{{"id": 1, "key": full}, {"id": 1, "key": full}}),
		"follow key id too large": edit("follow_keys", []key{{"id": 256, "key": full}}),
	}
}

// privateOf is the VAPID private key of an encoded document.
func privateOf(t testing.TB, data []byte) string {
	t.Helper()
	s, err := auth.ParseSecrets(data)
	if err != nil {
		t.Fatal(err)
	}
	return s.VAPIDPrivate
}

func TestParseSecretsRefuses(t *testing.T) {
	t.Parallel()
	for name, data := range badSecrets(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := auth.ParseSecrets(data)
			if err == nil {
				t.Fatal("accepted")
			}
			var doc struct {
				Private string `json:"vapid_private"`
				Code    string `json:"code_key"`
			}
			if json.Unmarshal(data, &doc) != nil {
				return
			}
			for _, secret := range []string{doc.Private, doc.Code} {
				if secret != "" && strings.Contains(err.Error(), secret) {
					t.Errorf("the error quotes a secret: %v", err)
				}
			}
		})
	}
}

func FuzzParseSecrets(f *testing.F) {
	for _, data := range badSecrets(f) {
		if len(data) < 2000 {
			f.Add(data)
		}
	}
	good, err := madeSecrets(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := auth.ParseSecrets(data)
		if err != nil {
			return
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := auth.ParseSecrets(again)
		if err != nil || !reflect.DeepEqual(back, s) {
			t.Errorf("what was read is not what was written: %v", err)
		}
	})
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	s := madeSecrets(t)
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+verb+"\n", s, &s, s.FollowKeys, s.LinkKey)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secrets", s, "keys", s.FollowKeys, "link", s.LinkKey)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secrets", s, "keys", s.FollowKeys, "link", s.LinkKey)
	if err := json.NewEncoder(&out).Encode([]any{s, s.FollowKeys, s.LinkKey}); err != nil {
		t.Fatal(err)
	}
	keys := map[string][]byte{"code": s.CodeKey, "link": s.LinkKey, "follow": s.FollowKeys.Current.Key, "VAPID": []byte(s.VAPIDPrivate)}
	for name, key := range keys {
		for _, form := range []string{string(key), fmt.Sprintf("%x", key), fmt.Sprint(key), base64.StdEncoding.EncodeToString(key)} {
			if strings.Contains(out.String(), form) {
				t.Errorf("the %s key is printed: %q", name, out.String())
			}
		}
	}
}
