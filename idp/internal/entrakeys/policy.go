package entrakeys

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// policyName is the query member by which a discovery document of B2C can be asked for that of one policy.
const policyName = "p"

var (
	errOfAllPolicies = errors.New("the issuer is that of every policy of a B2C tenant: want the discovery document of one policy too, or that policy's own issuer, with /tfp/")
	errTwoPolicies   = errors.New("the discovery document: want the name of one policy in its address")
)

// policyOf returns the policy of B2C (a user flow or a custom policy), in lower case, that tokens must name for they come
// from this document; "" where the issuer says it, or where there are no policies. B2C takes their names without regard to
// case, and all begin with B2C_1_ or B2C_1A_ (learn.microsoft.com/azure/active-directory-b2c/user-flow-overview).
func policyOf(issuer, document *url.URL) (string, error) {
	if strings.HasPrefix(issuer.Path, "/tfp/") {
		return "", nil
	}
	var names []string
	for segment := range strings.SplitSeq(strings.ToLower(document.Path), "/") {
		if strings.HasPrefix(segment, "b2c_1") {
			names = append(names, segment)
		}
	}
	for _, name := range document.Query()[policyName] {
		names = append(names, strings.ToLower(name))
	}
	names = slices.Compact(names)
	switch {
	case len(names) > 1 || slices.Contains(names, ""):
		return "", errTwoPolicies
	case len(names) == 1:
		return names[0], nil
	case isOfAllPolicies(issuer):
		return "", errOfAllPolicies
	default:
		return "", nil
	}
}

// isOfAllPolicies sees the form of B2C issuers that every policy of a tenant has, and below which no discovery document
// stands (learn.microsoft.com/azure/active-directory-b2c/tokens-overview).
func isOfAllPolicies(issuer *url.URL) bool {
	return strings.Contains(issuer.Hostname(), ".b2clogin.") && !strings.HasPrefix(issuer.Path, "/tfp/")
}
