package main

import (
	"net/http"
	"strings"
	"testing"
)

// playedRing is what the playground answers of the ring, as far as these tests read it.
type playedRing struct {
	Ahead   float64 `json:"ahead_seconds"`
	Refused string
	Keys    []struct {
		Generation int
		KID        string
		State      string
	}
}

func (p playedRing) signing() int {
	for _, k := range p.Keys {
		if k.State == "signing" {
			return k.Generation
		}
	}
	return 0
}

func TestTheRingOfThePlaygroundIsTheOneThatSigns(t *testing.T) {
	t.Parallel()
	d := develop(t)
	signs := func(ring playedRing) {
		t.Helper()
		_, exchanged := d.exchanged(t, "editor", "")
		header, err := decodeJWT(exchanged.Body.Token)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range ring.Keys {
			if signed := strings.Contains(header, key.KID); signed != (key.State == "signing") {
				t.Errorf("key %d is %s, signed the token: %t", key.Generation, key.State, signed)
			}
		}
	}
	var ring playedRing
	d.play(t, "GET keys", nil, &ring)
	if ring.signing() != 1 || len(ring.Keys) != 3 || ring.Ahead != 0 {
		t.Errorf("at first: %+v", ring)
	}
	signs(ring)
	d.play(t, "POST rotate", asks{}, &ring)
	if ring.Refused == "" || ring.signing() != 1 {
		t.Errorf("a rotation within the lead: %+v", ring)
	}
	d.play(t, "POST pass", asks{"seconds": 3601}, &ring)
	ring.Refused = ""
	d.play(t, "POST rotate", asks{}, &ring)
	if ring.Refused != "" || ring.signing() != 2 || len(ring.Keys) != 4 || ring.Ahead < 3601 {
		t.Errorf("a rotation after it: %+v", ring)
	}
	signs(ring)
	d.play(t, "POST rotate", asks{"force": true}, &ring)
	if ring.signing() != 3 {
		t.Errorf("a forced rotation: %+v", ring)
	}
	signs(ring)
	d.play(t, "POST pass", asks{"seconds": 7 * 86400}, &ring)
	if ring.signing() != 8 || ring.Keys[0].State != "dropped" {
		t.Errorf("a week later: %+v", ring)
	}
	signs(ring)
	if response, _ := get(t, d.base+"/readyz?full"); response.StatusCode != http.StatusOK {
		t.Errorf("health: %s", response.Status)
	}
}
