package main

import (
	"fmt"
	"slices"

	"github.com/hasura-issuer/hasura-issuer/compat"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

// add compares a role with what we have, and takes it into the plan where that differs.
func (plan *importPlan) add(one imported) {
	role, count := one.seed.Role.Role, len(plan.Changes)
	if one.before == nil {
		plan.changed("+ role %s of %s", role, one.seed.Role.Component)
		one.before = &rolemap.Mapped{}
	}
	for _, field := range one.seed.Fields {
		if !slices.Contains(one.before.Fields, field) {
			plan.changed("+ role %s: root field %s", role, field)
		}
	}
	for _, field := range one.before.Fields {
		if !slices.Contains(one.seed.Fields, field) {
			plan.changed("- role %s: root field %s", role, field)
		}
	}
	one.put = len(plan.Changes) > count
	for _, kind := range []rolestore.PrincipalKind{rolestore.KindUser, rolestore.KindGroup} {
		before := one.before.Listed(plan.tenant, kind)
		if len(before) > 0 && compat.EmptyRefused(len(one.holders[kind]), plan.allowEmpty) {
			plan.emptied = append(plan.emptied, fmt.Errorf("the role %s would lose every %s that is listed (%d), and the role mapper lists no other: ISSUER_COMPAT_ALLOW_EMPTY=true allows it", shown(role), kind, len(before)))
		}
		plan.compare(role, one.holders[kind], before, one.among[kind])
	}
	if len(plan.Changes) > count {
		plan.roles = append(plan.roles, one)
	}
}

// compare compares a list of holders with what we have of it.
func (plan *importPlan) compare(role string, now []rolemap.Holder, before []rolemap.Holder, among rolemap.Among) {
	known := map[string]rolemap.Holder{}
	for _, h := range before {
		known[h.Name] = h
	}
	for _, h := range now {
		was, listed := known[h.Name]
		delete(known, h.Name)
		h = among.Settle(h, was)
		if h.Why != "" {
			plan.Unresolved = append(plan.Unresolved, fmt.Sprintf("role %s: %s (%s)", role, h.Name, h.Why))
		}
		switch {
		case !listed:
			plan.changed("+ role %s: %s", role, meaning(h))
		case h != was:
			plan.changed("~ role %s: %s", role, meaning(h))
		}
	}
	for _, h := range before {
		if _, left := known[h.Name]; left {
			plan.changed("- role %s: %s", role, meaning(h))
		}
	}
}

func meaning(h rolemap.Holder) string {
	if h.ID == "" {
		return h.Name + ", who is nobody (" + string(h.Why) + ")"
	}
	return h.Name + ", who is " + h.ID
}

func (plan *importPlan) changed(format string, args ...any) {
	plan.Changes = append(plan.Changes, fmt.Sprintf(format, args...))
}
