package rolestore

// Filter chooses entries by their identity. A field without a value leaves none
// out; the zero Filter matches everything.
type Filter struct {
	Tenant    string    // GUID
	Principal Principal // without a kind: any
	Role      string    // a block has none, and is left out where one is wanted
}

// Checked returns the filter in its canonical form, or everything that is wrong
// with it, one line each: a mistyped id would find nothing and say nothing.
func (f Filter) Checked() (Filter, error) {
	like := Document{Grants: []Grant{{Tenant: f.Tenant, Principal: f.Principal, Role: f.Role}}}.canonical().Grants[0]
	var found flaws
	found.want(like.Tenant == "" || isGUID(like.Tenant), "tenant", wantTenant)
	if like.Principal != (Principal{}) {
		found.principal(like.Principal)
	}
	found.want(like.Role == "" || isRole(like.Role), "role", wantRole)
	if len(found) > 0 {
		return Filter{}, faultsOf(found)
	}
	return Filter{like.Tenant, like.Principal, like.Role}, nil
}

// Matches tells whether an entry is chosen by a filter that Checked returned;
// the role of a block is empty.
func (f Filter) Matches(tenant string, p Principal, role string) bool {
	return (f.Tenant == "" || f.Tenant == tenant) &&
		(f.Principal.Kind == "" || f.Principal == p) &&
		(f.Role == "" || f.Role == role)
}
