# Callers of the tenants that are listed get tokens at their tenant's addresses only; those of the others anywhere.
package issuer

default decision := {"allow": false, "reason": "the tenant's list does not hold this address"}

# The list is named by itself: where data.json is missing, "not in it" would be true of every tenant.
decision if {
	listed := object.keys(data.addresses)
	not input.caller.tenant in listed
}

decision if {
	some network in data.addresses[input.caller.tenant]
	net.cidr_contains(network, input.address)
}
