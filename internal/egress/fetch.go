package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// ErrAnswer: the other side answers with another status than 200, and will again.
var ErrAnswer = errors.New("refused by the other side")

// Fetch reads all that a GET of the address gives; accept is what is asked for.
// An address that is none fails with [ErrRefused].
func (c *Client) Fetch(ctx context.Context, address, accept string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, &Error{text: ErrRefused.Error(), cause: ErrRefused} // err names the address
	}
	req.Header.Set("Accept", accept)
	res, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // only read from
	switch code := res.StatusCode; {
	case code == http.StatusOK:
		return io.ReadAll(res.Body)
	case code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		return nil, &Error{text: fmt.Sprintf("the other side answers %d", code)}
	default:
		return nil, &Error{text: fmt.Sprintf("the other side answers %d", code), cause: ErrAnswer}
	}
}

// Lasting reports whether trying again cannot mend an error of Fetch.
func Lasting(err error) bool {
	for _, e := range []error{ErrRefused, ErrTooLarge, ErrRedirects, ErrAnswer} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
