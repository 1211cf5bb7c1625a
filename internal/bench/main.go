// Bench measures the built program beside the bare database and prints the
// figures as ratios. `make bench` runs it.
//
//	bench [-quick] [-reports 1000000] [-only filing,map,news,idle,parts,photos,geo,duplicates,sets] [-dir FOLDER]
//
// The machine that it runs on is never quiet, so what is compared is measured in
// turns, round by round, and the median round counts. The program runs as its own
// process, as an operator would start it, on both databases; the rival uses the
// database's driver in this process, without HTTP. On the machine's processors
// the load generator is a third, so the program's figures are what is left to it.
//
//   - Filing: POST /v1/reports against the statements of that very filing,
//     recorded from the wire between the program and PostgreSQL (see [record])
//     and replayed in a transaction each, by as many writers; beside it one-row
//     inserts, each durable, which say what the disk gives.
//   - Map: GET /v1/reports?bbox= among a million reports against the same rows
//     read by their ids and written by encoding/json. The two answers are compared
//     before they are timed.
//   - News: how soon a change is in the push service of whoever follows it, and how
//     soon two processes use boundaries that were activated or undone.
//   - Idle: anonymous memory, and the time from the start to the first answer.
//   - Parts: a map tile, and a photo's way through the program.
//   - Photos: the way of a photo beside libvips, one at a time and many at once, and
//     the server's memory meanwhile.
//   - Geo: the index of areas beside other libraries and PostGIS, on real borders
//     where KANTSTEN_TEST_DATA has them and on a made-up country of 36,000 areas.
//   - Duplicates: precision and recall of the likeness of reports, beside place alone.
//   - Sets: every write transaction of activating a set of 36,000 areas, of handing
//     reports over to them and of going back, while reports are filed.
//
// Limits: Linux, for /proc; the PostgreSQL is the one for tests, with fsync.
// Nothing here is a test: the exit code is 0 however the figures turn out.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// size says how much is measured.
type size struct {
	reports int           // among which a map view is sought
	rounds  int           // of each contest
	round   time.Duration // of each contender
	writers []int
	starts  int // of the program, for the time to its first answer
	photos  int
	open    int // reports that are handed over

	pushes   int // changes that are followed to the push service
	switches int // of the boundaries, there and back

	look   time.Duration // of a round of looking up areas
	points int           // to look up, of each kind
	agree  int           // of those, with which rivals are compared answer by answer
}

func fullSize() size {
	return size{reports: 1_000_000, rounds: 5, round: 2 * time.Second, writers: []int{1, 8, 32}, starts: 7, photos: 10, open: 5000, pushes: 300, switches: 5,
		look: time.Second, points: 30_000, agree: 30_000}
}

func quickSize() size {
	return size{reports: 50_000, rounds: 3, round: 400 * time.Millisecond, writers: []int{1, 8, 32}, starts: 3, photos: 3, open: 1000, pushes: 100, switches: 2,
		look: 200 * time.Millisecond, points: 30_000, agree: 3000}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run with what its parts share.
type bench struct {
	size     size
	dir      string // everything lies here, and goes when the run ends
	program  string // path of the built binary
	country  country
	postgres *postgres
	table    table
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "small sizes, two minutes in all")
	reports := flags.Int("reports", 0, "how many reports the map is drawn from; default 1,000,000")
	only := flags.String("only", "filing,map,news,idle,parts,photos,geo,duplicates,sets", "what to measure")
	toBuild := flags.String(buildFlag, "", "only read a file of GeoJSON and say what that took; for this program's own use")
	base := flags.String("dir", "", "where to put databases, on the disk that is to be measured; default: the folder for temporary files")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *toBuild != "" {
		return buildOnly(*toBuild, os.Stdout)
	}
	b := &bench{size: fullSize()}
	if *quick {
		b.size = quickSize()
	}
	if *reports > 0 {
		b.size.reports = *reports
	}
	if b.dir, err = os.MkdirTemp(*base, "kantsten-bench-"); err != nil {
		return fmt.Errorf("make a folder for the databases: %w", err)
	}
	defer func() { _ = os.RemoveAll(b.dir) }() // in the folder for temporary files at worst
	defer func() { b.postgres.close() }()
	if *only != "geo" { // which needs neither the program nor, for the most part, PostgreSQL
		if err := b.prepare(ctx); err != nil {
			return err
		}
	}
	for part := range strings.SplitSeq(*only, ",") {
		if err := b.measure(ctx, part); err != nil {
			return fmt.Errorf("measure %s: %w", part, err)
		}
	}
	b.table.print(os.Stdout)
	return nil
}

// prepare builds the program, reads the country and finds a PostgreSQL.
func (b *bench) prepare(ctx context.Context) (err error) {
	say("building the program")
	b.program = filepath.Join(b.dir, "kantsten")
	if err := build(ctx, b.program); err != nil {
		return err
	}
	if b.country, err = readCountry(b.dir); err != nil {
		return err
	}
	say("borders: %s, %d areas", b.country.source, len(b.country.areas))
	b.postgres, err = openPostgres(ctx)
	return err
}

func (b *bench) measure(ctx context.Context, part string) error {
	parts := map[string]func(context.Context) error{
		"filing": b.filing, "map": b.maps, "news": b.news, "idle": b.idle, "parts": b.parts, "geo": b.geo,
		"duplicates": b.duplicates, "photos": b.photos, "sets": b.sets,
	}
	do, ok := parts[part]
	if !ok {
		return fmt.Errorf("there is no part %q", part)
	}
	say("%s (load of the machine: %s)", part, load())
	return do(ctx)
}

// say tells on the standard error output how far the run has come.
func say(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

// load is the machine's load over the last minute, five and fifteen.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(data))[:3], " ")
}
