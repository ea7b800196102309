package policy

import (
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// What an answer may hold. Session variables are bounded as those of grants are.
const (
	maxReason    = 256
	maxDecision  = 128
	maxVariables = 64
	maxItems     = 1000
	maxText      = 4096
	maxTTL       = 24 * time.Hour // longer ones say nothing
)

// errUndefined means that the policy has no rule for the question, or none that holds.
var errUndefined = errors.New("the policy leaves the decision undefined: the rule is missing, or it lacks a default")

// readAnswer reads what OPA's data API answers. Members that it has beside the result, such as metrics, say nothing about
// the decision.
func readAnswer(text []byte) (Verdict, error) {
	var members map[string]jsontext.Value
	if json.Unmarshal(text, &members) != nil {
		return Verdict{}, errors.New("the policy's answer is no JSON object")
	}
	result, ok := members["result"]
	if !ok {
		return Verdict{}, errUndefined
	}
	v, err := ReadResult(result)
	if id, ok := members["decision_id"]; ok && err == nil {
		err = readText(id, &v.Decision, maxDecision, `the policy's "decision_id"`)
	}
	if err != nil {
		return Verdict{}, err
	}
	return v, nil
}

// ReadResult reads a decision: true, false, or an object with allow and what else it may say. Nothing is guessed: a member
// that is not known may be a restriction that is misspelt. No text means that the policy left the decision undefined. The
// error is a sentence that repeats nothing of the text.
func ReadResult(text []byte) (Verdict, error) {
	value := jsontext.Value(text)
	switch {
	case len(text) == 0:
		return Verdict{}, errUndefined
	case !value.IsValid():
		return Verdict{}, errors.New("the policy's result is no JSON")
	case value.Kind() == 't', value.Kind() == 'f':
		return Verdict{Allow: value.Kind() == 't'}, nil
	case value.Kind() != '{' || hasNull(value):
		return Verdict{}, errors.New("the policy's result must be true, false or an object, and nothing in it null")
	}
	var members map[string]jsontext.Value
	if json.Unmarshal(value, &members) != nil {
		return Verdict{}, errors.New("the policy's result has a member twice")
	}
	if _, ok := members["allow"]; !ok {
		return Verdict{}, errors.New(`the policy's result lacks "allow"`)
	}
	var v Verdict
	for name, member := range members {
		if err := v.read(name, member); err != nil {
			return Verdict{}, err
		}
	}
	return v, nil
}

// read takes one member of a result.
func (v *Verdict) read(name string, member jsontext.Value) error {
	switch name {
	case "allow":
		return wanted(json.Unmarshal(member, &v.Allow) == nil, `the policy's "allow" must be true or false`)
	case "roles":
		err := json.Unmarshal(member, &v.Roles)
		return wanted(err == nil, `the policy's "roles" must be a list of texts`)
	case "session":
		return v.readSession(member)
	case "ttl_seconds":
		seconds, err := strconv.ParseFloat(string(member), 64)
		v.TTL = min(maxTTL, time.Duration(min(seconds, maxTTL.Seconds()))*time.Second)
		return wanted(err == nil && seconds >= 1 && seconds == math.Trunc(seconds), `the policy's "ttl_seconds" must be a whole number of at least 1: to refuse, it has "allow"`)
	case "reason":
		return readText(member, &v.Reason, maxReason, `the policy's "reason"`)
	}
	return errors.New(`the policy's result has a member that is none of "allow", "roles", "session", "ttl_seconds" and "reason"`)
}

func (v *Verdict) readSession(member jsontext.Value) error {
	var values map[string]jsontext.Value
	if json.Unmarshal(member, &values) != nil || len(values) > maxVariables {
		return errors.New(`the policy's "session" must be an object of at most 64 session variables`)
	}
	v.Session = make(map[string]Value, len(values))
	for name, text := range values {
		value := Value{}
		err := json.Unmarshal(text, &value.Text)
		if text.Kind() == '[' {
			err = json.Unmarshal(text, &value.List)
		}
		if err != nil || len(value.List) > maxItems || !isLine(value.Text, maxText) || !areLines(value.List) {
			return errors.New(`the policy's "session" has a value that is neither one line of text (at most 4096 bytes) nor a list of them (at most 1000)`)
		}
		v.Session[name] = value
	}
	return nil
}

func areLines(texts []string) bool {
	for _, text := range texts {
		if !isLine(text, maxText) {
			return false
		}
	}
	return true
}

// readText takes one line of text of so many bytes at most.
func readText(value jsontext.Value, to *string, most int, what string) error {
	err := json.Unmarshal(value, to)
	return wanted(value.Kind() == '"' && err == nil && isLine(*to, most), what+" must be one line of text, of at most "+strconv.Itoa(most)+" bytes")
}

func isLine(text string, most int) bool {
	return len(text) <= most && !strings.ContainsFunc(text, unicode.IsControl)
}

func wanted(ok bool, sentence string) error {
	if ok {
		return nil
	}
	return errors.New(sentence)
}

// hasNull reports whether there is a null anywhere in valid JSON. It would be read as nothing at all.
func hasNull(text jsontext.Value) bool {
	decoder := jsontext.NewDecoder(strings.NewReader(string(text)))
	for {
		token, err := decoder.ReadToken()
		if errors.Is(err, io.EOF) || err != nil {
			return false
		}
		if token.Kind() == 'n' {
			return true
		}
	}
}
