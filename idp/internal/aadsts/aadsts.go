// Package aadsts answers: what does a number of Entra's mean, and what can an operator do about it? It is the one place
// for these cures, whoever got the number.
package aadsts

import (
	"regexp"
	"strconv"
)

var numbered = regexp.MustCompile(`^AADSTS([1-9][0-9]{3,8})\b`)

// Find reads the number that an error_description of Entra's begins with, such as AADSTS7000222, and what to do about
// it: "" for a number that has no cure. Without a number both are empty. Nothing else of the description is returned.
func Find(description string) (code, cure string) {
	found := numbered.FindStringSubmatch(description)
	if found == nil {
		return "", ""
	}
	number, _ := strconv.Atoi(found[1]) // at most nine digits
	return "AADSTS" + found[1], cures[number]
}

const (
	consent        = "give it an administrator's consent there"
	sameCloud      = "check that the authority and the Graph URL belong to the same cloud, and this machine's clock"
	newCertificate = "check that the certificate is uploaded to our app, has not expired and belongs to the key"
	federation     = "check issuer, subject and audience of the federated credential of our app against the token in the " +
		"file; one that was just made takes some minutes"
	accessPolicy = "a Conditional Access policy stops our app: exclude it, or let it come from this address"
)

// cures say what to do about a number. Microsoft asks not to branch on the numbers, and nothing else here does.
var cures = map[int]string{
	50013:   federation,
	500133:  "the token in the federated token file has expired: check that it is being replaced",
	50049:   "the authority is no cloud of Microsoft's",
	50076:   accessPolicy,
	50079:   accessPolicy,
	50105:   "our app is not assigned to Microsoft Graph's enterprise application, which demands it",
	500011:  sameCloud,
	53003:   accessPolicy,
	65001:   "our app may do nothing in the caller's tenant: " + consent,
	70021:   federation,
	700016:  "our app is not in the caller's tenant: check the client id, and " + consent,
	700024:  "the assertion is not valid at this time: check this machine's clock, and that the token in the file is being replaced",
	700027:  newCertificate,
	700211:  federation,
	700212:  federation,
	700213:  federation,
	90002:   "there is no such tenant in this cloud: check the tenant's id and the authority",
	1002012: "check the Graph URL: Entra takes it for no resource",
	7000112: "our app is disabled in the caller's tenant: turn it on again under Enterprise applications, Properties",
	7000215: "the client secret is wrong: set the value of a secret that our app has, not its id",
	7000222: "the client secret has expired: make a new one for our app, and set it",
	7000229: "our app is not in the caller's tenant: " + consent,
}
