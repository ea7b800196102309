package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/playground"
	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/standin"
	"github.com/hasura-issuer/hasura-issuer/hasura"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// openPlayground puts the page of the playground before the public routes, and a stand-in for Hasura.
func (d *dev) openPlayground(roles rolestore.Document, ring *devRing) error {
	explainer, err := d.newExplainer()
	if err != nil {
		return err
	}
	config, err := hasuraConfigOf(d.settings)
	if err != nil {
		return err
	}
	world, err := d.world(roles, config)
	if err != nil {
		return err
	}
	engines, err := d.engines(config)
	if err != nil {
		return err
	}
	page, err := playground.New(playground.Config{
		World: world, Tenant: devTokens{d.tenant}, Explainer: devExplainer{d.settings, explainer, roles.Grants}, Ring: ring, Engines: engines, Now: time.Now,
	})
	if err != nil {
		return fmt.Errorf("playground: %w", err)
	}
	orders := &standin.Hasura{Config: engines.V2, JWKS: engines.JWKS, Now: time.Now}
	d.front = func(next http.Handler) http.Handler { return orders.Before(page.Before(next)) }
	return nil
}

// world is what the playground tells of everything here.
func (d *dev) world(roles rolestore.Document, config hasuraConfig) (playground.World, error) {
	line, err := config.v2Line()
	if err != nil {
		return playground.World{}, err
	}
	namespace, err := issuer.NamespaceSegments(d.settings.ClaimsNamespace, d.settings.ClaimsNamespacePath)
	if err != nil {
		return playground.World{}, err
	}
	w := playground.World{
		Issuer: d.settings.URL, Listens: d.ownURL, Audience: d.settings.TokenAudience, Namespace: namespace, Faults: devFaultList(),
		Entra: playground.Entra{
			URL: d.entraURL, Tenant: faketenant.TenantID, ClientID: faketenant.SPAClientID, Scope: d.settings.scope(), TLS: strings.HasPrefix(d.entraURL, "https:"),
		},
		Policed: d.settings.hasPolicy(), V2: line, V3: config.V3,
	}
	for _, p := range d.tenant.Personas() {
		if p.Name == devOperator { // who has no business at the token endpoint
			continue
		}
		w.Personas = append(w.Personas, playground.Persona{Name: p.Name, Says: p.Description, ObjectID: p.ObjectID, Person: p.Name != "daemon"})
	}
	for _, claim := range d.settings.SessionClaims.list {
		w.Session = append(w.Session, playground.Claimed{Variable: claim.Variable, Claim: claim.Claim})
	}
	names := map[string]bool{}
	for _, g := range roles.Grants {
		names[g.Role] = true
	}
	w.Roles = slices.Sorted(maps.Keys(names))
	return w, nil
}

// engines are both engines with the settings that are printed for them.
func (d *dev) engines(config hasuraConfig) (playground.Engines, error) {
	secret, err := json.Marshal(config.V2)
	if err != nil {
		return playground.Engines{}, err
	}
	v2, err := hasura.ParseV2Config(secret)
	if err != nil {
		return playground.Engines{}, fmt.Errorf("settings for Hasura v2: %w", err)
	}
	authConfig, err := json.Marshal(map[string]any{"version": config.V3.Version, "definition": config.V3.Definition})
	if err != nil {
		return playground.Engines{}, err
	}
	v3, err := hasura.ParseV3Config(authConfig)
	if err != nil {
		return playground.Engines{}, fmt.Errorf("settings for Hasura v3: %w", err)
	}
	keySet := func() ([]byte, error) {
		body, _, err := d.ring.JWKS("")
		return body, err
	}
	return playground.Engines{V2: v2, V3: v3, JWKS: keySet}, nil
}

// devExplainer explains as `issuer roles explain` does.
type devExplainer struct {
	settings settings
	exchange *issuer.Issuer
	grants   []rolestore.Grant
}

// Explain is playground.Explainer's.
func (x devExplainer) Explain(ctx context.Context, token string, scope []string, role string) (issuer.Explanation, error) {
	q := issuer.Question{SubjectToken: token, Scope: scope}
	if role != "" {
		q.About = []string{role}
	}
	for _, g := range x.grants {
		if g.Tenant == faketenant.TenantID && slices.Contains(append(q.About, scope...), g.Role) {
			q.Beside = append(q.Beside, g)
		}
	}
	return x.exchange.Explain(ctx, q)
}

// Cure is playground.Explainer's.
func (x devExplainer) Cure(token string, reason issuer.Reason) string {
	if cure := cures[reason]; cure != "" {
		return cure
	}
	return x.settings.suspect(token).cure(idp.Reason(reason))
}
