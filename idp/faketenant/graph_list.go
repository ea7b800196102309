package faketenant

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	usualPage = 100
	mostPage  = 999
	groupType = "#microsoft.graph.group"
)

// listQuery is what Graph understands of the query of transitiveMemberOf.
type listQuery struct {
	top, skip int
	selected  []string
	count     bool
}

// transitiveMemberOf lists groups, directory roles and administrative units, or, with the cast, groups alone; page by
// page.
func (g graph) transitiveMemberOf(r graphRequest) (any, error) {
	q, err := readListQuery(r.Request)
	if err != nil {
		return nil, err
	}
	cast := strings.HasSuffix(r.URL.Path, "/microsoft.graph.group")
	if cast && !r.caller.mayReadGroups(r.about) {
		return nil, denied
	}
	all := r.memberships(cast)
	if q.skip > len(all) {
		return nil, graphError{http.StatusBadRequest, "Directory_ExpiredPageToken", "The specified page token value has expired and can no longer be included in your request."}
	}
	end := min(q.skip+q.top, len(all))
	value := []map[string]any{}
	for _, one := range all[q.skip:end] {
		value = append(value, one.show(q.selected, cast, r.caller.mayReadGroups(r.about)))
	}
	body := map[string]any{"@odata.context": g.context(r.Request, listContext(cast, q.selected)), "value": value}
	if q.count && q.skip == 0 {
		body["@odata.count"] = len(all)
	}
	if end < len(all) {
		body["@odata.nextLink"] = g.nextLink(r.Request, end)
	}
	return body, nil
}

// membership is one entry of the list.
type membership struct{ id, typ, name string }

func (r graphRequest) memberships(groupsOnly bool) []membership {
	var all []membership
	for _, id := range r.about.groups {
		all = append(all, membership{id, groupType, "Group " + id[len(id)-4:]})
	}
	if groupsOnly {
		return all
	}
	for _, id := range r.about.roles {
		all = append(all, membership{id, "#microsoft.graph.directoryRole", "Global Administrator"})
	}
	for _, id := range r.about.units {
		all = append(all, membership{id, "#microsoft.graph.administrativeUnit", "Headquarters"})
	}
	return all
}

// show writes the entry with the members that were selected. A caller who may not read groups sees that there is one,
// and its id.
func (m membership) show(selected []string, cast, readable bool) map[string]any {
	full := map[string]any{"id": m.id, "displayName": m.name, "description": nil, "securityEnabled": true}
	if m.typ != groupType {
		delete(full, "securityEnabled")
	}
	if !readable {
		for name := range full {
			full[name] = nil
		}
		full["id"] = m.id
	}
	shown := map[string]any{}
	for name, value := range full {
		if len(selected) == 0 || slices.Contains(selected, name) {
			shown[name] = value
		}
	}
	if !cast {
		shown["@odata.type"] = m.typ
	}
	return shown
}

func readListQuery(r *http.Request) (listQuery, error) {
	values := r.URL.Query()
	q := listQuery{top: usualPage, count: values.Get("$count") == "true"}
	if s := values.Get("$select"); s != "" {
		q.selected = strings.Split(s, ",")
	}
	if s := values.Get("$top"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > mostPage {
			return q, graphError{http.StatusBadRequest, "Request_UnsupportedQuery", "Invalid page size specified: '" + s + "'. Must be between 1 and 999 inclusive."}
		}
		q.top = n
	}
	if s := values.Get("$skiptoken"); s != "" {
		raw, err := base64.RawURLEncoding.DecodeString(s)
		n, numberErr := strconv.Atoi(strings.TrimPrefix(string(raw), "skip:"))
		if err != nil || numberErr != nil || n < 1 {
			return q, graphError{http.StatusBadRequest, "Directory_InvalidPageToken", "The specified page token value is invalid."}
		}
		q.skip = n
	}
	if q.count && !strings.EqualFold(r.Header.Get("ConsistencyLevel"), "eventual") {
		return q, graphError{http.StatusBadRequest, "Request_UnsupportedQuery", "$count is not currently supported without the header ConsistencyLevel: eventual."}
	}
	return q, nil
}

func listContext(cast bool, selected []string) string {
	of := "directoryObjects"
	if cast {
		of = "groups"
	}
	if len(selected) > 0 {
		of += "(" + strings.Join(selected, ",") + ")"
	}
	return of
}

// nextLink is the address of the page that starts at entry skip. Like Graph it keeps the query, and leaves the dollar
// signs as they are.
func (g graph) nextLink(r *http.Request, skip int) string {
	values := r.URL.Query()
	values.Set("$skiptoken", base64.RawURLEncoding.EncodeToString([]byte("skip:"+strconv.Itoa(skip))))
	query := strings.ReplaceAll(values.Encode(), url.QueryEscape("$"), "$")
	return g.root(r) + strings.TrimPrefix(r.URL.Path, g.prefix+"/v1.0") + "?" + query
}
