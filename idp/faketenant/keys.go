package faketenant

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // Entra names its keys by the SHA-1 of their certificates (RFC 7517 section 4.8)
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"sync"
	"time"
)

// Key names one of the tenant's signing keys by its part in a test.
type Key int

// KeyFirst signs by default. KeySecond is published beside it; after Rotate it is the key that was first before.
// KeyConsumer is published for personal accounts only: its entry in the v2 set has their issuer. KeyOtherCloud is
// published, too, but belongs to another cloud_instance_name. KeyStranger is published nowhere.
const (
	KeyFirst Key = iota
	KeySecond
	KeyConsumer
	KeyOtherCloud
	KeyStranger
)

// signingKey never changes once it is made.
type signingKey struct {
	private *rsa.PrivateKey
	der     []byte // the self-signed certificate
	kid     string // base64url of the SHA-1 of der: Entra's kid and x5t are the same
}

// freshKey is Options.Key where that is not set.
func freshKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

func (t *Tenant) makeKey() (*signingKey, error) {
	private, err := t.rsaKey()
	if err != nil {
		return nil, fmt.Errorf("generate RSA key: %w", err)
	}
	der, err := selfSigned(private, pkix.Name{CommonName: "accounts.accesscontrol.windows.net"}, t.now())
	if err != nil {
		return nil, err
	}
	thumbprint := sha1.Sum(der) //nolint:gosec // as above: a name, not a defence
	return &signingKey{private: private, der: der, kid: base64.RawURLEncoding.EncodeToString(thumbprint[:])}, nil
}

// selfSigned is a certificate for the key, in DER.
func selfSigned(key *rsa.PrivateKey, subject pkix.Name, now time.Time) ([]byte, error) {
	template := &x509.Certificate{
		SerialNumber: serialNumber(),
		Subject:      subject,
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.AddDate(5, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return der, nil
}

// mustMakeKey panics where a test could do nothing with an error: the machine has no randomness left.
func (t *Tenant) mustMakeKey() *signingKey {
	made, err := t.makeKey()
	if err != nil {
		panic(fmt.Sprintf("faketenant: make signing key: %v", err))
	}
	return made
}

func (t *Tenant) key(k Key) *signingKey {
	if spare, ok := t.spare[k]; ok {
		return spare()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.keys[k]
}

// KID is the key id that k has at the moment: the kid header of its tokens and the name of its entry in the key set.
func (t *Tenant) KID(k Key) string { return t.key(k).kid }

// Rotate makes a new KeyFirst. The old one becomes KeySecond, and all that were published stay published.
func (t *Tenant) Rotate() {
	made := t.mustMakeKey()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.retired = append(t.retired, t.keys[KeySecond])
	t.keys[KeySecond], t.keys[KeyFirst] = t.keys[KeyFirst], made
}

// EmergencyRollover replaces all keys that are published, as after a theft: those from before are gone from all key sets,
// though they can still sign with a header of the caller's. Until a client has fetched the new set, it knows none of them.
func (t *Tenant) EmergencyRollover() {
	var fresh [3]*signingKey
	var group sync.WaitGroup
	for i := range fresh {
		group.Go(func() { fresh[i] = t.mustMakeKey() })
	}
	group.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.retired = nil
	t.keys = map[Key]*signingKey{KeyFirst: fresh[0], KeySecond: fresh[1], KeyConsumer: fresh[2]}
}

// Withdraw takes the key that k names now out of all key sets, for good. It can still sign, as a stolen key can.
func (t *Tenant) Withdraw(k Key) {
	kid := t.KID(k)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.withdrawn[kid] = true
}

// jwk is an entry of a key set as Entra writes it: without alg.
type jwk struct {
	KTY    string   `json:"kty"`
	Use    string   `json:"use"`
	KID    string   `json:"kid"`
	X5T    string   `json:"x5t"`
	N      string   `json:"n"`
	E      string   `json:"e"`
	X5C    []string `json:"x5c"`
	Cloud  string   `json:"cloud_instance_name,omitempty"`
	Issuer string   `json:"issuer,omitempty"`
}

func (k *signingKey) jwk(cloud, issuer string) jwk {
	return jwk{
		KTY: "RSA", Use: "sig", KID: k.kid, X5T: k.kid,
		N:   base64.RawURLEncoding.EncodeToString(k.private.N.Bytes()),
		E:   base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.private.E)).Bytes()),
		X5C: []string{base64.StdEncoding.EncodeToString(k.der)}, Cloud: cloud, Issuer: issuer,
	}
}

// keySet is the v2 set of the directory tid, or with tid "{tenantid}" the one of all directories.
func (t *Tenant) keySet(tid string) []jwk {
	otherCloud := t.key(KeyOtherCloud) // made before the lock is taken
	issuer, consumers := t.V2Issuer(tid), t.V2Issuer(ConsumerTenantID)
	t.mu.Lock()
	defer t.mu.Unlock()
	set := []jwk{} // never null in JSON, were all withdrawn
	add := func(k *signingKey, cloud, issuer string) {
		if !t.withdrawn[k.kid] {
			set = append(set, k.jwk(cloud, issuer))
		}
	}
	for _, k := range append([]*signingKey{t.keys[KeyFirst], t.keys[KeySecond]}, t.retired...) {
		add(k, cloudName, issuer)
	}
	add(t.keys[KeyConsumer], cloudName, consumers)
	add(otherCloud, otherCloudName, issuer)
	return set
}
