package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/hasura-issuer/hasura-issuer/idp"
)

// requestIDs are those that may stand on a command line.
var requestIDs = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`) })

func refusedExchange(response *http.Response, reason, subject, roles string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "the issuer refuses: %s (%d)", reason, response.StatusCode)
	if cure := reasonCures[reason]; cure != "" {
		b.WriteString(": " + cure)
	}
	if seconds := response.Header.Get("Retry-After"); wholeNumber().MatchString(seconds) {
		b.WriteString("; Retry-After is " + seconds + " s")
	}
	if next := nextCommand(reason, subject, roles, response.Header.Get("X-Request-Id")); next != "" {
		b.WriteString("\n  next, where the issuer runs: " + next)
	}
	return errors.New(b.String())
}

var wholeNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]{1,6}$`) })

// nextCommand is what to run where the issuer is run, to see why. Of the token it has ids alone.
func nextCommand(reason, subject, roles, requestID string) string {
	seen, _ := idp.Look(subject)
	who := "--user " + cmp.Or(seen.ObjectID, "OBJECT_ID")
	if !seen.HasScope && seen.ClientID != "" { // an app by itself
		who = "--app " + seen.ClientID
	}
	if seen.TenantID != "" {
		who += " --tenant " + seen.TenantID
	}
	switch reason {
	case "no_roles", "role_not_granted", "too_many_roles":
		for role := range strings.FieldsSeq(roles) {
			if !isHidden(role) {
				who += " --role " + quoted(role)
			}
			break // explain takes one
		}
		return "issuer roles explain " + who
	case "blocked":
		return "issuer roles unblock " + who
	case "policy_denied", "internal", "audit_unavailable":
		if requestIDs().MatchString(requestID) {
			return "issuer audit search --request-id " + requestID
		}
	case "rate_limited", "overloaded":
		return ""
	}
	switch {
	case strings.HasSuffix(reason, "_unavailable"):
		return "issuer check --online"
	case tokenCures[idp.Reason(reason)] != "" || suspectCures[idp.Reason(reason)] != nil:
		return "issuer check --online --token - < FILE_WITH_THE_ENTRA_TOKEN"
	}
	return ""
}
