package playground

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/hasura"
	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// token makes an Entra token of a persona, broken where the question names a fault.
func (p *Playground) token(r *http.Request) (any, error) {
	var q struct {
		Persona string `json:"persona"`
		Fault   string `json:"fault"`
	}
	if err := read(r, &q); err != nil {
		return nil, err
	}
	token, err := p.config.Tenant.Token(q.Persona)
	if q.Fault != "" && err == nil {
		token, err = p.config.Tenant.Break(q.Persona, q.Fault)
	}
	if err != nil {
		return nil, fault{http.StatusBadRequest, err.Error()}
	}
	return map[string]string{"token": token}, nil
}

const (
	tokenExchange   = "urn:ietf:params:oauth:grant-type:token-exchange" //nolint:gosec // a grant type of RFC 8693 §2.1, not a credential
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"   //nolint:gosec // a token type of RFC 8693 §3, not a credential
)

// exchanged is what the token endpoint answered, what to do about a refusal, and how far the keys' clock was ahead of the token's.
type exchanged struct {
	Status int            `json:"status"`
	Body   jsontext.Value `json:"body"`
	Cure   string         `json:"cure,omitempty"`
	Ahead  float64        `json:"ahead_seconds"`
}

// exchange asks the token endpoint as a client would that is no page: by the same handler, from the same address.
func (p *Playground) exchange(endpoint http.Handler) answerer {
	return func(r *http.Request) (any, error) {
		var q struct {
			Token string   `json:"token"`
			Scope []string `json:"scope"`
		}
		if err := read(r, &q); err != nil {
			return nil, err
		}
		form := url.Values{"grant_type": {tokenExchange}, "subject_token_type": {accessTokenType}, "subject_token": {q.Token}}
		if len(q.Scope) > 0 {
			form.Set("scope", strings.Join(q.Scope, " "))
		}
		ring, err := p.config.Ring.State(r.Context())
		if err != nil {
			return nil, err
		}
		request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "/oauth2/token", strings.NewReader(form.Encode()))
		if err != nil {
			return nil, err
		}
		request.RemoteAddr = r.RemoteAddr
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer := recorder{header: http.Header{}}
		endpoint.ServeHTTP(&answer, request)
		var refusal struct {
			Reason issuer.Reason `json:"reason"`
		}
		if err := json.Unmarshal(answer.body.Bytes(), &refusal); err != nil {
			return nil, err
		}
		got := exchanged{Status: answer.status, Body: answer.body.Bytes(), Ahead: ring.Ahead}
		if refusal.Reason != "" {
			got.Cure = p.config.Explainer.Cure(q.Token, refusal.Reason)
		}
		return got, nil
	}
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) { r.status = status }

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.body.Write(b)
}

// explained is an explanation with its cure, as `issuer roles explain --json` prints it.
type explained struct {
	issuer.Explanation
	Cure string `json:"cure,omitempty"`
}

// explain says what a token gets, and why.
func (p *Playground) explain(r *http.Request) (any, error) {
	var q struct {
		Token string   `json:"token"`
		Scope []string `json:"scope"`
		Role  string   `json:"role"`
	}
	if err := read(r, &q); err != nil {
		return nil, err
	}
	e, err := p.config.Explainer.Explain(r.Context(), q.Token, q.Scope, q.Role)
	if err != nil {
		return nil, err
	}
	answer := explained{Explanation: e}
	if e.Reason != "" {
		answer.Cure = p.config.Explainer.Cure(q.Token, e.Reason)
	}
	return answer, nil
}

// verdict is what an engine says to a request.
type verdict struct {
	Accepted bool           `json:"accepted"`
	Role     string         `json:"role,omitempty"`
	Session  map[string]any `json:"session,omitempty"`
	HTTP     int            `json:"http,omitempty"`
	Code     string         `json:"code,omitempty"`
	Message  string         `json:"message,omitempty"`
}

func shown(v hasura.Verdict) verdict {
	return verdict{v.Accepted, v.Role, v.Session, v.HTTP, v.Code, v.Message}
}

// verdicts says what both engines would answer to a token, with the role header where the question names a role.
func (p *Playground) verdicts(r *http.Request) (any, error) {
	var q struct {
		Token string `json:"token"`
		Role  string `json:"role"`
	}
	if err := read(r, &q); err != nil {
		return nil, err
	}
	jwks, err := p.config.Engines.JWKS()
	if err != nil {
		return nil, err
	}
	now := p.config.Now()
	return map[string]verdict{
		"v2": shown(hasura.V2(p.config.Engines.V2, jwks, q.Token, q.Role, now)),
		"v3": shown(hasura.V3(p.config.Engines.V3, jwks, q.Token, q.Role, now.Truncate(time.Second))),
	}, nil
}
