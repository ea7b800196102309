package issuer_test

import data.issuer

ask(caller) := decision if {
	decision := issuer.decision with input as {"caller": object.union({"tenant": "t1", "object_id": "u1", "client": "c1", "groups": []}, caller)}
		with data.denied as {"t1": {"u2": "has left", "c2": "was taken over", "g2": "is gone"}}
}

test_nobody_who_is_listed if ask({}) == true

test_a_user if ask({"object_id": "u2"}) == {"allow": false, "reason": "has left"}

test_a_client if ask({"client": "c2"}) == {"allow": false, "reason": "was taken over"}

test_a_group if ask({"groups": ["g1", "g2"]}) == {"allow": false, "reason": "is gone"}

test_more_than_one if ask({"object_id": "u2", "client": "c2"}) == {"allow": false, "reason": "has left"}

test_without_the_list if not issuer.decision with data.denied as null with input as {"caller": {
	"tenant": "t1",
	"object_id": "u1",
	"client": "c1",
	"groups": [],
}}

test_the_same_id_in_another_tenant if ask({"tenant": "t2", "object_id": "u2"}) == true
