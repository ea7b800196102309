package faketenant

import (
	"net/http"
	"slices"
	"strings"
)

// SetGroupName gives a group of the first directory a display name, which others may have too.
func (t *Tenant) SetGroupName(groupID, name string) {
	t.directory.mu.Lock()
	defer t.directory.mu.Unlock()
	t.directory.groupNames[strings.ToLower(groupID)] = name
}

// SetUserName gives a user of the first directory a user principal name; the personas have theirs already.
func (t *Tenant) SetUserName(objectID, name string) {
	t.directory.mu.Lock()
	defer t.directory.mu.Unlock()
	t.directory.userNames[strings.ToLower(objectID)] = name
}

// groups lists the groups that a filter by display name finds. Without one it is as far as a caller needs it who only wants
// to know whether it may: the first one alone.
func (g graph) groups(w http.ResponseWriter, r *http.Request) {
	g.list(w, r, listed{"groups", "displayName", []string{"GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"}, g.directory.groupNames})
}

// users lists the users that a filter by user principal name finds.
func (g graph) users(w http.ResponseWriter, r *http.Request) {
	g.list(w, r, listed{"users", "userPrincipalName", []string{"User.ReadBasic.All", "User.Read.All", "Directory.Read.All"}, g.directory.userNames})
}

// listed is a collection that is looked into by name.
type listed struct {
	kind, property string
	permissions    []string
	names          map[string]string // by object id; guarded by the directory's lock
}

func (g graph) list(w http.ResponseWriter, r *http.Request, of listed) {
	caller, err := g.authenticate(r)
	if err == nil && !caller.has(of.permissions...) {
		err = denied
	}
	names, filtered := filterIn(r.URL.Query().Get("$filter"), of.property)
	if err == nil && !filtered && (of.kind != "groups" || r.URL.Query().Has("$filter")) || len(names) > 15 {
		err = graphError{http.StatusBadRequest, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified."}
	}
	if err != nil {
		g.fail(w, r, err)
		return
	}
	value := []map[string]any{{"id": GroupOne}}
	if filtered {
		value = g.named(caller, of, names)
	}
	g.setGraphHeaders(w, r)
	w.Header().Set("Odata-Version", "4.0")
	write(w, http.StatusOK, "no-cache", map[string]any{"@odata.context": g.context(r, of.kind+"("+r.URL.Query().Get("$select")+")"), "value": value})
}

// named finds those whose name is one of names, in any letters, as Graph does.
func (g graph) named(caller graphCaller, of listed, names []string) []map[string]any {
	found := []map[string]any{}
	if caller.tid != g.tenantIDs[0] {
		return found
	}
	g.directory.mu.Lock()
	defer g.directory.mu.Unlock()
	for id, name := range of.names {
		if slices.ContainsFunc(names, func(wanted string) bool { return strings.EqualFold(wanted, name) }) {
			found = append(found, map[string]any{"id": id, of.property: name})
		}
	}
	return found
}

// filterIn reads a filter by one property, a list of literals of OData, in which quotes are doubled.
func filterIn(filter, property string) (names []string, ok bool) {
	rest, found := strings.CutPrefix(filter, property+" in (")
	rest, closed := strings.CutSuffix(rest, ")")
	if !found || !closed {
		return nil, false
	}
	for rest != "" {
		var name strings.Builder
		if rest, found = strings.CutPrefix(rest, "'"); !found {
			return nil, false
		}
		for {
			part, after, closed := strings.Cut(rest, "'")
			if !closed {
				return nil, false
			}
			name.WriteString(part)
			if rest, found = strings.CutPrefix(after, "'"); !found {
				break
			}
			name.WriteByte('\'')
		}
		names = append(names, name.String())
		if rest != "" {
			if rest, found = strings.CutPrefix(rest, ","); !found || rest == "" {
				return nil, false
			}
		}
	}
	return names, true
}
