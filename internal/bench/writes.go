package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// writes is the program's histogram of its write transactions: how many took at
// most so many seconds.
type writes map[float64]int

// writes reads them from where the program serves its metrics.
func (p *process) writes(ctx context.Context, addr string) (writes, error) {
	c, err := connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer closeAll([]*connection{c})
	text, err := c.roundTrip(get("/metrics"), 200)
	if err != nil {
		return nil, err
	}
	all := writes{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		bucket, ok := strings.CutPrefix(lines.Text(), `kantsten_write_seconds_bucket{le="`)
		if !ok {
			continue
		}
		limit, count, _ := strings.Cut(bucket, `"} `)
		seconds, err1 := strconv.ParseFloat(limit, 64)
		n, err2 := strconv.Atoi(count)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("the program's metrics have the line %q", lines.Text())
		}
		all[seconds] = n
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the program's metrics do not tell of write transactions")
	}
	return all, nil
}

// since returns how many there were since an earlier reading, and within how many
// milliseconds the longest of them was over, as far as the histogram tells.
func (w writes) since(before writes) (longestMS float64, n int) {
	n = w[math.Inf(1)] - before[math.Inf(1)]
	longest := math.Inf(1)
	for limit := range w {
		if w[limit]-before[limit] == n {
			longest = min(longest, limit)
		}
	}
	return 1000 * longest, n
}
