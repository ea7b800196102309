package issuer_test

import data.issuer

from(tenant, address) := decision if {
	decision := issuer.decision with input as {"caller": {"tenant": tenant}, "address": address}
		with data.addresses as {"t1": ["192.0.2.0/24", "2001:db8:77::/48"], "t2": []}
}

test_inside if from("t1", "192.0.2.7") == true

test_inside_v6 if from("t1", "2001:db8:77::1") == true

test_outside if not from("t1", "198.51.100.7").allow

test_outside_v6 if not from("t1", "2001:db8:78::1").allow

test_an_address_that_is_not_known if not from("t1", "").allow

test_an_empty_list if not from("t2", "192.0.2.7").allow

test_without_the_list if {
	not issuer.decision.allow with input as {"caller": {"tenant": "t3"}, "address": "192.0.2.7"} with data.addresses as null
}

test_another_tenant if from("t3", "198.51.100.7") == true
