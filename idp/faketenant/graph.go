package faketenant

import (
	"net/http"
	"slices"
	"strings"
)

// graphCaller is who calls Microsoft Graph, by the token that it accepted.
type graphCaller struct {
	tid, oid, app string
	permissions   []string // of the app, or those delegated to it
	delegated     bool
}

func (c graphCaller) has(any ...string) bool {
	return slices.ContainsFunc(any, func(one string) bool { return slices.Contains(c.permissions, one) })
}

// graphRequest is a request to Graph with its caller, and the object of the directory that it is about.
type graphRequest struct {
	*http.Request
	caller graphCaller
	about  object
}

// Graph is Microsoft Graph as far as memberships go, at /v1.0/…; the tenant's own handler has it at /graph/v1.0/…, too.
// It takes no token but the tenant's own for Graph, with the permissions that each call wants, and speaks of the objects
// in the directory that the token is of:
//
//	POST /v1.0/{users|servicePrincipals|directoryObjects}/{id}/{getMemberGroups|getMemberObjects|checkMemberGroups}
//	GET  /v1.0/{users|servicePrincipals|directoryObjects}/{id}/transitiveMemberOf[/microsoft.graph.group]
//	GET  /v1.0/groups[?$filter=displayName in ('…')]
//	GET  /v1.0/users?$filter=userPrincipalName in ('…')
//
// with /me in place of /users/{id} for tokens of people.
func (t *Tenant) Graph() http.Handler { return t.front(t.graphRoutes("")) }

func (t *Tenant) graphRoutes(prefix string) http.Handler {
	g := graph{t, prefix}
	mux := http.NewServeMux()
	for name, action := range map[string]graphAction{
		"POST getMemberGroups":                         g.getMemberGroups,
		"POST getMemberObjects":                        g.getMemberObjects,
		"POST checkMemberGroups":                       g.checkMemberGroups,
		"GET transitiveMemberOf":                       g.transitiveMemberOf,
		"GET transitiveMemberOf/microsoft.graph.group": g.transitiveMemberOf,
	} {
		method, path, _ := strings.Cut(name, " ")
		mux.HandleFunc(method+" "+prefix+"/v1.0/{kind}/{id}/"+path, g.handle(action))
		mux.HandleFunc(method+" "+prefix+"/v1.0/me/"+path, g.handle(action))
	}
	mux.HandleFunc("GET "+prefix+"/v1.0/groups", g.groups)
	mux.HandleFunc("GET "+prefix+"/v1.0/users", g.users)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		g.fail(w, r, graphError{http.StatusBadRequest, "BadRequest", "Resource not found for the segment '" + r.URL.Path + "'."})
	})
	return mux
}

// graph holds the handlers of one mounting.
type graph struct {
	*Tenant
	prefix string // of the paths
}

// graphAction answers with a body, or with a graphError.
type graphAction func(graphRequest) (any, error)

// handle finds out who calls and about whom, before the action.
func (g graph) handle(action graphAction) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		request := graphRequest{Request: r}
		var err error
		if request.caller, err = g.authenticate(r); err == nil {
			request.about, err = g.find(request)
		}
		var body any
		if err == nil {
			body, err = action(request)
		}
		if err != nil {
			g.fail(w, r, err)
			return
		}
		g.setGraphHeaders(w, r)
		w.Header().Set("Odata-Version", "4.0")
		write(w, http.StatusOK, "no-cache", body)
	}
}

// authenticate accepts the tenant's tokens for Graph, whatever name of it they are for.
func (g graph) authenticate(r *http.Request) (graphCaller, error) {
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return graphCaller{}, badToken("Access token is empty.")
	}
	claims, err := g.verify(raw)
	if err != nil {
		return graphCaller{}, badToken("Access token validation failure.")
	}
	app, _, err := g.resource(text(claims, "aud"))
	switch {
	case err != nil || app != graphAppID:
		return graphCaller{}, badToken("Access token validation failure. Invalid audience.")
	case g.expired(claims):
		return graphCaller{}, badToken("Access token has expired or is not yet valid.")
	}
	c := graphCaller{tid: text(claims, "tid"), oid: text(claims, "oid"), app: text(claims, "appid"), permissions: texts(claims, "roles")}
	if scp := text(claims, "scp"); scp != "" {
		c.permissions, c.delegated = strings.Fields(scp), true
	}
	return c, nil
}

// find looks the object up and checks that the caller may read it. A caller without permission learns nothing.
func (g graph) find(r graphRequest) (object, error) {
	id, kind := r.PathValue("id"), r.PathValue("kind")
	if kind == "" {
		if !r.caller.delegated {
			return object{}, graphError{http.StatusBadRequest, "BadRequest", "/me request is only valid with delegated authentication flow."}
		}
		id, kind = r.caller.oid, "users"
	}
	about, known := g.directory.find(r.caller.tid, id)
	wanted := map[string]objectKind{"users": userObject, "servicePrincipals": appObject, "directoryObjects": about.kind}
	want, served := wanted[kind]
	switch {
	case !served:
		return object{}, graphError{http.StatusBadRequest, "BadRequest", "Resource not found for the segment '" + kind + "'."}
	case !isGUID(id):
		return object{}, graphError{http.StatusBadRequest, "Request_BadRequest", "Invalid object identifier '" + id + "'."}
	case !r.caller.mayRead(kind, about, id):
		return object{}, denied
	case !known || about.kind != want:
		return object{}, graphError{http.StatusNotFound, "Request_ResourceNotFound", "Resource '" + id + "' does not exist or one of its queried reference-property objects are not present."}
	}
	return about, nil
}

// mayRead follows the permission tables of Graph's reference. People may always read about themselves with User.Read.
func (c graphCaller) mayRead(kind string, about object, id string) bool {
	users := c.has("User.ReadBasic.All", "User.Read.All", "Directory.Read.All") || c.delegated && c.oid == id && c.has("User.Read")
	apps := c.has("Application.Read.All", "Directory.Read.All")
	switch {
	case kind == "users", about.kind == userObject:
		return users
	case kind == "servicePrincipals", about.kind == appObject:
		return apps
	default: // an object that is not there
		return users || apps
	}
}

// mayReadGroups is what memberships want besides mayRead. Those of a program come with reading it.
func (c graphCaller) mayReadGroups(about object) bool {
	return about.kind == appObject || c.has("GroupMember.Read.All", "Group.Read.All", "Directory.Read.All")
}
