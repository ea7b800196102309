package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/graph"
)

// maxTokenText is what is read of standard input: more than any token, and than the exchange takes.
const maxTokenText = 64 << 10

// readToken reads a token from standard input, which flag has asked for, without the blanks around it.
func (p *program) readToken(flag string) (string, error) {
	if p.terminal {
		if err := p.say("Paste the Entra access token, then press Enter and Ctrl-D:"); err != nil {
			return "", err
		}
	}
	text, err := io.ReadAll(io.LimitReader(p.stdin, maxTokenText))
	if err != nil {
		return "", fmt.Errorf("read the token from standard input: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", usagef("%s wants an Entra access token on standard input, which is empty", flag)
	}
	return token, nil
}

// token judges a token as the exchange would, and says what to do about a refusal in terms of Entra's portal. Of the token
// nothing is shown but ids, and a part of its SHA-256.
func (a *attempt) token(ctx context.Context, raw string) []finding {
	sum := sha256.Sum256([]byte(raw))
	name := "sha256:" + hex.EncodeToString(sum[:6])
	subject, err := a.verifier.Verify(ctx, raw)
	seen := a.settings.suspect(raw)
	if refusal, refused := errors.AsType[*idp.TokenError](err); refused {
		return []finding{{
			Name: "token", Of: name, Status: failed, Detail: seen.ids() + "refused: " + refusal.Err.Error(),
			Code: string(refusal.Reason), Cure: seen.cure(refusal.Reason),
		}}
	}
	if err != nil {
		return []finding{found("token", name, "", err)}
	}
	return []finding{
		found("token", name, fmt.Sprintf("%saccepted, of %s", seen.ids(), who(subject)), nil), a.groupsOf(ctx, subject), a.exchange(ctx, raw),
	}
}

func who(s idp.Subject) string {
	switch {
	case s.Kind == idp.KindApp:
		return "an app by itself"
	case s.Guest:
		return "a guest"
	default:
		return "a user"
	}
}

// groupsOf says what is known of a caller's groups, and asks Graph where Entra left them out.
func (a *attempt) groupsOf(ctx context.Context, subject idp.Subject) finding {
	f := finding{Name: "groups", Of: "object " + subject.ObjectID, Status: ok, Detail: fmt.Sprintf("%d in the token", len(subject.Groups))}
	switch {
	case subject.GroupsOmitted && a.graph == nil:
		f.Status, f.Detail, f.Code = note, "Entra left them out of the token, and there is no app to ask Microsoft Graph as; a grant to a group makes that", "groups_unavailable"
		f.Cure = "set ISSUER_ENTRA_CLIENT_ID and a credential, or let the API emit only the groups assigned to it (Token configuration)"
	case subject.GroupsOmitted:
		groups, err := a.graph.Groups(ctx, graph.Caller{TenantID: subject.TenantID, ObjectID: subject.ObjectID, App: subject.Kind == idp.KindApp}, nil)
		return graphFinding("groups", f.Of, fmt.Sprintf("Entra left them out of the token; Microsoft Graph knows of %d", len(groups)), err)
	case len(subject.Groups) == 0 && subject.Kind == idp.KindApp:
		f.Detail = "none, as in every token of an app by itself: grant to the app, or to an app role"
	case len(subject.Groups) == 0:
		f.Status, f.Detail = note, "none in the token"
		f.Cure = "where grants name groups, add the groups claim under Token configuration of the API's registration, emitted as Group ID"
	}
	return f
}

// suspect is a token that was refused, or will be told about: what it says of itself, and what we want.
type suspect struct {
	idp.Glance
	readable bool
	bearer   bool // the scheme of a header stands before it
	settings *settings
}

func (s *settings) suspect(raw string) suspect {
	scheme, _, _ := strings.Cut(raw, " ")
	t := suspect{settings: s, bearer: strings.EqualFold(scheme, "Bearer")}
	t.Glance, t.readable = idp.Look(raw)
	return t
}

// ids tells the token by the ids in it.
func (t suspect) ids() string {
	if !t.readable {
		return ""
	}
	var b strings.Builder
	if t.Version == "1.0" || t.Version == "2.0" {
		b.WriteString("v" + t.Version)
	}
	for _, id := range []struct{ name, value string }{{"tenant", t.TenantID}, {"object", t.ObjectID}, {"client", t.ClientID}} {
		if id.value != "" {
			b.WriteString(" " + id.name + " " + id.value)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return strings.TrimSpace(b.String()) + ": "
}

// idLike is the form of a client id, an Application ID URI and an issuer. No mail address, name or token has it.
var idLike = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z]{0,10}:?(//)?[A-Za-z0-9._:/-]{1,160}$`) })

// claim is a claim that holds an id, where it looks like one.
func claim(value string) string {
	switch {
	case value == "":
		return "nothing"
	case !idLike().MatchString(value):
		return "something that is not shown"
	default:
		return value
	}
}
