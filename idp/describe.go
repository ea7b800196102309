package idp

// describe fills in who it is and what Entra says they belong to.
func (c *claims) describe(subject Subject) (Subject, error) {
	object, err := c.oid.mustGUID("oid")
	if err != nil {
		return Subject{}, err
	}
	if c.groups.state == faulty || c.elsewhere.state == faulty || c.hasGroups.state == faulty {
		return Subject{}, refuse(ReasonClaimInvalid, "groups, _claim_names or hasgroups has the wrong form")
	}
	if c.unfit {
		return Subject{}, refuse(ReasonClaimInvalid, "a claim that is handed on has more than 4096 bytes or holds control characters")
	}
	subject.ObjectID = object
	subject.AppRoles = c.appRoles()
	if len(c.groups.values) > 0 {
		subject.Groups = make([]string, 0, len(c.groups.values))
	}
	for _, group := range c.groups.values {
		if id, ok := guid(group); ok {
			subject.Groups = append(subject.Groups, id)
		}
	}
	subject.GroupsOmitted = c.elsewhere.groups || c.hasGroups.value
	if isTokenID(c.uti.value) {
		subject.TokenID = c.uti.value
	}
	return subject, nil
}

// appRoles returns roles without GUIDs: an API may be set to emit groups as roles, and then app roles are not there.
func (c *claims) appRoles() []string {
	var roles []string
	for _, role := range c.roles.values {
		if _, isGroup := guid(role); !isGroup {
			roles = append(roles, role)
		}
	}
	return roles
}

// isTokenID keeps what would look odd in a log or a database out of it.
func isTokenID(uti string) bool {
	if uti == "" || len(uti) > 64 {
		return false
	}
	for i := range len(uti) {
		c := uti[i]
		letterOrDigit := ('0' <= c && c <= '9') || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z')
		if !letterOrDigit && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
