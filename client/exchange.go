package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

const (
	grantType   = "urn:ietf:params:oauth:grant-type:token-exchange"
	accessToken = "urn:ietf:params:oauth:token-type:access_token" //nolint:gosec // G101: a name, not a credential
	maxAnswer   = 64 << 10
	longestLife = 365 * 24 * 60 * 60 // of a token that an issuer could mean, in seconds
	mostRetry   = 10 * 60            // seconds that anybody may have us wait
	timedOut    = "issuer_timeout"
)

// Error is a refusal by the issuer, or an answer that nobody can use. Neither its text nor any member holds a token, whatever was answered.
type Error struct {
	Status     int           // of HTTP
	Code       string        // error of RFC 6749 §5.2, such as access_denied; empty: the answer was not the issuer's
	Reason     string        // which of the issuer's reasons, such as no_roles; its README has them all, with their cures. Or issuer_timeout: the token had ended when it came
	RetryAfter time.Duration // when another try can succeed, ten minutes at most; zero: the issuer did not say
	RequestID  string        // by which the issuer's log has it
}

// Error is error's.
func (e *Error) Error() string {
	if e.Reason == timedOut {
		return "the issuer's answer came when its token had ended"
	}
	if e.Code == "" {
		return fmt.Sprintf("the issuer answered %d, and not as a hasura-issuer does", e.Status)
	}
	return fmt.Sprintf("the issuer answered %d %s: %s (request id %s)", e.Status, e.Code, e.Reason, e.RequestID)
}

// Temporary tells whether the same exchange may succeed later.
func (e *Error) Temporary() bool {
	return e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable
}

// exchange gets one token (RFC 8693 §2).
func (s *Source) exchange(ctx context.Context) (*oauth2.Token, error) {
	subject, err := s.subjectToken(ctx)
	if err != nil {
		return nil, fmt.Errorf("get a subject token: %w", err)
	}
	form := url.Values{"grant_type": {grantType}, "subject_token": {strings.TrimSpace(subject)}, "subject_token_type": {accessToken}}
	if len(s.config.Roles) > 0 {
		form.Set("scope", strings.Join(s.config.Roles, " "))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("ask the issuer: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	asked := time.Now()
	response, err := s.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the issuer: %w", unanswered(err))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the issuer's answer: %w", unanswered(err))
	}
	token, err := read(response, body, asked)
	if response.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("there is nothing at %s: %w", s.endpoint, err)
	}
	return token, err
}

// read makes a token of an answer. Its life counts from when it was asked for, and by the wall clock: the other one stands
// still while a machine sleeps.
func read(response *http.Response, body []byte, asked time.Time) (*oauth2.Token, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"`
		Scope       string `json:"scope"`
		Error       string `json:"error"`
		Reason      string `json:"reason"`
	}
	err := json.Unmarshal(body, &answer)
	if response.StatusCode != http.StatusOK {
		return nil, refusal(response, answer.Error, answer.Reason)
	}
	if err != nil || answer.AccessToken == "" || answer.ExpiresIn < 1 || answer.ExpiresIn > longestLife || !strings.EqualFold(answer.TokenType, "Bearer") {
		return nil, errors.New("the issuer answered 200, and not with a token")
	}
	token := &oauth2.Token{
		AccessToken: answer.AccessToken, TokenType: "Bearer", ExpiresIn: answer.ExpiresIn,
		Expiry: asked.Round(0).Add(time.Duration(answer.ExpiresIn) * time.Second),
	}
	if !time.Now().Before(token.Expiry) {
		return nil, &Error{Status: response.StatusCode, Reason: timedOut}
	}
	return token.WithExtra(map[string]any{"scope": answer.Scope}), nil
}

// refusal is an answer that is no token. Of what it says only the issuer's own words are kept: somebody else's could hold anything.
func refusal(response *http.Response, code, reason string) *Error {
	e := &Error{Status: response.StatusCode}
	if id := response.Header.Get("X-Request-Id"); isOf(id, idLetters) {
		e.RequestID = id
	}
	if !isWord(code) {
		return e
	}
	e.Code = code
	if isWord(reason) {
		e.Reason = reason
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(min(seconds, mostRetry)) * time.Second
	}
	return e
}

const idLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

// isWord tells whether a text is one of the words that the issuer's errors and reasons are.
func isWord(text string) bool { return isOf(text, "abcdefghijklmnopqrstuvwxyz_") }

// isOf tells whether a text is of these letters alone, and no longer than such a text may be.
func isOf(text, letters string) bool {
	return text != "" && len(text) <= 64 && strings.TrimLeft(text, letters) == ""
}
