package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/kantsten/kantsten/internal/likeness"
)

// against prints how well the measure does on examples that it was not fitted to,
// beside place alone.
func (b *bench) against(what string, train, test []example) {
	m := judge(test, example.likeness, likeness.Threshold)
	limit := bestThreshold(train, example.nearness)
	p := judge(test, example.nearness, limit)
	what = fmt.Sprintf("duplicates against %s (%d pairs, %d not)", what, pairsIn(test), len(test)-pairsIn(test))
	b.table.add(line{
		what:     what + ": precision, recall",
		measured: fmt.Sprintf("%.2f, %.2f at ≥ %.2f", m.precision, m.recall, likeness.Threshold),
		rival:    fmt.Sprintf("%.2f, %.2f at ≤ %.0f m", p.precision, p.recall, -limit), ratio: ratio(m.precision, p.precision),
	})
	for _, recall := range []float64{0.3, 0.5, 0.8} {
		m, p := precisionAt(test, example.likeness, recall), precisionAt(test, example.nearness, recall)
		b.table.add(line{what: fmt.Sprintf("  precision at recall %.1f", recall), measured: fmt.Sprintf("%.2f", m), rival: fmt.Sprintf("%.2f", p), ratio: ratio(m, p)})
	}
	a, q := order(test, example.likeness), order(test, example.nearness)
	b.table.add(line{what: "  a pair stands before a non-pair (area under the curve)", measured: fmt.Sprintf("%.3f", a), rival: fmt.Sprintf("%.3f", q), ratio: ratio(a, q)})
}

func ratio(a, b float64) string { return fmt.Sprintf("%.2f", a/b) }

// verdict is how many of those called pairs are some, and how many of all pairs
// are called so.
type verdict struct{ precision, recall float64 }

func judge(examples []example, score func(example) float64, threshold float64) verdict {
	called, right := 0, 0
	for _, e := range examples {
		if score(e) >= threshold {
			called++
			if e.same {
				right++
			}
		}
	}
	return verdict{float64(right) / float64(max(called, 1)), float64(right) / float64(max(pairsIn(examples), 1))}
}

func pairsIn(examples []example) (n int) {
	for _, e := range examples {
		if e.same {
			n++
		}
	}
	return n
}

// bestThreshold is where the fewest examples are called wrongly.
func bestThreshold(examples []example, score func(example) float64) (best float64) {
	fewest := len(examples) + 1
	for _, t := range thresholds(examples, score) {
		wrong := 0
		for _, e := range examples {
			if (score(e) >= t) != e.same {
				wrong++
			}
		}
		if wrong < fewest {
			best, fewest = t, wrong
		}
	}
	return best
}

// precisionAt is the best precision of those thresholds that have the recall.
func precisionAt(examples []example, score func(example) float64, recall float64) (best float64) {
	for _, t := range thresholds(examples, score) {
		if v := judge(examples, score, t); v.recall >= recall {
			best = max(best, v.precision)
		}
	}
	return best
}

// thresholds are all scores, to a hundredth.
func thresholds(examples []example, score func(example) float64) []float64 {
	ts := make([]float64, len(examples))
	for i, e := range examples {
		ts[i] = math.Floor(100*score(e)) / 100
	}
	slices.Sort(ts)
	return slices.Compact(ts)
}

// order is the chance that a pair scores above a non-pair; equals count half.
func order(examples []example, score func(example) float64) float64 {
	type scored struct {
		score float64
		same  bool
	}
	all := make([]scored, len(examples))
	for i, e := range examples {
		all[i] = scored{score(e), e.same}
	}
	slices.SortFunc(all, func(a, b scored) int { return cmp.Compare(a.score, b.score) })
	var below, won, pairs float64
	for i := 0; i < len(all); {
		var same, other float64
		for j := i; i < len(all) && all[i].score == all[j].score; i++ {
			if all[i].same {
				same++
			} else {
				other++
			}
		}
		won += same * (below + other/2)
		below, pairs = below+other, pairs+same
	}
	return won / (below * pairs)
}

// fitted prints the weights that fit the examples best, and the threshold at which
// the measure, as it is, does best on them: this is how the constants of package
// likeness were found.
func (b *bench) fitted(train []example) {
	terms := make([]likeness.Terms, len(train))
	neutral := 0.0
	for i, e := range train {
		terms[i] = e.late.sketch.Compare(e.early.sketch)
		neutral += terms[i].Address / float64(len(train))
	}
	rows := make([][4]float64, len(train))
	for i, t := range terms {
		rows[i] = [4]float64{1, t.Place, t.Time, t.Address - neutral}
	}
	w := regress(rows, train)
	b.table.add(line{what: "duplicates: weights fitted to the other days", measured: fmt.Sprintf(
		"constant %.2f, place %.2f, time %.2f, address %.2f around %.2f; best threshold %.2f", w[0], w[1], w[2], w[3], neutral,
		bestThreshold(train, example.likeness))})
}

// regress is logistic regression by plain descent, which for so few numbers is as
// good as any.
func regress(rows [][4]float64, examples []example) (w [4]float64) {
	const steps, rate = 5000, 1.0
	for range steps {
		var slope [4]float64
		for i, x := range rows {
			off := 1 / (1 + math.Exp(-(w[0]*x[0] + w[1]*x[1] + w[2]*x[2] + w[3]*x[3])))
			if examples[i].same {
				off--
			}
			for k := range slope {
				slope[k] += off * x[k]
			}
		}
		for k := range w {
			w[k] -= rate * slope[k] / float64(len(rows))
		}
	}
	return w
}
