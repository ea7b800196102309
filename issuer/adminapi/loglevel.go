package adminapi

import (
	"net/http"
	"slices"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi/internal/wire"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// Verbosity is from which level on this process writes lines to its log. It is called concurrently.
type Verbosity interface {
	// Level returns the level that counts, and the one of the settings.
	Level() (now, configured string)
	// SetLevel has lines written from a level on, one of debug, info, warn and error, and writes down who wanted it.
	SetLevel(level, actor string)
}

var logLevels = []string{"debug", "info", "warn", "error"}

// logLevel answers how much this process logs.
func (a *API) logLevel(w http.ResponseWriter, r *http.Request, _ *api.Account) error {
	if _, err := wire.ParametersOf(r); err != nil {
		return err
	}
	return a.answerLogLevel(w)
}

// setLogLevel changes it, until the process ends. No record of the history is made, since it is nobody's right.
func (a *API) setLogLevel(w http.ResponseWriter, r *http.Request, account *api.Account) error {
	if _, err := wire.ParametersOf(r); err != nil {
		return err
	}
	var wanted struct {
		Level string `json:"level"`
	}
	if err := wire.Decode(w, r, &wanted); err != nil {
		return err
	}
	if !slices.Contains(logLevels, wanted.Level) {
		return wire.Refuse(wire.ReasonBodyMalformed, "the member level wants debug, info, warn or error")
	}
	a.config.Verbosity.SetLevel(wanted.Level, account.Actor)
	return a.answerLogLevel(w)
}

func (a *API) answerLogLevel(w http.ResponseWriter) error {
	now, configured := a.config.Verbosity.Level()
	return wire.Answer(w, http.StatusOK, map[string]string{"level": now, "configured": configured})
}
