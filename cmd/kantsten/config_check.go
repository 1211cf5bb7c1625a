package main

import (
	"cmp"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// check reads the settings that are more than text, so that a wrong one stops
// the program before it has touched anything. It names the setting and does not
// repeat its value, which may hold a password.
func (c *Config) check() error {
	c.BaseURL = strings.TrimRight(cmp.Or(c.BaseURL, localURL(c.Addr)), "/")
	for _, rule := range []struct {
		setting string
		holds   bool
		want    string
	}{
		{"KANTSTEN_ADDR", isAddr(c.Addr), "an address to listen on such as 127.0.0.1:8311"},
		{"KANTSTEN_METRICS_ADDR", c.MetricsAddr == "off" || isAddr(c.MetricsAddr), "an address to listen on such as 127.0.0.1:8312, or off"},
		{"KANTSTEN_BASE_URL", isURL(c.BaseURL, "https", "http"), "a URL such as https://report.example.se"},
		{"KANTSTEN_DATABASE_URL", c.DatabaseURL == "" || isDatabaseURL(c.DatabaseURL), "a URL such as postgres://user:password@host/database"},
		{"KANTSTEN_MEDIA_URL", c.MediaURL == "" || isMediaURL(c.MediaURL), "a URL such as s3://bucket/prefix or file:///folder"},
		{"KANTSTEN_SMTP_URL", c.SMTPURL == "" || isURL(c.SMTPURL, "smtp", "smtps"), "a URL such as smtp://user:password@host:587"},
		{"KANTSTEN_MAIL_FROM", isMailbox(c.MailFrom), "a sender such as Kantsten <noreply@report.example.se>"},
		{"KANTSTEN_PUSH_CONTACT", c.PushContact == "" || isContact(c.PushContact), "an https URL or an e-mail address"},
		{"KANTSTEN_PHOTO_MEMORY", c.PhotoMemory > 0, "a number of bytes above zero"},
		{"KANTSTEN_MASK_URL", c.MaskURL == "" || isURL(c.MaskURL, "https", "http"), "a URL such as https://mask.example.se/detect"},
		{"KANTSTEN_DRAIN", c.Drain >= 0, "a time such as 5s"},
	} {
		if !rule.holds {
			return misused("%s has to be %s", rule.setting, rule.want)
		}
	}
	if err := c.checkLimits(); err != nil {
		return err
	}
	var err error
	if c.trustedProxies, err = networks("KANTSTEN_TRUSTED_PROXIES", c.TrustedProxies); err != nil {
		return err
	}
	c.egressAllow, err = networks("KANTSTEN_EGRESS_ALLOW", c.EgressAllow)
	return err
}

func networks(setting string, cidrs []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, cidr := range cidrs {
		p, err := netip.ParsePrefix(cidr)
		if err != nil {
			return nil, misused("%s: %q is not a network such as 10.0.0.0/8", setting, cidr)
		}
		all = append(all, p)
	}
	return all, nil
}

func isAddr(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	return err == nil && port != ""
}

// isURL reports whether s is a URL with a host and one of the schemes.
func isURL(s string, schemes ...string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && slices.Contains(schemes, u.Scheme)
}

// isDatabaseURL takes a URL without a host, too: postgres:///kantsten?host=/run/postgresql
// goes by a Unix socket.
func isDatabaseURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql")
}

func isMediaURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "file" && u.Host == "" && u.Path != "" || u.Scheme == "s3" && u.Host != "")
}

func isMailbox(s string) bool {
	_, err := mail.ParseAddress(s)
	return err == nil
}

// isContact follows RFC 8292 section 2.1.
func isContact(s string) bool {
	return isURL(s, "https") || isMailbox(strings.TrimPrefix(s, "mailto:"))
}
