package graph_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/idp/graph"
)

// The environment of a machine is one for all tests of the process, so these do not run beside others.
func TestAManagedIdentitySignsIn(t *testing.T) {
	s := newStage(t)
	var asked []*http.Request
	serve := func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Host != "identity.example" {
			return false
		}
		asked = append(asked, r)
		write(w, http.StatusOK, `{"access_token":"`+s.machineToken(t)+`","expires_on":"`+
			time.Now().Add(time.Hour).Format(time.RFC3339Nano)+`","resource":"https://graph.microsoft.com","token_type":"Bearer"}`)
		return true
	}
	s.answer(serve)
	t.Setenv("IDENTITY_ENDPOINT", "http://identity.example/token")
	t.Setenv("IDENTITY_HEADER", canary)
	clock := newClock()
	machine := func(c *graph.Config) {
		c.ClientID, c.ClientSecret, c.Now = "", "", clock.now
		c.ManagedIdentity = &graph.ManagedIdentity{TenantID: faketenant.TenantID, ClientID: s.app}
	}
	client := s.open(t, machine)
	if _, err := client.Groups(t.Context(), s.user(), nil); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 1 || asked[0].URL.Query().Get("client_id") != s.app ||
		asked[0].URL.Query().Get("resource") != "https://graph.microsoft.com" || asked[0].Header.Get("X-Identity-Header") != canary {
		t.Errorf("the machine was asked %d times, last %v", len(asked), asked)
	}

	// A token that Graph refuses is not taken again from the memory that MSAL-go has of it.
	clock.advance(time.Minute)
	refuse := true
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Host == "graph.microsoft.com" && refuse {
			refuse = false
			graphError(w, http.StatusUnauthorized, "InvalidAuthenticationToken")
			return true
		}
		return serve(w, r)
	})
	if _, err := client.Groups(t.Context(), s.user(), nil); err != nil || len(asked) != 2 {
		t.Errorf("after a refused token: %v, the machine was asked %d times", err, len(asked))
	}

	got, err := client.Groups(t.Context(), graph.Caller{TenantID: faketenant.OtherTenantID, ObjectID: s.app}, nil)
	if problem := s.refused(t, got, err); problem.Hint == "" || !strings.Contains(err.Error(), "another tenant than its own") {
		t.Errorf("a caller of another tenant: %v", err)
	}
}

func TestAMachineWithoutAnIdentityIsUnavailable(t *testing.T) {
	t.Setenv("IDENTITY_ENDPOINT", "http://identity.example/token")
	t.Setenv("IDENTITY_HEADER", canary)
	for name, c := range map[string]struct {
		status     int
		body, code string
		notAzure   bool
	}{
		"a refusal":         {http.StatusBadRequest, `{"error":"invalid_request","error_description":"` + canary + `"}`, "invalid_request", false},
		"no token":          {http.StatusOK, `{"expires_in":"3599","resource":"x"}`, "", false},
		"a page of a proxy": {http.StatusOK, `<html>` + canary, "", true},
		"another cloud's":   {http.StatusForbidden, canary, "", true},
	} {
		s := newStage(t)
		s.answer(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Host != "identity.example" {
				return false
			}
			write(w, c.status, c.body)
			return true
		})
		client := s.open(t, func(config *graph.Config) {
			config.ClientID, config.ClientSecret = "", ""
			config.ManagedIdentity = &graph.ManagedIdentity{TenantID: faketenant.TenantID}
			config.GraphURL = "https://graph.microsoft.us" // MSAL-go's memory is one for all tests
		})
		got, err := client.Groups(t.Context(), s.user(), nil)
		if problem := s.refused(t, got, err); problem.Code != c.code || s.observed()["graph ok"] != 0 || len(s.strayed) > 0 {
			t.Errorf("%s: %v, strayed to %v", name, err, s.strayed)
		}
		if strings.Contains(err.Error(), "no machine of Azure's answers here") != c.notAzure || strings.Contains(err.Error(), "Entra's sign-in") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// machineToken is a token of the app, as a machine's endpoint would fetch it.
func (s *stage) machineToken(t *testing.T) string {
	t.Helper()
	client := &http.Client{Transport: s}
	response, err := client.PostForm("https://login.microsoftonline.com/"+faketenant.TenantID+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {s.app}, "client_secret": {s.secret},
		"scope": {"https://graph.microsoft.com/.default"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer.Token
}

func TestNoVariableSendsUsToARegion(t *testing.T) {
	s := newStage(t)
	t.Setenv("MSAL_FORCE_REGION", "westeurope")
	t.Setenv("REGION_NAME", "westeurope")
	if _, err := s.open(t).Groups(t.Context(), s.user(), nil); err != nil || len(s.strayed) > 0 {
		t.Errorf("%v, strayed to %v", err, s.strayed)
	}
}
