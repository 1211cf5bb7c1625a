package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
)

// duplicates measures how well likeness tells two cases of one fault from two
// faults, on real cases, beside place alone.
//
// The labels are by rule. A case that was closed as a duplicate, and the case of
// its type that was open nearest to it in place and time (a metre counts as a
// day), within 100 m, are a pair. Of the cases that were not, each with the
// nearest by the same rule, two sets of non-pairs are taken, as many of each type
// as there are pairs: any of them, and ones in which the two are as far apart as
// in a pair (to 12 m, the grain of the file's positions), so that place alone
// cannot tell. Cases of the even days of the year are for fitting; what is printed
// is of the odd ones.
//
// Limits: closures are one city's habit. Many a repeat was closed as resolved, and
// is a non-pair here; and the rule may take the wrong neighbour: how often it takes
// the one that a closure names is printed too. Cases come in batches, on one day 49
// repeats, so that the figures of other halves differ by some hundredths.
func (b *bench) duplicates(context.Context) error {
	path := dataFile(bostonCases)
	if _, err := os.Stat(path); err != nil {
		b.table.add(line{what: "duplicates", measured: "needs " + bostonCases})
		return nil
	}
	cases, err := readCases(path)
	if err != nil {
		return err
	}
	near := arrange(cases)
	set := label(cases, near)
	say("%d cases, %d pairs, %d non-pairs as they come, %d at the same distance", len(cases), len(set.pairs), len(set.any), len(set.matched))
	b.namedCases(cases, near)
	train, test := byDay(slices.Concat(set.pairs, set.any))
	b.fitted(train)
	b.against("near non-pairs", train, test)
	train, test = byDay(slices.Concat(set.pairs, set.matched))
	b.against("non-pairs at the same distance", train, test)
	return nil
}

// example is two cases and what the rule says of them.
type example struct {
	late, early *realCase
	same        bool
}

// labels are the examples by rule.
type labels struct{ pairs, any, matched []example }

func label(cases []*realCase, near around) labels {
	var l labels
	apart := map[string][]example{} // by kind
	for _, c := range cases {
		o := nearest(c, near.open(c))
		switch {
		case o == nil:
		case c.duplicate:
			l.pairs = append(l.pairs, example{c, o, true})
		case !o.duplicate:
			apart[c.kind] = append(apart[c.kind], example{c, o, false})
		}
	}
	rnd := rand.New(rand.NewPCG(2015, 311)) // #nosec G404 -- the same choice each time
	for kind, all := range inOrder(apart) {
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		var pairs []example
		for _, p := range l.pairs {
			if p.late.kind == kind {
				pairs = append(pairs, p)
			}
		}
		l.any = append(l.any, all[:min(len(pairs), len(all))]...)
		l.matched = append(l.matched, match(pairs, all)...)
	}
	return l
}

// inOrder goes through a map in the order of its keys.
func inOrder(m map[string][]example) func(func(string, []example) bool) {
	return func(yield func(string, []example) bool) {
		keys := make([]string, 0, len(m))
		for k := range m {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// nearest is the nearest in place and time; nil of none.
func nearest(c *realCase, open []*realCase) *realCase {
	if len(open) == 0 {
		return nil
	}
	return slices.MinFunc(open, func(a, b *realCase) int {
		return cmp.Or(cmp.Compare(away(c, a), away(c, b)), cmp.Compare(a.id, b.id))
	})
}

// away is a distance in place and time, in metres and days.
func away(c, o *realCase) float64 { return metresApart(c, o) + c.opened.Sub(o.opened).Hours()/24 }

// match picks for each pair a non-pair in which the two are as far apart, of the
// same season.
func match(pairs, all []example) (matched []example) {
	const grain = 12.0
	used := make([]bool, len(all))
	for _, p := range pairs {
		best, least := -1, math.Inf(1)
		for i, n := range all {
			season := math.Abs(p.late.opened.Sub(n.late.opened).Hours())
			if !used[i] && season < least && math.Abs(n.metres()-p.metres()) <= grain {
				best, least = i, season
			}
		}
		if best >= 0 {
			used[best] = true
			matched = append(matched, all[best])
		}
	}
	return matched
}

func (e example) metres() float64   { return metresApart(e.late, e.early) }
func (e example) likeness() float64 { return e.late.sketch.Like(e.early.sketch) }
func (e example) nearness() float64 { return -e.metres() }

// byDay parts examples by the day on which the later case came.
func byDay(all []example) (even, odd []example) {
	for _, e := range all {
		if e.late.opened.YearDay()%2 == 0 {
			even = append(even, e)
		} else {
			odd = append(odd, e)
		}
	}
	return even, odd
}

// namedCases counts how often the rule, and the first of a list by likeness, are
// the case that a closure names, where others were open around it too.
func (b *bench) namedCases(cases []*realCase, near around) {
	byID := map[string]*realCase{}
	for _, c := range cases {
		byID[c.id] = c
	}
	var asked, rule int
	var alike, place [2]int // first, among the first three
	for _, c := range cases {
		open := near.open(c)
		named := slices.IndexFunc(open, func(o *realCase) bool { return slices.Contains(c.names, o.id) })
		if named < 0 || len(open) < 2 {
			continue
		}
		asked++
		if slices.Contains(c.names, nearest(c, open).id) {
			rule++
		}
		count(&alike, c, open, func(o *realCase) float64 { return example{late: c, early: o}.likeness() })
		count(&place, c, open, func(o *realCase) float64 { return -metresApart(c, o) })
	}
	b.table.add(line{what: "duplicates: the labels' rule finds the case that is named", measured: share(rule, asked)})
	b.table.add(line{what: "  the named case is first by likeness (rival: by place)", measured: share(alike[0], asked), rival: share(place[0], asked)})
	b.table.add(line{what: "  it is among the first three", measured: share(alike[1], asked), rival: share(place[1], asked)})
}

// count looks for the case that c names at the head of a list; of equals, the
// newest stands first.
func count(hits *[2]int, c *realCase, open []*realCase, score func(*realCase) float64) {
	slices.SortFunc(open, func(a, b *realCase) int {
		return cmp.Or(cmp.Compare(score(b), score(a)), b.opened.Compare(a.opened), cmp.Compare(b.id, a.id))
	})
	for i, o := range open[:min(3, len(open))] {
		if slices.Contains(c.names, o.id) {
			if i == 0 {
				hits[0]++
			}
			hits[1]++
			return
		}
	}
}

func share(n, of int) string { return fmt.Sprintf("%d of %d", n, of) }
