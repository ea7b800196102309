package keyvault

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

// call is one key operation from sign-in to answer. Each makes its SDK clients
// anew: calls are rare, nothing is then kept that could go stale, and what goes
// wrong below can be told to this call alone, which matters because the SDK
// turns the cause of a failed sign-in into text.
type call struct {
	config    Config
	client    *http.Client
	operation string // as the REST API spells it
	key       Key

	mu     sync.Mutex
	failed *problem // what the last request met with, if no answer
}

// do signs in and asks. Every error is fit to be shown.
func (c *call) do(ctx context.Context, value []byte) (azkeys.KeyOperationResult, error) {
	if c.key.local() && !localAuthority(c.config.Authority) {
		return azkeys.KeyOperationResult{}, c.problem(nil, "a vault on this machine is a stand-in, which gets no token "+
			"of %s; give a vault of Azure's", c.config.Authority)
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := c.keys()
	if err != nil {
		return azkeys.KeyOperationResult{}, c.problem(nil, "the Azure SDK takes the settings for wrong; check them")
	}
	answer, err := c.ask(limited, client, value)
	if err != nil {
		return azkeys.KeyOperationResult{}, c.explain(ctx, limited, err)
	}
	return answer, nil
}

func (c *call) ask(ctx context.Context, client *azkeys.Client, value []byte) (azkeys.KeyOperationResult, error) {
	algorithm := wrapAlgorithm
	parameters := azkeys.KeyOperationParameters{Algorithm: &algorithm, Value: value}
	if c.operation == "wrapKey" {
		answer, err := client.WrapKey(ctx, c.key.name, c.key.version, parameters, nil)
		return answer.KeyOperationResult, err
	}
	answer, err := client.UnwrapKey(ctx, c.key.name, c.key.version, parameters, nil)
	return answer.KeyOperationResult, err
}

// options are the SDK's for both, the vault and the sign-in. Two quick retries
// bridge a hiccup; whoever waits longer is the caller. The cloud is always
// said, or the SDK would look for it in the environment.
func (c *call) options() azcore.ClientOptions {
	return azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: c.config.Authority},
		Transport: transport{c},
		Retry: policy.RetryOptions{
			MaxRetries:    2,
			RetryDelay:    100 * time.Millisecond,
			MaxRetryDelay: time.Second,
			ShouldRetry:   hiccup,
		},
	}
}

// hiccup says which ends of a request are worth another.
func hiccup(r *http.Response, err error) bool {
	if err != nil {
		return errors.Is(err, ErrUnavailable)
	}
	return busy(r.StatusCode)
}

// keys lets a vault demand a token for another resource only on loopback, where
// the stand-in speaks for vault.azure.net under another name.
func (c *call) keys() (*azkeys.Client, error) {
	credential, err := c.credential()
	if err != nil {
		return nil, err
	}
	return azkeys.NewClient(c.key.vault, credential, &azkeys.ClientOptions{
		ClientOptions:                        c.options(),
		DisableChallengeResourceVerification: c.key.local(),
	})
}

// credential has Microsoft vouch for an authority it does not know by heart,
// except for one on loopback, of which it never heard.
func (c *call) credential() (azcore.TokenCredential, error) {
	local := localAuthority(c.config.Authority)
	tenant, client := c.config.TenantID, c.config.ClientID
	if c.config.ClientSecret != "" {
		return azidentity.NewClientSecretCredential(tenant, client, c.config.ClientSecret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: c.options(), DisableInstanceDiscovery: local})
	}
	return azidentity.NewClientAssertionCredential(tenant, client, c.assertion,
		&azidentity.ClientAssertionCredentialOptions{ClientOptions: c.options(), DisableInstanceDiscovery: local})
}

// keyUsed reads which version the vault wrapped with. It has to be of the key
// that was asked for, or a start would ask another.
func (c *call) keyUsed(id *azkeys.ID) (Key, error) {
	if id == nil {
		return Key{}, c.problem(nil, "the vault does not say which version it used; give the version")
	}
	used, err := ParseKey(string(*id))
	asked := c.key
	if asked.version == "" {
		asked.version = used.version
	}
	if err != nil || used.version == "" || used != asked {
		return Key{}, c.problem(nil, "the vault used another key; check that the URL is the vault's own")
	}
	return used, nil
}
