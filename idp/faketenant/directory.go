package faketenant

import (
	"slices"
	"strings"
	"sync"
)

type objectKind string

const (
	userObject objectKind = "user"
	appObject  objectKind = "servicePrincipal"
)

// object is somebody who can be a member of groups. Its slices are never altered, only replaced.
type object struct {
	id     string
	kind   objectKind
	groups []string
	roles  []string // directory roles, by object id
	units  []string // administrative units
}

// directory knows who is a member of what, by tenant and object id.
type directory struct {
	mu         sync.Mutex
	objects    map[[2]string]object
	userNames  map[string]string // user principal names of the first directory, by object id
	groupNames map[string]string // display names of its groups
}

func (d *directory) find(tid, id string) (object, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found, known := d.objects[[2]string{tid, strings.ToLower(id)}]
	return found, known
}

// change adds the object where it is not known yet.
func (d *directory) change(tid, id string, kind objectKind, how func(*object)) {
	id = strings.ToLower(id)
	d.mu.Lock()
	defer d.mu.Unlock()
	at := [2]string{tid, id}
	changed, known := d.objects[at]
	if !known {
		changed = object{id: id, kind: kind}
	}
	how(&changed)
	d.objects[at] = changed
}

// fillDirectory puts the personas into the first directory.
func (t *Tenant) fillDirectory() {
	t.directory.objects = map[[2]string]object{}
	t.directory.userNames, t.directory.groupNames = map[string]string{}, map[string]string{GroupOne: "Editors", GroupTwo: "Readers"}
	for _, id := range t.cast() {
		if !id.program() {
			t.directory.userNames[id.ObjectID] = id.login
		}
		kind := userObject
		if id.program() {
			kind = appObject
		}
		t.directory.change(t.tenantIDs[0], id.ObjectID, kind, func(o *object) {
			o.groups = id.Groups
			if id.extra["wids"] != nil {
				o.roles = []string{"d3000001-aaaa-4bbb-8ccc-000000000001"}
				o.units = []string{"d4000001-aaaa-4bbb-8ccc-000000000001"}
			}
		})
	}
}

// SetGroups sets the groups, nested ones too, that the object id of the first directory is a member of; tokens made from
// now on tell of them. An object that is not there yet joins as a user.
func (t *Tenant) SetGroups(objectID string, groups ...string) {
	t.SetGroupsIn(t.tenantIDs[0], objectID, groups...)
}

// SetGroupsIn is SetGroups in the directory tid.
func (t *Tenant) SetGroupsIn(tid, objectID string, groups ...string) {
	all := slices.Clone(groups)
	for i := range all {
		all[i] = strings.ToLower(all[i])
	}
	t.directory.change(tid, objectID, userObject, func(o *object) { o.groups = all })
}

// AddServicePrincipal lets a program join the first directory, or makes one of the object that is there.
func (t *Tenant) AddServicePrincipal(objectID string) {
	t.directory.change(t.tenantIDs[0], objectID, appObject, func(o *object) { o.kind = appObject })
}

// Remove takes an object out of the first directory, as when somebody has left.
func (t *Tenant) Remove(objectID string) {
	t.directory.mu.Lock()
	defer t.directory.mu.Unlock()
	delete(t.directory.objects, [2]string{t.tenantIDs[0], strings.ToLower(objectID)})
}
