package keystest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// engine is Hasura v2: it keeps a key set for as long as it was told and a cache in front of the issuer does, never asks
// again for a key it does not know, and tries again where a fetch failed. (v3 asks for every request, so it has what some
// replica publishes at this moment.)
type engine struct {
	set   []string
	until time.Time
}

// fetch renews the sets of engines whose time is over, from any replica that answers.
func (w *world) fetch() {
	for i, e := range w.engines {
		if w.at.Before(e.until) {
			continue
		}
		first := w.choose("replica", len(w.replicas))
		for j := range w.replicas {
			r := w.replicas[(first+j)%len(w.replicas)]
			if body, _, err := r.ring.JWKS(""); err == nil {
				w.engines[i] = &engine{w.kids(body), w.at.Add(r.policy.MaxAge + r.policy.CDNTTL)}
				break
			}
		}
	}
}

// checkTokens wants the key of every live token in every key set there is.
func (w *world) checkTokens() {
	sets := map[string][]string{}
	for i, e := range w.engines {
		if len(e.set) > 0 {
			sets[fmt.Sprintf("engine %d", i)] = e.set
		}
	}
	for _, r := range w.replicas {
		if body, _, err := r.ring.JWKS(""); err == nil {
			sets["replica "+r.name] = w.kids(body)
		}
	}
	holders := slices.Sorted(maps.Keys(sets))
	for kid, dead := range w.tokens {
		if !w.at.Before(dead) || w.revoked[kid] {
			delete(w.tokens, kid)
			continue
		}
		for _, who := range holders {
			if !slices.Contains(sets[who], kid) {
				w.Fatalf("%s has %v, and a token of %v is about", who, w.names(sets[who]...), w.names(kid))
			}
		}
	}
}

// names returns kids as generations, which are the same each time a world is played.
func (w *world) names(kids ...string) []int64 {
	generations := make([]int64, len(kids))
	for i, kid := range kids {
		generations[i] = w.rows[kid].Generation
	}
	return generations
}

// kids returns the kids of a key set.
func (w *world) kids(body []byte) []string {
	kids := w.read[string(body)]
	if kids == nil {
		kids = readKIDs(w, body)
		w.read[string(body)] = kids
	}
	return kids
}

// readKIDs returns the kids of a key set, in its order, which has to be one that may be published.
func readKIDs(tb TB, body []byte) []string {
	tb.Helper()
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		tb.Fatalf("the key set is no JSON: %v", err)
	}
	if len(set.Keys) < 1 || len(set.Keys) > 5 {
		tb.Fatalf("the key set has %d keys", len(set.Keys))
	}
	kids := make([]string, len(set.Keys))
	for i, k := range set.Keys {
		for member := range k {
			if !slices.Contains([]string{"kty", "kid", "alg", "use", "crv", "x", "y", "n", "e"}, member) {
				tb.Fatalf("the key set shows a member %q", member)
			}
		}
		kids[i], _ = k["kid"].(string)
	}
	return kids
}

// verify does what an engine does with a token.
func (w *world) verify(token string, body []byte) {
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA})
	if err != nil {
		w.Fatalf("the token cannot be read: %v", err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		w.Fatalf("the key set cannot be read: %v", err)
	}
	if _, err := parsed.Verify(set.Key(parsed.Signatures[0].Header.KeyID)[0]); err != nil {
		w.Fatalf("the token is not signed by the key it names: %v", err)
	}
}
