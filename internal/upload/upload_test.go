package upload_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/upload"
)

const octets = "application/octet-stream"

func TestAPhotoComesInPieces(t *testing.T) {
	everywhere(t, func(t *testing.T, s *site) {
		data := aPhoto(t)
		length := int64(len(data))
		secret := s.begin(t, length)
		if _, err := s.Append(t.Context(), secret, chunk(0, cut(data[:1000]))); !problem.Is(err, problem.BadRequest) {
			t.Fatalf("a body that breaks off: %v", err)
		}
		if u := stands(t, s.Service, secret); u.Received != 1000 {
			t.Fatalf("stands at %d, want what has arrived", u.Received)
		}
		other := s.another(t)
		if p, err := send(t, other, secret, 1000, data[1000:5000]); err != nil || p.Received != 5000 {
			t.Fatalf("another process: %d, %v", p.Received, err)
		}
		if _, err := s.Append(t.Context(), secret, chunk(5000, cut(nil))); err == nil {
			t.Error("a body without a byte that breaks off is fine")
		}
		p, err := send(t, s.Service, secret, 5000, data[5000:])
		if err != nil || p.State != upload.Done || p.Received != length || p.PhotoID == "" {
			t.Fatalf("the last chunk: %+v, %v", p.Upload, err)
		}
		if u := stands(t, other, secret); u.PhotoID != p.PhotoID || u.Received != length || u.Length != length {
			t.Errorf("afterwards it stands as %+v", u)
		}
		if n := s.originals(t); n != 0 {
			t.Errorf("%d original files are left", n)
		}
		if n := s.renditions(t, p.PhotoID); n == 0 {
			t.Error("the photo has no renditions")
		}
		if _, err := send(t, s.Service, secret, length, nil); err != nil {
			t.Errorf("nothing, sent to the end of it: %v", err)
		}
		if _, err := send(t, s.Service, secret, length, []byte("x")); !problem.Is(err, problem.TooLarge) {
			t.Errorf("a byte too many: %v", err)
		}
	})
}

// renditions counts what is kept of a photo.
func (s *site) renditions(t testing.TB, id string) (n int) {
	t.Helper()
	for _, err := range s.Blobs.List(t.Context(), photo.Prefix(id)) {
		must(t, err)
		n++
	}
	return n
}

func TestWhatAChunkMayNotBe(t *testing.T) {
	everywhere(t, func(t *testing.T, s *site) {
		const length = 1000
		data := bytes.Repeat([]byte("x"), length)
		with := func(change func(c *upload.Chunk)) upload.Chunk {
			c := chunk(10, bytes.NewReader(data[:20]))
			change(&c)
			return c
		}
		tests := []struct {
			name string
			c    upload.Chunk
			want problem.Kind
		}{
			{"before where it stands", with(func(c *upload.Chunk) { c.Offset = 9 }), problem.Conflict},
			{"after where it stands", with(func(c *upload.Chunk) { c.Offset = 11 }), problem.Conflict},
			{"out of all bounds", with(func(c *upload.Chunk) { c.Offset = 1 << 62 }), problem.Conflict},
			{"negative", with(func(c *upload.Chunk) { c.Offset = -10 }), problem.Conflict},
			{"longer than the rest, as it says", with(func(c *upload.Chunk) { c.Size = length }), problem.TooLarge},
			{"another length than told", with(func(c *upload.Chunk) { c.Length = length + 1 }), problem.Invalid},
			{"not what its checksum says", with(func(c *upload.Chunk) { c.Checksum = sha1Of([]byte("other")) }), problem.ChecksumMismatch},
			{"broken off, with a checksum", with(func(c *upload.Chunk) { c.Checksum, c.Body = sha1Of(data[:20]), cut(data[:20]) }), problem.ChecksumMismatch},
		}
		secret := s.begin(t, length)
		if _, err := send(t, s.Service, secret, 0, data[:10]); err != nil {
			t.Fatal(err)
		}
		for _, tt := range tests {
			if _, err := s.Append(t.Context(), secret, tt.c); !problem.Is(err, tt.want) {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
			}
			if u := stands(t, s.Service, secret); u.Received != 10 || u.Length != length {
				t.Fatalf("%s: stands at %d of %d", tt.name, u.Received, u.Length)
			}
			if n := s.originals(t); n != 1 {
				t.Errorf("%s: %d parts are stored, want the first", tt.name, n)
			}
		}
		// A body that does not tell its size and goes on past the end is no photo.
		if _, err := s.Append(t.Context(), secret, chunk(10, bytes.NewReader(data))); !problem.Is(err, problem.TooLarge) {
			t.Errorf("longer than the rest, as it turns out: %v", err)
		}
	})
}

func sha1Of(data []byte) *upload.Checksum {
	sum := sha1.Sum(data)
	return &upload.Checksum{Hash: sha1.New(), Sum: sum[:]}
}

func TestChunksWithTheirSums(t *testing.T) {
	everywhere(t, func(t *testing.T, s *site) {
		data := aPhoto(t)
		secret := s.begin(t, int64(len(data)))
		first, rest := chunk(0, bytes.NewReader(data[:7])), chunk(7, bytes.NewReader(data[7:]))
		first.Checksum = sha1Of(data[:7])
		sum := sha256.Sum256(data[7:])
		rest.Checksum = &upload.Checksum{Hash: sha256.New(), Sum: sum[:]}
		for _, c := range []upload.Chunk{first, rest} {
			if _, err := s.Append(t.Context(), secret, c); err != nil {
				t.Fatal(err)
			}
		}
		if u := stands(t, s.Service, secret); u.State != upload.Done {
			t.Errorf("stands as %+v", u)
		}
	})
}

func TestALengthToldLater(t *testing.T) {
	everywhere(t, func(t *testing.T, s *site) {
		data := aPhoto(t)
		length := int64(len(data))
		for name, told := range map[string]int64{"with the first chunk": 0, "alone, in the middle": 50, "alone, when all is there": length} {
			secret := s.begin(t, upload.Unknown)
			if _, err := send(t, s.Service, secret, 0, data[:told]); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			tell := chunk(told, bytes.NewReader(nil))
			tell.Length = length
			p, err := s.Append(t.Context(), secret, tell)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if told < length {
				if u := stands(t, s.Service, secret); u.Length != length {
					t.Errorf("%s: the length is %d", name, u.Length)
				}
				p, err = send(t, s.Service, secret, told, data[told:])
			}
			if err != nil || p.State != upload.Done {
				t.Errorf("%s: %+v, %v", name, p.Upload, err)
			}
		}
		secret := s.begin(t, upload.Unknown)
		more := chunk(0, io.LimitReader(zeros{}, upload.MaxBytes+1))
		if _, err := s.Append(t.Context(), secret, more); !problem.Is(err, problem.TooLarge) {
			t.Errorf("without a length, more than a photo may have: %v", err)
		}
		less := chunk(stands(t, s.Service, secret).Received, bytes.NewReader(nil))
		less.Length = 5
		if _, err := s.Append(t.Context(), secret, less); !problem.Is(err, problem.Invalid) {
			t.Errorf("a length that is passed already: %v", err)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestWhatIsNoPhotoIsGone(t *testing.T) {
	everywhere(t, func(t *testing.T, s *site) {
		for name, data := range map[string][]byte{
			"a text": []byte("<script>alert(1)</script>"), "one byte": {0xff}, "half a photo": aPhoto(t)[:3000],
		} {
			secret := s.begin(t, int64(len(data)))
			if _, err := send(t, s.Service, secret, 0, data); !problem.Is(err, problem.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := s.Find(t.Context(), secret); !problem.Is(err, problem.NotFound) {
				t.Errorf("%s: it is still there: %v", name, err)
			}
		}
		if n := s.originals(t); n != 0 {
			t.Errorf("%d original files are left", n)
		}
		for length, want := range map[int64]problem.Kind{0: problem.Invalid, upload.MaxBytes + 1: problem.TooLarge} {
			if _, err := s.Create(t.Context(), upload.Creation{Length: length}); !problem.Is(err, want) {
				t.Errorf("an upload of %d bytes: %v", length, err)
			}
		}
	})
}

// Of many senders at one offset, one goes on; the others are told.
func TestSendersExcludeEachOther(t *testing.T) {
	everywhere(t, func(t *testing.T, s *site) {
		data := aPhoto(t)
		secret := s.begin(t, int64(len(data)))
		processes := []*upload.Service{s.Service, s.another(t)}
		for from := 0; from < len(data); {
			to := min(from+5000, len(data))
			var wg sync.WaitGroup
			errs := make([]error, 6)
			for i := range errs {
				wg.Go(func() { _, errs[i] = send(t, processes[i%2], secret, int64(from), data[from:to]) })
			}
			wg.Wait()
			won := 0
			for _, err := range errs {
				switch {
				case err == nil:
					won++
				case !problem.Is(err, problem.Conflict):
					t.Errorf("at %d: %v", from, err)
				}
			}
			if won != 1 {
				t.Fatalf("at %d, %d of the senders went on", from, won)
			}
			from = to
		}
		if u := stands(t, s.Service, secret); u.State != upload.Done || s.originals(t) != 0 {
			t.Errorf("stands as %+v, with %d original files", u, s.originals(t))
		}
	})
}

// A connection that hangs, or a process that was killed, stands in nobody's way.
func TestAHangingSenderIsPassed(t *testing.T) {
	everywhere(t, func(t *testing.T, s *site) {
		data := aPhoto(t)
		secret := s.begin(t, int64(len(data)))
		r, w := io.Pipe()
		hung := make(chan error)
		go func() {
			_, err := s.Append(t.Context(), secret, chunk(0, r))
			hung <- err
		}()
		_, err := w.Write(data[:100]) // the chunk has begun
		must(t, err)
		// What a process that was killed before it could move the row left behind.
		u := stands(t, s.Service, secret)
		must(t, s.Blobs.Put(t.Context(), "uploads/"+u.ID+"/killed", bytes.NewReader(data[:100]), octets))
		if p, err := send(t, s.another(t), secret, 0, data); err != nil || p.State != upload.Done {
			t.Fatalf("%+v, %v", p.Upload, err)
		}
		must(t, w.CloseWithError(errCut))
		if err := <-hung; !problem.Is(err, problem.Conflict) {
			t.Errorf("the sender that hung: %v", err)
		}
		if n := s.originals(t); n != 0 {
			t.Errorf("%d original files are left", n)
		}
	})
}

func TestEndingAnUploadStopsItsSender(t *testing.T) {
	everywhere(t, func(t *testing.T, s *site) {
		secret := s.begin(t, 1000)
		r, w := io.Pipe()
		sending := make(chan error)
		go func() {
			_, err := s.Append(t.Context(), secret, chunk(0, r))
			sending <- err
		}()
		_, err := w.Write([]byte("some bytes"))
		must(t, err)
		must(t, s.another(t).End(t.Context(), secret))
		must(t, w.Close())
		if err := <-sending; !problem.Is(err, problem.Conflict) {
			t.Errorf("the sender: %v", err)
		}
		if err := s.End(t.Context(), secret); !problem.Is(err, problem.NotFound) {
			t.Errorf("ended twice: %v", err)
		}
		if n := s.originals(t); n != 0 {
			t.Errorf("%d original files are left", n)
		}
	})
}

// Where a photo cannot be read just now, its last byte is not acknowledged, and to
// send that byte again is enough.
func TestTheLastByteWaitsForThePhoto(t *testing.T) {
	everywhere(t, func(t *testing.T, s *site) {
		data := aPhoto(t)
		length := int64(len(data))
		secret := s.begin(t, length)
		release := s.fillMemory(t, data)
		if _, err := send(t, s.Service, secret, 0, data); !problem.Is(err, problem.Unavailable) || problem.As(err).RetryAfter == 0 {
			t.Fatalf("with no memory left: %v", err)
		}
		if u := stands(t, s.Service, secret); u.Received != length-1 || u.State != upload.Open {
			t.Fatalf("stands at %d of %d, %s", u.Received, length, u.State)
		}
		if _, err := send(t, s.Service, secret, length-1, data[length-1:]); !problem.Is(err, problem.Unavailable) {
			t.Fatalf("still with no memory left: %v", err)
		}
		release()
		if p, err := send(t, s.Service, secret, length-1, data[length-1:]); err != nil || p.State != upload.Done {
			t.Errorf("with memory: %+v, %v", p.Upload, err)
		}
		// The same with the disk on which it is put together.
		secret, dir := s.begin(t, length), s.Dir
		s.Dir = filepath.Join(dir, "missing")
		if _, err := send(t, s.Service, secret, 0, data); !problem.Is(err, problem.Unavailable) {
			t.Errorf("without a folder: %v", err)
		}
		s.Dir = dir
		if p, err := send(t, s.Service, secret, length-1, data[length-1:]); err != nil || p.State != upload.Done {
			t.Errorf("with a folder: %+v, %v", p.Upload, err)
		}
	})
}

// fillMemory gives the process memory for one photo of the kind and lets another
// one take it, until release.
func (s *site) fillMemory(t *testing.T, data []byte) (release func()) {
	t.Helper()
	var need int64
	measure := &photo.Processor{Observe: func(o photo.Observation) { need = o.Memory }}
	if _, _, err := measure.Process(t.Context(), bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	decoding := make(chan struct{})
	memory := (need*8 + 2) / 3 // of which ordinary photos have three eighths
	p := &photo.Processor{Limits: photo.Limits{Memory: memory, Wait: 10 * time.Millisecond}}
	s.Photos.Processor = p
	slow := &stopping{ReadSeeker: bytes.NewReader(data), second: decoding, goOn: make(chan struct{})}
	done := make(chan error, 1)
	go func() {
		_, _, err := p.Process(t.Context(), slow)
		done <- err
	}()
	select {
	case <-decoding:
	case err := <-done:
		t.Fatalf("the other photo is not decoded: %v", err)
	}
	return func() {
		close(slow.goOn)
		must(t, <-done)
	}
}

// stopping is a photo whose reading stops once its pixels are decoded, which is
// when it is read from the beginning for the second time.
type stopping struct {
	io.ReadSeeker
	rewinds      int
	second, goOn chan struct{}
	once         sync.Once
}

func (s *stopping) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		s.rewinds++
	}
	return s.ReadSeeker.Seek(offset, whence)
}

func (s *stopping) Read(p []byte) (int, error) {
	if s.rewinds == 2 {
		s.once.Do(func() { close(s.second); <-s.goOn })
	}
	return s.ReadSeeker.Read(p)
}

// After a restore the rows are gone; where only the parts are, the sender is told
// to begin again.
func TestLostPartsEndTheUpload(t *testing.T) {
	everywhere(t, func(t *testing.T, s *site) {
		data := aPhoto(t)
		secret := s.begin(t, int64(len(data)))
		p, err := send(t, s.Service, secret, 0, data[:100])
		must(t, err)
		must(t, s.Blobs.Delete(t.Context(), p.Parts[0].Name))
		if _, err := send(t, s.Service, secret, 100, data[100:]); !problem.Is(err, problem.Gone) {
			t.Errorf("%v", err)
		}
		if _, err := s.Find(t.Context(), secret); !problem.Is(err, problem.NotFound) || s.originals(t) != 0 {
			t.Errorf("%v, and %d original files", err, s.originals(t))
		}
	})
}

func TestAnUploadHasSoManyPieces(t *testing.T) {
	t.Parallel()
	s := onDisk(t, filepath.Join(t.TempDir(), "kantsten.db"))
	secret := s.begin(t, 5000)
	_, err := send(t, s.Service, secret, 0, []byte("x"))
	must(t, err)
	u := stands(t, s.Service, secret)
	for len(u.Parts) < 1000 {
		u.Parts = append(u.Parts, u.Parts[0])
	}
	u.Received = 1000
	if ok, err := s.Rows.Advance(t.Context(), u, 1); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, err := send(t, s.Service, secret, 1000, []byte("x")); !problem.Is(err, problem.Invalid) {
		t.Errorf("one piece more: %v", err)
	}
	if n := s.originals(t); n != 0 {
		t.Errorf("%d original files are left", n)
	}
}
