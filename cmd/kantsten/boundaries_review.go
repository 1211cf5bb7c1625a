package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
)

// listed is how many lines of each kind a review prints unless it is asked for all;
// the number of all stands above them.
const listed = 20

// printer writes lines and keeps the first error, so that its users need not.
type printer struct {
	out io.Writer
	all bool // print every line, however many there are of its kind
	err error
}

// allFlag is that of the commands that print lists.
func allFlag(flags *flag.FlagSet) *bool {
	return flags.Bool("all", false, fmt.Sprintf("list all, not the first %d of each kind", listed))
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format+"\n", args...)
	}
}

// some prints the first lines of a list and how many follow, or all lines.
func (p *printer) some(n int, line func(i int)) {
	shown := min(n, listed)
	if p.all {
		shown = n
	}
	for i := range shown {
		line(i)
	}
	if n > shown {
		p.line("  … and %d more; list them by --all", n-shown)
	}
}

// place is a position as maps take it: latitude first.
func place(at orb.Point) string { return fmt.Sprintf("at %.6f, %.6f", at[1], at[0]) }

// ground is a size as people read it.
func ground(squareMetres float64) string {
	switch {
	case squareMetres >= 1e5:
		return fmt.Sprintf("%.2f km²", squareMetres/1e6)
	case squareMetres >= 10:
		return fmt.Sprintf("%.0f m²", squareMetres)
	}
	return fmt.Sprintf("%.2g m²", squareMetres)
}

// metres is a width as people read it.
func metres(m float64) string {
	if m >= 10 {
		return fmt.Sprintf("%.0f m", m)
	}
	return fmt.Sprintf("%.2g m", m)
}

// code names an owner; nobody where there is none.
func code(owner string) string {
	if owner == "" {
		return "nobody"
	}
	return owner
}

func (p *printer) built(b *geo.BuildReport) {
	p.line("read: %d areas of %d polygons, %d rings, %d vertices; %d features had the code of an earlier one",
		b.Areas, b.Polygons, b.Rings, b.Vertices, b.Merged)
	p.line("repaired: %d rings closed, %d repeated vertices and %d spikes taken out, %d rings dropped",
		b.Closed, b.Repeated, b.Spikes, b.Dropped)
	p.some(len(b.Notes), func(i int) { p.line("  repaired: %s", b.Notes[i]) })
}

func (p *printer) builtNear(set routing.Set, b *geo.NearReport) {
	p.line("read: %d %s of %d lines, %d vertices; %d features had the code of an earlier one",
		b.Features, set.Kind, b.Lines, b.Vertices, b.Merged)
	p.line("repaired: %d repeated vertices taken out, %d lines of one place, %d lines dropped", b.Repeated, b.Short, b.Dropped)
}

// review prints what there is to know of a set before it is activated. Lines and
// points neither overlap nor leave gaps; what they change is seen by the reports.
func (p *program) review(ctx context.Context, r *printer, set routing.Set) error {
	loaded, err := p.boundaries.Load(ctx, set)
	if err != nil {
		return err
	}
	if loaded.Index != nil {
		r.flaws(loaded.Index)
	}
	active := p.boundaries.Now().Layer(set.Layer)
	if active == nil && set.Layer == routing.Municipality {
		return r.err
	}
	var heirs []routing.Succession
	if active != nil && active.Index != nil && loaded.Index != nil {
		heirs = r.compare(active.Index, loaded.Index, "the active set "+active.ID)
	}
	return p.reviewReports(ctx, r, p.boundaries.Preview(loaded, heirs))
}

func (p *printer) flaws(index *geo.Index) {
	f, err := index.Flaws()
	if err != nil {
		p.line("overlaps and gaps: %v", err)
		return
	}
	total := 0.0
	for _, o := range f.Overlaps {
		total += o.SquareMetres
	}
	p.line("overlaps: %d pairs of areas, %s in all; the smaller area owns what both hold", len(f.Overlaps), ground(total))
	p.some(len(f.Overlaps), func(i int) {
		o := f.Overlaps[i]
		a, _ := index.Area(o.Owner)
		b, _ := index.Area(o.Other)
		p.line("  %s over %s: %s in %d places, the largest %s, %s wide", a, b, ground(o.SquareMetres), o.Places, place(o.At), metres(o.WidthMetres))
	})
	total = 0
	for _, g := range f.Gaps {
		total += g.SquareMetres
	}
	p.line("gaps: %d, %s in all", len(f.Gaps), ground(total))
	p.some(len(f.Gaps), func(i int) {
		g := f.Gaps[i]
		var codes []string
		for _, area := range g.Areas {
			c, _ := index.Area(area)
			codes = append(codes, c)
		}
		p.line("  %s %s between %s, %s wide", ground(g.SquareMetres), place(g.At), strings.Join(codes, ", "), metres(g.WidthMetres))
	})
}

// compare prints what changes and returns who would succeed the codes that go.
func (p *printer) compare(old, now *geo.Index, with string) []routing.Succession {
	c, err := geo.Compare(old, now)
	if err != nil {
		p.line("compared with %s: %v", with, err)
		return nil
	}
	p.line("compared with %s: %d areas the same, %d added, %d removed, %d renamed; %s moved by less than %.1f m of border",
		with, c.Same, len(c.Added), len(c.Removed), len(c.Renamed), ground(c.Rerounded), geo.RoundingMetres)
	p.some(len(c.Added), func(i int) {
		p.line("  added: %s %s, made of %s", c.Added[i].Code, c.Added[i].Name, shares(c.Added[i].From))
	})
	p.some(len(c.Removed), func(i int) {
		p.line("  removed: %s %s, whose ground is now %s", c.Removed[i].Code, c.Removed[i].Name, shares(c.Removed[i].To))
	})
	p.some(len(c.Renamed), func(i int) {
		p.line("  renamed: %s from %s to %s", c.Renamed[i].Code, c.Renamed[i].Old, c.Renamed[i].New)
	})
	total := 0.0
	for _, m := range c.Moved {
		total += m.SquareMetres
	}
	p.line("moved: %s between %d pairs", ground(total), len(c.Moved))
	p.some(len(c.Moved), func(i int) {
		m := c.Moved[i]
		p.line("  moved: %s from %s to %s in %d places, the largest %s", ground(m.SquareMetres), code(m.From), code(m.To), m.Places, place(m.At))
	})
	heirs := routing.Heirs(c, nil)
	p.some(len(heirs), func(i int) { p.line("  %s will take over from %s", heirs[i].New, heirs[i].Old) })
	return heirs
}

func shares(list []geo.Share) string {
	if len(list) == 0 {
		return "nobody's"
	}
	text := ""
	for i, s := range list[:min(len(list), 5)] {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s %.1f %%", code(s.Code), 100*s.Share)
	}
	return text
}

// reviewReports lists the open reports that would go elsewhere. They are read page
// by page, and only as many as are shown are kept.
func (p *program) reviewReports(ctx context.Context, r *printer, x *routing.Rerouting) error {
	n := 0
	var kept []report.Rerouted
	err := p.reports.Rerouted(ctx, x, func(m report.Rerouted) error {
		if n++; r.all || len(kept) < listed {
			kept = append(kept, m)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.line("open reports that would go elsewhere: %d", n)
	r.some(n, func(i int) { r.line("  %s from %s to %s", kept[i].Reference, kept[i].From, code(kept[i].To)) })
	return r.err
}

func diffCommand(flags *flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	layer := flags.String("layer", routing.Municipality, "the layer whose active set is meant by active")
	all := allFlag(flags)
	return func(ctx context.Context, cfg Config, args []string, out io.Writer) error {
		if len(args) != 2 {
			return misused("boundaries diff takes two sets by id, or active: kantsten boundaries list")
		}
		return withProgram(ctx, cfg, func(p *program) error {
			if err := p.boundaries.Refresh(ctx); err != nil {
				return err
			}
			a, err := p.set(ctx, args[0], *layer)
			if err != nil {
				return err
			}
			b, err := p.set(ctx, args[1], *layer)
			if err != nil {
				return err
			}
			return p.diff(ctx, &printer{out: out, all: *all}, a, b)
		})
	}
}

// set finds a set by its id; active is that of a layer.
func (p *program) set(ctx context.Context, id, layer string) (routing.Set, error) {
	if id != "active" {
		return p.boundaries.Sets.Set(ctx, id)
	}
	active := p.boundaries.Now().Layer(layer)
	if active == nil {
		return routing.Set{}, problem.New(problem.NotFound, "layer %s has no active set", layer)
	}
	return active.Set, nil
}

func (p *program) diff(ctx context.Context, r *printer, a, b routing.Set) error {
	if a.Layer != b.Layer {
		return problem.New(problem.Invalid, "%s is of layer %s and %s of layer %s", a.ID, a.Layer, b.ID, b.Layer)
	}
	old, err := p.boundaries.Load(ctx, a)
	if err != nil {
		return err
	}
	now, err := p.boundaries.Load(ctx, b)
	if err != nil {
		return err
	}
	if old.Index == nil || now.Index == nil {
		return problem.New(problem.Invalid, "only sets of areas can be compared, not %s with %s", a.Kind, b.Kind)
	}
	r.compare(old.Index, now.Index, "set "+a.ID)
	return r.err
}
