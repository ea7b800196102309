package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/graph"
)

// entra looks at what Entra publishes, at its clock, and at how our settings spell the API.
func (a *attempt) entra(ctx context.Context) []finding {
	var all []finding
	for _, probe := range a.verifier.Probe(ctx) {
		all = append(all, a.settings.entraFinding(probe))
	}
	all = append(all, clockFinding(a.verifier))
	for _, audience := range a.settings.EntraAudiences {
		if f, worth := a.settings.audienceFinding(audience); worth {
			all = append(all, f)
		}
	}
	return all
}

func (s *settings) entraFinding(p idp.Probe) finding {
	of := p.Publisher
	if p.Version != "" {
		of += " v" + p.Version
	}
	switch {
	case p.Err != nil:
		f := found("entra", of, "", p.Err)
		if _, hinted, _ := strings.Cut(f.Detail, " (AADSTS"); hinted == "" {
			f.Cure = cmp.Or(trustCure(p.Err), "check "+strings.Join(s.publisherSettings(p), " and ")+", and that this machine reaches it, by a proxy if need be")
		}
		return f
	case p.Issuer == "":
		return finding{Name: "entra", Of: of, Status: off, Detail: "the authority gives no such tokens"}
	default:
		return found("entra", of, fmt.Sprintf("tokens of %s, by one of %d keys", p.Issuer, p.Keys), nil)
	}
}

// publisherSettings are those that lead to where p was looked for, and say what has to stand there.
func (s *settings) publisherSettings(p idp.Probe) []string {
	switch {
	case p.Version == "":
		return []string{"its item of ISSUER_ENTRA_ISSUERS"}
	case p.Version == "1.0" && s.EntraIssuerV1 != "":
		return []string{"ISSUER_ENTRA_AUTHORITY", "ISSUER_ENTRA_ISSUER_V1"}
	case p.Version == "2.0" && s.EntraIssuerV2 != "":
		return []string{"ISSUER_ENTRA_AUTHORITY", "ISSUER_ENTRA_ISSUER_V2"}
	default:
		return []string{"ISSUER_ENTRA_AUTHORITY"}
	}
}

// trustCure is what to do about a certificate that nobody vouches for here, or nothing.
func trustCure(err error) string {
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); !unknown {
		return ""
	}
	return "if a proxy of yours answers there, name the certificates to trust by SSL_CERT_FILE; else something intercepts the connection"
}

// clockFinding holds our clock against Entra's, by the last answer.
func clockFinding(verifier *idp.Verifier) finding {
	offset := verifier.ClockOffset()
	if offset == (idp.ClockOffset{}) {
		return finding{Name: "clock", Status: off, Detail: "no answer of Entra's tells its time"}
	}
	within := offset.Within.Round(time.Second / 10)
	detail := fmt.Sprintf("this machine's is Entra's, give or take %s", within)
	if offset.Ahead.Abs() > offset.Within {
		direction := map[bool]string{true: "behind", false: "ahead of"}[offset.Ahead < 0]
		detail = fmt.Sprintf("this machine's is %s %s Entra's, give or take %s", offset.Ahead.Abs().Round(time.Second/10), direction, within)
	}
	if offset.Ahead.Abs()-offset.Within > time.Minute {
		return finding{Name: "clock", Status: failed, Detail: detail, Cure: "see to the time service of this machine: tokens are taken too late, or not yet"}
	}
	return finding{Name: "clock", Status: ok, Detail: detail}
}

// audienceFinding looks for what people write into ISSUER_ENTRA_AUDIENCES and no token has, or only tokens of one
// version have.
func (s *settings) audienceFinding(audience string) (finding, bool) {
	of := shown(audience)
	last := audience[strings.LastIndexByte(audience, '/')+1:]
	id := appID(audience)
	switch {
	case strings.Contains(audience, "://") && (last == ".default" || slices.Contains(s.EntraScopes, last)):
		return finding{
			Name: "audience", Of: of, Status: failed, Detail: "that is a scope, which no token has as its aud",
			Cure: "take /" + last + " off its end",
		}, true
	case guid.MatchString(strings.Trim(audience, "{}")) && !guid.MatchString(audience):
		return finding{Name: "audience", Of: of, Status: failed, Detail: "no token has braces in its aud", Cure: "take them off"}, true
	case id != "" && audience != strings.ToLower(audience):
		return finding{
			Name: "audience", Of: of, Status: note, Detail: "Entra writes client ids in lower case, and aud is compared byte by byte",
			Cure: "list " + strings.ToLower(audience) + ", unless the Application ID URI is written otherwise",
		}, true
	case id == audience && !s.listsURIs():
		return finding{
			Name: "audience", Of: of, Status: note, Detail: "only v2.0 tokens name the API by its client id alone",
			Cure: "the API's manifest must say requestedAccessTokenVersion: 2; where it says null or 1, set it to 2, or list api://" + id + " too",
		}, true
	case !slices.ContainsFunc(s.EntraAudiences, guid.MatchString):
		if id == "" {
			id = "the API's client id"
		}
		return finding{
			Name: "audience", Of: of, Status: note, Detail: "only v1.0 tokens have this aud",
			Cure: "list " + id + " too, which v2.0 tokens have: the API's manifest decides by requestedAccessTokenVersion, and may be changed",
		}, true
	}
	return finding{}, false
}

// listsURIs reports whether v1.0 tokens, whose aud is what the client asked for, may be accepted.
func (s *settings) listsURIs() bool {
	return slices.ContainsFunc(s.EntraAudiences, func(a string) bool { return strings.Contains(a, ":") })
}

// appID is the client id in a spelling of an audience, in lower case, or "".
func appID(audience string) string {
	bare := strings.TrimSuffix(strings.ToLower(audience), "/")
	bare = strings.TrimPrefix(strings.TrimPrefix(bare, "api://"), "spn:")
	if !guid.MatchString(bare) {
		return ""
	}
	return bare
}

// graphs asks Microsoft Graph in each tenant.
func (a *attempt) graphs(ctx context.Context) []finding {
	if a.graph == nil {
		return []finding{{
			Name: "graph", Status: off, Detail: "there is no app to ask as, so a caller in more than 200 groups gets groups_unavailable where grants name groups",
			Cure: "set ISSUER_ENTRA_CLIENT_ID and a credential, or ISSUER_ENTRA_MANAGED_IDENTITY, if callers may be in so many",
		}}
	}
	var all []finding
	for _, tenant := range a.settings.EntraTenants {
		all = append(all, graphFinding("graph", "tenant "+tenant, "our app signs in and may read the groups of users", a.graph.Check(ctx, tenant)))
	}
	return all
}

// graphFinding takes an error of Graph's apart.
func graphFinding(name, of, detail string, err error) finding {
	f := found(name, of, detail, err)
	if problem, is := errors.AsType[*graph.UnavailableError](err); is {
		f.Detail, f.Code, f.Cure = problem.Err.Error(), problem.Code, problem.Hint
		if problem.Trace != "" {
			f.Detail += " [trace " + problem.Trace + "]"
		}
	}
	return f
}
