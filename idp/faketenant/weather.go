package faketenant

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Part is a part of the tenant with weather of its own.
type Part string

// PartKeys are the key sets, PartDiscovery the documents that lead to them and to the endpoints, PartToken the token
// endpoint and the one where devices begin, PartSignIn the pages that people see, PartGraph all of Graph.
const (
	PartKeys      Part = "keys"
	PartDiscovery Part = "discovery"
	PartToken     Part = "token"
	PartSignIn    Part = "signin"
	PartGraph     Part = "graph"
)

// Parts are all there are.
func Parts() []Part { return []Part{PartKeys, PartDiscovery, PartToken, PartSignIn, PartGraph} }

// Body says what is wrong with the body of an answer.
type Body string

// BodyTruncated ends in the middle, though its length was announced. BodyGarbage is no JSON. BodyHuge has the true
// answer behind 64 MiB of white space. BodyHTML is a page, as a proxy on the way would give it, with status 200.
const (
	BodyTruncated Body = "truncated"
	BodyGarbage   Body = "garbage"
	BodyHuge      Body = "huge"
	BodyHTML      Body = "html"
)

// Weather is what befalls the requests to one part. The zero value is fair weather; what is set befalls each request in
// the order of the fields.
type Weather struct {
	Times      int           // how many requests it befalls, after which it is fair; zero: all
	Delay      time.Duration // passes first
	Hang       bool          // nothing is answered until the client gives up
	Status     int           // is answered, with an error in the part's own shape, with 429 for "slow down"
	RetryAfter time.Duration // goes with Status, in whole seconds; 429 has one of 10 s where it is zero
	AADSTS     int           // the number of the refusal by the token endpoint, such as 50076
	Location   string        // where the request is sent on to
	Body       Body
}

// SetWeather makes the weather of a part from now on.
func (t *Tenant) SetWeather(part Part, w Weather) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.weather[part] = w
}

// weatherOf is the weather that the next request to part meets.
func (t *Tenant) weatherOf(part Part) Weather {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.weather[part]
	switch now.Times {
	case 0:
	case 1:
		delete(t.weather, part)
	default:
		left := now
		left.Times--
		t.weather[part] = left
	}
	return now
}

// partOf is the part that a path belongs to, or none.
func partOf(path string) Part {
	switch {
	case strings.Contains(path, "/v1.0/"):
		return PartGraph
	case strings.HasSuffix(path, "/.well-known/openid-configuration"), path == instancePath:
		return PartDiscovery
	case strings.HasSuffix(path, "/discovery/v2.0/keys"), strings.HasSuffix(path, "/discovery/keys"):
		return PartKeys
	case strings.HasSuffix(path, "/oauth2/v2.0/token"), strings.HasSuffix(path, "/oauth2/v2.0/devicecode"):
		return PartToken
	case strings.HasSuffix(path, "/oauth2/v2.0/authorize"), strings.HasSuffix(path, "/oauth2/v2.0/logout"), path == devicePath:
		return PartSignIn
	default:
		return ""
	}
}

// brave answers the request as the weather has it.
func (t *Tenant) brave(w http.ResponseWriter, r *http.Request, next http.Handler) {
	part := partOf(r.URL.Path)
	weather := t.weatherOf(part)
	if weather.Delay > 0 {
		pause := time.NewTimer(weather.Delay)
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case weather.Hang:
		_, _ = io.Copy(io.Discard, r.Body) // or net/http does not notice that the client gives up
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case weather.Status != 0:
		t.storm(w, r, part, weather)
	case weather.AADSTS != 0:
		w.Header().Set("Access-Control-Allow-Origin", "*")
		t.refuse(w, r, numbered(weather.AADSTS))
	case weather.Location != "":
		http.Redirect(w, r, weather.Location, http.StatusFound)
	case weather.Body != "":
		spoil(w, r, next, weather.Body)
	default:
		next.ServeHTTP(w, r)
	}
}

// storm answers with an error status, in the part's shape.
func (t *Tenant) storm(w http.ResponseWriter, r *http.Request, part Part, weather Weather) {
	after := weather.RetryAfter
	if weather.Status == http.StatusTooManyRequests && after == 0 {
		after = 10 * time.Second
	}
	seconds := ""
	if after > 0 {
		seconds = strconv.Itoa(int(after.Seconds()))
		w.Header().Set("Retry-After", seconds)
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	switch {
	case part == PartGraph:
		graph{t, ""}.storm(w, r, weather.Status)
	case part == PartToken && weather.Status == http.StatusTooManyRequests:
		t.refuse(w, r, throttled)
	default: // the machines before the service answer, with an empty body
		w.WriteHeader(weather.Status)
	}
}

// SetDateOffset moves the Date header of all answers by d against the tenant's clock. Tokens stay as they are.
func (t *Tenant) SetDateOffset(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dateOffset = d
}
