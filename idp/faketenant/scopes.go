package faketenant

import (
	"slices"
	"strings"
)

const (
	apiScope      = "access_as_user"
	graphAppID    = "00000003-0000-0000-c000-000000000000"
	graphResource = "https://graph.microsoft.com"
	defaultScope  = ".default"
)

// oidcScopes belong to no resource.
var oidcScopes = []string{"openid", "profile", "email", "offline_access"}

// wish is what the scope parameter asks for.
type wish struct {
	app      string   // the resource's id
	audience string   // aud of its tokens
	prefix   string   // how the client spells the resource, with the slash behind it; empty for Graph's short names
	scopes   []string // short names, such as access_as_user or .default
	oidc     []string
}

func (w wish) isDefault() bool { return len(w.scopes) == 1 && w.scopes[0] == defaultScope }

func (w wish) asks(oidc string) bool { return slices.Contains(w.oidc, oidc) }

// wishOf reads a scope parameter. One that names no resource asks for Graph, as with Entra; one that names several is
// refused.
func (t *Tenant) wishOf(scope string) (wish, error) {
	var w wish
	for one := range strings.FieldsSeq(scope) {
		if slices.Contains(oidcScopes, strings.ToLower(one)) {
			w.oidc = append(w.oidc, strings.ToLower(one))
			continue
		}
		cut := strings.LastIndexByte(one, '/') + 1
		app, audience, err := t.resource(strings.TrimRight(one[:cut], "/"))
		switch {
		case err != nil:
			return wish{}, err
		case cut == len(one):
			return wish{}, scopeInvalid.because(one)
		case w.app != "" && w.app != app:
			return wish{}, scopesMixed
		}
		w.app, w.audience, w.prefix = app, audience, one[:cut]
		w.scopes = append(w.scopes, one[cut:])
	}
	if w.app == "" {
		w.app, w.audience = graphAppID, graphAppID
	}
	return w, nil
}

// resource finds whom name means: the app's id, and the aud of its tokens, which for Graph is what the client wrote. The
// places where this tenant's own Graph answers are names of it, too.
func (t *Tenant) resource(name string) (app, audience string, err error) {
	switch lower := strings.ToLower(name); lower {
	case "":
		return graphAppID, graphAppID, nil
	case graphAppID, graphResource, "https://graph.microsoft.us", "https://dod-graph.microsoft.us", "https://microsoftgraph.chinacloudapi.cn",
		t.base(), t.base() + "/graph":
		return graphAppID, lower, nil
	}
	id := strings.TrimPrefix(strings.ToLower(name), "api://")
	if api, known := t.registry.app(id); known && len(api.Exposes) > 0 {
		return id, id, nil
	}
	return "", "", resourceUnknown.because(name)
}

// granted are the delegated permissions that the wish comes to for the app: those it asks for, or with .default all that
// were consented to. They must exist; with consented they must also be among those that were consented to.
func (t *Tenant) granted(client registration, w wish, consented bool) ([]string, error) {
	var agreed []string
	for _, full := range client.Consented {
		cut := strings.LastIndexByte(full, '/')
		if app, _, err := t.resource(full[:max(cut, 0)]); err == nil && app == w.app {
			agreed = append(agreed, full[cut+1:])
		}
	}
	api, _ := t.registry.app(w.app)
	switch {
	case w.isDefault() && consented, w.isDefault() && w.app == graphAppID:
		if len(agreed) == 0 {
			return nil, consentMissing.because(client.ID)
		}
		return agreed, nil
	case w.isDefault():
		return api.Exposes, nil
	}
	for _, one := range w.scopes {
		switch {
		case w.app != graphAppID && !slices.Contains(api.Exposes, one):
			return nil, scopeUnknown.because(client.ID, one, w.app)
		case consented && !slices.Contains(agreed, one):
			return nil, consentMissing.because(client.ID)
		}
	}
	return w.scopes, nil
}
