package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/hasura"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/keys"
)

// maxKeySet is well beyond what five keys take.
const maxKeySet = 1 << 20

// keySet fetches the key set as an engine does, reads it as both engines do, and holds it against the ring, nil where that
// could not be read. Where nobody answers there is nothing to find fault with: settings are checked before a start.
func (a *attempt) keySet(ctx context.Context, ring *keys.State) finding {
	address := a.settings.URL + "/.well-known/jwks.json"
	answer, header, err := fetchKeySet(ctx, address)
	refused := finding{Name: "jwks", Of: address, Status: failed}
	dial, isDial := errors.AsType[*net.OpError](err)
	_, isDNS := errors.AsType[*net.DNSError](err)
	_, isTLS := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case isDNS, isDial && dial.Op == "dial":
		refused.Status, refused.Detail = off, "nobody answers there: the service does not run, or is not reached from here"
		return refused
	case isTLS:
		refused.Detail, refused.Cure = err.Error(), "engines fetch the key set over TLS: give the proxy in front a certificate that they trust, and name its authority's to this command by SSL_CERT_FILE"
		return refused
	case err != nil:
		refused.Detail = err.Error()
		return refused
	}
	if refused.Detail, refused.Cure = judgeKeySet(answer, header, ring); refused.Detail != "" {
		return refused
	}
	v2, _ := hasura.ReadV2JWKS(answer, hasura.AllQuirks)
	return found("jwks", address, fmt.Sprintf("both engines read it, %d keys", v2.Len()), nil)
}

// judgeKeySet says what is wrong with an answer, and what to do about it, or nothing.
func judgeKeySet(answer hasura.JWKSAnswer, header http.Header, ring *keys.State) (wrong, cure string) {
	now := time.Now()
	next := hasura.V2Refresh(header, now, time.Time{})
	_, v2Err := hasura.ReadV2JWKS(answer, hasura.AllQuirks)
	_, v3Err := hasura.ReadV3JWKS(answer)
	switch {
	case answer.Status == http.StatusNotFound:
		return "it answered 404", "ISSUER_URL has to lead to this service, and a proxy in front has to strip the path of ISSUER_URL and no other"
	case answer.Status >= http.StatusInternalServerError:
		return fmt.Sprintf("it answered %d", answer.Status), "see /readyz and the log of the service"
	case answer.Status != http.StatusOK:
		return fmt.Sprintf("it answered %d", answer.Status), "no proxy in front may redirect, or ask for credentials, there"
	case v2Err != nil || v3Err != nil:
		return "an engine cannot read the answer", "something in front of the service changes it, or answers in its place"
	case next.IsZero() || !next.After(now) || next.After(now.Add(10*time.Minute)):
		return "its Cache-Control is not ours, so that engines fetch it all the time, or new keys too late", "no proxy in front may change that header"
	case ring != nil && !shares(answer.Body, published(*ring)):
		return "it holds no key of the ring that these settings name", "ISSUER_URL belongs to another deployment than the key store"
	}
	return "", ""
}

// shares reports whether one of kids is in the key set, or neither has any. A key that was just made may be missing: caches
// are allowed for.
func shares(keySet []byte, kids []string) bool {
	var set struct {
		Keys []struct {
			KID string `json:"kid"`
		} `json:"keys"`
	}
	if json.Unmarshal(keySet, &set) != nil {
		return false
	}
	for _, k := range set.Keys {
		if slices.Contains(kids, k.KID) {
			return true
		}
	}
	return len(kids) == 0 && len(set.Keys) == 0
}

func fetchKeySet(ctx context.Context, address string) (hasura.JWKSAnswer, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return hasura.JWKSAnswer{}, nil, err
	}
	response, err := idp.NewHTTPClient().Do(request)
	if err != nil {
		return hasura.JWKSAnswer{}, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKeySet))
	if err != nil {
		return hasura.JWKSAnswer{}, nil, fmt.Errorf("read the key set: %w", err)
	}
	return hasura.JWKSAnswer{URL: address, Status: response.StatusCode, Body: body}, response.Header, nil
}
