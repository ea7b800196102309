package policy

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	maxAnswer = 64 << 10        // of an answer, in bytes
	lookEvery = 5 * time.Second // how often Run asks about nobody while the policy does not work
)

// RemoteConfig says where a policy server is.
type RemoteConfig struct {
	URL       string                                    // of the decision in OPA's data API, such as https://opa.example.com/v1/data/issuer/decision
	Token     string                                    // sent as a bearer token; "" for none
	Timeout   time.Duration                             // of one question
	Around    func(http.RoundTripper) http.RoundTripper // goes around the transport; nil: nothing does
	Transport http.RoundTripper                         // nil: TLS 1.2 at least, a proxy where the environment names one
	Now       func() time.Time                          // nil: time.Now
}

// Remote asks a policy server over HTTP. It is safe for concurrent use.
type Remote struct {
	url     string
	token   string
	timeout time.Duration
	client  *http.Client
	now     func() time.Time
	breaker breaker
	last    atomic.Pointer[error] // what came of the last question
}

// NewRemote returns a Remote. It asks for nothing yet.
func NewRemote(c RemoteConfig) *Remote {
	if c.Transport == nil {
		c.Transport = transport()
	}
	if c.Around != nil {
		c.Transport = c.Around(c.Transport)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Remote{
		url: c.URL, token: c.Token, timeout: c.Timeout, now: c.Now,
		client: &http.Client{
			Transport:     c.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

func transport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    3 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // so that an answer costs what it is bounded by
	}
}

// unaskedError is the error of a question that was not asked, since those before it were not answered.
type unaskedError struct{ wait time.Duration }

func (unaskedError) Error() string {
	return "the policy server is not asked for a moment, since it did not answer several times"
}

// RetryAfter says when a question will be asked again.
func (e unaskedError) RetryAfter() time.Duration { return e.wait }

// Decide asks the policy. Every error means that there is no decision; none of them repeats what the server said. One that
// has a method RetryAfter() time.Duration says when another try can succeed.
func (r *Remote) Decide(ctx context.Context, in Input) (Verdict, error) {
	body, err := in.JSON()
	if err != nil {
		return Verdict{}, errors.New("what is known about the caller is no valid text")
	}
	wait, isTry, ok := r.breaker.enter(r.now())
	if !ok {
		return Verdict{}, unaskedError{wait}
	}
	answer, err := r.post(ctx, body)
	var v Verdict
	if err == nil {
		v, err = readAnswer(answer)
	}
	if ctx.Err() != nil {
		r.breaker.abandon(isTry, r.now())
		return v, err
	}
	r.breaker.leave(answer != nil, r.now())
	r.last.Store(&err)
	return v, err
}

// post returns the body of the server's answer, not nil if there was one at all, whatever it is worth.
func (r *Remote) post(ctx context.Context, input []byte) (answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	body := fmt.Appendf(nil, `{"input":%s}`, input)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask the policy: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	if r.token != "" {
		request.Header.Set("Authorization", "Bearer "+r.token)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the policy: %w", unanswered(err))
	}
	defer response.Body.Close() // read as far as it counts
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the policy's answer: %w", unanswered(err))
	case response.StatusCode != http.StatusOK:
		return answer, fmt.Errorf("the policy server answers with status %d, not 200", response.StatusCode)
	case len(answer) > maxAnswer:
		return answer, fmt.Errorf("the policy's answer has more than %d bytes", maxAnswer)
	}
	return answer, nil
}

// Health returns what came of the last question: nil if it was answered as it should be, and before the first.
func (r *Remote) Health() error {
	if last := r.last.Load(); last != nil {
		return *last
	}
	return nil
}

// Run asks about nobody at once, so that a policy that does not work is known before the first caller, and again and again
// while it does not, so that Health knows when it is over. It reports where it begins not to work, and returns when ctx ends.
func (r *Remote) Run(ctx context.Context, report func(error)) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	_, _ = r.Decide(ctx, Nobody(r.now())) // Health keeps the error
	worked := true
	for {
		err := r.Health()
		if err != nil && worked && ctx.Err() == nil {
			report(err)
		}
		worked = err == nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !worked {
			_, _ = r.Decide(ctx, Nobody(r.now()))
		}
	}
}
