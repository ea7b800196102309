package playground

import (
	"errors"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/go-json-experiment/json"
)

// maxBody is more than any question here: a token and a few names.
const maxBody = 128 << 10

// fault is a request that is refused, with a sentence for its author.
type fault struct {
	status int
	says   string
}

func (f fault) Error() string { return f.says }

// answerer finds the answer to a request, which is written as JSON. An error that is no fault is a fault of ours.
type answerer func(r *http.Request) (any, error)

func (p *Playground) json(answer answerer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		status := http.StatusOK
		body, err := answer(r)
		if err != nil {
			refused, told := errors.AsType[fault](err)
			if !told {
				refused = fault{http.StatusInternalServerError, err.Error()} // whoever reads it is the developer
			}
			status, body = refused.status, map[string]string{"fault": refused.says}
		}
		p.write(w, status, body)
	})
}

func (p *Playground) write(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"fault":"the answer is no JSON"}`)
	}
	p.policy.Secure(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// guard lets requests through that a developer makes: by a name of this machine, so that no other name that was made to
// lead here (DNS rebinding) does, and, from a browser, by the page itself. Browsers say where a POST comes from; what says
// nothing is no page.
func (p *Playground) guard(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopback(r.Host) {
			p.write(w, http.StatusForbidden, map[string]string{"fault": "this page answers by 127.0.0.1, [::1] and localhost alone"})
			return
		}
		if err := crossOrigin.Check(r); err != nil {
			p.write(w, http.StatusForbidden, map[string]string{"fault": "a page of another origin asks, and has no business here"})
			return
		}
		if site := r.Header.Get("Sec-Fetch-Site"); strings.HasPrefix(r.URL.Path, below) && site != "" && site != "same-origin" && site != "none" {
			p.write(w, http.StatusForbidden, map[string]string{"fault": "a page of another origin asks, and has no business here"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isLoopback reports whether a Host header names this machine and no other.
func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.IsLoopback()
}

// read decodes the body of a request into a struct. Only JSON is taken, which no form can send.
func read(r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return fault{http.StatusUnsupportedMediaType, "the body must be application/json"}
	}
	if err := json.UnmarshalRead(r.Body, into, json.RejectUnknownMembers(true)); err != nil {
		return fault{http.StatusBadRequest, "the body cannot be read: " + err.Error()}
	}
	return nil
}
