package faketenant

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	grantDeviceCode = "urn:ietf:params:oauth:grant-type:device_code"
	grantDeviceOld  = "device_code" // as MSAL for Go still spells it
	devicePath      = "/devicelogin"
	deviceLife      = 15 * time.Minute
	devicePause     = 5 * time.Second // that has to lie between two questions
)

// deviceGrant is what a device code stands for.
type deviceGrant struct {
	client, tid, scope string
	userCode           string
	expires            time.Time
	asked              time.Time // last; zero: never
	oid                string    // who signed in; empty: nobody yet
	declined, redeemed bool
}

// devices are the sign-ins that were begun on devices without a browser.
type devices struct {
	mu     sync.Mutex
	grants map[string]*deviceGrant // by device code
}

// deviceAnswer is Entra's, which leaves verification_uri_complete out.
type deviceAnswer struct {
	UserCode        string `json:"user_code"`
	DeviceCode      string `json:"device_code"`
	VerificationURI string `json:"verification_uri"`
	ExpiresIn       int    `json:"expires_in"`
	Interval        int    `json:"interval"`
	Message         string `json:"message"`
}

// deviceAuthorization is the device authorization endpoint (RFC 8628 section 3.1).
func (t *Tenant) deviceAuthorization(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		t.refuse(w, r, methodWrong)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	answer, err := t.beginDevice(r)
	if err != nil {
		t.refuse(w, r, asRefusal(err))
		return
	}
	write(w, http.StatusOK, "no-store, no-cache", answer)
}

func (t *Tenant) beginDevice(r *http.Request) (deviceAnswer, error) {
	if err := r.ParseForm(); err != nil {
		return deviceAnswer{}, requestMalformed
	}
	app, _, err := t.client(r, r.PathValue("tid"))
	if err != nil {
		return deviceAnswer{}, err
	}
	tid, err := t.directoryOf(r.PathValue("tid"), app)
	if err != nil {
		return deviceAnswer{}, err
	}
	scope := r.PostForm.Get("scope")
	if scope == "" {
		return deviceAnswer{}, parameterMissing.because("scope")
	}
	w, err := t.wishOf(scope)
	if err == nil {
		_, err = t.granted(app, w, false)
	}
	if err != nil {
		return deviceAnswer{}, err
	}
	code, userCode := t.devices.begin(deviceGrant{client: app.ID, tid: tid, scope: scope, expires: t.now().Add(deviceLife)})
	page := t.base() + devicePath
	return deviceAnswer{
		userCode, code, page, int(deviceLife.Seconds()), int(devicePause.Seconds()),
		fmt.Sprintf("To sign in, use a web browser to open the page %s and enter the code %s to authenticate.", page, userCode),
	}, nil
}

// directoryOf is the tenant that a path names, which has to be one of ours.
func (t *Tenant) directoryOf(segment string, app registration) (string, error) {
	tid := strings.ToLower(segment)
	switch {
	case tid == "common" || tid == "organizations":
		return "", notMultiTenant.because(app.ID)
	case !slices.Contains(t.tenantIDs, tid):
		return "", tenantNotFound.because(segment)
	}
	return tid, nil
}

func (d *devices) begin(g deviceGrant) (code, userCode string) {
	g.userCode = rand.Text()[:9]
	code = "1." + opaque(120)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.grants[code] = &g
	return code, g.userCode
}

// deviceCode redeems a device code, once the person has signed in elsewhere (RFC 8628 section 3.4). Until then it says so,
// and to who asks again too soon that they have to slow down.
func (t *Tenant) deviceCode(r tokenRequest) (tokenAnswer, error) {
	code := r.param("device_code")
	switch {
	case code == "":
		return tokenAnswer{}, parameterMissing.because("device_code")
	case r.client.Platform != PlatformNative && r.acr == acrNone: // it does not "allow public client flows"
		return tokenAnswer{}, credentialMissing
	}
	g, err := t.devices.redeem(code, r.client.ID, r.tid, t.now())
	if err != nil {
		return tokenAnswer{}, err
	}
	r.PostForm.Set("scope", g.scope) // what was asked for when it began
	return t.answerPerson(r, signIn{g.oid, g.tid, g.client, t.now().Add(refreshLife)}, "")
}

func (d *devices) redeem(code, client, tid string, now time.Time) (deviceGrant, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g, known := d.grants[code]
	if !known || g.client != client || g.tid != tid {
		return deviceGrant{}, deviceUnknown
	}
	early := !g.asked.IsZero() && now.Before(g.asked.Add(devicePause))
	g.asked = now
	switch {
	case g.redeemed:
		return deviceGrant{}, codeRedeemed
	case !now.Before(g.expires):
		return deviceGrant{}, deviceExpired
	case g.declined:
		return deviceGrant{}, deviceDeclined
	case early:
		return deviceGrant{}, deviceTooFast
	case g.oid == "":
		return deviceGrant{}, devicePending
	}
	g.redeemed = true
	return *g, nil
}
