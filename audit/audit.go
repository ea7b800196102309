// Package audit answers: what was decided, and what was changed? It keeps one record of each in Postgres, by ids alone, and
// finds them again. It knows nothing of HTTP, of Entra's tokens and of how a decision comes about.
package audit

import (
	"time"

	"github.com/google/uuid"
)

// The values of Record.Kind.
const (
	KindExchange = "exchange" // a decision on a caller's wish
	KindKeys     = "keys"     // a change of the ring; written by the table of keys
	KindRoles    = "roles"    // a change of grants or blocks; written by their history
	KindSettings = "settings" // a replica has started with other settings than the one before it
)

// The values of Record.Outcome.
const (
	Granted = "granted"
	Refused = "refused"
)

// Record is what is kept of a decision or a change. Who is named by ids; no token is in it, no mail and no name.
// The members of its JSON are the columns of issuer.audit.
type Record struct {
	ID   uuid.UUID `json:"id"`
	At   time.Time `json:"at"` // UTC, in microseconds
	Kind string    `json:"kind"`

	Door           string     `json:"door,omitempty"`
	Outcome        string     `json:"outcome,omitempty"`
	Reason         string     `json:"reason,omitempty"` // of a refusal; "none" for what was granted
	TenantID       string     `json:"tenant,omitempty"`
	ObjectID       string     `json:"object_id,omitempty"`
	Caller         string     `json:"caller,omitempty"` // user or app
	ClientID       string     `json:"client_id,omitempty"`
	AskedRoles     []string   `json:"asked_roles,omitempty"` // by scope
	AskedRole      string     `json:"asked_role,omitempty"`  // by X-Hasura-Role
	Roles          []string   `json:"roles,omitempty"`       // what was given, the default first
	Grants         []string   `json:"grants,omitempty"`      // by which: "editor by group <id>"
	PolicyDecision string     `json:"policy_decision,omitempty"`
	KID            string     `json:"kid,omitempty"`
	JTI            string     `json:"jti,omitempty"`
	ExpiresAt      *time.Time `json:"expires_at,omitempty"`
	TokenSHA256    string     `json:"token_sha256,omitempty"` // of the subject token, its first 16 hex digits
	SubjectTokenID string     `json:"subject_token_id,omitempty"`
	Address        string     `json:"address,omitempty"`
	RequestID      string     `json:"request_id,omitempty"`
	TraceID        string     `json:"trace_id,omitempty"`
	Replica        string     `json:"replica,omitempty"`
	Repeats        int64      `json:"repeats"` // answers from memory that were the same
	RepeatedAt     *time.Time `json:"repeated_at,omitempty"`

	Actor   string  `json:"actor,omitempty"` // who made a change, as the writer says it
	Login   string  `json:"login,omitempty"` // whom the server let in
	Details Details `json:"details,omitempty"`
}

// Details is what was changed: a JSON object, as it stands in the database.
type Details map[string]any

// Ref names a record that was kept.
type Ref struct {
	ID uuid.UUID `json:"id"`
	At time.Time `json:"at"`
}

// newRef names a record of now. Postgres counts microseconds.
func newRef(now time.Time) Ref {
	return Ref{uuid.New(), now.UTC().Truncate(time.Microsecond)}
}
