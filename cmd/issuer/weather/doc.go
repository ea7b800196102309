// Package weather has no code of its own. Its tests run the real program as processes, against a Postgres, a Redis, an
// Entra with Graph and a policy server that are slow, silent, gone, frozen, killed or half-broken, one at a time and two at
// a time, and hold every answer to what that caller may hear. docs/weather.md says what came of it.
package weather
