package faketenant_test

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func TestEveryPublishedKeyIsWhatItsCertificateSays(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	for _, path := range []string{v2Keys, v1Keys, "/common/discovery/v2.0/keys"} {
		set := s.keySet(t, path)
		if len(set.Keys) != 4 {
			t.Errorf("%s: %d keys, want 4", path, len(set.Keys))
		}
		for _, key := range set.Keys {
			certificate := key.Certificates[0]
			sum := sha1.Sum(certificate.Raw)
			if want := base64.RawURLEncoding.EncodeToString(sum[:]); key.KeyID != want {
				t.Errorf("%s: kid %s, want the certificate's SHA-1 %s", path, key.KeyID, want)
			}
			if diff := cmp.Diff(sum[:], key.CertificateThumbprintSHA1); diff != "" {
				t.Errorf("%s: x5t (-want +got):\n%s", path, diff)
			}
			if err := certificate.CheckSignature(x509.SHA256WithRSA, certificate.RawTBSCertificate, certificate.Signature); err != nil {
				t.Errorf("%s: the certificate is not signed by its own key: %v", path, err)
			}
		}
	}
}

func TestKeySetsSayWhoseTheKeysAre(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{TenantIDs: []string{faketenant.TenantID, faketenant.OtherTenantID}})
	consumers := s.V2Issuer(faketenant.ConsumerTenantID)
	for name, c := range map[string]struct{ path, issuer, consumers, cloud, otherCloud string }{
		"v2 of a tenant":       {v2Keys, s.url + "/" + faketenant.TenantID + "/v2.0", consumers, "microsoftonline.com", "microsoftonline.us"},
		"v2 of another tenant": {"/" + faketenant.OtherTenantID + "/discovery/v2.0/keys?appid=x", s.V2Issuer(faketenant.OtherTenantID), consumers, "microsoftonline.com", "microsoftonline.us"},
		"v2 of all tenants":    {"/common/discovery/v2.0/keys", s.url + "/{tenantid}/v2.0", consumers, "microsoftonline.com", "microsoftonline.us"},
		"v1 says nothing":      {v1Keys, "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var set struct{ Keys []map[string]any }
			header := s.getJSON(t, c.path, http.StatusOK, &set)
			if got, want := header.Get("Cache-Control"), "max-age=86400, private"; got != want {
				t.Errorf("Cache-Control %q, want %q", got, want)
			}
			got := map[string][2]string{}
			for _, key := range set.Keys {
				issuer, _ := key["issuer"].(string)
				cloud, _ := key["cloud_instance_name"].(string)
				got[key["kid"].(string)] = [2]string{issuer, cloud}
				if _, there := key["alg"]; there {
					t.Error("a key has alg, Entra's have none")
				}
			}
			want := map[string][2]string{
				s.KID(faketenant.KeyFirst):      {c.issuer, c.cloud},
				s.KID(faketenant.KeySecond):     {c.issuer, c.cloud},
				s.KID(faketenant.KeyConsumer):   {c.consumers, c.cloud},
				s.KID(faketenant.KeyOtherCloud): {c.issuer, c.otherCloud},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("issuer and cloud by kid (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheStrangersKeyIsPublishedNowhere(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	if _, err := s.verify(t, s.Sign(s.Claims("reader"), faketenant.SignedBy(faketenant.KeyStranger))); err == nil {
		t.Error("a stranger's token verifies with the published keys")
	}
	if s.published(t, faketenant.KeyStranger) {
		t.Error("the stranger's key is published")
	}
}

func TestRotationKeepsOldTokensGoodUntilTheirKeyIsWithdrawn(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	oldest := s.Sign(s.Claims("reader"), faketenant.SignedBy(faketenant.KeySecond))
	old, was := s.Sign(s.Claims("reader")), s.KID(faketenant.KeyFirst)
	s.Rotate()
	if got := s.KID(faketenant.KeySecond); got != was {
		t.Errorf("the second key is %s, want the former first %s", got, was)
	}
	if s.KID(faketenant.KeyFirst) == was {
		t.Error("the first key has not changed")
	}
	for name, token := range map[string]string{"oldest": oldest, "old": old, "new": s.Sign(s.Claims("reader"))} {
		if _, err := s.verify(t, token); err != nil {
			t.Errorf("after the rotation, the %s token: %v", name, err)
		}
	}
	s.Withdraw(faketenant.KeySecond)
	if _, err := s.verify(t, old); err == nil {
		t.Error("a token of the withdrawn key still verifies")
	}
	if _, err := s.verify(t, oldest); err != nil {
		t.Errorf("the withdrawal hit another key: %v", err)
	}
	if got := len(s.keySet(t, v1Keys).Key(was)); got != 0 {
		t.Error("the withdrawn key is still in the v1 set")
	}
}
