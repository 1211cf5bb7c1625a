package main

import (
	"context"
	"flag"
	"fmt"
	"io"
)

// erasePersonCommand erases a person who asks the operator to (GDPR, article 17).
// Reporters can do it themselves, one report at a time, by the follow token.
func erasePersonCommand(*flag.FlagSet) func(context.Context, Config, []string, io.Writer) error {
	return func(ctx context.Context, cfg Config, args []string, out io.Writer) error {
		if len(args) != 1 {
			return misused("person erase takes one e-mail address")
		}
		return withProgram(ctx, cfg, func(p *program) error {
			found, err := p.reports.ErasePerson(ctx, args[0])
			if err != nil {
				return err
			}
			if p.folder != nil {
				if err := p.folder.ForgetAddress(ctx, found.Email); err != nil {
					return err
				}
			}
			account := "no account"
			switch {
			case found.Staff:
				account = "an account that stays, because it has a role: take the person off the staff, and repeat this"
			case found.Account != "":
				account = "the account"
			}
			_, err = fmt.Fprintf(out, "erased: the personal data of %d reports, %d comments, %d subscriptions; %s\nFiles and mails of reports go as soon as a serving process does its jobs.\n",
				len(found.Reports), len(found.Remarks), len(found.Subscriptions), account)
			return err
		})
	}
}
