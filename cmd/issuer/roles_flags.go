package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// principalFlags say whom a grant means, by the names of roles.yaml's members.
type principalFlags struct {
	Tenant   string `placeholder:"ID" help:"Tenant id."`
	User     string `placeholder:"ID" help:"A user, by object id."`
	Group    string `placeholder:"ID" help:"The members of a group, by its object id."`
	AppRole  string `placeholder:"VALUE" help:"The holders of an app role, by its value."`
	App      string `placeholder:"ID" help:"An app that calls for itself, by client id."`
	Everyone bool   `help:"Everyone in the tenant."`
}

// given lists the principals that the flags name.
func (f principalFlags) given() []rolestore.Principal {
	all := []rolestore.Principal{
		{Kind: rolestore.KindUser, ID: f.User},
		{Kind: rolestore.KindGroup, ID: f.Group},
		{Kind: rolestore.KindAppRole, ID: f.AppRole},
		{Kind: rolestore.KindApp, ID: f.App},
	}
	all = slices.DeleteFunc(all, func(p rolestore.Principal) bool { return p.ID == "" })
	if f.Everyone {
		all = append(all, rolestore.Principal{Kind: rolestore.KindEveryone})
	}
	return all
}

// one is the principal of an entry, and its tenant: the only one of the settings where the flags name none.
func (f principalFlags) one(s settings, wanted string) (tenant string, p rolestore.Principal, err error) {
	given := f.given()
	if len(given) != 1 {
		return "", rolestore.Principal{}, usagef("say whom: exactly one of %s", wanted)
	}
	switch {
	case f.Tenant != "":
		return f.Tenant, given[0], nil
	case len(s.EntraTenants) == 1:
		return s.EntraTenants[0], given[0], nil
	}
	return "", rolestore.Principal{}, usagef("say in which tenant: --tenant may be left out only where ISSUER_ENTRA_TENANTS names exactly one")
}

const (
	anyPrincipal = "--user, --group, --app-role, --app, --everyone"
	blockable    = "--user, --app"
)

// priority and recordNumber are numbers whose flags say what they want.
type (
	priority     int
	recordNumber int64
)

// UnmarshalText reads the flag of a priority.
func (p *priority) UnmarshalText(text []byte) error {
	n, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil {
		return errors.New("want a whole number of at most 32 bits")
	}
	*p = priority(n)
	return nil
}

// UnmarshalText reads the flag that names a record.
func (r *recordNumber) UnmarshalText(text []byte) error {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < 1 {
		return errors.New("want the number of a record, from 1 on")
	}
	*r = recordNumber(n)
	return nil
}

// filterFlags choose entries; each narrows.
type filterFlags struct {
	principalFlags
	Role string `placeholder:"NAME" help:"A role."`
}

func (f filterFlags) filter() (rolestore.Filter, error) {
	wanted := rolestore.Filter{Tenant: f.Tenant, Role: f.Role}
	switch given := f.given(); len(given) {
	case 0:
	case 1:
		wanted.Principal = given[0]
	default:
		return rolestore.Filter{}, usagef("these exclude each other: %s", anyPrincipal)
	}
	filter, err := wanted.Checked()
	if err != nil {
		return rolestore.Filter{}, usageError{err}
	}
	return filter, nil
}

// errMoment says what a point in time may be.
var errMoment = errors.New("want a duration such as 90m, 2h or 7d, a date such as 2026-12-31 (its first moment, in UTC), or a time such as 2026-12-31T18:00:00Z")

// moment reads a point in time: a duration counts from now, onward or, where back is set, backward.
func moment(text string, now time.Time, back bool) (time.Time, error) {
	if d, ok := duration(text); ok {
		if back {
			d = -d
		}
		return now.Add(d).UTC().Truncate(time.Second), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errMoment
}

// maxDays keeps what is meant as a number of days from running out of what a duration holds.
const maxDays = 36500

// duration reads what Go does, and whole days.
func duration(text string) (time.Duration, bool) {
	if digits, isDays := strings.CutSuffix(text, "d"); isDays {
		days, err := strconv.ParseUint(digits, 10, 32)
		return time.Duration(days) * 24 * time.Hour, err == nil && 0 < days && days <= maxDays
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d > 0
}

// moments reads the flags of a time, by name; an empty one is no time.
func moments(now time.Time, from, until string) (begin, end time.Time, err error) {
	for _, flag := range []struct {
		name, text string
		into       *time.Time
	}{{"--from", from, &begin}, {"--until", until, &end}} {
		if flag.text == "" {
			continue
		}
		if *flag.into, err = moment(flag.text, now, false); err != nil {
			return time.Time{}, time.Time{}, usagef("%s: %w", flag.name, err)
		}
	}
	return begin, end, nil
}

// session reads variables: name=text, or name=[one,two] for a list.
func session(pairs []string) (map[string]rolestore.Value, error) {
	variables := map[string]rolestore.Value{}
	for _, pair := range pairs {
		name, text, found := strings.Cut(pair, "=")
		if _, again := variables[name]; !found || again {
			return nil, usagef("--session: want name=value or name=[one,two], such as x-hasura-org-id=42, each name once")
		}
		variables[name] = rolestore.Text(text)
		if inner, isList := strings.CutPrefix(text, "["); isList && strings.HasSuffix(inner, "]") {
			variables[name] = list(strings.TrimSuffix(inner, "]"))
		}
	}
	return variables, nil
}

func list(text string) rolestore.Value {
	if strings.TrimSpace(text) == "" {
		return rolestore.List()
	}
	items := strings.Split(text, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return rolestore.List(items...)
}
