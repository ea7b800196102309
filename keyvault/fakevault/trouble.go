package fakevault

import "net/http"

// Disable disables a version, or the current one for an empty id. The vault
// then still wraps with it, and no longer unwraps, as Azure's does.
func (v *Vault) Disable(name, id string) {
	if found := v.find(name, id); found != nil {
		v.mu.Lock()
		defer v.mu.Unlock()
		found.disabled = true
	}
}

// Delete deletes a key with all its versions.
func (v *Vault) Delete(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.keys, name)
}

// Deny takes the permission for an operation, "wrapkey" or "unwrapkey", away.
func (v *Vault) Deny(operation string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.denied[operation] = true
}

// Throttle has the vault answer 429 to everybody with a token.
func (v *Vault) Throttle(on bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.throttled = on
}

// Down breaks every connection, of the sign-in too, without an answer.
func (v *Vault) Down(on bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.down = on
}

// Expire ends all tokens handed out, and with stale those to come.
func (v *Vault) Expire(stale bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stale = stale
	for _, t := range v.tokens {
		t.expired = true
	}
}

// Intercept hands each request to hook first, which returns true if it answered.
// It is for what neither service would ever say.
func (v *Vault) Intercept(hook func(http.ResponseWriter, *http.Request) bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hook = hook
}
