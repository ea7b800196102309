package graph

import (
	"errors"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/wire"
	"github.com/hasura-issuer/hasura-issuer/idp/internal/strict"
)

// groupType is what transitiveMemberOf calls a group; it also lists directory roles and administrative units.
const groupType = "#microsoft.graph.group"

var errNotGraph = errors.New("not an answer of Microsoft Graph")

// page is a collection that Graph answers with, or a part of one.
type page struct {
	ids  []uuid.UUID
	next string // "" on the last
}

// readPage takes an answer whole or not at all. An element that is not as it should be spoils the page: leaving it out
// could leave a group out.
func readPage(doc []byte, element func(jsontext.Value) (id uuid.UUID, wanted bool, err error)) (page, error) {
	var p page
	found := false
	err := strict.Object(doc, func(name string, value jsontext.Value) error {
		switch name {
		case "value":
			found = true
			return p.readAll(value, element)
		case "@odata.nextLink":
			next, ok := strict.Text(value)
			if !ok || next == "" {
				return errNotGraph
			}
			p.next = next
		}
		return nil
	})
	if err != nil || !found {
		return page{}, errNotGraph
	}
	return p, nil
}

func (p *page) readAll(values jsontext.Value, element func(jsontext.Value) (uuid.UUID, bool, error)) error {
	if !strict.Array(values, func(value jsontext.Value) bool {
		id, wanted, err := element(value)
		if err == nil && wanted {
			p.ids = append(p.ids, id)
		}
		return err == nil
	}) {
		return errNotGraph
	}
	return nil
}

// idElement reads an id as checkMemberGroups and getMemberGroups list it.
func idElement(value jsontext.Value) (uuid.UUID, bool, error) {
	text, ok := strict.Text(value)
	id, isGUID := wire.GUID(text)
	if !ok || !isGUID {
		return uuid.UUID{}, false, errNotGraph
	}
	return id, true, nil
}

// objectElement reads an object as transitiveMemberOf lists it. Its type is always there, even where our app may see
// nothing else of the object.
func objectElement(value jsontext.Value) (uuid.UUID, bool, error) {
	var kind, text string
	err := strict.Object(value, func(name string, value jsontext.Value) error {
		switch name {
		case "@odata.type":
			kind, _ = strict.Text(value)
		case "id":
			text, _ = strict.Text(value)
		}
		return nil
	})
	id, isGUID := wire.GUID(text)
	if err != nil || kind == "" || !isGUID {
		return uuid.UUID{}, false, errNotGraph
	}
	return id, kind == groupType, nil
}

// refusal says what an answer is that is no 200.
func refusal(answer wire.Answer, now time.Time) *UnavailableError {
	problem := wire.Answered(who, answer, now)
	_ = strict.Object(answer.Body, func(name string, value jsontext.Value) error { // a body that is no JSON says nothing
		if name != "error" {
			return nil
		}
		return strict.Object(value, func(name string, value jsontext.Value) error {
			if code, ok := strict.Text(value); ok && name == "code" {
				problem.Code = letters(code)
			}
			return nil
		})
	})
	problem.Personal = problem.Code != "" && concernsOne(answer.Status)
	problem.Hint = cures[problem.Code]
	problem.Trace = wire.Trace(answer.Header.Get("request-id"))
	return problem
}

// concernsOne says that a status of Graph's own errors is about the question. Those about our app, or about how much it
// asks, are about everybody's. So is an error without a code, which is not Graph's.
func concernsOne(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	default:
		return 400 <= status && status < 500
	}
}

// gone says that Graph was asked and knows no such caller.
func gone(problem *UnavailableError) bool {
	return problem.Status == http.StatusNotFound && problem.Code == codeNotFound
}
