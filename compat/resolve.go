package compat

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

// Directory finds object ids by names, as graph.Client does. An error means that nothing is known. It is called
// concurrently.
type Directory interface {
	UsersByName(ctx context.Context, tenantID string, names []string) (map[string]string, error)
	GroupsByName(ctx context.Context, tenantID string, names []string) (map[string][]string, error)
}

// Resolver finds out whom names mean.
type Resolver struct {
	Directory Directory   // nil: nobody can be asked; ids are still taken
	Failed    func(error) // is told why nobody could be asked; nil: nobody is
}

var (
	guid = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	})
	domain = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$`)
)

var errNobodyToAsk = errors.New("the settings name no app to ask Microsoft Graph with")

// maxReadings is how many user principal names one name may stand for.
const maxReadings = 15

// Resolve returns the holders that names mean, in their order: user:<upn> with the first @ written as _, or group:<display
// name>; either may be an object id instead. A name means somebody where exactly one user or group can be meant by it; of
// other names all that can be meant are in among.
func (r *Resolver) Resolve(ctx context.Context, tenant string, kind rolestore.PrincipalKind, names []string) (holders []rolemap.Holder, among rolemap.Among) {
	holders, among = make([]rolemap.Holder, len(names)), rolemap.Among{}
	readings := make([][]string, len(names)) // what each may be called in the directory
	for i, name := range names {
		holders[i] = rolemap.Holder{Name: name, Why: rolemap.Malformed}
		rest, found := strings.CutPrefix(name, string(kind)+":")
		switch {
		case !found || rest == "":
		case guid().MatchString(rest):
			holders[i] = rolemap.Holder{Name: name, ID: strings.ToLower(rest)}
		case kind == rolestore.KindGroup:
			readings[i] = []string{rest}
		default:
			readings[i] = userNames(rest)
		}
	}
	known, err := r.ask(ctx, tenant, kind, readings)
	for i, some := range readings {
		if len(some) > 0 {
			holders[i] = choose(names[i], some, known, err, among)
		}
	}
	return holders, among
}

// userNames returns every user principal name that becomes this one when its @ is written as _. Both are allowed in names,
// so there may be several.
func userNames(text string) (names []string) {
	if strings.Contains(text, "@") {
		return []string{strings.ToLower(text)}
	}
	for at := range len(text) {
		if text[at] == '_' && at > 0 && domain.MatchString(text[at+1:]) {
			names = append(names, strings.ToLower(text[:at]+"@"+text[at+1:]))
		}
	}
	if len(names) > maxReadings {
		return nil
	}
	return names
}

// ask looks all readings up at once.
func (r *Resolver) ask(ctx context.Context, tenant string, kind rolestore.PrincipalKind, readings [][]string) (map[string][]string, error) {
	all := slices.Concat(readings...)
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) == 0 {
		return nil, nil
	}
	if r.Directory == nil {
		return nil, errNobodyToAsk
	}
	known, err := r.look(ctx, tenant, kind, all)
	if err != nil && r.Failed != nil {
		r.Failed(err)
	}
	return known, err
}

func (r *Resolver) look(ctx context.Context, tenant string, kind rolestore.PrincipalKind, names []string) (map[string][]string, error) {
	if kind == rolestore.KindGroup {
		return r.Directory.GroupsByName(ctx, tenant, names)
	}
	users, err := r.Directory.UsersByName(ctx, tenant, names)
	known := map[string][]string{}
	for name, id := range users {
		known[name] = []string{id}
	}
	return known, err
}

// choose returns the one whom a name means, or why there is none.
func choose(name string, readings []string, known map[string][]string, err error, among rolemap.Among) rolemap.Holder {
	if err != nil {
		return rolemap.Holder{Name: name, Why: rolemap.NotAsked}
	}
	var found []string
	for _, reading := range readings {
		found = append(found, known[reading]...)
	}
	switch len(found) {
	case 0:
		return rolemap.Holder{Name: name, Why: rolemap.Unknown}
	case 1:
		return rolemap.Holder{Name: name, ID: found[0]}
	default:
		among[name] = found
		return rolemap.Holder{Name: name, Why: rolemap.Ambiguous}
	}
}
