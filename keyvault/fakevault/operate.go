package fakevault

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// apiVersions are those that know the operations; the SDK says the last.
var apiVersions = map[string]bool{"7.4": true, "7.5": true, "7.6": true, "2025-07-01": true}

// operate is a key operation: POST /keys/NAME/VERSION/OPERATION. Without the
// version, whichever way the slashes fall, it is about the current one.
func (v *Vault) operate(w http.ResponseWriter, r *http.Request) {
	if !v.authenticated(w, r) {
		return
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/keys/"), "/")
	if len(parts) == 2 {
		parts = []string{parts[0], "", parts[1]}
	}
	known := len(parts) == 3 && (parts[2] == "wrapkey" || parts[2] == "unwrapkey")
	switch {
	case !known:
		refuse(w, http.StatusNotFound, "NotFound", "The requested resource does not exist.", "")
	case r.Method != http.MethodPost:
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "Method not allowed.", "")
	case !apiVersions[r.URL.Query().Get("api-version")]:
		refuse(w, http.StatusBadRequest, "BadParameter", "The api-version is missing or not supported.", "")
	case v.busy():
		w.Header().Set("Retry-After", "10")
		refuse(w, http.StatusTooManyRequests, "Throttled", "Request was not processed because too many requests were "+
			"received. Reason: VaultRequestTypeLimitReached", "")
	case v.refused(parts[2]):
		refuse(w, http.StatusForbidden, "Forbidden", "Caller is not authorized to perform action on resource.\r\n"+
			"Caller: appid="+ClientID+"\r\nAction: 'Microsoft.KeyVault/vaults/keys/"+parts[2]+"/action'\r\n"+
			"Assignment: (not found)\r\n", "ForbiddenByRbac")
	default:
		v.use(w, r, parts[0], parts[1], parts[2])
	}
}

func (v *Vault) busy() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.throttled
}

func (v *Vault) refused(operation string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.denied[operation]
}

// use finds the version, reads the body and does what is asked.
func (v *Vault) use(w http.ResponseWriter, r *http.Request, name, id, operation string) {
	found := v.find(name, id)
	if found == nil {
		refuse(w, http.StatusNotFound, "KeyNotFound", "A key with (name/id) "+name+" was not found in this key vault. "+
			"If you recently deleted this key you may be able to recover it.", "")
		return
	}
	value, message := readBody(r)
	if message != "" {
		refuse(w, http.StatusBadRequest, "BadParameter", message, "")
		return
	}
	v.mu.Lock()
	disabled := found.disabled
	v.mu.Unlock()
	if disabled && operation == "unwrapkey" {
		refuse(w, http.StatusForbidden, "Forbidden", "Operation unwrapKey is not allowed on a disabled key.", "KeyDisabled")
		return
	}
	result, err := v.compute(found, operation, value)
	if err != nil {
		refuse(w, http.StatusBadRequest, "BadParameter", "The parameter is incorrect.\r\n", "")
		return
	}
	answer(w, http.StatusOK, map[string]string{
		"kid":   fmt.Sprintf("https://%s/keys/%s/%s", r.Host, name, found.id),
		"value": base64.RawURLEncoding.EncodeToString(result),
	})
}

func (v *Vault) compute(found *version, operation string, value []byte) ([]byte, error) {
	v.mu.Lock()
	if operation == "wrapkey" {
		v.calls.Wraps++
	} else {
		v.calls.Unwraps++
	}
	v.mu.Unlock()
	if operation == "wrapkey" {
		return rsa.EncryptOAEP(sha256.New(), rand.Reader, &found.private.PublicKey, value, nil)
	}
	return rsa.DecryptOAEP(sha256.New(), nil, found.private, value, nil)
}

// readBody returns the value, or what Key Vault says of the body.
func readBody(r *http.Request) (value []byte, message string) {
	var body struct {
		Algorithm string  `json:"alg"`
		Value     *string `json:"value"`
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil || json.Unmarshal(raw, &body) != nil {
		return nil, "The request body is not valid JSON.\r\n"
	}
	if body.Algorithm != "RSA-OAEP-256" {
		return nil, "Property 'alg' has invalid value\r\n"
	}
	if body.Value == nil {
		return nil, "Property 'value' is required.\r\n"
	}
	value, err = base64.RawURLEncoding.Strict().DecodeString(*body.Value)
	if err != nil {
		return nil, "Content of 'value' is not base64url.\r\nProperty 'value' is required.\r\n"
	}
	return value, ""
}
