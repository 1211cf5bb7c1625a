package main

import (
	"math"
	"testing"
)

// TestExponentIsThatOfTheTimes: at sizes as they are measured.
func TestExponentIsThatOfTheTimes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		took func(n float64) float64
		want float64
	}{
		"constant":                               {func(float64) float64 { return 3 }, 0},
		"linear":                                 {func(n float64) float64 { return 5e-7 * n }, 1},
		"quadratic":                              {func(n float64) float64 { return 1e-12 * n * n }, 2},
		"n log n":                                {func(n float64) float64 { return n * math.Log(n) }, 1.072},
		"linear, but for what every build costs": {func(n float64) float64 { return 5e-7*n + 0.02 }, 0.959},
	} {
		var of []built
		for _, n := range []int{504_000, 1_011_360, 2_016_000} {
			of = append(of, built{Vertices: n, Processor: tt.took(float64(n))})
		}
		if got := exponent(of); math.Abs(got-tt.want) > 0.001 {
			t.Errorf("%s: %.4f, want %.3f", name, got, tt.want)
		}
	}
}

func TestRatiosAreForEachVertex(t *testing.T) {
	t.Parallel()
	part := []built{{Vertices: 10, Processor: 1}, {Vertices: 10, Processor: 2}}
	whole := []built{{Vertices: 40, Processor: 4}, {Vertices: 40, Processor: 4}}
	if got := ratios(whole, part, built.processor); got[0] != 1 || got[1] != 0.5 {
		t.Errorf("%v, want 1 and 0.5", got)
	}
}
