package fakevault_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant/rsatest"
	"github.com/hasura-issuer/hasura-issuer/keyvault/fakevault"
)

const (
	vault  = "https://ring.vault.azure.net"
	signIn = "https://login.microsoftonline.com/" + fakevault.TenantID + "/oauth2/v2.0/token"
	wrap   = `{"alg":"RSA-OAEP-256","value":"AAAA"}`
)

func start(t *testing.T) *fakevault.Vault {
	t.Helper()
	fake, err := fakevault.Start(rsatest.Lender(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	if _, err := fake.Rotate("kek"); err != nil {
		t.Fatal(err)
	}
	return fake
}

// reply is what either service answers, as far as the tests ask.
type reply struct {
	status    int
	challenge string
	Token     string `json:"access_token"`
	Codes     []int  `json:"error_codes"`
	Value     string `json:"value"`
	Error     any    `json:"error"` // an object of the vault's, a word of the sign-in's
}

func post(t *testing.T, fake *fakevault.Vault, target, token, kind, body string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	response, err := fake.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got := reply{status: response.StatusCode, challenge: response.Header.Get("WWW-Authenticate")}
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func form(changes ...string) url.Values {
	values := url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {fakevault.ClientID},
		"client_secret": {fakevault.ClientSecret},
		"scope":         {"https://vault.azure.net/.default openid offline_access profile"},
	}
	for i := 0; i < len(changes); i += 2 {
		values.Set(changes[i], changes[i+1])
	}
	return values
}

func token(t *testing.T, fake *fakevault.Vault, changes ...string) reply {
	t.Helper()
	return post(t, fake, signIn, "", "application/x-www-form-urlencoded", form(changes...).Encode())
}

func TestTheSignInChecksWhatEntraChecks(t *testing.T) {
	t.Parallel()
	fake := start(t)
	assertion := []string{
		"client_secret", "", "client_assertion", fakevault.FederatedToken,
		"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
	}
	for name, c := range map[string]struct {
		changes []string
		code    int
	}{
		"a secret":                   {nil, 0},
		"an assertion":               {assertion, 0},
		"another grant":              {[]string{"grant_type", "password"}, 70003},
		"another client":             {[]string{"client_id", fakevault.TenantID}, 700016},
		"another secret":             {[]string{"client_secret", "x"}, 7000215},
		"no credential":              {[]string{"client_secret", ""}, 7000216},
		"an assertion of no type":    {append(assertion[:4:4], "client_assertion_type", ""), 7000216},
		"another assertion":          {append(assertion[:6:6], "client_assertion", "x"), 700213},
		"a scope of another service": {[]string{"scope", "https://management.azure.com/.default"}, 70011},
		"a scope that is the vault":  {[]string{"scope", vault + "/.default"}, 70011},
		"no scope":                   {[]string{"scope", ""}, 70011},
	} {
		got := token(t, fake, c.changes...)
		switch {
		case c.code == 0 && (got.status != http.StatusOK || got.Token == ""):
			t.Errorf("%s: got %+v, want a token", name, got)
		case c.code != 0 && (got.status < 400 || len(got.Codes) != 1 || got.Codes[0] != c.code || got.Token != ""):
			t.Errorf("%s: got %+v, want AADSTS%d", name, got, c.code)
		}
	}
	elsewhere := strings.Replace(signIn, fakevault.TenantID, fakevault.ClientID, 1)
	got := post(t, fake, elsewhere, "", "application/x-www-form-urlencoded", form().Encode())
	if got.status != http.StatusBadRequest || got.Codes[0] != 90002 {
		t.Errorf("another tenant: got %+v", got)
	}
}

func TestTheVaultChecksWhatKeyVaultChecks(t *testing.T) {
	t.Parallel()
	fake := start(t)
	good := "Bearer " + token(t, fake).Token
	foreign := "Bearer " + token(t, fake, "scope", "https://managedhsm.azure.net/.default").Token
	operation, version := vault+"/keys/kek//wrapkey", "?api-version=2025-07-01"
	for name, c := range map[string]struct {
		target, token, body string
		status              int
		says                string
	}{
		"all is well":            {operation + version, good, wrap, 200, ""},
		"no slash for a version": {vault + "/keys/kek/wrapkey" + version, good, wrap, 200, ""},
		"no token":               {operation + version, "", wrap, 401, "AKV10000"},
		"no bearer":              {operation + version, "Basic x", wrap, 401, "AKV10000"},
		"a token of nobody":      {operation + version, "Bearer x", wrap, 401, "AKV10032"},
		"a token for another":    {operation + version, foreign, wrap, 401, "AKV10022"},
		"no api-version":         {operation, good, wrap, 400, "api-version"},
		"another api-version":    {operation + "?api-version=1999-01-01", good, wrap, 400, "api-version"},
		"another operation":      {vault + "/keys/kek//steal" + version, good, wrap, 404, "NotFound"},
		"another key":            {vault + "/keys/kex//wrapkey" + version, good, wrap, 404, "KeyNotFound"},
		"another version":        {vault + "/keys/kek/1/wrapkey" + version, good, wrap, 404, "KeyNotFound"},
		"another algorithm":      {operation + version, good, `{"alg":"RSA1_5","value":"AAAA"}`, 400, "'alg'"},
		"no value":               {operation + version, good, `{"alg":"RSA-OAEP-256"}`, 400, "'value' is required"},
		"a padded value":         {operation + version, good, `{"alg":"RSA-OAEP-256","value":"AA=="}`, 400, "not base64url"},
		"no JSON":                {operation + version, good, `alg`, 400, "not valid JSON"},
		"what nobody wrapped":    {vault + "/keys/kek//unwrapkey" + version, good, wrap, 400, "parameter is incorrect"},
	} {
		got := post(t, fake, c.target, c.token, "application/json", c.body)
		said, _ := json.Marshal(got.Error)
		if got.status != c.status || !strings.Contains(string(said), c.says) || (got.Value != "") != (c.status == 200) {
			t.Errorf("%s: got %d %s, want %d %s", name, got.status, said, c.status, c.says)
		}
		if (got.challenge != "") != (c.status == http.StatusUnauthorized) {
			t.Errorf("%s: the challenge is %q", name, got.challenge)
		}
	}
	fake.Expire(false)
	if got := post(t, fake, operation+version, good, "application/json", wrap); got.status != http.StatusUnauthorized {
		t.Errorf("an expired token: got %+v", got)
	}
}
