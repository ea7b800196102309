package keyvault

import (
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// Key names a key in a vault, and perhaps one version of it. It is comparable;
// the zero Key names nothing.
type Key struct{ vault, name, version string }

// Version is empty where the reference means whatever version is current.
func (k Key) Version() string { return k.version }

// String is the URL that ParseKey takes.
func (k Key) String() string {
	if k.version == "" {
		return k.vault + "/keys/" + k.name
	}
	return k.vault + "/keys/" + k.name + "/" + k.version
}

// maxURL is beyond the longest URL that can be right: 63 for the host's own
// label, 127 for the key, 32 for the version.
const maxURL = 512

// clouds are where vaults live, in each of Azure's clouds. The dot in front
// keeps out evil-vault.azure.net.
var clouds = []string{
	".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net",
	".managedhsm.azure.net", ".managedhsm.azure.cn", ".managedhsm.usgovcloudapi.net",
}

var (
	label      = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`) })
	keyName    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9A-Za-z-]{1,127}$`) })
	keyVersion = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// ParseKey reads https://NAME.vault.azure.net/keys/KEY/VERSION, with or without
// the version. A token of ours and, when wrapping, the secret itself go to that
// host, so it must be a vault of Azure's, or a loopback address for tests. The
// error is one sentence and does not repeat the text, which may be a secret
// that was pasted into the wrong place.
func ParseKey(raw string) (Key, error) {
	if len(raw) > maxURL {
		return Key{}, errors.New("the key's URL is longer than any in Azure Key Vault")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return Key{}, errors.New("the key's URL cannot be read")
	case u.Scheme != "https" || u.Host == "":
		return Key{}, errors.New("the key's URL must begin with https:// and a host")
	case u.User != nil:
		return Key{}, errors.New("the key's URL must hold no user or password")
	case strings.ContainsAny(raw, "?#"):
		return Key{}, errors.New("the key's URL must end with the key's version, with no query or fragment")
	}
	host, err := vaultHost(u)
	if err != nil {
		return Key{}, err
	}
	name, version, err := keyPath(u.EscapedPath())
	if err != nil {
		return Key{}, err
	}
	return Key{vault: "https://" + host, name: name, version: version}, nil
}

// vaultHost returns the host as the service spells it: in lower case, and with
// a port only on loopback.
func vaultHost(u *url.URL) (string, error) {
	host := strings.ToLower(u.Host)
	if loopback(u) {
		return host, nil
	}
	host = strings.TrimSuffix(host, ":443")
	for _, cloud := range clouds {
		if name, ok := strings.CutSuffix(host, cloud); ok && label().MatchString(name) {
			return host, nil
		}
	}
	return "", errors.New("the key's URL must name a vault, as in https://NAME.vault.azure.net, without a port")
}

// keyPath takes the path as it was sent, so that nothing can hide behind
// percent signs.
func keyPath(path string) (name, version string, err error) {
	parts := strings.Split(path, "/")
	if len(parts) < 3 || len(parts) > 4 || parts[0] != "" || parts[1] != "keys" {
		return "", "", errors.New("the key's URL must end in /keys/KEY/VERSION")
	}
	if !keyName().MatchString(parts[2]) {
		return "", "", errors.New("the key's name must be 1 to 127 letters, digits and hyphens")
	}
	if len(parts) == 3 {
		return parts[2], "", nil
	}
	if !keyVersion.MatchString(parts[3]) {
		return "", "", errors.New("the key's version must be 32 hexadecimal digits in lower case")
	}
	return parts[2], parts[3], nil
}

// loopback tells a stand-in on this machine from Azure. Only the name localhost
// and addresses count, and whatever a hosts file says of other names does not.
func loopback(u *url.URL) bool {
	if port := u.Port(); port == "" && strings.HasSuffix(u.Host, ":") {
		return false
	}
	if strings.EqualFold(u.Hostname(), "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.Zone() == "" && addr.IsLoopback()
}

// managedHSM tells the two services apart, whose roles have different names.
func (k Key) managedHSM() bool { return strings.Contains(k.vault, ".managedhsm.") }

// local says that the vault is a stand-in on this machine.
func (k Key) local() bool {
	u, err := url.Parse(k.vault)
	return err == nil && loopback(u)
}

// host is the vault's host, with its port if it has one.
func (k Key) host() string { return strings.TrimPrefix(k.vault, "https://") }
