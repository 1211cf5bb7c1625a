package api

import (
	"net/http"
	"testing"
)

// Over a real connection too, whoever sends without end is told 413.
func TestEndlessBodyOverTheNetwork(t *testing.T) {
	t.Parallel()
	c, _, _ := newEdge(t, &echo{})
	body := &countingReader{head: `{"description":"`, left: 1 << 30}
	c.Send(http.MethodPost, "/v1/reports", body).Want(http.StatusRequestEntityTooLarge)
	if sent := body.read.Load(); sent > 64<<20 { // sockets buffer some of it
		t.Errorf("%d bytes were sent before the answer", sent)
	}
}
