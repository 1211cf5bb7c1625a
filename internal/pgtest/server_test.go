package pgtest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
)

func TestTheWaysToAServerAreTriedInTheirOrder(t *testing.T) {
	t.Parallel()
	none, broken := errors.New("nothing there"), errors.New("no network")
	for _, tt := range []struct {
		name                              string
		install, there, root, net, docker bool
		want                              string // what was done, in order
		says                              string
		err                               error
	}{
		{name: "installed binaries go before all", install: true, there: true, root: true, net: true, docker: true, want: "cluster of /there"},
		{name: "root on Debian installs them", install: true, root: true, net: true, docker: true, want: "install, cluster of /installed"},
		{name: "root on Debian does not without leave", root: true, net: true, docker: true, want: "container"},
		{name: "what cannot be installed is said, and Docker tried", install: true, root: true, docker: true, want: "install, container", says: "no network"},
		{name: "nobody else installs", install: true, net: true, docker: true, want: "container"},
		{name: "no way at all", install: true, net: true, err: ErrMissing},
		{name: "no way at all for root", install: true, root: true, want: "install", says: "no network", err: ErrMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var done []string
			do := func(what string) (*Server, error) {
				done = append(done, what)
				return &Server{}, nil
			}
			m := machine{
				find: func(context.Context) (string, error) {
					if tt.there {
						return "/there", nil
					}
					return "", none
				},
				canInstall: func() bool { return tt.root },
				install: func(context.Context, Options) (string, error) {
					_, _ = do("install")
					if !tt.net {
						return "", broken
					}
					return "/installed", nil
				},
				hasDocker: func(context.Context) bool { return tt.docker },
				cluster:   func(_ context.Context, bin string, _ Options) (*Server, error) { return do("cluster of " + bin) },
				container: func(context.Context, Options) (*Server, error) { return do("container") },
			}
			var log bytes.Buffer
			s, err := m.start(t.Context(), Options{Install: tt.install, Log: &log})
			if got := strings.Join(done, ", "); got != tt.want || !errors.Is(err, tt.err) || (s == nil) != (tt.err != nil) {
				t.Errorf("did %q with error %v, want %q and %v", got, err, tt.want, tt.err)
			}
			if !strings.Contains(log.String(), tt.says) {
				t.Errorf("said %q, want %q", &log, tt.says)
			}
		})
	}
}

func TestTheLastWordSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"apt-get install postgresql", "dnf install postgresql-server", "brew install postgresql", "start Docker", "TEST_POSTGRES_URL"} {
		if !strings.Contains(ErrMissing.Error(), way) {
			t.Errorf("%q does not name %q", ErrMissing, way)
		}
	}
}
