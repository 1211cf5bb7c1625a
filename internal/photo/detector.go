package photo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/kantsten/kantsten/internal/egress"
	"github.com/kantsten/kantsten/internal/problem"
)

// Detector asks a program of the operator's what of a photo nobody should see. The
// picture (a JPEG without metadata, at most [Large] pixels on its longer side) is
// posted as image/jpeg; the answer is 200 with application/json:
//
//	{"areas": [{"x": 0.25, "y": 0.5, "width": 0.1, "height": 0.05}]}
//
// in shares of the width and height, from the upper left corner, at most [MaxAreas].
// What else stands beside areas, or in one, such as a score, is not looked at.
type Detector struct {
	URL string
	// Client bounds time and answer, and decides whether the address may be
	// reached. A redirect is an answer that is not 200.
	Client *egress.Client
}

// MaxDetected is how many bytes an answer of a detector may have: of a hundred
// areas with much beside them.
const MaxDetected = 64 << 10

// ErrNoDetector is the failure of asking where there is none.
var ErrNoDetector = errors.New("no detector is set up")

// errDetected is in the chain where the detector's answer means nothing.
var errDetected = errors.New("the detector's answer cannot be used")

// LastingFault reports whether trying again cannot mend a failure of Detect.
func LastingFault(err error) bool {
	return errors.Is(err, ErrNoDetector) || errors.Is(err, errDetected) || egress.Lasting(err)
}

// Detect posts a picture of size bytes and returns the areas to mask. No error
// holds anything of what the detector answered, or its address.
func (d *Detector) Detect(ctx context.Context, picture io.Reader, size int64) ([]Area, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, io.NopCloser(picture))
	if err != nil {
		return nil, egress.ErrRefused // err names the address
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", ContentType)
	req.Header.Set("Accept", "application/json")
	res, err := d.Client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the detector: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // only read from
	switch code := res.StatusCode; {
	case code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		return nil, fmt.Errorf("the detector answers %d", code)
	case code != http.StatusOK:
		return nil, fmt.Errorf("%w: status %d", errDetected, code)
	}
	if kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, fmt.Errorf("%w: it is not application/json", errDetected)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read the detector's answer: %w", err)
	}
	return parseAreas(body)
}

// parseAreas reads a detector's answer.
func parseAreas(body []byte) ([]Area, error) {
	if len(body) > MaxDetected {
		return nil, fmt.Errorf("%w: it has more than %d bytes", errDetected, MaxDetected)
	}
	var answer struct {
		Areas *[]Area `json:"areas"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Areas == nil {
		return nil, fmt.Errorf("%w: it is no JSON object with areas", errDetected)
	}
	if p := problem.Invalidity(CheckAreas("/areas", *answer.Areas)); p != nil {
		return nil, fmt.Errorf("%w: %s (%s)", errDetected, p.Fields[0].Field, p.Fields[0].Code)
	}
	return *answer.Areas, nil
}
