package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// window is how much of a secret may be seen: anything from here on is a leak.
const window = 12

// eavesdropper knows what must not be said, and hears what is. It is safe for concurrent use.
type eavesdropper struct {
	mu     sync.Mutex
	parts  map[string]string // each window of each form of each secret, in lower case, and what it is of
	tokens map[string]bool   // those that were shown to us
	heard  map[string]string // by where it was heard
}

func newEavesdropper() *eavesdropper {
	return &eavesdropper{parts: map[string]string{}, tokens: map[string]bool{}, heard: map[string]string{}}
}

// keep has a secret, called name, be looked for from now on: as it is, and as it is written in URLs, JSON, Go and base64.
func (w *eavesdropper) keep(name, secret string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	quoted := strconv.Quote(secret)
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), quoted[1 : len(quoted)-1], hex.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
	} {
		form = strings.ToLower(form)
		for i := 0; i == 0 || i+window <= len(form); i++ {
			w.parts[form[i:min(i+window, len(form))]] = name
		}
	}
	return secret
}

// keepToken keeps a token that is shown to us.
func (w *eavesdropper) keepToken(name, token string) string {
	w.mu.Lock()
	w.tokens[token] = true
	w.mu.Unlock()
	return w.keepParts(name, token)
}

// keepParts keeps all of a JWT that is not in every other one, too: its claims and its signature.
func (w *eavesdropper) keepParts(name, token string) string {
	for i, part := range strings.Split(token, ".") {
		if i > 0 && part != "" {
			w.keep(name, part)
		}
	}
	return token
}

// hear adds to what was said at a place.
func (w *eavesdropper) hear(place, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard[place] += text + "\n"
}

// hearAnswer adds an answer of the service. A token that it hands out is for who asked, and a secret from then on.
func (w *eavesdropper) hearAnswer(place string, response *http.Response, body string) {
	var head bytes.Buffer
	_ = response.Header.Write(&head)
	text := response.Status + "\n" + head.String() + body
	for _, token := range jwtForm.FindAllString(text, -1) {
		if w.isOurs(token) {
			text = strings.ReplaceAll(text, token, "(a token of ours)")
		}
	}
	w.hear(place, text)
}

// isOurs tells whether a token in an answer is one that we minted, and not one that was shown to us. Only who asked for
// it may see it.
func (w *eavesdropper) isOurs(token string) bool {
	w.mu.Lock()
	shown := w.tokens[token]
	w.mu.Unlock()
	if !shown {
		w.keepParts("a token that we minted", token)
	}
	return !shown
}

// leaks are the places where something of a secret was said, and which one, without repeating it.
func (w *eavesdropper) leaks() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for place, text := range w.heard {
		text = strings.ToLower(text)
		names := map[string]bool{}
		for i := range len(text) {
			if name, found := w.parts[text[i:min(i+window, len(text))]]; found {
				names[name] = true
			}
		}
		for name := range names {
			all = append(all, place+" shows "+name)
		}
	}
	return all
}

// jwtForm is how a token of ours looks.
var jwtForm = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{40,}`)

// ask sends a request to the service and hears the answer.
func (w *eavesdropper) ask(t *testing.T, method, address, body string, headers ...string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	place := "the answer to " + method + " " + r.URL.Path
	if len(r.URL.Path) > 40 {
		place = "the answer to " + method + " of a long path"
	}
	w.hearAnswer(place, response, string(text))
}

// run runs a command to its end and hears what it prints.
func (w *eavesdropper) run(t *testing.T, p program, stdin string, args ...string) int {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p.stdin, p.stdout, p.stderr = strings.NewReader(stdin), &stdout, &stderr
	code := p.run(t.Context(), args)
	w.hear(fmt.Sprintf("issuer %.40s, on stdout", strings.Join(args, " ")), stdout.String())
	w.hear(fmt.Sprintf("issuer %.40s, on stderr", strings.Join(args, " ")), stderr.String())
	return code
}

// wire is the way to Entra, Graph and the vault. What we show there to be let in is a secret, too.
type wire struct {
	http.RoundTripper
	watch *eavesdropper
}

// RoundTrip is http.RoundTripper's.
func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, token, bearer := strings.Cut(r.Header.Get("Authorization"), "Bearer "); bearer {
		w.watch.keepToken("a token for Graph", token)
	}
	return w.RoundTripper.RoundTrip(r)
}

func TestTheWatchHearsWhatItIsToHear(t *testing.T) {
	t.Parallel()
	const secret = `correct horse "battery" staple/é`
	for name, text := range map[string]string{
		"as it is": "x" + secret + "y", "in the middle": "…" + secret[5:20] + "…", "in a query": url.QueryEscape(secret), "in a path": url.PathEscape(secret),
		"in other case": strings.ToUpper(secret), "in base64": base64.StdEncoding.EncodeToString([]byte(secret)), "in hex": fmt.Sprintf("%x", secret), "quoted": fmt.Sprintf("%q", secret),
	} {
		w := newEavesdropper()
		w.keep("it", secret)
		w.hear("here", text)
		if leaks := w.leaks(); len(leaks) == 0 {
			t.Errorf("%s: nothing is heard", name)
		}
	}
	w := newEavesdropper()
	w.keep("it", secret)
	w.keepToken("a token", "eyJhbGciOiJub25lIn0.eyJuYW1lIjoiQWxpY2UgRXhhbXBsZSJ9.c2lnbmF0dXJlLW9mLWl0")
	w.hear("here", "correct ho, and eyJhbGciOiJub25lIn0")
	if leaks := w.leaks(); len(leaks) > 0 {
		t.Errorf("what is no secret: %v", leaks)
	}
}
