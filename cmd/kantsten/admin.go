package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/tenant"
)

func listJurisdictionsCommand(*flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	return func(ctx context.Context, cfg Config, _ []string, out io.Writer) error {
		return withProgram(ctx, cfg, func(p *program) error {
			js, err := p.tenants.List(ctx)
			if err != nil {
				return err
			}
			for _, j := range js {
				if _, err := fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", j.Code, j.Name, j.Channel, j.Email); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// addJurisdictionCommand adds a jurisdiction or changes the one with that code,
// as the boundary import makes them: what no flag names stays as it is.
func addJurisdictionCommand(flags *flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	channel := flags.String("channel", "", "how it gets its reports: none, web or email; default: as it is, none for a new one")
	email := flags.String("email", "", "where reports go on the channel email; default: as it is")
	return func(ctx context.Context, cfg Config, args []string, out io.Writer) error {
		if len(args) != 2 {
			return misused("jurisdiction add takes a code and a name")
		}
		return withProgram(ctx, cfg, func(p *program) error {
			j, err := p.jurisdictionToPut(ctx, args[0])
			if err != nil {
				return err
			}
			j.Name = args[1]
			if *channel != "" {
				j.Channel = tenant.Channel(*channel)
			}
			if *email != "" {
				j.Email = *email
			}
			if j, err = p.tenants.Put(ctx, j); err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "%s %s is there, with the channel %s\n", j.Code, j.Name, j.Channel)
			return err
		})
	}
}

// jurisdictionToPut is the one with a code as it is, or a new one. An alias is no
// code: who adds one by a word does not mean to rename another.
func (p *program) jurisdictionToPut(ctx context.Context, code string) (tenant.Jurisdiction, error) {
	j, err := p.tenants.Get(ctx, code)
	if refused := problem.As(err); refused != nil && refused.Kind == problem.NotFound || err == nil && j.Code != code {
		return tenant.Jurisdiction{Code: code, Channel: tenant.None, Language: "sv"}, nil
	}
	return j, err
}

func inviteCommand(flags *flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	role := flags.String("role", "", "crew, handler, administrator or operator")
	code := flags.String("jurisdiction", "", "whose staff; not for an operator")
	return func(ctx context.Context, cfg Config, args []string, out io.Writer) error {
		if len(args) != 1 || *role == "" {
			return misused("staff invite takes --role and one e-mail address")
		}
		return withProgram(ctx, cfg, func(p *program) error {
			if *code != "" {
				j, err := p.tenants.Get(ctx, *code)
				if err != nil {
					return err
				}
				*code = j.Code
			}
			inv, secret, err := p.auth.Invite(ctx, auth.Itself(), auth.InviteRequest{
				Grant: auth.Grant{Role: auth.Role(*role), Jurisdiction: *code}, Email: args[0], Language: "sv",
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "One-time link, until %s:\n%s%s#%s\nor:\ncurl -X POST %s/v1/invitations/accept -H 'Content-Type: application/json' -d '{\"secret\": \"%s\"}'\n",
				inv.ExpiresAt.Format("2006-01-02 15:04 MST"), cfg.BaseURL, api.InvitationPath, secret, cfg.BaseURL, secret)
			return err
		})
	}
}

func createKeyCommand(flags *flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	code := flags.String("jurisdiction", "", "whose key; without one it files everywhere and does nothing else")
	scopes := flags.String("scopes", string(auth.ScopeOpen311), "what it may do, separated by commas")
	return func(ctx context.Context, cfg Config, args []string, out io.Writer) error {
		if len(args) != 1 {
			return misused("key create takes one name, which says what uses the key")
		}
		ask := auth.KeyRequest{Jurisdiction: *code, Name: args[0]}
		for s := range strings.SplitSeq(*scopes, ",") {
			ask.Scopes = append(ask.Scopes, auth.Scope(strings.TrimSpace(s)))
		}
		return withProgram(ctx, cfg, func(p *program) error {
			if *code != "" {
				j, err := p.tenants.Get(ctx, *code)
				if err != nil {
					return err
				}
				ask.Jurisdiction = j.Code // it may have been an alias
			}
			_, secret, err := p.auth.CreateKey(ctx, auth.Itself(), ask)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(out, secret)
			return err
		})
	}
}

func migrateCommand(*flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	return func(ctx context.Context, cfg Config, _ []string, out io.Writer) error {
		return withProgram(ctx, cfg, func(*program) error { // opening migrates
			_, err := fmt.Fprintln(out, "the schema is current")
			return err
		})
	}
}
