# A role that is listed counts only for who is in a group just now, such as one that people enter for an hour by
# Privileged Identity Management, with a second factor. A token with such a role lives for a minute.
package issuer

decision := {"allow": true, "roles": kept, "ttl_seconds": 60} if {
	some role in kept
	role in listed
}

else := {"allow": true, "roles": kept, "reason": "a role needs a step-up"} if count(kept) < count(input.roles)

else := true

# Where data.json is missing, listed is undefined and no role is kept.
listed := object.keys(data.step_up)

kept := [role | listed; some role in input.roles; not missing(role)]

missing(role) if {
	role in listed
	not data.step_up[role] in input.caller.groups
}
