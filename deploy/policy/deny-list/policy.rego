# Users and apps, clients and groups that are listed get no token, and the reason why is on record. A block does the same
# for one caller, by one command; a list such as this one may come from elsewhere, each night.
package issuer

# There is no default: where data.json is missing, the decision is undefined and nobody gets a token.
decision if {
	is_object(data.denied)
	count(reasons) == 0
}

decision := {"allow": false, "reason": reasons[0]} if count(reasons) > 0

ids := array.concat([input.caller.object_id, input.caller.client], input.caller.groups)

reasons := [reason |
	some id in ids
	reason := data.denied[input.caller.tenant][id]
]
