package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// call runs the program in this process, without anything of its environment.
func call(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, environ, &out, &errs)
	return code, out.String(), errs.String()
}

func TestEverySettingIsAFlag(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := call(t, nil, "serve", "--help")
	if code != 0 {
		t.Fatalf("--help: exit code %d", code)
	}
	if len(settings()) < 10 {
		t.Fatalf("there are %d settings only", len(settings()))
	}
	envName := regexp.MustCompile(`^KANTSTEN_[A-Z]+(_[A-Z]+)*$`)
	for _, s := range settings() {
		if !envName.MatchString(s.Env) || s.Help == "" {
			t.Errorf("setting %+v", s)
		}
		if !strings.Contains(stdout+stderr, "-"+s.Flag+" ") || !strings.Contains(stdout+stderr, s.Help) {
			t.Errorf("serve --help does not explain --%s", s.Flag)
		}
		if s.Default != "" && !strings.Contains(stdout+stderr, s.Help+" (default "+s.Default+")\n") {
			t.Errorf("serve --help does not say that --%s is %s by default", s.Flag, s.Default)
		}
		// A wrong value shows that the flag arrives at the setting: all refuse
		// an empty one or say what is wrong with this one by name.
		if wrong, ok := wrongValues[s.Env]; ok {
			if code, _, stderr := call(t, nil, "migrate", "--data", t.TempDir(), "--"+s.Flag+"="+wrong); code == 0 || !strings.Contains(stderr, s.Env) {
				t.Errorf("--%s=%s: exit code %d\n%s", s.Flag, wrong, code, stderr)
			}
		}
	}
}

// wrongValues has one that does not do for every setting that is not free text.
var wrongValues = map[string]string{
	"KANTSTEN_ADDR":            "8311",
	"KANTSTEN_BASE_URL":        "report.example.se",
	"KANTSTEN_DATABASE_URL":    "mysql://kim:hemligt@db/kantsten",
	"KANTSTEN_MEDIA_URL":       "ftp://kim:hemligt@bucket",
	"KANTSTEN_SMTP_URL":        "https://kim:hemligt@mail.example",
	"KANTSTEN_MAIL_FROM":       "Kantsten",
	"KANTSTEN_PUSH_CONTACT":    "nobody",
	"KANTSTEN_TRUSTED_PROXIES": "10.0.0.0/33",
	"KANTSTEN_EGRESS_ALLOW":    "localhost",
	"KANTSTEN_SECRETS_FILE":    "/nowhere/secrets.json",
	"KANTSTEN_METRICS_ADDR":    "on",
	"KANTSTEN_PHOTO_MEMORY":    "much",
	"KANTSTEN_DRAIN":           "5",
	"KANTSTEN_LIMIT_REPORTS":   "many",
	"KANTSTEN_LIMIT_LOOPBACK":  "perhaps",
	"KANTSTEN_CHALLENGE_BITS":  "25",
}

func TestWrongSettingsAreNamed(t *testing.T) {
	t.Parallel()
	for setting, wrong := range wrongValues {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			data := filepath.Join(t.TempDir(), "data")
			code, _, stderr := call(t, []string{setting + "=" + wrong, "KANTSTEN_DATA=" + data}, "migrate")
			if code == 0 || !strings.Contains(stderr, setting) {
				t.Errorf("%s: exit code %d\n%s", wrong, code, stderr)
			}
			if strings.Contains(stderr, "hemligt") {
				t.Errorf("a password is shown: %s", stderr)
			}
			if _, err := os.Stat(data); setting != "KANTSTEN_SECRETS_FILE" && !os.IsNotExist(err) {
				t.Errorf("something was done before the setting was refused: %v", err)
			}
		})
	}
	for name, more := range map[string][]string{
		"KANTSTEN_PHOTO_MEMORY": {"0", "-1", "1.5"}, "KANTSTEN_DRAIN": {"-1s", "soon"}, "KANTSTEN_MASK_URL": {"mask.example.se", "ftp://x", "https://"}, "KANTSTEN_BASE_URL": {"ftp://x", "http://", "::"},
		"KANTSTEN_LIMIT_REPORTS": {"-1", "1000001"}, "KANTSTEN_LIMIT_KEY": {"-1"}, "KANTSTEN_LIMIT_UPLOADS": {"-1", "1", "20971520", "x"}, "KANTSTEN_LIMIT_NETWORK": {"-1"}, "KANTSTEN_CHALLENGE_BITS": {"0", "-1"},
		"KANTSTEN_ADDR": {"127.0.0.1:", "::1"}, "KANTSTEN_DATABASE_URL": {"kantsten.db", "host=db password=hemligt"},
	} {
		for _, wrong := range more {
			if code, _, stderr := call(t, []string{name + "=" + wrong, "KANTSTEN_DATA=" + t.TempDir()}, "migrate"); code != 2 || !strings.Contains(stderr, name) {
				t.Errorf("%s=%s: exit code %d\n%s", name, wrong, code, stderr)
			}
		}
	}
}

func TestRightSettingsAreTaken(t *testing.T) {
	t.Parallel()
	for setting, right := range map[string][]string{
		"KANTSTEN_ADDR":         {":8311", "[::1]:8311", "0.0.0.0:80"},
		"KANTSTEN_METRICS_ADDR": {"off", ":9090"},
		"KANTSTEN_BASE_URL":     {"https://report.example.se", "http://localhost:8311/"},
		"KANTSTEN_DATABASE_URL": {"postgres://kim:hemligt@db:5432/kantsten?sslmode=require", "postgresql:///kantsten?host=/run/postgresql"},
		"KANTSTEN_MEDIA_URL":    {"s3://bucket/prefix?endpoint=https://s3.example.se", "file:///srv/media"},
		"KANTSTEN_SMTP_URL":     {"smtp://kim:hemligt@mail.example:587", "smtps://mail.example"},
		"KANTSTEN_MAIL_FROM":    {"noreply@example.se", "Felanmälan <noreply@example.se>"},
		"KANTSTEN_PUSH_CONTACT": {"https://example.se/contact", "drift@example.se", "mailto:drift@example.se"},
		"KANTSTEN_DRAIN":        {"0s", "5s", "1m"},

		"KANTSTEN_LIMIT_REPORTS": {"0", "30", "1000000"}, "KANTSTEN_LIMIT_LOOPBACK": {"true", "false", "1"}, "KANTSTEN_CHALLENGE_BITS": {"1", "24"},
	} {
		for _, value := range right {
			if _, _, err := configure(flag.NewFlagSet("kantsten", flag.ContinueOnError), nil, []string{setting + "=" + value}); err != nil {
				t.Errorf("%s=%s: %v", setting, value, err)
			}
		}
	}
}

func TestBoundariesThatAreNotThereAreNamed(t *testing.T) {
	t.Parallel()
	code, _, stderr := call(t, []string{"KANTSTEN_DATA=" + t.TempDir(), "KANTSTEN_METRICS_ADDR=off"}, "serve", "--boundaries", "/nowhere/areas.geojson")
	if code != 1 || !strings.Contains(stderr, "KANTSTEN_BOUNDARIES") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

func TestWrongCallsAreRefused(t *testing.T) {
	t.Parallel()
	data := "KANTSTEN_DATA=" + filepath.Join(t.TempDir(), "data")
	for _, tt := range []struct {
		args []string
		says string
	}{
		{nil, "say what to do"},
		{[]string{"fly"}, `no command "fly"`},
		{[]string{"boundaries"}, "after boundaries comes import or list or diff or activate or undo"},
		{[]string{"serve", "--nonsense"}, "nonsense"},
		{[]string{"serve", "--addr"}, "addr"},
		{[]string{"serve", "now"}, "no words"},
		{[]string{"migrate", "--demo"}, "demo"},
		{[]string{"boundaries", "import"}, "one file, URL or postgres"},
		{[]string{"boundaries", "activate"}, "id of a set"},
		{[]string{"jurisdiction", "add", "2281"}, "a code and a name"},
		{[]string{"staff", "invite", "kim@example.se"}, "--role"},
		{[]string{"key", "create"}, "one name"},
	} {
		code, stdout, stderr := call(t, []string{data}, tt.args...)
		if code != 2 || !strings.Contains(stderr, tt.says) || stdout != "" {
			t.Errorf("kantsten %s: exit code %d\n%s%s", strings.Join(tt.args, " "), code, stdout, stderr)
		}
	}
}

func TestADatabaseThatIsNotThereIsAnError(t *testing.T) {
	t.Parallel()
	code, _, stderr := call(t, []string{"KANTSTEN_DATA=" + t.TempDir()}, "migrate", "--database-url", "postgres://kim:hemligt@127.0.0.1:1/kantsten")
	if code != 1 || stderr == "" || strings.Contains(stderr, "hemligt") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

func TestAFlagOutranksTheEnvironment(t *testing.T) {
	t.Parallel()
	fromFlag, fromEnv := filepath.Join(t.TempDir(), "flag"), filepath.Join(t.TempDir(), "env")
	if code, _, stderr := call(t, []string{"KANTSTEN_DATA=" + fromEnv}, "migrate", "--data", fromFlag); code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if _, err := os.Stat(filepath.Join(fromFlag, "kantsten.db")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(fromEnv); !os.IsNotExist(err) {
		t.Errorf("the environment's folder was made: %v", err)
	}
}
