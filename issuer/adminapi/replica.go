package adminapi

import (
	"cmp"
	"net/http"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi/internal/wire"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/keys"
)

// Ring is the ring of signing keys at one moment of its store's clock.
type Ring struct {
	Now     time.Time   `json:"now"`
	Period  float64     `json:"period_seconds"` // from one rotation to the next
	Keys    []keys.Info `json:"keys"`
	Parties []Party     `json:"relying_parties"` // by name, as this replica knows of them
}

// Party is who verifies our tokens and said so when it fetched the key set.
type Party struct {
	Name       string     `json:"name"`
	FetchedAt  *time.Time `json:"fetched_at"` // null: never, so far as anybody knows
	Generation int64      `json:"generation"` // the newest key that it holds
	Late       bool       `json:"late"`       // it should have fetched, or have done so again
}

// Minutes are how far back exchanges are counted.
const Minutes = 60

// Replica is the process that answers, of which there may be others beside it.
type Replica struct {
	Name      string    `json:"name"`
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
	Now       time.Time `json:"now"`
	Tenants   []string  `json:"tenants"` // whose callers exchange here
	Ready     bool      `json:"ready"`
	Checks    []Check   `json:"checks"`
	Exchanges []End     `json:"exchanges"` // in the last hour
}

// Check is a part of the service as the health routes show it.
type Check struct {
	Name  string    `json:"name"`
	State api.State `json:"state"`
	Says  string    `json:"says,omitzero"`
}

// End is one way in which exchanges ended, and how often in the last hour, of this process alone.
type End struct {
	Door     string `json:"door"`
	Outcome  string `json:"outcome"`
	Reason   string `json:"reason"` // as metrics name it
	Cure     string `json:"cure,omitzero"`
	Total    int    `json:"total"`
	ByMinute []int  `json:"by_minute"` // of the last Minutes minutes, that which runs last
}

// Compare orders ends: the most frequent first, and then by name.
func (e End) Compare(other End) int {
	return cmp.Or(cmp.Compare(other.Total, e.Total), cmp.Compare(e.Door, other.Door), cmp.Compare(e.Reason, other.Reason), cmp.Compare(e.Outcome, other.Outcome))
}

// keys answers the ring as its store holds it, without anything private.
func (a *API) keys(w http.ResponseWriter, r *http.Request, _ *api.Account) error {
	if _, err := wire.ParametersOf(r); err != nil {
		return err
	}
	ring, err := a.config.Keys(r.Context())
	if err != nil {
		return storeError(err)
	}
	return wire.Answer(w, http.StatusOK, ring)
}

// replica answers how the process is that answers.
func (a *API) replica(w http.ResponseWriter, r *http.Request, _ *api.Account) error {
	if _, err := wire.ParametersOf(r); err != nil {
		return err
	}
	return wire.Answer(w, http.StatusOK, a.config.Replica())
}
