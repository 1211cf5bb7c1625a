package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slowRequest is a request whose caller stops in the middle of it.
type slowRequest struct {
	net.Conn
	answer *bufio.Reader
	rest   string
}

// slowReport sends the head of a report and waits until the program asks for
// its body: from then on the request is under way.
func slowReport(t *testing.T, addr string, n int) slowRequest {
	t.Helper()
	body := fmt.Sprintf(`{"service":"litter","lat":62.3908,"lon":17.3069,"description":"långsam %d"}`, n)
	head := fmt.Sprintf("POST /v1/reports HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", addr, len(body))
	r := beginRequest(t, addr, head, body)
	line, err := r.answer.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("instead of asking for the body: %q, %v", line, err)
	}
	if _, err := r.answer.ReadString('\n'); err != nil { // the empty line
		t.Fatal(err)
	}
	return r
}

// beginRequest sends the first part of a request.
func beginRequest(t *testing.T, addr, first, rest string) slowRequest {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, first); err != nil {
		t.Fatal(err)
	}
	return slowRequest{conn, bufio.NewReader(conn), rest}
}

// finish sends the rest and reads the answer.
func (r slowRequest) finish(t *testing.T) (status int, body []byte) {
	t.Helper()
	if _, err := io.WriteString(r, r.rest); err != nil {
		t.Fatalf("send the rest: %v", err)
	}
	res, err := http.ReadResponse(r.answer, nil)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	return res.StatusCode, body
}

// TestWhatIsUnderWayIsFinished: a supervisor's SIGTERM costs no request. The
// program tells who watches it that it is not ready; what it has begun to read it
// answers, also after nobody new is let in; and what it answers is durable.
func TestWhatIsUnderWayIsFinished(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		p := newPlace(t, databaseURL, "KANTSTEN_DRAIN=4s")
		s := p.serve("--demo")
		addr := strings.TrimPrefix(s.base, "http://")
		var slow []slowRequest
		for n := range 8 {
			slow = append(slow, slowReport(t, addr, n))
		}
		answered := map[string]filed{}
		finish := func(r slowRequest) {
			status, body := r.finish(t)
			var got filed
			if err := json.Unmarshal(body, &got); status != http.StatusCreated || err != nil {
				t.Errorf("a report under way got %d, %v: %s", status, err, body)
			}
			answered[got.ID] = got
		}
		s.terminate()
		eventually(t, "a watcher reads that the program is not ready", func() bool {
			status, _ := s.get("/readyz")
			return status == http.StatusServiceUnavailable
		})
		finish(slow[0])
		eventually(t, "nobody new is let in", func() bool { return !letIn(t, addr) })
		for _, r := range slow[1:] {
			finish(r)
		}
		if code := s.exitCode(); code != 0 {
			t.Errorf("exit code %d\n%s", code, s.said)
		}
		there := all(t, p.serveAt(addr, "--demo"), "2281")
		for id, r := range answered {
			if there[id].Reference != r.Reference {
				t.Errorf("%s was answered and is %q now", r.Reference, there[id].Reference)
			}
		}
	})
}

// letIn reports whether the program still accepts connections.
func letIn(t *testing.T, addr string) bool {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// TestASecondSignalEndsAtOnce: who asks twice does not want to wait for
// slow requests.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := newPlace(t, "").serve("--demo")
	addr := strings.TrimPrefix(s.base, "http://")
	_ = slowReport(t, addr, 0) // never finished
	s.terminate()
	eventually(t, "the program ends at the second signal", func() bool {
		if !s.ended() {
			_ = s.cmd.Process.Signal(syscall.SIGTERM) // fails when it has ended meanwhile
		}
		return s.ended()
	})
	if how, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !how.Signaled() || how.Signal() != syscall.SIGTERM {
		t.Errorf("the program ended by %v, not by the second signal", s.cmd.ProcessState)
	}
}
