package main

import (
	"context"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer/ratelimit"
	"github.com/hasura-issuer/hasura-issuer/redisconn"
)

// redisTries is how often Redis is asked: a command has a quarter of a second, and the first one makes the connection.
const redisTries = 5

// redis asks Redis whether it is there. The service does without it, but whoever names one wants it used.
func (a *attempt) redis(ctx context.Context) finding {
	url := a.settings.RedisURL.reveal()
	if url == "" {
		return finding{Name: "redis", Status: off, Detail: "none is set: replicas share nothing"}
	}
	client, err := a.program.redis.open(url, func(error) {})
	if err != nil {
		return found("redis", "", "", err)
	}
	defer client.Close()
	for range redisTries { // the last one before the server is given up tells why
		if err = client.Ping(ctx).Err(); err == nil || client.Health() != nil {
			break
		}
	}
	f := finding{Name: "redis", Of: redisPlace(url), Status: ok, Detail: "it answers"}
	switch {
	case err != nil:
		f.Status = failed
		f.Detail, f.Cure = redisCause(err, strings.HasPrefix(url, "rediss:"))
	case !countsIn(ctx, client):
		f.Status, f.Detail, f.Cure = note, "it answers and does not count for us: every replica has the limits for itself", "give the user EVAL, EVALSHA, GET, SET and TIME on rate:issuer:*"
	case len(a.settings.KeysEncryptionKey.keks) == 0:
		f.Status, f.Detail, f.Cure = note, "it answers, and nothing but limits is shared by it", "set ISSUER_KEYS_ENCRYPTION_KEY: without it whoever can write to Redis could grant any group"
	}
	return f
}

// countsIn reports whether Redis does for us what limits need, by a look at a bucket that nobody uses.
func countsIn(ctx context.Context, client *redisconn.Client) bool {
	counts := true
	limiter := ratelimit.New("check", ratelimit.Options{Redis: client, FellBack: func() { counts = false }})
	limiter.Look(ctx, ratelimit.Rate{Events: 1, Per: time.Second}, "check")
	return counts
}
