# People get tokens in office hours only, and none that outlives them. Apps get theirs at any time.
package issuer

default decision := {"allow": false, "reason": "only in office hours"}

decision if input.caller.kind == "app"

decision := {"allow": true, "ttl_seconds": left} if {
	input.caller.kind == "user"
	weekday in data.office_hours.days
	hour >= data.office_hours.from
	left > 0
}

zoned := [time.parse_rfc3339_ns(input.time), data.office_hours.zone]

weekday := time.weekday(zoned)

hour := time.clock(zoned)[0]

# The seconds until the doors close.
left := (data.office_hours.to * 3600) - sum([at[0] * 3600, at[1] * 60, at[2]]) if at := time.clock(zoned)
