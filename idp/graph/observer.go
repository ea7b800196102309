package graph

import (
	"context"
	"net/http"
	"time"
)

// Cache is memory shared with other processes. Neither method fails: what cannot be had is a miss. It must hand out
// nothing that another than one of our processes put in. Both methods are called concurrently, with a deadline.
type Cache interface {
	Get(ctx context.Context, key string) (value []byte, found bool)
	Set(ctx context.Context, key string, value []byte, ttl time.Duration)
}

// Observer counts what happens. Its methods are called concurrently and must not wait.
type Observer interface {
	Answered(from Source)                       // once per call of Groups that needed an answer
	Requested(endpoint Endpoint, ended Outcome) // once per question to Graph, and per sign-in
}

// Source says where an answer came from.
type Source string

// The sources.
const (
	SourceMemory Source = "memory" // fresh, in this process
	SourceShared Source = "shared" // fresh, read by another process
	SourceGraph  Source = "graph"
	SourceStale  Source = "stale" // older than the TTL, since Graph could not be asked
	SourceNone   Source = "none"  // there was no answer
)

// Endpoint says who was asked.
type Endpoint string

// The endpoints.
const (
	EndpointToken Endpoint = "token" // a sign-in, whatever it took
	EndpointGraph Endpoint = "graph"
)

// Outcome says how a request ended.
type Outcome string

// The outcomes.
const (
	OutcomeOK        Outcome = "ok"
	OutcomeThrottled Outcome = "throttled" // 429
	OutcomeRefused   Outcome = "refused"   // another 4xx
	OutcomeFailed    Outcome = "failed"    // no answer, 5xx, or not an answer of Microsoft's
)

type unobserved struct{}

func (unobserved) Answered(Source)             {}
func (unobserved) Requested(Endpoint, Outcome) {}

func outcome(problem *UnavailableError) Outcome {
	switch {
	case problem == nil:
		return OutcomeOK
	case problem.Status == http.StatusTooManyRequests:
		return OutcomeThrottled
	case problem.Status >= 400 && problem.Status < 500:
		return OutcomeRefused
	default:
		return OutcomeFailed
	}
}
