package faketenant

import "net/http"

// groups lists the groups of the directory, as far as a caller needs it who only wants to know whether it may: the first
// one alone, whatever the query says.
func (g graph) groups(w http.ResponseWriter, r *http.Request) {
	caller, err := g.authenticate(r)
	if err == nil && !caller.has("GroupMember.Read.All", "Group.Read.All", "Directory.Read.All") {
		err = denied
	}
	if err != nil {
		g.fail(w, r, err)
		return
	}
	g.setGraphHeaders(w, r)
	w.Header().Set("Odata-Version", "4.0")
	write(w, http.StatusOK, "no-cache", map[string]any{
		"@odata.context": g.context(r, "groups(id)"), "value": []map[string]any{{"id": GroupOne}},
	})
}
