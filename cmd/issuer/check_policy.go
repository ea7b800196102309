package main

import (
	"context"
	"time"

	"github.com/hasura-issuer/hasura-issuer/policy"
)

// policy asks the policy about nobody: one that works has an answer to that, and nothing hangs on it.
func (a *attempt) policy(ctx context.Context) finding {
	asked, err := a.settings.newPolicy(ctx, nil)
	if asked == nil && err == nil {
		return finding{Name: "policy", Status: off, Detail: "none is set: callers get what their grants give"}
	}
	var v policy.Verdict
	if err == nil {
		v, err = asked.Decide(ctx, policy.Nobody(time.Now()))
	}
	would := "refuse"
	if v.Allow {
		would = "allow"
	}
	f := found("policy", "", "it answers, and would "+would+" a caller whom nobody knows", err)
	if err != nil {
		f.Cure = "until it is mended every exchange is policy_unavailable"
	}
	return f
}
