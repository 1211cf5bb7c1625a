package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Config is every setting. Each is an environment variable and a flag of the
// same name: KANTSTEN_BASE_URL is --base-url. The table in the README is made
// from the tags, and a test compares.
type Config struct {
	Addr           string   `env:"KANTSTEN_ADDR" envDefault:"127.0.0.1:8311" help:"address to listen on"`
	BaseURL        string   `env:"KANTSTEN_BASE_URL" help:"where people reach the installation, such as https://report.example.se; default: http:// and the address"`
	Data           string   `env:"KANTSTEN_DATA" envDefault:"./data" help:"folder for the embedded database, photos and local copies"`
	DatabaseURL    string   `env:"KANTSTEN_DATABASE_URL" help:"postgres://… instead of SQLite in the data folder"`
	MediaURL       string   `env:"KANTSTEN_MEDIA_URL" help:"s3://bucket/prefix?endpoint=… instead of files in the data folder"`
	Boundaries     string   `env:"KANTSTEN_BOUNDARIES" help:"GeoJSON file of areas to load when no boundary set is active"`
	SMTPURL        string   `env:"KANTSTEN_SMTP_URL" help:"smtp://user:password@host:587 to send e-mail by; without it messages are .eml files in the data folder"`
	MailFrom       string   `env:"KANTSTEN_MAIL_FROM" envDefault:"Kantsten <noreply@localhost.invalid>" help:"sender of e-mail"`
	PushContact    string   `env:"KANTSTEN_PUSH_CONTACT" help:"https URL or e-mail address that push services can write to; default: the base URL"`
	TrustedProxies []string `env:"KANTSTEN_TRUSTED_PROXIES" help:"CIDRs of reverse proxies whose X-Forwarded-For is believed"`
	EgressAllow    []string `env:"KANTSTEN_EGRESS_ALLOW" help:"CIDRs that outgoing requests may reach although private, over http too"`
	SecretsFile    string   `env:"KANTSTEN_SECRETS_FILE" help:"JSON file with the installation's keys; default: made once, kept in the database"`
	MetricsAddr    string   `env:"KANTSTEN_METRICS_ADDR" envDefault:"127.0.0.1:8312" help:"address that serves /metrics to Prometheus; off for none"`
	PhotoMemory    int64    `env:"KANTSTEN_PHOTO_MEMORY" envDefault:"536870912" help:"bytes that photos being decoded may take together"`
	MaskURL        string   `env:"KANTSTEN_MASK_URL" help:"https URL of a detector: each photo is posted there, and what it finds is masked before anyone sees the photo"`

	Drain time.Duration `env:"KANTSTEN_DRAIN" envDefault:"0s" help:"how long a stopping process still takes requests while /readyz answers 503, such as 5s, for a load balancer to notice"`

	LimitReports       int   `env:"KANTSTEN_LIMIT_REPORTS" envDefault:"30" help:"reports that one address may file in an hour; 0 for no limit, here and below"`
	LimitPhotos        int   `env:"KANTSTEN_LIMIT_PHOTOS" envDefault:"120" help:"photos and uploads of one address in an hour"`
	LimitComments      int   `env:"KANTSTEN_LIMIT_COMMENTS" envDefault:"60" help:"comments of one address in an hour"`
	LimitSupport       int   `env:"KANTSTEN_LIMIT_SUPPORT" envDefault:"120" help:"times that one address may say \"me too\" in an hour"`
	LimitSubscriptions int   `env:"KANTSTEN_LIMIT_SUBSCRIPTIONS" envDefault:"60" help:"subscriptions that one address may begin or confirm in an hour"`
	LimitSignIn        int   `env:"KANTSTEN_LIMIT_SIGN_IN" envDefault:"60" help:"steps of signing in that one address may take in an hour"`
	LimitOther         int   `env:"KANTSTEN_LIMIT_OTHER" envDefault:"120" help:"other creating calls of one address in an hour"`
	LimitNetwork       int   `env:"KANTSTEN_LIMIT_NETWORK" envDefault:"10" help:"how many times the share of one address a network may use (IPv4 /24, IPv6 /64)"`
	LimitKey           int   `env:"KANTSTEN_LIMIT_KEY" envDefault:"3600" help:"creating calls that one API key, or one member of staff, may make in an hour, whatever the address"`
	LimitUploads       int64 `env:"KANTSTEN_LIMIT_UPLOADS" envDefault:"1073741824" help:"bytes that unfinished uploads of one address (IPv6 /64), API key or member of staff may reserve: each its length and 4 MB"`
	LimitLoopback      bool  `env:"KANTSTEN_LIMIT_LOOPBACK" envDefault:"false" help:"count callers on this machine too; a reverse proxy on it belongs into KANTSTEN_TRUSTED_PROXIES, or all its callers are free"`
	ChallengeBits      int   `env:"KANTSTEN_CHALLENGE_BITS" envDefault:"17" help:"how hard the challenge is that lets a network over its share through, in zero bits of SHA-256, 1 to 24; each one doubles the work"`

	egressAllow    []netip.Prefix
	trustedProxies []netip.Prefix
}

// configure reads the settings: flags first, then the environment, then the
// defaults. What is left of args comes back.
func configure(flags *flag.FlagSet, args, environ []string) (Config, []string, error) {
	values := map[string]string{}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && strings.HasPrefix(name, "KANTSTEN_") && value != "" {
			values[name] = value
		}
	}
	for _, s := range settings() {
		flags.Func(s.Flag, s.explained(), func(value string) error {
			values[s.Env] = value
			return nil
		})
	}
	rest, err := parse(flags, args)
	if err != nil {
		return Config{}, nil, err
	}
	cfg, err := env.ParseAsWithOptions[Config](env.Options{Environment: values})
	if err != nil {
		return Config{}, nil, misread(err)
	}
	return cfg, rest, cfg.check()
}

// parse reads flags wherever they stand, before and after other words.
func parse(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for len(args) > 0 {
		if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, misused("%v", err)
		}
		args = flags.Args()
		if len(args) > 0 {
			rest, args = append(rest, args[0]), args[1:]
		}
	}
	return rest, nil
}

// setting is one row of the table of settings.
type setting struct{ Env, Flag, Default, Help string }

// explained is what --help says: the package flag shows no default by itself of
// a flag that is a function.
func (s setting) explained() string {
	if s.Default == "" {
		return s.Help
	}
	return s.Help + " (default " + s.Default + ")"
}

// settings lists every setting in the order of the struct.
func settings() []setting {
	var all []setting
	for f := range reflect.TypeFor[Config]().Fields() {
		name := f.Tag.Get("env")
		if name == "" {
			continue
		}
		all = append(all, setting{
			Env: name, Default: f.Tag.Get("envDefault"), Help: f.Tag.Get("help"),
			Flag: strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "KANTSTEN_")), "_", "-"),
		})
	}
	return all
}

// misread names the setting whose value is not of its type. The value itself is
// not repeated: some are secret.
func misread(err error) error {
	if wrong, ok := errors.AsType[env.ParseError](err); ok {
		if f, ok := reflect.TypeFor[Config]().FieldByName(wrong.Name); ok {
			return misused("%s is not a %s", f.Tag.Get("env"), f.Type)
		}
	}
	return misused("%v", err)
}

// localURL is how this machine itself reaches an address to listen on.
func localURL(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "http://" + addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// database is the URL of PostgreSQL, or the path of the SQLite file.
func (c Config) database() string {
	if c.DatabaseURL != "" {
		return c.DatabaseURL
	}
	return filepath.Join(c.Data, "kantsten.db")
}

// makeData makes the data folder, which nobody else may read: it holds contact
// data and keys.
func (c Config) makeData() error {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	return nil
}
