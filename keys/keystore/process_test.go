package keystore_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// quick is a policy with many turns in little time.
var quick = keys.Policy{Period: 12 * time.Minute, TTL: time.Minute, MaxAge: time.Minute, Lead: 4 * time.Minute, Alg: keys.EdDSA}

// round is what a process did in one: the key it signed with and the set it served at some time between the two.
type round struct {
	Before, After time.Time
	KID           string
	Set           []string
}

// covers tells whether an engine that fetched that set meets no token of the other round, or can verify it.
func (r round) covers(token round) bool {
	kept, dead := r.Before.Add(quick.MaxAge), token.Before.Add(quick.TTL+keys.Skew)
	apart := kept.Before(token.After) || dead.Before(r.After)
	return apart || len(r.Set) == 0 || token.KID == "" || slices.Contains(r.Set, token.KID)
}

// process is one that plays its part, see playForEver.
type process struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *json.Decoder
}

func startProcess(t *testing.T, url string) *process {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), processURL+"="+url)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	keystest.Must(t, err)
	out, err := command.StdoutPipe()
	keystest.Must(t, err)
	keystest.Must(t, command.Start())
	return &process{command, in, json.NewDecoder(out)}
}

func (p *process) tell(t *testing.T) {
	t.Helper()
	_, err := p.in.Write([]byte("\n"))
	keystest.Must(t, err)
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	keystest.Must(t, p.command.Process.Kill())
	if p.command.Wait() == nil {
		t.Error("a process ended before it was killed")
	}
}

func TestProcessesThatRotateRevokeAndDieLeaveASoundRing(t *testing.T) {
	t.Parallel()
	const processes, ticks = 3, 90
	url := clockedDatabase(t)
	pool := openPool(t, url)
	store := keystore.NewPostgres(pool)
	var cast []*process
	for range processes {
		cast = append(cast, startProcess(t, url))
	}
	var rounds []round
	rows := keystest.Load(t, store).Keys
	for tick := range ticks {
		for _, p := range cast {
			p.tell(t)
		}
		for i, p := range cast {
			if i == tick%processes && tick%12 == 5 { // while the others are busy, and it may be
				p.kill(t)
				cast[i] = startProcess(t, url)
				continue
			}
			var r round
			if err := p.out.Decode(&r); err != nil {
				t.Fatalf("a process ended by itself: %v", err)
			}
			rounds = append(rounds, r)
		}
		rows = checkSound(t, store, rows)
		keystest.Must(t, advance(t.Context(), pool, 30*time.Second))
	}
	for _, p := range cast {
		p.kill(t)
	}
	checkRounds(t, rounds, rows)
}

// advance moves the database's clock while nobody changes the ring, so that what was read under its lock is committed in time.
func advance(ctx context.Context, pool *pgxpool.Pool, by time.Duration) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM issuer.ring FOR UPDATE`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE clock.reading SET at = at + make_interval(secs => $1)`, by.Seconds())
		return err
	})
}

// checkSound wants one key to sign, and each row to be what it may have become since.
func checkSound(t *testing.T, store keys.Store, before []keys.Key) []keys.Key {
	t.Helper()
	s := keystest.Load(t, store)
	signing := 0
	for _, k := range keys.List(s, s.Now) {
		if k.State == keys.Signing {
			signing++
		}
	}
	if signing != 1 || len(s.Keys) < len(before) {
		t.Fatalf("%d keys sign, and there are %d rows after %d", signing, len(s.Keys), len(before))
	}
	for i, k := range s.Keys {
		if k.Generation != int64(i+1) {
			t.Fatalf("the key at place %d has generation %d", i, k.Generation)
		}
		if i < len(before) && (k.KID != before[i].KID || k.SignsFrom.After(before[i].SignsFrom) ||
			(!before[i].RevokedAt.IsZero() && !k.RevokedAt.Equal(before[i].RevokedAt))) {
			t.Fatalf("generation %d was %+v and is %+v", k.Generation, before[i], k)
		}
	}
	return s.Keys
}

// checkRounds wants no set to have lacked the key of a live token that is not revoked, and much to have happened.
func checkRounds(t *testing.T, rounds []round, rows []keys.Key) {
	t.Helper()
	signed, revoked := map[string]bool{}, map[string]bool{}
	for _, k := range rows {
		revoked[k.KID] = !k.RevokedAt.IsZero()
	}
	for _, token := range rounds {
		signed[token.KID] = true
		for _, set := range rounds {
			if !revoked[token.KID] && !set.covers(token) {
				t.Fatalf("%s signed at %v, and at %v %v were published", token.KID, token.After, set.After, set.Set)
			}
		}
	}
	if len(signed) < 3 || len(rows) < 6 {
		t.Errorf("only %d keys signed, of %d: the processes did too little", len(signed), len(rows))
	}
}

// playForEver is the child of the test above. Told to by a line, it looks at the store, signs and publishes, does
// something to the ring, and says what it signed and published.
func playForEver(url string) error {
	ctx := context.Background()
	pool, err := database.Open(ctx, url)
	if err != nil {
		return err
	}
	store, sealer := keystore.NewPostgres(pool), suiteSealer()
	now := func() (at time.Time) {
		if err := pool.QueryRow(ctx, `SELECT at FROM clock.reading`).Scan(&at); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return at
	}
	ring, err := keys.NewRing(keys.RingConfig{
		Store: store, Sealer: sealer, Policy: quick, Now: now, Auto: rand.N(2) == 0, Name: fmt.Sprint("process ", os.Getpid()),
	})
	if err != nil {
		return err
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if rand.N(4) > 0 {
			_ = ring.Sync(ctx) // a failure shows in what it serves
		}
		r := round{Before: now()}
		if body, _, err := ring.JWKS(""); err == nil {
			r.Set = kidsOf(body)
		}
		_, r.KID, _ = ring.Sign(ctx, []byte(`{}`))
		r.After = now()
		if err := disturb(ctx, store, sealer, now()); err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
			return err
		}
	}
	return io.EOF
}

// disturb rotates, hands over or revokes.
func disturb(ctx context.Context, store keys.Store, sealer *keys.Sealer, now time.Time) error {
	s, err := store.Load(ctx)
	if err != nil {
		return err
	}
	switch rand.N(20) {
	case 0:
		_, _ = keys.HandOver(ctx, store, sealer, quick, false) // it may be too early
	case 1:
		for _, k := range keys.List(s, now) {
			if k.State == keys.Signing {
				_, _ = keys.Revoke(ctx, store, sealer, quick, keys.Revocation{KID: k.KID, Reason: "leaked"})
			}
		}
	default:
		_, err = keys.Rotate(ctx, store, sealer, quick)
	}
	return err
}

func kidsOf(body []byte) []string {
	var set struct{ Keys []struct{ Kid string } }
	var kids []string
	if json.Unmarshal(body, &set) == nil {
		for _, k := range set.Keys {
			kids = append(kids, k.Kid)
		}
	}
	return kids
}

// suiteSealer is keystest.Sealer without a test.
func suiteSealer() *keys.Sealer {
	sealer, err := keys.NewSealer(keys.KEK{ID: "suite"})
	if err != nil {
		panic(err)
	}
	return sealer
}
