package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
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
		from := source{from: p.cfg.Boundaries, opts: geo.ReadOptions{PadCode: 4}}
		set, err := p.importBoundaries(ctx, from, routing.About{Source: from.name()}, nil)
		if err == nil {
			err = p.boundaries.Activate(ctx, set.ID, time.Now())
		}
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

// importBoundaries reads a set, which is not active then. say is told what was
// read and repaired; nil if nobody wants to know.
func (p *program) importBoundaries(ctx context.Context, from source, about routing.About, say *printer) (routing.Set, error) {
	if from.opts.Kind != geo.Areas {
		var things geo.NearBuilder
		if err := from.read(ctx, things.Add); err != nil {
			return routing.Set{}, err
		}
		set, built, err := p.boundaries.ImportPlaces(ctx, &things, about, time.Now())
		if err == nil && say != nil {
			say.builtNear(set, built)
		}
		return set, err
	}
	var areas geo.Builder
	if err := from.read(ctx, areas.Add); err != nil {
		return routing.Set{}, err
	}
	set, built, err := p.boundaries.Import(ctx, &areas, about, time.Now())
	if err == nil && say != nil {
		say.built(built)
	}
	return set, err
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
	set, _, err := p.boundaries.Import(ctx, &areas, routing.About{Source: "demo", Approximate: true}, time.Now())
	if err != nil {
		return err
	}
	return p.boundaries.Activate(ctx, set.ID, time.Now())
}

func importCommand(flags *flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	var from source
	flags.StringVar(&from.opts.CodeProperty, "code", "", "property that holds the area's code; guessed if not given")
	flags.StringVar(&from.opts.NameProperty, "name", "", "property that holds the area's name; guessed if not given")
	flags.StringVar(&from.opts.Layer, "table", "", "table of a GeoPackage or of a PostGIS database")
	flags.IntVar(&from.opts.PadCode, "pad", -1, "fill codes that are numbers up to so many digits; default: 4 for municipalities")
	flags.TextVar((*kindFlag)(&from.opts.Kind), "kind", new(kindFlag), "areas, lines or points")
	all := allFlag(flags)
	var about routing.About
	flags.StringVar(&about.Layer, "layer", routing.Municipality, "which layer it is a new version of")
	flags.StringVar(&about.Source, "source", "", "where the borders come from; default: the file's name")
	flags.StringVar(&about.Licence, "licence", "", "under which licence they may be used")
	flags.StringVar(&about.ValidFrom, "valid-from", "", "since when they hold, such as 2026-01-01")
	return func(ctx context.Context, cfg Config, args []string, out io.Writer) error {
		if len(args) != 1 {
			return misused("boundaries import takes one file, URL or postgres:// address")
		}
		from.from = args[0]
		if err := checkAbout(&about, &from); err != nil {
			return err
		}
		return withProgram(ctx, cfg, func(p *program) error { return p.importAndReport(ctx, from, about, &printer{out: out, all: *all}) })
	}
}

// kindFlag reads what the features of a layer are.
type kindFlag geo.Kind

// MarshalText writes the default into the help.
func (k *kindFlag) MarshalText() ([]byte, error) { return []byte(geo.Kind(*k).String()), nil }

// UnmarshalText takes a kind by its name.
func (k *kindFlag) UnmarshalText(text []byte) error {
	for _, kind := range []geo.Kind{geo.Areas, geo.Lines, geo.Points} {
		if string(text) == kind.String() {
			*k = kindFlag(kind)
			return nil
		}
	}
	return errors.New("it is areas, lines or points")
}

// checkAbout fills in what was not said and refuses what cannot be meant.
func checkAbout(about *routing.About, from *source) error {
	if about.ValidFrom != "" {
		if _, err := time.Parse(time.DateOnly, about.ValidFrom); err != nil {
			return misused("--valid-from takes a date such as 2026-01-01, not %q", about.ValidFrom)
		}
	}
	if about.Layer == "" || strings.ContainsFunc(about.Layer, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') }) {
		return misused("--layer takes a name of lower-case letters and hyphens such as road-owner, not %q", about.Layer)
	}
	if about.Layer == routing.Municipality && from.opts.Kind != geo.Areas {
		return misused("municipalities are areas; name another --layer for %s", from.opts.Kind)
	}
	if from.isDatabase() && from.opts.Layer == "" {
		return misused("a database needs --table")
	}
	if from.opts.PadCode < 0 {
		from.opts.PadCode = 0
		if about.Layer == routing.Municipality {
			from.opts.PadCode = 4
		}
	}
	if about.Source == "" {
		about.Source = from.name()
	}
	return nil
}

// importAndReport imports a set and says what there is to know before it is
// activated. Only the first municipalities are activated at once: no report can be
// filed without. Another layer sends reports elsewhere also when it is the first.
// Where the active set is lost, importing is the remedy: with the same file it is
// back, and else there is nothing to compare with.
func (p *program) importAndReport(ctx context.Context, from source, about routing.About, r *printer) error {
	set, err := p.importBoundaries(ctx, from, about, r)
	if err != nil {
		return err
	}
	refreshed := p.boundaries.Refresh(ctx)
	if refreshed != nil && !errors.Is(refreshed, routing.ErrLost) {
		return refreshed
	}
	if refreshed != nil {
		r.line("nothing can be compared: %v", refreshed)
	} else if err := p.review(ctx, r, set); err != nil {
		return err
	}
	if refreshed != nil || set.Layer != routing.Municipality || p.boundaries.Active() != nil {
		r.line("boundary set %s is imported and not active; next: kantsten boundaries activate %s", set.ID, set.ID)
		return r.err
	}
	if err := p.boundaries.Activate(ctx, set.ID, time.Now()); err != nil {
		return err
	}
	r.line("boundary set %s is active: %d %s, %d vertices", set.ID, set.Areas, set.Kind, set.Vertices)
	return r.err
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
