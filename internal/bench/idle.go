package main

import (
	"context"
	"fmt"
	"time"
)

// settled is how long the program may take to let go of what starting needed.
const settled = 5 * time.Second

// idle measures what the program needs when nobody asks anything, and how soon it
// answers. The borders are imported before, so the index is there.
func (b *bench) idle(ctx context.Context) error {
	s, err := b.newSite(ctx, sqlite, "idle")
	if err != nil {
		return err
	}
	var starts, anonymous []float64
	for i := range b.size.starts {
		began := time.Now()
		p, err := s.serve(ctx)
		if err != nil {
			return err
		}
		starts = append(starts, time.Since(began).Seconds())
		if i == 0 {
			time.Sleep(settled)
			mib, err := p.memory("RssAnon")
			if err != nil {
				return err
			}
			anonymous = append(anonymous, mib)
		}
		if err := p.stop(); err != nil {
			return err
		}
	}
	b.table.add(under(fmt.Sprintf("idle, anonymous memory, %d areas", len(b.country.areas)), median(anonymous), 80, "MiB"))
	b.table.add(under("start to the first answer, median", median(starts), 1, "s"))
	b.table.add(under("start to the first answer, slowest", quantile(starts, 1), 1, "s"))
	return nil
}
