// Package policy answers: does a policy of the operator's own agree to what a caller would get? It has the words in which
// an Open Policy Agent is asked and answers, and asks one by HTTP; package bundle asks one that lies in a folder. It knows
// nothing of tokens, of where roles come from and of what becomes of the answer.
package policy

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Input is what a policy decides on: OPA's input.
type Input struct {
	Caller      Caller           `json:"caller"`
	Roles       []string         `json:"roles"`        // the caller would get these, the default first
	DefaultRole string           `json:"default_role"` // the first of Roles
	Session     map[string]Value `json:"session"`      // and these session variables, without those for the roles
	Address     string           `json:"address"`      // of the client, without a port; "" where it is not known
	Door        string           `json:"door"`         // the route by which the caller came
	Time        time.Time        `json:"time"`
}

// Caller is who would get it.
type Caller struct {
	TenantID string   `json:"tenant"`
	ObjectID string   `json:"object_id"`
	Kind     string   `json:"kind"`
	ClientID string   `json:"client"`
	Groups   []string `json:"groups"` // all of them
	AppRoles []string `json:"app_roles"`
}

// Value is a session variable: a text, or a list of texts.
type Value struct {
	Text string
	List []string // not nil: the variable is this list, and Text is nothing
}

// Verdict is what a policy decided.
type Verdict struct {
	Allow bool
	// Roles are those that may stay; nil: all. Others than those asked about may be among them, and count for nothing.
	Roles   []string
	Session map[string]Value // variables to add
	TTL     time.Duration    // the longest that the decision may be used, in whole seconds; 0: no word of it
	Reason  string           // one line in the policy's own words; "" for none
	// Decision names the decision: OPA's decision id, or the version of the bundle that decided. "" where it has no name.
	Decision string
}

// nobodyID is the id of no tenant and no object.
const nobodyID = "00000000-0000-0000-0000-000000000000"

// DoorCheck is the Input.Door of a question that nobody gains or loses by.
const DoorCheck = "check"

// Nobody is a question about a caller whom nobody knows. A policy that works has an answer to it, whatever it is.
func Nobody(now time.Time) Input {
	return Input{Caller: Caller{TenantID: nobodyID, ObjectID: nobodyID, Kind: "user", ClientID: nobodyID}, Door: DoorCheck, Time: now}
}

// JSON writes the input as OPA reads it: nothing is null, and the time is in UTC and whole seconds. An error means that a
// value is no valid text.
func (in Input) JSON() ([]byte, error) {
	in.Time = in.Time.UTC().Truncate(time.Second)
	return json.Marshal(in, json.Deterministic(true))
}

// MarshalJSONTo writes a text or a list of texts.
func (v Value) MarshalJSONTo(to *jsontext.Encoder) error {
	if v.List != nil {
		return json.MarshalEncode(to, v.List)
	}
	return json.MarshalEncode(to, v.Text)
}
