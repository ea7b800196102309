package fakevault

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"strings"
)

// serve leads to the vault or to the sign-in by the path alone, as both answer
// to every host. The vault's paths do not go through a mux, which would clean
// /keys/NAME//wrapkey, the SDK's way to say "the current version".
func (v *Vault) serve(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	v.calls.Requests++
	hook, down := v.hook, v.down
	v.mu.Unlock()
	switch {
	case down:
		panic(http.ErrAbortHandler)
	case hook != nil && hook(w, r):
	case strings.HasPrefix(r.URL.Path, "/keys/"):
		v.operate(w, r)
	default:
		v.mux.ServeHTTP(w, r)
	}
}

// answer writes JSON as both services do.
func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// refuse writes an error as Key Vault does; inner may be empty.
func refuse(w http.ResponseWriter, status int, code, message, inner string) {
	body := map[string]any{"code": code, "message": message}
	if inner != "" {
		body["innererror"] = map[string]any{"code": inner}
	}
	answer(w, status, map[string]any{"error": body})
}

// silent keeps the server from writing about broken handshakes, which tests
// cause on purpose.
func silent() *log.Logger { return log.New(io.Discard, "", 0) }
