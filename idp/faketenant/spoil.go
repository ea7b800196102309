package faketenant

import (
	"bytes"
	"net/http"
	"strconv"
)

const hugePadding = 64 << 20

// recorder keeps an answer, for it to be spoiled.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// spoil answers as next does, but for the body.
func spoil(w http.ResponseWriter, r *http.Request, next http.Handler, how Body) {
	truth := &recorder{header: w.Header(), status: http.StatusOK}
	next.ServeHTTP(truth, r)
	body := truth.body.Bytes()
	switch how {
	case BodyTruncated:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(truth.status)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush() // or the client sees no answer at all
		panic(http.ErrAbortHandler)               // net/http closes the connection without another word
	case BodyGarbage:
		w.WriteHeader(truth.status)
		_, _ = w.Write([]byte("\x00\xff{{ not what you think"))
	case BodyHuge:
		w.WriteHeader(truth.status)
		blank := bytes.Repeat([]byte(" "), 1<<20)
		for range hugePadding / len(blank) {
			if _, err := w.Write(blank); err != nil {
				return // the client has had enough
			}
		}
		_, _ = w.Write(body)
	case BodyHTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write([]byte("<!doctype html><title>Sign in to the network</title><p>Please accept the terms of use."))
	}
}
