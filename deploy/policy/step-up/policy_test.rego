package issuer_test

import data.issuer

ask(roles, groups) := decision if {
	decision := issuer.decision with input as {"roles": roles, "caller": {"groups": groups}}
		with data.step_up as {"owner": "g1"}
}

test_no_such_role if ask(["reader"], []) == true

test_without_the_group if ask(["owner", "reader"], ["g2"]) == {"allow": true, "roles": ["reader"], "reason": "a role needs a step-up"}

test_within_it if ask(["owner", "reader"], ["g1"]) == {"allow": true, "roles": ["owner", "reader"], "ttl_seconds": 60}

test_it_alone if ask(["owner"], []) == {"allow": true, "roles": [], "reason": "a role needs a step-up"}

test_without_the_list if {
	decision := issuer.decision with input as {"roles": ["reader"], "caller": {"groups": []}} with data.step_up as null
	decision.roles == []
}
