package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// raw sends bytes as they are and returns every response until the server closes the connection.
func (s *service) raw(text string) []answer {
	s.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		s.t.Fatal(err)
	}
	var answers []answer
	reader := bufio.NewReader(conn)
	for {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return answers
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		answers = append(answers, answer{response, string(body)})
	}
}

const head = "POST /oauth2/token HTTP/1.1\r\nHost: issuer\r\nContent-Type: application/x-www-form-urlencoded\r\n"

func TestTwoContentLengthsAreRefusedBeforeAnyHandler(t *testing.T) {
	t.Parallel()
	s := start(t)
	body := form().Encode()
	got := s.raw(fmt.Sprintf("%sContent-Length: %d\r\nContent-Length: 3\r\n\r\n%s", head, len(body), body))
	if len(got) != 1 || got[0].StatusCode != http.StatusBadRequest || len(s.issuer.asked) != 0 {
		t.Errorf("%d answers", len(got))
	}
}

// A proxy that goes by Content-Length sees one request here, one that goes by Transfer-Encoding two.
func TestNoRequestHidesBehindAChunkedBody(t *testing.T) {
	t.Parallel()
	body := form().Encode()
	chunked := fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	smuggled := "GET /livez HTTP/1.1\r\nHost: issuer\r\n\r\n"
	for name, text := range map[string]string{
		"chunked":                    head + chunked + smuggled,
		"chunked and of some length": head + "Content-Length: 5\r\n" + chunked + smuggled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			got := s.raw(text)
			if len(got) != 1 || got[0].StatusCode == http.StatusOK && !got[0].Close {
				t.Errorf("%d answers, want one that closes the connection", len(got))
			}
			if strings.Contains(got[0].body, "ready") {
				t.Error("the request behind was answered")
			}
		})
	}
}

func TestAnUnknownTransferEncodingIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := s.raw(head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")
	if len(got) != 1 || got[0].StatusCode != http.StatusNotImplemented || len(s.issuer.asked) != 0 {
		t.Errorf("%d answers", len(got))
	}
}

func TestTwoRequestsOnOneConnectionAreBothAnswered(t *testing.T) {
	t.Parallel()
	s := start(t)
	body := form().Encode()
	one := fmt.Sprintf("%sContent-Length: %d\r\n", head, len(body))
	got := s.raw(one + "\r\n" + body + one + "Connection: close\r\n\r\n" + body)
	if len(got) != 2 || got[1].StatusCode != http.StatusOK {
		t.Errorf("%d answers", len(got))
	}
}

func TestABodyThatNeverComesIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	s := start(t, timeout(50*time.Millisecond))
	got := s.raw(head + "Content-Length: 100\r\n\r\ngrant_type=")
	if len(got) != 1 || got[0].StatusCode != http.StatusBadRequest || got[0].problem(t).Reason != "body_malformed" || !got[0].Close {
		t.Errorf("%d answers", len(got))
	}
	if line := s.line(); line["reason"] != "body_malformed" {
		t.Errorf("log line: %v", line)
	}
}

func TestAnAnnouncedBodyThatIsTooLargeIsNotReadAtAll(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := s.raw(head + "Expect: 100-continue\r\nContent-Length: 1000000\r\n\r\n")
	if len(got) != 1 || got[0].StatusCode != http.StatusRequestEntityTooLarge || got[0].problem(t).Reason != "body_too_large" || !got[0].Close {
		t.Errorf("%d answers", len(got))
	}
}

func TestHTTP2IsServedToo(t *testing.T) {
	t.Parallel()
	s := start(t)
	secure := httptest.NewUnstartedServer(s.api.Handler())
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := s.Server
	s.Server = secure
	got := s.exchange(form(), "Origin", app)
	if got.StatusCode != http.StatusOK || got.ProtoMajor != 2 {
		t.Errorf("%s over %s", got.Status, got.Proto)
	}
	wantHeaders(t, got, map[string]string{"Cache-Control": "no-store", "Access-Control-Allow-Origin": app})
	s.Server = plain
}

// brokenWriter panics when the body is written, as a connection's writer may.
type brokenWriter struct {
	http.ResponseWriter
	statuses []int
}

func (w *brokenWriter) WriteHeader(status int) { w.statuses = append(w.statuses, status) }

func (w *brokenWriter) Write([]byte) (int, error) { panic("connection torn") }

func TestAPanicInTheMiddleOfAnAnswerIsLoggedAndNotAnsweredAgain(t *testing.T) {
	t.Parallel()
	s := start(t)
	w := &brokenWriter{ResponseWriter: httptest.NewRecorder()}
	s.api.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/livez", nil))
	if len(w.statuses) != 1 || w.statuses[0] != http.StatusOK {
		t.Errorf("statuses sent: %v", w.statuses)
	}
	if line := s.line(); line["level"] != "error" || line["stack"] == nil {
		t.Errorf("log line: %v", line)
	}
}
