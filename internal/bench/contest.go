package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// contender does the same work as others, in its own way.
type contender struct {
	name string
	// do does it once on behalf of one of the workers, numbered from zero.
	do func(ctx context.Context, worker int) error
	// settle waits until nothing of the round is left that would disturb the next.
	settle func(ctx context.Context) error
}

// result is what a contender did in each round.
type result struct {
	rates []float64 // a second
	took  []float64 // every single one, seconds
}

func (r result) rate() float64 { return median(r.rates) }

// contest lets contenders work in turns, each as often as there are rounds, with
// as many workers. A short round that does not count warms each of them up.
func contest(ctx context.Context, s size, workers int, contenders ...contender) (map[string]result, error) {
	results := map[string]result{}
	for round := range s.rounds + 1 {
		for i := range contenders {
			c := contenders[(i+round)%len(contenders)] // nobody is always first
			length := s.round
			if round == 0 {
				length /= 4
			}
			rate, took, err := work(ctx, c, workers, length)
			if err != nil {
				return nil, fmt.Errorf("%s, %d at once: %w", c.name, workers, err)
			}
			if round > 0 {
				r := results[c.name]
				r.rates, r.took = append(r.rates, rate), append(r.took, took...)
				results[c.name] = r
			}
		}
	}
	return results, nil
}

// work runs one round of one contender; the rate counts what was done until the
// last worker had finished.
func work(ctx context.Context, c contender, workers int, length time.Duration) (rate float64, took []float64, err error) {
	var wait sync.WaitGroup
	var over atomic.Bool
	all := make([][]float64, workers)
	errs := make([]error, workers)
	began := time.Now()
	for w := range workers {
		wait.Go(func() {
			for !over.Load() && errs[w] == nil {
				start := time.Now()
				errs[w] = c.do(ctx, w)
				all[w] = append(all[w], time.Since(start).Seconds())
			}
		})
	}
	select {
	case <-ctx.Done():
	case <-time.After(length):
	}
	over.Store(true)
	wait.Wait()
	seconds := time.Since(began).Seconds()
	for _, t := range all {
		took = append(took, t...)
	}
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		return 0, nil, err
	}
	if c.settle != nil {
		err = c.settle(ctx)
	}
	return float64(len(took)) / seconds, took, err
}
