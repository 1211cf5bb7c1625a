package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kantsten/kantsten/internal/routing"
)

// successions is a flag that can be given several times: OLD=NEW.
type successions []routing.Succession

func (s *successions) String() string { return fmt.Sprint(*s) }

func (s *successions) Set(text string) error {
	old, heir, ok := strings.Cut(text, "=")
	if !ok || old == "" || heir == "" {
		return fmt.Errorf("write it as OLD=NEW, such as 0330=0331")
	}
	*s = append(*s, routing.Succession{Old: old, New: heir})
	return nil
}

// switchFlags are those of the commands that make another set the active one.
func switchFlags(flags *flag.FlagSet) *routing.Options {
	opts := &routing.Options{}
	flags.BoolVar(&opts.Reroute, "reroute", false, "hand the open reports over that now go elsewhere")
	flags.Var((*successions)(&opts.Heirs), "succeed", "who takes over from a code that is gone, as OLD=NEW; can be given several times")
	return opts
}

func activateCommand(flags *flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	opts := switchFlags(flags)
	return func(ctx context.Context, cfg Config, args []string, out io.Writer) error {
		if len(args) != 1 {
			return misused("boundaries activate takes the id of a set: kantsten boundaries list")
		}
		return withProgram(ctx, cfg, func(p *program) error {
			step, err := p.boundaries.ActivateWith(ctx, args[0], *opts, time.Now())
			if err != nil {
				return err
			}
			return p.sayActive(ctx, out, step, opts.Reroute)
		})
	}
}

func undoCommand(flags *flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	opts := switchFlags(flags)
	layer := flags.String("layer", routing.Municipality, "the layer that goes back to the set before")
	return func(ctx context.Context, cfg Config, args []string, out io.Writer) error {
		if len(args) != 0 {
			return misused("boundaries undo takes no argument; name the layer by --layer")
		}
		return withProgram(ctx, cfg, func(p *program) error {
			step, err := p.boundaries.Undo(ctx, *layer, *opts, time.Now())
			if err != nil {
				return err
			}
			return p.sayActive(ctx, out, step, opts.Reroute)
		})
	}
}

func (p *program) sayActive(ctx context.Context, out io.Writer, step routing.Activation, reroute bool) error {
	r := printer{out: out}
	if step.Set == "" {
		r.line("layer %s has no active set any more", step.Layer)
	} else {
		r.line("boundary set %s is active", step.Set)
	}
	heirs, err := p.boundaries.Sets.Successions(ctx)
	if err != nil {
		return err
	}
	for _, h := range heirs {
		r.line("  %s takes over from %s", h.New, h.Old)
	}
	if reroute {
		r.line("the open reports that go elsewhere now are being handed over by the running service")
	}
	return r.err
}

func listSetsCommand(flags *flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	all := allFlag(flags)
	return func(ctx context.Context, cfg Config, _ []string, out io.Writer) error {
		return withProgram(ctx, cfg, func(p *program) error {
			sets, err := p.boundaries.Sets.Sets(ctx)
			if err != nil {
				return err
			}
			steps, err := p.boundaries.Sets.Activations(ctx)
			if err != nil {
				return err
			}
			r := printer{out: out, all: *all}
			for _, s := range sets {
				r.set(s)
			}
			r.some(len(steps), func(i int) { r.step(steps[i]) })
			return r.err
		})
	}
}

func (p *printer) set(s routing.Set) {
	mark := " "
	if s.Active {
		mark = "*"
	}
	valid := ""
	if s.ValidFrom != "" {
		valid = ", valid from " + s.ValidFrom
	}
	p.line("%s %s %s %d %s, %s%s, loaded %s", mark, s.ID, s.Layer, s.Areas, s.Kind, s.Source, valid, s.CreatedAt.Format(time.DateTime))
}

func (p *printer) step(a routing.Activation) {
	did := "activated"
	if a.Undoes != "" {
		did = "back to"
	}
	p.line("%s %s %s %s", a.At.Format(time.DateTime), a.Layer, did, cmp.Or(a.Set, "none"))
}
