package issuer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
)

// mostNamed is how many groups are asked for by name. Where grants name more, all of a caller's groups are cheaper.
const mostNamed = 100

// Groups tells which groups callers are in whose tokens leave that out. Groups returns those among the ids given, or with
// nil all of them; every error means that it cannot be told, never that there are none. One that has a method
// RetryAfter() time.Duration says when another try can succeed. It is called concurrently.
type Groups interface {
	Groups(ctx context.Context, caller idp.Subject, among []string) ([]string, error)
}

// noGroups is for who has nobody to ask.
type noGroups struct{}

var errNobodyToAsk = errors.New("the token leaves groups out, and the settings name no app to ask Microsoft Graph with")

func (noGroups) Groups(context.Context, idp.Subject, []string) ([]string, error) {
	return nil, errNobodyToAsk
}

// withGroups returns the subject with the groups that Entra left out of the token. Only those that grants name can matter,
// so where they name none, nobody is asked. A policy may look at any group: with one, all of them are asked for.
func (i *Issuer) withGroups(ctx context.Context, subject idp.Subject) (idp.Subject, error) {
	if !subject.GroupsOmitted {
		return subject, nil
	}
	var among []string
	if i.policy == nil {
		named, err := i.roles.NamedGroups(ctx, subject.TenantID, mostNamed)
		if err != nil {
			return subject, &Error{ReasonRolesUnavailable, retryRoles, fmt.Errorf("list the groups that grants name: %w", err)}
		}
		if len(named.IDs) == 0 && !named.More {
			return subject, nil
		}
		if !named.More {
			among = named.IDs
		}
	}
	var err error
	subject.Groups, err = i.groups.Groups(ctx, subject, among)
	if err != nil {
		return subject, &Error{ReasonGroupsUnavailable, retryAfter(err, retryGroups), fmt.Errorf("ask for the caller's groups: %w", err)}
	}
	return subject, nil
}

// retryAfter returns when an error says that another try can succeed, or else the usual time.
func retryAfter(err error, usual time.Duration) time.Duration {
	var known interface{ RetryAfter() time.Duration }
	if errors.As(err, &known) && known.RetryAfter() > 0 {
		return known.RetryAfter()
	}
	return usual
}
