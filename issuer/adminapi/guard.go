package adminapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi/internal/wire"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// Verifier tells whose an Entra token is: *idp.TokenError for one that is refused, idp.ErrUnavailable for one that could not
// be judged. Its policy lets in users and apps that may be operators, guests not among them. It is called concurrently.
type Verifier interface {
	Verify(ctx context.Context, raw string) (idp.Subject, error)
}

// Guard tells operators from everybody else.
type Guard struct {
	verifier Verifier
	role     string
	tokens   [][sha256.Size]byte
}

// NewGuard lets in who shows an Entra token with an app role, a user or an app by itself, and who shows a token with one of
// the hashes. Without a verifier (nil) no Entra token is let in, and without hashes nothing else.
func NewGuard(verifier Verifier, role string, hashes ...[sha256.Size]byte) *Guard {
	return &Guard{verifier, role, hashes}
}

// Admit fills the account with who is there, or returns why they are not let in. Only the Authorization header counts,
// which no page of another origin can send along (there is no CORS here), and which stands in no log.
func (g *Guard) Admit(r *http.Request, account *api.Account) error {
	raw, err := bearer(r.Header.Values("Authorization"))
	if err != nil {
		return err
	}
	if id := g.known(raw); id != "" {
		account.Actor = "admin:token-" + id + "@" + account.Address
		return nil
	}
	if g.verifier == nil {
		return wire.Refuse(wire.ReasonCredentialsRefused, "")
	}
	subject, err := g.verifier.Verify(r.Context(), raw)
	if err != nil {
		return notAdmitted(r.Context(), err)
	}
	account.TenantID, account.ObjectID, account.Kind, account.ClientID = subject.TenantID, subject.ObjectID, string(subject.Kind), subject.ClientID
	if !slices.Contains(subject.AppRoles, g.role) {
		return &wire.Refusal{Reason: wire.ReasonForbidden, Err: errors.New("roles holds not the app role of operators")}
	}
	if subject.Guest {
		return &wire.Refusal{Reason: wire.ReasonForbidden, Err: errors.New("the caller is a guest")}
	}
	account.Actor = "admin:" + subject.ObjectID + "@" + account.Address
	return nil
}

// bearer returns the one token of a request (RFC 6750 §2.1).
func bearer(headers []string) (string, error) {
	if len(headers) == 0 {
		return "", wire.Refuse(wire.ReasonCredentialsMissing, "")
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", wire.Refuse(wire.ReasonCredentialsRefused, "")
	}
	return token, nil
}

// known returns the first digits of the hash of a token that opens by itself, and "" of any other. It takes as long for
// one as for the other, and the hash of a guess tells nothing about a hash that is near to it.
func (g *Guard) known(raw string) (id string) {
	hash := sha256.Sum256([]byte(raw))
	found := 0
	for _, token := range g.tokens {
		found |= subtle.ConstantTimeCompare(hash[:], token[:])
	}
	if found == 0 {
		return ""
	}
	return hex.EncodeToString(hash[:4])
}

// lacking are the reasons to refuse a token that is good, and its holder no operator. All others mean the token.
var lacking = []idp.Reason{
	idp.ReasonScopeMissing, idp.ReasonAppRoleMissing, idp.ReasonAppOnlyRefused, idp.ReasonGuestRefused, idp.ReasonAgentRefused, idp.ReasonClientNotAllowed,
}

// retryIDP is the pause between two fetches of keys.
const retryIDP = 30 * time.Second

// notAdmitted says what an error of the verifier means.
func notAdmitted(ctx context.Context, err error) error {
	if token, ok := errors.AsType[*idp.TokenError](err); ok {
		if slices.Contains(lacking, token.Reason) {
			return &wire.Refusal{Reason: wire.ReasonForbidden, Err: token}
		}
		return &wire.Refusal{Reason: wire.ReasonCredentialsRefused, Err: token}
	}
	if errors.Is(err, idp.ErrUnavailable) || ctx.Err() != nil {
		retry := retryIDP
		if known, ok := errors.AsType[interface {
			error
			RetryAfter() time.Duration
		}](err); ok && known.RetryAfter() > 0 {
			retry = known.RetryAfter()
		}
		return &wire.Refusal{Reason: wire.ReasonIDPUnavailable, Retry: retry, Err: err}
	}
	return fmt.Errorf("verify the operator's token: %w", err)
}
