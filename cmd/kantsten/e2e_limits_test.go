package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/problem"
)

// TestAPhoneOverItsShare files more than it may, behind a reverse proxy and with
// words that are held: it solves a challenge and goes on, and neither its address
// nor its words are anywhere they should not be.
func TestAPhoneOverItsShare(t *testing.T) {
	t.Parallel()
	const secret = "070-174 06 05"
	p := newPlace(t, "", "KANTSTEN_TRUSTED_PROXIES=127.0.0.0/8", "KANTSTEN_LIMIT_REPORTS=2", "KANTSTEN_CHALLENGE_BITS=8")
	s := p.serve("--demo")
	phone := s.api().With("X-Forwarded-For", "10.1.1.1, "+phoneAddress)
	body := map[string]any{"service": "pothole", "lat": 62.3908, "lon": 17.3069, "description": "Ring " + secret}
	for range 2 {
		phone.Send(http.MethodPost, "/v1/reports", body).Want(http.StatusCreated)
	}
	refused := phone.Send(http.MethodPost, "/v1/reports", body).WantProblem(problem.TooMany)
	solution := refused.Challenge.Solve(t)
	phone.With("Challenge-Solution", solution).Send(http.MethodPost, "/v1/reports", body).Want(http.StatusCreated)
	phone.With("Challenge-Solution", solution).Send(http.MethodPost, "/v1/reports", body).WantProblem(problem.TooMany)
	for range 5 { // the machine itself is free
		s.api().Send(http.MethodPost, "/v1/reports", body).Want(http.StatusCreated)
	}
	if _, list := s.get("/v1/reports?limit=100"); strings.Contains(list, secret) || !strings.Contains(list, `"text_held":true`) {
		t.Errorf("the list shows held words, or does not say that they are held: %.300s", list)
	}
	if said := s.said.String(); strings.Contains(said, phoneAddress) || strings.Contains(said, "10.1.1.1") || strings.Contains(said, secret) {
		t.Errorf("the log names the phone or its words: %s", said)
	}
	s.terminate()
	s.exitCode() // its files come to rest
	inPlace(t, p, phoneAddress)
}
