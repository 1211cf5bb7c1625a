package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/demo"
	"github.com/kantsten/kantsten/internal/routing"
)

// loadBoundaries maps the active boundary set. Where there is none it imports
// the configured file, or for a demo without one the boundaries that ship with
// the program.
func (p *program) loadBoundaries(ctx context.Context, isDemo bool) error {
	if err := p.boundaries.Refresh(ctx); err != nil || p.boundaries.Active() != nil {
		return err
	}
	switch {
	case p.cfg.Boundaries != "":
		_, _, err := p.importBoundaries(ctx, p.cfg.Boundaries, geo.ReadOptions{PadCode: 4}, routing.About{Source: sourceName(p.cfg.Boundaries)})
		if err != nil {
			return fmt.Errorf("load KANTSTEN_BOUNDARIES: %w", err)
		}
		return nil
	case isDemo:
		return p.importDemoBoundaries(ctx)
	}
	p.log.WarnContext(ctx, "no boundaries are loaded, so no report can be filed: kantsten boundaries import")
	return nil
}

// importBoundaries reads areas from a file or URL into a new set and activates it.
func (p *program) importBoundaries(ctx context.Context, from string, opts geo.ReadOptions, about routing.About) (routing.Set, *geo.BuildReport, error) {
	in, err := openSource(ctx, from)
	if err != nil {
		return routing.Set{}, nil, err
	}
	defer func() { _ = in.Close() }() // only read from
	var areas geo.Builder
	if err := geo.ReadGeoJSON(in, opts, areas.Add); err != nil {
		return routing.Set{}, nil, fmt.Errorf("read %s: %w", from, err)
	}
	return p.activateAreas(ctx, &areas, about)
}

func (p *program) activateAreas(ctx context.Context, areas *geo.Builder, about routing.About) (routing.Set, *geo.BuildReport, error) {
	set, built, err := p.boundaries.Import(ctx, areas, about, time.Now())
	if err != nil {
		return routing.Set{}, nil, err
	}
	return set, built, p.boundaries.Activate(ctx, set.ID, time.Now())
}

func (p *program) importDemoBoundaries(ctx context.Context) error {
	approximate, err := demo.Boundaries()
	if err != nil {
		return fmt.Errorf("make the demo's boundaries: %w", err)
	}
	var areas geo.Builder
	for _, a := range approximate {
		if err := areas.Add(geo.Feature{Code: a.Code, Name: a.Name, Geometry: a.Geometry}); err != nil {
			return fmt.Errorf("add demo area %s: %w", a.Code, err)
		}
	}
	_, _, err = p.activateAreas(ctx, &areas, routing.About{Source: "demo", Approximate: true})
	return err
}

// sourceName is what a file or URL is called in answers to anybody: without what
// an address may hold beside its path, such as the operator's key.
func sourceName(from string) string {
	u, err := url.Parse(from)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return filepath.Base(from)
	}
	if name := path.Base(u.Path); name != "." && name != "/" {
		return name
	}
	return u.Hostname()
}

// openSource opens a local file, or what a URL of the operator's answers.
func openSource(ctx context.Context, from string) (io.ReadCloser, error) {
	if !strings.HasPrefix(from, "http://") && !strings.HasPrefix(from, "https://") {
		f, err := os.Open(filepath.Clean(from)) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, fmt.Errorf("open the boundaries: %w", err)
		}
		return f, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil) //nolint:gosec // the operator names the address
	if err != nil {
		return nil, fmt.Errorf("fetch the boundaries: %w", err)
	}
	res, err := (&http.Client{Timeout: 10 * time.Minute}).Do(req) //nolint:gosec // the operator names the address
	if err != nil {
		return nil, fmt.Errorf("fetch the boundaries: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("fetch the boundaries: the server answered %s", res.Status), res.Body.Close())
	}
	return res.Body, nil
}

func importCommand(flags *flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	code := flags.String("code", "", "property that holds the area's code; guessed if not given")
	name := flags.String("name", "", "property that holds the area's name; guessed if not given")
	var about routing.About
	flags.StringVar(&about.Source, "source", "", "where the borders come from; default: the file's name")
	flags.StringVar(&about.Licence, "licence", "", "under which licence they may be used")
	flags.StringVar(&about.ValidFrom, "valid-from", "", "since when they hold, such as 2026-01-01")
	return func(ctx context.Context, cfg Config, args []string, out io.Writer) error {
		if len(args) != 1 {
			return misused("boundaries import takes one file or URL")
		}
		if about.Source == "" {
			about.Source = sourceName(args[0])
		}
		return withProgram(ctx, cfg, func(p *program) error {
			set, built, err := p.importBoundaries(ctx, args[0], geo.ReadOptions{CodeProperty: *code, NameProperty: *name, PadCode: 4}, about)
			if err != nil {
				return err
			}
			return sayImported(out, set, built)
		})
	}
}

func sayImported(out io.Writer, set routing.Set, built *geo.BuildReport) error {
	_, err := fmt.Fprintf(out, "boundary set %s is active: %d areas, %d vertices\n", set.ID, built.Areas, built.Vertices)
	for _, note := range built.Notes {
		if err == nil {
			_, err = fmt.Fprintln(out, "  repaired:", note)
		}
	}
	return err
}

func listSetsCommand(*flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	return func(ctx context.Context, cfg Config, _ []string, out io.Writer) error {
		return withProgram(ctx, cfg, func(p *program) error {
			sets, err := p.boundaries.Sets.Sets(ctx)
			if err != nil {
				return err
			}
			for _, s := range sets {
				mark := " "
				if s.Active {
					mark = "*"
				}
				if _, err := fmt.Fprintf(out, "%s %s %s %d areas, %s, loaded %s\n", mark, s.ID, s.Layer, s.Areas, s.Source,
					s.CreatedAt.Format(time.DateTime)); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func activateCommand(*flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	return func(ctx context.Context, cfg Config, args []string, out io.Writer) error {
		if len(args) != 1 {
			return misused("boundaries activate takes the id of a set: kantsten boundaries list")
		}
		return withProgram(ctx, cfg, func(p *program) error {
			if err := p.boundaries.Activate(ctx, args[0], time.Now()); err != nil {
				return err
			}
			_, err := fmt.Fprintln(out, "boundary set", args[0], "is active")
			return err
		})
	}
}

// withProgram opens the program for one command and closes it again. Its log
// goes to the standard error output, so that the command's own output stands
// alone.
func withProgram(ctx context.Context, cfg Config, do func(*program) error) error {
	p, err := open(ctx, cfg, false, os.Stderr)
	if err != nil {
		return err
	}
	return errors.Join(do(p), p.close())
}
