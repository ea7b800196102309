package keyvault

import (
	"context"
	"io"
	"net/url"
	"os"
	"strings"
)

// maxToken is well beyond any token of a Kubernetes service account.
const maxToken = 32 << 10

// assertion reads the workload's token for the SDK. The SDK has a reader of its
// own, whose errors it then reports as text.
func (c *call) assertion(context.Context) (string, error) {
	file, err := os.Open(c.config.FederatedTokenFile)
	if err != nil {
		return "", c.unreadable()
	}
	defer file.Close()
	token, err := io.ReadAll(io.LimitReader(file, maxToken+1))
	text := strings.TrimSpace(string(token))
	if err != nil || text == "" || len(token) > maxToken {
		return "", c.unreadable()
	}
	return text, nil
}

func (c *call) unreadable() error {
	return c.remember(c.problem(nil, "the federated token file %s cannot be read or holds no token; check that it is "+
		"mounted and that this user may read it", c.config.FederatedTokenFile))
}

// localAuthority says that the sign-in is a stand-in on this machine.
func localAuthority(authority string) bool {
	u, err := url.Parse(authority)
	return err == nil && loopback(u)
}
