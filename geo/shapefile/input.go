package shapefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// input reads a member from its beginning and knows how far it is.
type input struct {
	*bufio.Reader
	closer io.Closer
	pos    int64
	limit  int64 // bytes, after decompression
}

func (m *member) input(limit int64) (*input, error) {
	f, err := m.open()
	if err != nil {
		return nil, err
	}
	return &input{Reader: bufio.NewReaderSize(f, 64<<10), closer: f, limit: limit}, nil
}

func (in *input) close() { _ = in.closer.Close() } // only read

// fill reads exactly as many bytes as p has.
func (in *input) fill(p []byte) error {
	if in.pos+int64(len(p)) > in.limit {
		return fmt.Errorf("more than %d bytes", in.limit)
	}
	n, err := io.ReadFull(in.Reader, p)
	in.pos += int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file ends after %d bytes, in the middle", in.pos)
	}
	return err
}

// skip passes over n bytes.
func (in *input) skip(n int64) error {
	if in.pos+n > in.limit {
		return fmt.Errorf("more than %d bytes", in.limit)
	}
	done, err := io.CopyN(io.Discard, in.Reader, n)
	in.pos += done
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the file ends after %d bytes, in the middle", in.pos)
	}
	return err
}

// end checks that nothing follows, which has an archive check its checksum.
func (in *input) end() error {
	switch _, err := in.ReadByte(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("bytes follow after its %d", in.pos)
}

// text reads a small member whole.
func (m *member) text() (string, error) {
	const most = 64 << 10
	f, err := m.open()
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return "", err
	}
	if len(b) > most {
		return "", fmt.Errorf("it has more than %d bytes", most)
	}
	return string(b), nil
}
