package photo

import "golang.org/x/sync/semaphore"

// lanes share out [Limits.Memory]. Most of it, five eighths, is for one photo at a
// time: a HEIC, or one that takes more than the rest. The other photos share that
// rest, three eighths, by the byte. So what takes long and much never stands in the
// way of the JPEGs that phones send: of the default 512 MiB they have 192, which is
// five of 12 megapixels at once, and a HEIC or a progressive JPEG of 24 has 320.
type lanes struct {
	ordinary, large         *semaphore.Weighted
	ordinaryBytes, largeMax int64
}

func newLanes(memory int64) lanes {
	ordinary := memory * 3 / 8
	return lanes{
		ordinary: semaphore.NewWeighted(ordinary), ordinaryBytes: ordinary,
		large: semaphore.NewWeighted(1), largeMax: memory - ordinary,
	}
}

// choose returns the lane for a photo that needs some bytes, and how much of the
// lane it takes; fits is false if none is large enough.
func (l lanes) choose(need int64, heic bool) (lane *semaphore.Weighted, amount int64, fits bool) {
	if !heic && need <= l.ordinaryBytes {
		return l.ordinary, need, true
	}
	return l.large, 1, need <= l.largeMax
}
