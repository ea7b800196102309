package issuer_test

import data.issuer

hours := {"zone": "Europe/Berlin", "days": ["Monday"], "from": 8, "to": 18}

at(kind, time) := decision if {
	decision := issuer.decision with input as {"caller": {"kind": kind}, "time": time} with data.office_hours as hours
}

# 2026-11-23 is a Monday, and Berlin is an hour ahead of UTC in winter.
test_open if at("user", "2026-11-23T07:00:00Z") == {"allow": true, "ttl_seconds": 36000}

test_the_token_ends_with_the_day if at("user", "2026-11-23T16:59:30Z") == {"allow": true, "ttl_seconds": 30}

test_too_early if not at("user", "2026-11-23T06:59:59Z").allow

test_closed if not at("user", "2026-11-23T17:00:00Z").allow

test_summer_time if at("user", "2026-07-06T15:59:00Z").ttl_seconds == 60

test_another_day if not at("user", "2026-11-24T10:00:00Z").allow

test_apps_at_night if at("app", "2026-11-23T23:00:00Z") == true

test_without_a_time if not at("user", "").allow

test_without_the_hours if {
	not issuer.decision.allow with input as {"caller": {"kind": "user"}, "time": "2026-11-23T10:00:00Z"} with data.office_hours as null
}
