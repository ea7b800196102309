// Package devicecode answers: which Entra token does the person have who signs in on another screen? It is the OAuth
// device grant (RFC 8628) against Entra's v2.0 endpoints. It knows nothing of what the token is for.
//
// MSAL for Go has this flow, too. It takes no authority by http, as the fake tenant of `issuer dev` has one, asks ten times
// in the first seconds whatever interval the answer names, and does not slow down when it is told to.
package devicecode

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
)

const (
	grantType = "urn:ietf:params:oauth:grant-type:device_code"
	maxAnswer = 256 << 10
	longest   = 60              // seconds that an answer may have us wait between two questions
	mostLife  = 60 * 60         // seconds that a code is believed to live; Entra's do 15 minutes
	usual     = 5 * time.Second // RFC 8628 section 3.2: where the answer names no interval; and 3.5: by how much to slow down
)

// Config says who asks whom for what. All fields but the last two are needed.
type Config struct {
	Authority string // base URL, such as https://login.microsoftonline.com
	Tenant    string
	Client    string // of an app that allows public client flows
	Scope     string
	HTTP      *http.Client // must follow no redirect
	Show      func(Prompt) error
	Wait      func(context.Context, time.Duration) error // nil: as long as it says
}

// Prompt is what a person has to be told: where to go, and what to enter there. It is text of the authority's.
type Prompt struct {
	Page, Code string
	Life       time.Duration
}

// Error is a refusal of Entra's. It holds codes alone, never a description, which may name people.
type Error struct {
	Code   string // of OAuth, such as authorization_declined
	Number string // of Entra, such as AADSTS7000218; may be empty
}

// Error says what happened, and what to do where that is known.
func (e *Error) Error() string {
	said := e.Code
	if e.Number != "" {
		said += ", " + e.Number
	}
	if cure := cures[e.Number]; cure != "" {
		return fmt.Sprintf("Entra refuses (%s): %s", said, cure)
	}
	switch e.Code {
	case "expired_token":
		return "nobody signed in while the code was good: run this again"
	case "authorization_declined", "access_denied":
		return "the sign-in was declined"
	}
	return fmt.Sprintf("Entra refuses (%s)", said)
}

// cures say what to do about Entra's numbers, as far as they come up here.
var cures = map[string]string{
	"AADSTS7000218": "the app allows no public client flows: turn them on under Authentication of its registration",
	"AADSTS700016":  "there is no such app in this tenant: check the client id",
	"AADSTS90002":   "there is no such tenant in this cloud: check the tenant's id and the authority",
	"AADSTS650053":  "the API exposes no such scope: check its name under Expose an API",
	"AADSTS500011":  "there is no such API in this tenant: check the scope's beginning",
	"AADSTS65001":   "nobody has consented that the app calls this API: let an administrator consent, or preauthorise it under Expose an API",
	"AADSTS50076":   "a policy of the tenant wants more than this sign-in can show, or forbids it: ask an administrator",
	"AADSTS53003":   "a Conditional Access policy forbids this sign-in: ask an administrator",
}

type begun struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	Page       string `json:"verification_uri"`
	ExpiresIn  int    `json:"expires_in"`
	Interval   int    `json:"interval"`
}

type tokenAnswer struct {
	AccessToken string `json:"access_token"`
}

// SignIn shows the person where to sign in, waits until they did, and returns their access token. It ends with ctx, with an
// *Error where Entra or the person refuses, and when the code is no longer good.
func SignIn(ctx context.Context, c Config) (string, error) {
	if c.Wait == nil {
		c.Wait = wait
	}
	var b begun
	if err := c.post(ctx, "devicecode", url.Values{"scope": {c.Scope}}, &b); err != nil {
		return "", err
	}
	if b.DeviceCode == "" || b.UserCode == "" || b.Page == "" || b.ExpiresIn <= 0 {
		return "", errors.New("Entra's answer lacks what a sign-in on another screen takes") //nolint:staticcheck // ST1005: a name
	}
	b.ExpiresIn, b.Interval = min(b.ExpiresIn, mostLife), min(b.Interval, longest)
	if err := c.Show(Prompt{b.Page, b.UserCode, time.Duration(b.ExpiresIn) * time.Second}); err != nil {
		return "", err
	}
	return c.poll(ctx, b)
}

// poll asks until there is an answer. The time that it waited is what counts against the life of the code: the clock of
// this machine may jump.
func (c Config) poll(ctx context.Context, b begun) (string, error) {
	pause, left := usual, time.Duration(b.ExpiresIn)*time.Second
	if b.Interval > 0 {
		pause = time.Duration(b.Interval) * time.Second
	}
	for ; left > 0; left -= pause {
		if err := c.Wait(ctx, pause); err != nil {
			return "", err
		}
		var got tokenAnswer
		err := c.post(ctx, "token", url.Values{"grant_type": {grantType}, "device_code": {b.DeviceCode}}, &got)
		refusal, refused := errors.AsType[*Error](err)
		switch {
		case refused && refusal.Code == "authorization_pending":
		case refused && refusal.Code == "slow_down":
			pause += usual
		case refused:
			return "", err
		case err != nil && ctx.Err() != nil:
			return "", err
		case err != nil: // RFC 8628 section 3.5: what does not get through is asked again, less often
			pause *= 2
		case got.AccessToken == "":
			return "", errors.New("Entra's answer holds no token") //nolint:staticcheck // ST1005: a name
		default:
			return got.AccessToken, nil
		}
	}
	return "", &Error{Code: "expired_token"}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

var (
	oauthCode = regexp.MustCompile(`^[a-z_]{1,64}$`)
	number    = regexp.MustCompile(`^AADSTS[1-9][0-9]{3,8}\b`)
)

// post asks an endpoint of the tenant.
func (c Config) post(ctx context.Context, endpoint string, form url.Values, into any) error {
	form.Set("client_id", c.Client)
	address := c.Authority + "/" + url.PathEscape(c.Tenant) + "/oauth2/v2.0/" + endpoint
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("ask Entra: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := c.HTTP.Do(request)
	if err != nil {
		return fmt.Errorf("ask Entra: %w", idp.Unanswered(err))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read Entra's answer: %w", idp.Unanswered(err))
	}
	if response.StatusCode != http.StatusOK {
		return refusal(response.StatusCode, body)
	}
	if json.Unmarshal(body, into) != nil { // what is wrong with it could quote it
		return errors.New("Entra's answer is not the JSON that it should be: is the authority right?") //nolint:staticcheck // ST1005: a name
	}
	return nil
}

// refusal reads a refusal; an answer that is none is an error of another kind.
func refusal(status int, body []byte) error {
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &said) != nil || !oauthCode.MatchString(said.Error) || status >= http.StatusInternalServerError || status < http.StatusBadRequest {
		return fmt.Errorf("Entra answers %d %s", status, http.StatusText(status)) //nolint:staticcheck // ST1005: a name
	}
	return &Error{said.Error, number.FindString(said.Description)}
}
