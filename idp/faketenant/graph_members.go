package faketenant

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

const (
	mostResults   = 11_000 // of getMemberGroups and getMemberObjects
	mostAsked     = 20     // by checkMemberGroups
	maxGraphBody  = 64 << 10
	stringsResult = "Collection(Edm.String)"
)

func (g graph) getMemberGroups(r graphRequest) (any, error) {
	if err := r.checkSecurityOnly(); err != nil {
		return nil, err
	}
	return g.ids(r, r.about.groups)
}

func (g graph) getMemberObjects(r graphRequest) (any, error) {
	if err := r.checkSecurityOnly(); err != nil {
		return nil, err
	}
	return g.ids(r, slices.Concat(r.about.groups, r.about.roles, r.about.units))
}

// ids answers with a list of ids, unless it is longer than Graph allows.
func (g graph) ids(r graphRequest, ids []string) (any, error) {
	switch {
	case !r.caller.mayReadGroups(r.about):
		return nil, denied
	case len(ids) > mostResults:
		return nil, tooMany
	}
	return map[string]any{"@odata.context": g.context(r.Request, stringsResult), "value": append([]string{}, ids...)}, nil
}

// checkMemberGroups answers with those of the asked ids that the object is a member of.
func (g graph) checkMemberGroups(r graphRequest) (any, error) {
	var asked struct {
		GroupIDs *[]string `json:"groupIds"`
	}
	if err := r.read(&asked); err != nil {
		return nil, err
	}
	if asked.GroupIDs == nil {
		return nil, unreadable("The parameter 'groupIds' is missing.")
	}
	if n := len(*asked.GroupIDs); n > mostAsked {
		return nil, unreadable(fmt.Sprintf("Invalid value specified for property 'groupIds': it has %d ids, the maximum is %d.", n, mostAsked))
	}
	found := []string{}
	for _, id := range *asked.GroupIDs {
		if !isGUID(id) {
			return nil, unreadable(fmt.Sprintf("Invalid GUID: %s", id))
		}
		if id = strings.ToLower(id); slices.Contains(r.about.groups, id) && !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	return g.ids(r, found)
}

// checkSecurityOnly reads the body of the two calls that have securityEnabledOnly. Only users may be asked about with it.
func (r graphRequest) checkSecurityOnly() error {
	var asked struct {
		SecurityEnabledOnly bool `json:"securityEnabledOnly"`
	}
	if err := r.read(&asked); err != nil {
		return err
	}
	if asked.SecurityEnabledOnly && r.about.kind != userObject {
		return unreadable("The parameter 'securityEnabledOnly' may be true for users only.")
	}
	return nil
}

// read reads the body, which must be JSON and say so.
func (r graphRequest) read(into any) error {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return unreadable("The request's content type must be application/json.")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxGraphBody+1))
	if err != nil || len(body) > maxGraphBody || json.Unmarshal(body, into) != nil {
		return unreadable("Unable to read JSON request payload.")
	}
	return nil
}

func unreadable(message string) error {
	return graphError{http.StatusBadRequest, "Request_BadRequest", message}
}

// context is the @odata.context of an answer.
func (g graph) context(r *http.Request, of string) string { return g.root(r) + "/$metadata#" + of }

// root is the address of /v1.0 as the caller sees it.
func (g graph) root(r *http.Request) string {
	scheme := "https://"
	if r.TLS == nil {
		scheme = "http://"
	}
	return scheme + r.Host + g.prefix + "/v1.0"
}
