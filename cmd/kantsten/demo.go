package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"

	"github.com/kantsten/kantsten/internal/demo"
	"github.com/kantsten/kantsten/internal/store"
)

// demoFact marks a database as the demo's own.
const demoFact = "demo"

// mayBeDemo refuses to seed a database that somebody uses.
func (p *program) mayBeDemo(ctx context.Context) error {
	facts := store.Installation{DB: p.db}
	if is, err := facts.Fact(ctx, demoFact); err != nil || is != "" {
		return err
	}
	empty, err := facts.Empty(ctx)
	if err != nil {
		return err
	}
	if !empty {
		return errors.New("this database is in use; --demo runs only on an empty one or on its own: choose another --data folder")
	}
	return facts.SetFact(ctx, demoFact, "seeding")
}

// startDemo seeds the demo, once, and prints how to get in.
func (p *program) startDemo(ctx context.Context, out io.Writer) error {
	facts := store.Installation{DB: p.db}
	is, err := facts.Fact(ctx, demoFact)
	if err != nil {
		return err
	}
	seeder := &demo.Seeder{
		Tenants: p.tenants, Auth: p.auth, Reports: p.reports, BaseURL: p.cfg.BaseURL,
		File: filepath.Join(p.cfg.Data, "demo.json"),
	}
	access, err := seeder.Seed(ctx, is == "seeded")
	if err != nil {
		return err
	}
	if err := facts.SetFact(ctx, demoFact, "seeded"); err != nil {
		return err
	}
	return p.welcome(out, access, seeder.File)
}

// welcome says where to look and how to sign in.
func (p *program) welcome(out io.Writer, a demo.Access, file string) error {
	_, err := fmt.Fprintf(out, "\nKantsten's demo is at %s (documentation: %s/docs)\n", a.BaseURL, a.BaseURL)
	if err == nil && p.boundaries.Active().Approximate {
		_, err = fmt.Fprintln(out, "Its boundaries are approximate. Official ones: kantsten boundaries import URL-or-FILE")
	}
	if err == nil {
		_, err = fmt.Fprintf(out, "Staff are signed in; their tokens and a key for Open311 are in %s:\n", file)
	}
	for _, m := range a.Staff {
		if err == nil {
			_, err = fmt.Fprintf(out, "  %-14s %-5s %s\n", m.Role, m.Jurisdiction, m.Email)
		}
	}
	if err == nil {
		_, err = fmt.Fprint(out, "Sign-in codes are printed here and sent nowhere. Stop with Ctrl-C.\n\n")
	}
	return err
}

// onLoopback refuses a demo that others could reach: its tokens are no secret.
func onLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("read the address to listen on: %w", err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return errors.New("--demo listens on loopback only: leave KANTSTEN_ADDR at 127.0.0.1")
}
