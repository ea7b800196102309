package sharedcache_test

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/redisconn"
	"github.com/hasura-issuer/hasura-issuer/sharedcache"
)

// holder has a cache where fmt does not look for methods.
type holder struct {
	cache   *sharedcache.Cache
	copied  sharedcache.Cache
	purpose *sharedcache.Purpose
}

func TestPrintingACacheShowsNoKeyAndNoPassword(t *testing.T) {
	t.Parallel()
	const password = "Tr0ub4dor"
	client, err := redisconn.Open("redis://user:"+password+"@redis", func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	key := [32]byte([]byte("a key-encryption key of 32 bytes"))
	cache, err := sharedcache.New(client, [][32]byte{key}, sharedcache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	purpose := cache.For("groups")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, value := range []any{cache, *cache, purpose, *purpose, holder{cache, *cache, purpose}, &holder{cache, *cache, purpose}} {
			shown := fmt.Sprintf(verb, value)
			for _, secret := range []string{
				password, string(key[:]), hex.EncodeToString(key[:]),
				strings.Trim(fmt.Sprint(key), "[]"), strings.Trim(fmt.Sprintf("%#v", key[:]), "[]byte{}"),
			} {
				if strings.Contains(shown, secret) {
					t.Errorf("%s of a %T shows a secret", verb, value)
				}
			}
			// The derived keys are not known here, but are long.
			if strings.Count(shown, " ") > 30 || regexp.MustCompile(`[0-9a-f]{40}|[^\x20-\x7e]`).MatchString(shown) {
				t.Errorf("%s of a %T shows much", verb, value)
			}
		}
	}
}
