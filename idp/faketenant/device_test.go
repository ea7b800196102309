package faketenant_test

import (
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// begun is a sign-in on a device that waits for a person.
type begun struct {
	UserCode   string `json:"user_code"`
	DeviceCode string `json:"device_code"`
	Page       string `json:"verification_uri"`
	ExpiresIn  int    `json:"expires_in"`
	Interval   int    `json:"interval"`
	Message    string `json:"message"`
	Error      string `json:"error"`
	Codes      []int  `json:"error_codes"`
}

func (s served) begin(t *testing.T, segment string, form url.Values) (int, begun) {
	t.Helper()
	response, err := s.client.PostForm(s.url+"/"+segment+"/oauth2/v2.0/devicecode", form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got begun
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, got
}

func deviceForm(pairs ...string) url.Values {
	form := url.Values{"client_id": {faketenant.NativeClientID}, "scope": {apiScopes}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// poll asks whether the person has signed in yet; the error is empty where they have.
func (s served) poll(t *testing.T, b begun, pairs ...string) (fault string, answer map[string]any) {
	t.Helper()
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {faketenant.NativeClientID}, "device_code": {b.DeviceCode}}
	maps.Copy(form, deviceForm(append([]string{"scope", ""}, pairs...)...))
	_, answer = s.token(t, faketenant.TenantID, form, nil)
	fault, _ = answer["error"].(string)
	return fault, answer
}

func TestADeviceSignsSomebodyInByThePage(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := serve(t, faketenant.Options{Now: clock.now})
	status, b := s.begin(t, faketenant.TenantID, deviceForm())
	if status != http.StatusOK || b.Page != s.url+"/devicelogin" || b.ExpiresIn != 900 || b.Interval != 5 || len(b.UserCode) != 9 || !strings.Contains(b.Message, b.UserCode) {
		t.Fatalf("%d %+v", status, b)
	}
	if fault, _ := s.poll(t, b); fault != "authorization_pending" {
		t.Errorf("before: %s", fault)
	}
	if _, body := s.visit(t, "/devicelogin"); !strings.Contains(body, `<input name="user_code"`) || len(links.FindAllString(body, -1)) != 0 {
		t.Errorf("the page asks for no code: %s", body)
	}
	_, body := s.visit(t, "/devicelogin?user_code="+strings.ToLower(b.UserCode))
	chosen := ""
	for _, link := range links.FindAllStringSubmatch(body, -1) {
		if strings.Contains(link[1], "persona=guest") {
			chosen = html.UnescapeString(link[1])
		}
	}
	if _, body := s.visit(t, "/devicelogin"+chosen); !strings.Contains(body, "Signed in") {
		t.Fatalf("no sign-in by %q: %s", chosen, body)
	}
	clock.advance(5 * time.Second)
	fault, answer := s.poll(t, b)
	if fault != "" {
		t.Fatalf("after: %v", answer)
	}
	claims := plainClaims(t, answer["access_token"].(string))
	if claims["oid"] != oidOf(t, s, "guest") || claims["azp"] != faketenant.NativeClientID || claims["scp"] != "access_as_user" || answer["refresh_token"] == nil {
		t.Errorf("claims %v, answer %v", claims, answer)
	}
	clock.advance(5 * time.Second)
	if fault, answer := s.poll(t, b); fault != "invalid_grant" {
		t.Errorf("a second time: %v", answer)
	}
	if _, body := s.visit(t, "/devicelogin?user_code="+b.UserCode+"&persona=editor"); !strings.Contains(body, "no such code") {
		t.Errorf("a code is good twice: %s", body)
	}
}

func TestADeviceThatAsksTooOftenHasToSlowDown(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := serve(t, faketenant.Options{Now: clock.now})
	_, b := s.begin(t, faketenant.TenantID, deviceForm())
	for i, step := range []struct {
		after time.Duration
		want  string
	}{
		{0, "authorization_pending"},
		{4 * time.Second, "slow_down"},
		{time.Second, "slow_down"}, // the refused question counts, too
		{5 * time.Second, "authorization_pending"},
	} {
		clock.advance(step.after)
		if fault, _ := s.poll(t, b); fault != step.want {
			t.Errorf("question %d, %v later: %s, want %s", i+1, step.after, fault, step.want)
		}
	}
}

func TestASignInOnADeviceEndsInOtherWays(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := serve(t, faketenant.Options{Now: clock.now, TenantIDs: []string{faketenant.TenantID, faketenant.OtherTenantID}})
	_, declined := s.begin(t, faketenant.TenantID, deviceForm())
	s.visit(t, "/devicelogin?user_code="+declined.UserCode+"&decline=1")
	if fault, answer := s.poll(t, declined); fault != "authorization_declined" {
		t.Errorf("declined: %v", answer)
	}
	_, b := s.begin(t, faketenant.TenantID, deviceForm())
	for name, c := range map[string]struct {
		pairs []string
		want  string
	}{
		"no code":        {[]string{"device_code", ""}, "invalid_request"},
		"another code":   {[]string{"device_code", b.DeviceCode + "x"}, "bad_verification_code"},
		"another app":    {[]string{"client_id", faketenant.DaemonClientID, "client_secret", s.ClientSecret(faketenant.DaemonClientID)}, "bad_verification_code"},
		"a page":         {[]string{"client_id", faketenant.SPAClientID}, "invalid_client"},
		"nobody's app":   {[]string{"client_id", faketenant.OtherTenantID}, "unauthorized_client"},
		"not yet signed": {nil, "authorization_pending"},
	} {
		if fault, answer := s.poll(t, b, c.pairs...); fault != c.want {
			t.Errorf("%s: %v, want %s", name, answer, c.want)
		}
	}
	clock.advance(15 * time.Minute)
	if fault, answer := s.poll(t, b); fault != "expired_token" {
		t.Errorf("expired: %v", answer)
	}
	if _, body := s.visit(t, "/devicelogin?user_code="+b.UserCode+"&persona=editor"); !strings.Contains(body, "no such code") {
		t.Errorf("the page takes an expired code: %s", body)
	}
}

func TestADeviceBeginsNothingThatIsWrong(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	for name, c := range map[string]struct {
		segment string
		form    url.Values
		code    int
	}{
		"no client":     {faketenant.TenantID, deviceForm("client_id", ""), 900144},
		"nobody's app":  {faketenant.TenantID, deviceForm("client_id", faketenant.OtherTenantID), 700016},
		"no scope":      {faketenant.TenantID, deviceForm("scope", ""), 900144},
		"another scope": {faketenant.TenantID, deviceForm("scope", "api://"+faketenant.APIClientID+"/other"), 650053},
		"every tenant":  {"common", deviceForm(), 50194},
		"no tenant":     {faketenant.OtherTenantID, deviceForm(), 90002},
	} {
		if status, b := s.begin(t, c.segment, c.form); status != http.StatusBadRequest || len(b.Codes) != 1 || b.Codes[0] != c.code {
			t.Errorf("%s: %d %+v, want %d", name, status, b, c.code)
		}
	}
}

func TestMSALForGoSignsInOnADevice(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	client, err := public.New(faketenant.NativeClientID, public.WithAuthority(s.url+"/"+faketenant.TenantID), public.WithInstanceDiscovery(false), public.WithHTTPClient(s.client))
	if err != nil {
		t.Fatal(err)
	}
	code, err := client.AcquireTokenByDeviceCode(t.Context(), []string{"api://" + faketenant.APIClientID + "/access_as_user"})
	if err != nil {
		t.Fatal(err)
	}
	s.visit(t, "/devicelogin?user_code="+code.Result.UserCode+"&persona=editor")
	result, err := code.AuthenticationResult(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if claims := plainClaims(t, result.AccessToken); claims["oid"] != oidOf(t, s, "editor") || result.IDToken.Oid != claims["oid"] {
		t.Errorf("claims %v, id token of %s", claims, result.IDToken.Oid)
	}
}
