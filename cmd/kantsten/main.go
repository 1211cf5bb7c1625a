package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/kantsten/kantsten/internal/photo"
)

// version is set by the linker.
var version = "unknown"

func main() {
	keepPrivate()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program without waiting
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program: it returns the exit code, 2 for a wrong call.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	err := dispatch(ctx, args, environ, stdout, stderr)
	var usage *usageError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		_, _ = fmt.Fprintf(stderr, "kantsten: %v\n\n%s", err, usageText)
		return 2
	}
	_, _ = fmt.Fprintln(stderr, "kantsten:", err)
	return 1
}

// usageError is a call that is not understood.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func misused(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

const usageText = `kantsten serve [--demo]                        API and workers in one process
kantsten boundaries import FILE|URL|postgres://… [--layer L] [--table T] [--valid-from DATE] [--all]
                                               load borders into a set that is not active, and say what it would change
kantsten boundaries list [--all] | diff [--all] A B | activate ID [--reroute] [--succeed OLD=NEW] | undo [--reroute]
kantsten jurisdiction list | add CODE NAME [--channel none|web|email] [--email ADDRESS]
                                               add changes one that is there, and lets its held reports go
kantsten staff invite --role ROLE [--jurisdiction CODE] EMAIL
kantsten key create [--jurisdiction CODE] [--scopes open311,…] NAME
kantsten person erase EMAIL                    erase one person: what is personal in their reports, comments,
                                               subscriptions and account
kantsten migrate                               bring the database schema forward
kantsten backup FOLDER                         write database, files and keys, while serving
kantsten restore FOLDER [--erasures FOLDER]    fill an empty installation from a backup
kantsten version

Settings are environment variables or flags: kantsten serve --help lists them.
`

// command is one thing that the program can do. Its flags are added to those of
// the configuration.
type command struct {
	name  []string // "boundaries", "import"
	flags func(*flag.FlagSet) func(ctx context.Context, cfg Config, args []string, out io.Writer) error
}

func commands() []command {
	return []command{
		{[]string{"serve"}, serveCommand},
		{[]string{"boundaries", "import"}, importCommand},
		{[]string{"boundaries", "list"}, listSetsCommand},
		{[]string{"boundaries", "diff"}, diffCommand},
		{[]string{"boundaries", "activate"}, activateCommand},
		{[]string{"boundaries", "undo"}, undoCommand},
		{[]string{"jurisdiction", "list"}, listJurisdictionsCommand},
		{[]string{"jurisdiction", "add"}, addJurisdictionCommand},
		{[]string{"staff", "invite"}, inviteCommand},
		{[]string{"key", "create"}, createKeyCommand},
		{[]string{"person", "erase"}, erasePersonCommand},
		{[]string{"migrate"}, migrateCommand},
		{[]string{"backup"}, backupCommand},
		{[]string{"restore"}, restoreCommand},
	}
}

// decodeHEIC is the command by which a serving process has a HEIC decoded. It is
// not for people, so the usage does not name it.
const decodeHEIC = "decode-heic"

// dispatch finds the command and runs it with its settings.
func dispatch(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return misused("say what to do")
	}
	switch args[0] {
	case "version", "--version":
		_, err := fmt.Fprintln(stdout, "kantsten", version)
		return err
	case "help", "--help", "-h":
		_, err := fmt.Fprint(stdout, usageText)
		return err
	case decodeHEIC:
		return photo.DecodeHEIC(args[1:], os.Stdin, stdout)
	}
	for _, c := range commands() {
		if len(args) < len(c.name) || !matches(c.name, args) {
			continue
		}
		flags := flag.NewFlagSet("kantsten", flag.ContinueOnError)
		flags.SetOutput(stderr)
		do := c.flags(flags)
		cfg, rest, err := configure(flags, args[len(c.name):], environ)
		if err != nil {
			return err
		}
		return do(ctx, cfg, rest, stdout)
	}
	return unknown(args)
}

// unknown says what could have been meant.
func unknown(args []string) error {
	var after []string
	for _, c := range commands() {
		if len(c.name) > 1 && c.name[0] == args[0] {
			after = append(after, c.name[1])
		}
	}
	if after == nil {
		return misused("there is no command %q", args[0])
	}
	return misused("after %s comes %s", args[0], strings.Join(after, " or "))
}

func matches(name, args []string) bool {
	for i, word := range name {
		if args[i] != word {
			return false
		}
	}
	return true
}
