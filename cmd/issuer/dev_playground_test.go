package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// play asks the playground of a running `issuer dev`, as its page does.
func (d developing) play(t *testing.T, question string, body, into any) {
	t.Helper()
	method, path, _ := strings.Cut(question, " ")
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, d.base+"/playground/api/"+path, strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", d.base)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %s %v", question, text, response.Status, answer, err)
	}
	if err := json.Unmarshal(answer, into, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatalf("%s: %s: %v", question, answer, err)
	}
}

// What the playground answers, as far as these tests read it.
type (
	playedWorld struct {
		Personas []struct{ Name string }
		Faults   []struct{ ID string }
	}
	playedToken    struct{ Token string }
	playedExchange struct {
		Status int
		Body   struct {
			Token  string `json:"access_token"`
			Scope  string
			Reason string
		}
		Cure string
	}
	playedExplanation struct {
		Granted bool
		Roles   []struct {
			Role   string
			Grants []struct{ Principal, Standing string }
		}
	}
	playedVerdicts struct{ V2, V3 struct{ Accepted bool } }
)

// exchanged is what the persona's token, broken where a fault is named, comes to.
func (d developing) exchanged(t *testing.T, persona, fault string) (token string, got playedExchange) {
	t.Helper()
	var made playedToken
	d.play(t, "POST token", asks{"persona": persona, "fault": fault}, &made)
	d.play(t, "POST exchange", asks{"token": made.Token}, &got)
	return made.Token, got
}

type asks map[string]any

// TestEachWayToBreakATokenHasAReasonAndACure goes through all that the page offers.
func TestEachWayToBreakATokenHasAReasonAndACure(t *testing.T) {
	t.Parallel()
	d := develop(t)
	want := map[string]string{
		"expired": "token_expired", "early": "token_not_yet_valid", "graph": "graph_token", "arm": "arm_token", "audience": "audience_not_ours", "id": "id_token",
		"permission": "scope_missing", "tenant": "tenant_not_allowed", "anonymous": "claim_missing", "bearer": "token_malformed", "cut": "token_malformed",
		"claims": "signature_invalid", "key": "signature_invalid", "cloud": "key_issuer_mismatch", "none": "algorithm_not_allowed", "hmac": "algorithm_not_allowed", "bound": "bound_token",
	}
	var world playedWorld
	d.play(t, "GET world", nil, &world)
	if len(world.Faults) != len(want) {
		t.Errorf("%d ways are offered, of %d", len(world.Faults), len(want))
	}
	for _, fault := range world.Faults {
		for _, persona := range world.Personas {
			_, got := d.exchanged(t, persona.Name, fault.ID)
			expected := want[fault.ID]
			if persona.Name == "daemon" && fault.ID == "permission" {
				expected = "app_role_missing"
			}
			if got.Body.Reason != expected || got.Cure == "" {
				t.Errorf("%s of %s: %d %s, cure %q", fault.ID, persona.Name, got.Status, got.Body.Reason, got.Cure)
			}
		}
	}
}

func TestThePlaygroundShowsWhatTheIssuerDoes(t *testing.T) {
	t.Parallel()
	d := develop(t)
	if page := after(d.screen, "playground    "); page != d.base+"/" {
		t.Errorf("the first screen names %q", page)
	}
	if response, page := get(t, d.base+"/"); response.StatusCode != http.StatusOK || !strings.Contains(string(page), "playground") {
		t.Errorf("the page: %s", response.Status)
	}
	for persona, roles := range map[string]string{"editor": "editor reader", "daemon": "service", "nobody": ""} {
		token, exchanged := d.exchanged(t, persona, "")
		var explained playedExplanation
		var verdicts playedVerdicts
		d.play(t, "POST explain", asks{"token": token, "role": "editor"}, &explained)
		if exchanged.Body.Scope != roles || explained.Granted != (roles != "") {
			t.Errorf("%s: %+v, %+v", persona, exchanged, explained)
		}
		if persona == "nobody" {
			if len(explained.Roles) != 1 || len(explained.Roles[0].Grants) != 1 || explained.Roles[0].Grants[0].Standing != "not_the_principal" || exchanged.Cure == "" {
				t.Errorf("why %s lacks it: %+v, cure %q", persona, explained, exchanged.Cure)
			}
			continue
		}
		d.play(t, "POST verdicts", asks{"token": exchanged.Body.Token}, &verdicts)
		if !verdicts.V2.Accepted || !verdicts.V3.Accepted {
			t.Errorf("%s at the engines: %+v", persona, verdicts)
		}
		d.play(t, "POST verdicts", asks{"token": token}, &verdicts)
		if verdicts.V2.Accepted || verdicts.V3.Accepted {
			t.Errorf("%s at the engines with the Entra token: %+v", persona, verdicts)
		}
	}
}

// TestServeHasNoPlayground: who runs it for real gets nothing of this.
func TestServeHasNoPlayground(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	s := serve(t, onFiles(t, server.URL))
	for _, path := range []string{"/", "/playground/", "/playground/main.js", "/playground/msal.js", "/playground/api/world"} {
		if response, body := s.get(t, path); response.StatusCode != http.StatusNotFound || !strings.Contains(string(body), `"reason":"not_found"`) {
			t.Errorf("%s: %s %s", path, response.Status, body)
		}
	}
}
