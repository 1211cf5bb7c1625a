package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// table is the report of a run.
type table struct{ rows []line }

// line is one figure. Rival and ratio are empty for a figure that stands alone,
// target and reached for one that nobody has set a target for.
type line struct{ what, measured, rival, ratio, target, reached string }

func (t *table) add(l line) {
	t.rows = append(t.rows, l)
	say("  %s: %s  %s  %s", l.what, l.measured, l.rival, l.ratio)
}

// atLeast is a line whose ratio has to reach a target; 0 for none.
func atLeast(what, measured, rival string, ratio, target float64) line {
	l := line{what: what, measured: measured, rival: rival, ratio: fmt.Sprintf("%.2f", ratio)}
	if target > 0 {
		l.target, l.reached = fmt.Sprintf("≥ %g", target), yes(ratio >= target)
	}
	return l
}

// atMost is a line whose ratio must not exceed a limit; 0 for none.
func atMost(what, measured, rival string, ratio, limit float64) line {
	l := line{what: what, measured: measured, rival: rival, ratio: fmt.Sprintf("%.2f", ratio)}
	if limit > 0 {
		l.target, l.reached = fmt.Sprintf("≤ %g", limit), yes(ratio <= limit)
	}
	return l
}

// under is a line whose value has to stay under a limit in the same unit.
func under(what string, value, limit float64, unit string) line {
	return line{
		what: what, measured: fmt.Sprintf("%.4g %s", value, unit),
		target: fmt.Sprintf("< %g %s", limit, unit), reached: yes(value < limit),
	}
}

func yes(reached bool) string {
	if reached {
		return "yes"
	}
	return "NO"
}

func (t *table) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "WHAT\tMEASURED\tRIVAL\tRATIO\tTARGET\tREACHED")
	for _, l := range t.rows {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.what, l.measured, l.rival, l.ratio, l.target, l.reached)
	}
	_ = w.Flush()
}

// median of values, which must not be empty.
func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile is the value below which a share q of values lies.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
