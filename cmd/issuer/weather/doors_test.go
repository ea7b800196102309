package weather

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/hasura"
)

// door is where a caller's token is shown.
type door int

const (
	tokenEndpoint door = iota
	webhook
	forwardAuth
	doors
)

func (d door) String() string {
	return [...]string{"the token endpoint", "the webhook", "forward-auth"}[d]
}

// status is how the door says what the token endpoint says with status.
func (d door) status(status int) int {
	if d == webhook || d == forwardAuth && status == http.StatusBadRequest {
		return http.StatusUnauthorized
	}
	return status
}

// deadline is how long a client waits: far more than the 8 s that the program gives itself.
const deadline = 30 * time.Second

// client keeps its connections, as engines and gateways do.
var client = &http.Client{Timeout: deadline, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// question is what a caller asks at the door of the program at base.
func (d door) question(ctx context.Context, base, token string) (*http.Request, error) {
	if d == tokenEndpoint {
		form := url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {token},
			"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/oauth2/token", strings.NewReader(form.Encode()))
		if err == nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		return r, err
	}
	method, path := http.MethodGet, "/hasura/webhook"
	if d == forwardAuth {
		method, path = http.MethodPost, "/forward-auth" // which net/http does not send again where the answer was cut
	}
	r, err := http.NewRequestWithContext(ctx, method, base+path, nil)
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r, err
}

// ask shows a token at a door and reads the whole answer. A token that is minted has to open a v3 engine with the key set
// of the same program. An error means that there was no answer, or half of one, or one that is unfit for any caller.
func (w *world) ask(ctx context.Context, d door, base, token string) (answer, error) {
	r, err := d.question(ctx, base, token)
	if err != nil {
		return answer{}, err
	}
	response, body, err := fetch(r)
	if err != nil {
		return answer{}, err
	}
	a := answer{door: d, status: response.StatusCode, retryAfter: response.Header.Get("Retry-After")}
	var said struct {
		Token  string `json:"access_token"`
		Scope  string `json:"scope"`
		Role   string `json:"X-Hasura-Role"`
		Reason string `json:"reason"`
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &said); err != nil {
			return a, fmt.Errorf("status %d, and the body is no JSON: %w", a.status, err)
		}
	}
	a.reason, a.role = said.Reason, said.Role
	if a.status != http.StatusOK || d == webhook {
		return a, nil
	}
	if d == tokenEndpoint {
		a.roles = strings.Fields(said.Scope)
	} else {
		said.Token = strings.TrimPrefix(response.Header.Get("Authorization"), "Bearer ")
	}
	a.role, err = w.open(ctx, base, said.Token)
	return a, err
}

// open shows a token to an engine and returns the role that it opens.
func (w *world) open(ctx context.Context, base, token string) (role string, err error) {
	keys, held := w.keys.Load(base)
	if !held {
		_, body, err := w.get(ctx, base+"/.well-known/jwks.json")
		if err != nil {
			return "", err
		}
		keys = body
		w.keys.Store(base, keys) // no test here lives long enough for them to change
	}
	verdict := hasura.V3(w.engine, keys.([]byte), token, "", time.Now())
	if !verdict.Accepted {
		return "", fmt.Errorf("an engine refuses the token with %d", verdict.HTTP)
	}
	return verdict.Role, nil
}

func (w *world) get(ctx context.Context, url string) (status int, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	response, body, err := fetch(r)
	if err != nil {
		return 0, nil, err
	}
	return response.StatusCode, body, nil
}

// fetch returns an answer that is whole.
func fetch(r *http.Request) (*http.Response, []byte, error) {
	response, err := client.Do(r)
	if err != nil {
		return nil, nil, errors.New(strings.ReplaceAll(err.Error(), r.URL.String(), r.URL.Path))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("status %d, and half an answer: %w", response.StatusCode, err)
	}
	return response, body, nil
}
