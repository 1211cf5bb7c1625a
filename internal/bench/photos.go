package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/kantsten/kantsten/internal/photo"
)

// What photos may cost beside libvips, and in memory.
const (
	photoTimeTarget   = 1.8 // times libvips's time on one thread, at most
	photoRateTarget   = 0.5 // of libvips's photos a second on all processors, at least
	photoMemoryTarget = 160 // MiB of the server, for one photo of 12 megapixels under way
	// photosMemoryBound is the default of KANTSTEN_PHOTO_MEMORY, in MiB: what all photos
	// under way may have in use. The whole server, with its garbage, is held to it.
	photosMemoryBound = 512
	uploadsAtOnce     = 16
)

// photos measures a photo of 12 megapixels on its way to three renditions, beside
// libvips doing the same, and the server's memory meanwhile.
func (b *bench) photos(ctx context.Context) error {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, street(4000, 3000), &jpeg.Options{Quality: 90}); err != nil {
		return fmt.Errorf("write a photo: %w", err)
	}
	path := filepath.Join(b.dir, "photo.jpg")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write a photo: %w", err)
	}
	vips, err := buildVips(ctx, b.dir)
	if err != nil {
		say("  %v", err)
		b.table.add(line{what: "photos beside libvips", measured: errNoVips.Error()})
	}
	if err := b.onePhoto(ctx, file.Bytes(), path, vips); err != nil {
		return err
	}
	if err := b.photoMemory(ctx); err != nil {
		return err
	}
	return b.manyPhotos(ctx, path, vips)
}

// onePhoto compares the time for one photo on one processor, without HTTP and
// without storage on both sides.
func (b *bench) onePhoto(ctx context.Context, data []byte, path, vips string) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	processor := &photo.Processor{Limits: photo.Limits{Wait: time.Minute}}
	made := 0
	ours := contender{name: "ours", do: func(ctx context.Context, _ int) error {
		made++
		_, _, err := processor.Process(ctx, bytes.NewReader(data))
		return err
	}}
	const what = "photo of 12 MP to three renditions, one processor"
	if vips == "" {
		results, err := contest(ctx, b.size, 1, ours)
		if err == nil {
			b.table.add(line{what: what, measured: medianTime(results["ours"])})
		}
		return err
	}
	pool, err := startVipsPool(ctx, vips, path, 1)
	if err != nil {
		return err
	}
	before := processorTime()
	results, err := contest(ctx, b.size, 1, ours, contender{name: "libvips", do: pool.once})
	spent := processorTime() - before
	if err := errors.Join(err, pool.stop()); err != nil {
		return err
	}
	us, them := results["ours"], results["libvips"]
	b.table.add(atMost(what, medianTime(us), medianTime(them)+" libvips", median(us.took)/median(them.took), photoTimeTarget))
	// On a busy machine the clock counts others' work too; this does not.
	mine, theirs := spent.Seconds()/float64(made), pool.processorTime().Seconds()/float64(pool.made())
	b.table.add(atMost(what+", processor time", fmt.Sprintf("%.0f ms", 1e3*mine), fmt.Sprintf("%.0f ms libvips", 1e3*theirs), mine/theirs, photoTimeTarget))
	return nil
}

// processorTime is what this process has used of the processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // cannot fail for this process
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func medianTime(r result) string { return fmt.Sprintf("%.0f ms", 1e3*median(r.took)) }

// photoMemory sends one photo at a time to a fresh server.
func (b *bench) photoMemory(ctx context.Context) error {
	return b.uploads(ctx, "photo-memory", 1, func(p *process, post func(ctx context.Context, worker int) error) error {
		for range b.size.photos {
			if err := post(ctx, 0); err != nil {
				return err
			}
		}
		peak, err := p.memory("VmHWM")
		if err == nil {
			b.table.add(under("photo of 12 MP, one at a time: the server's peak RSS", peak, photoMemoryTarget, "MiB"))
		}
		return err
	})
}

// manyPhotos compares photos a second with 16 uploads at once: the whole server,
// with storage, beside as many libvips as there are processors.
func (b *bench) manyPhotos(ctx context.Context, path, vips string) error {
	return b.uploads(ctx, "photo-many", uploadsAtOnce, func(p *process, post func(ctx context.Context, worker int) error) (err error) {
		var sent atomic.Int64
		contenders := []contender{{name: "ours", do: func(ctx context.Context, worker int) error {
			sent.Add(1)
			return post(ctx, worker)
		}}}
		if vips != "" {
			pool, err := startVipsPool(ctx, vips, path, runtime.NumCPU())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, pool.stop()) }()
			contenders = append(contenders, contender{name: "libvips", do: pool.once})
		}
		before, err := p.processorTime()
		if err != nil {
			return err
		}
		results, err := contest(ctx, b.size, uploadsAtOnce, contenders...)
		if err != nil {
			return err
		}
		after, err := p.processorTime()
		if err != nil {
			return err
		}
		what := fmt.Sprintf("photos of 12 MP, %d uploads at once", uploadsAtOnce)
		ours := results["ours"].rate()
		if them, ok := results["libvips"]; ok {
			b.table.add(atLeast(what, fmt.Sprintf("%.1f/s", ours), fmt.Sprintf("%.1f/s libvips", them.rate()), ours/them.rate(), photoRateTarget))
		} else {
			b.table.add(line{what: what, measured: fmt.Sprintf("%.1f/s", ours)})
		}
		each := (after - before).Seconds() / float64(sent.Load())
		b.table.add(line{what: what + ": the server's processor time for each", measured: fmt.Sprintf("%.0f ms", 1e3*each)})
		peak, err := p.memory("VmHWM")
		if err == nil {
			b.table.add(under(what+": the server's peak RSS, by the default of KANTSTEN_PHOTO_MEMORY", peak, photosMemoryBound, "MiB"))
		}
		return err
	})
}

// uploads starts a fresh server for some workers, each on a connection of its own,
// and has them send the photo by post.
func (b *bench) uploads(ctx context.Context, name string, workers int, do func(p *process, send func(ctx context.Context, worker int) error) error) (err error) {
	body, contentType, err := photoForm()
	if err != nil {
		return err
	}
	s, err := b.newSite(ctx, sqlite, name)
	if err != nil {
		return err
	}
	p, err := s.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	connections, err := connectAll(ctx, p.addr, workers)
	if err != nil {
		return err
	}
	defer closeAll(connections)
	request := post("/v1/photos", contentType, body)
	return do(p, func(ctx context.Context, worker int) error {
		for {
			_, err := connections[worker].roundTrip(request, 201)
			if err == nil || !strings.Contains(err.Error(), "503") {
				return err
			}
			// Its memory is taken for longer than a photo waits: a slow machine. The
			// client comes again, as it was told to, and the time counts.
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Second):
			}
		}
	})
}
