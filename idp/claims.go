package idp

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/strict"
)

// claims holds what we read of a token's claims, decoded once. The rest is opaque and ignored.
type claims struct {
	aud, iss, tid, ver     text
	oid, sub, azp, appid   text
	scp, idtyp, idp, uti   text
	tfp, acr               text // of B2C
	actFacets, subFacets   text
	exp, nbf, iat, acct    number
	groups, roles          list
	elsewhere              claimNames
	hasGroups              flag
	cnf, agentParent       mark
	nonce, atHash, codHash mark

	variant bool              // a name differs only in case from one that is read
	members int               // of the object, read or not
	kept    map[string]string // by exact name; nil when nothing was kept
	unfit   bool              // one that was to be kept is of no form that others may be handed
}

// field returns where a claim is read to, or nil for one that is not read. It is the one list of names we know.
func (c *claims) field(name string) field {
	switch name {
	case "aud":
		return &c.aud
	case "iss":
		return &c.iss
	case "tid":
		return &c.tid
	case "ver":
		return &c.ver
	case "oid":
		return &c.oid
	case "sub":
		return &c.sub
	case "azp":
		return &c.azp
	case "appid":
		return &c.appid
	case "scp":
		return &c.scp
	case "idtyp":
		return &c.idtyp
	case "idp":
		return &c.idp
	case "uti":
		return &c.uti
	case "tfp":
		return &c.tfp
	case "acr":
		return &c.acr
	case "exp":
		return &c.exp
	case "nbf":
		return &c.nbf
	case "iat":
		return &c.iat
	case "acct":
		return &c.acct
	case "groups":
		return &c.groups
	case "roles":
		return &c.roles
	case "_claim_names":
		return &c.elsewhere
	case "hasgroups":
		return &c.hasGroups
	case "cnf":
		return &c.cnf
	case "nonce":
		return &c.nonce
	case "at_hash":
		return &c.atHash
	case "c_hash":
		return &c.codHash
	case "xms_act_fct":
		return &c.actFacets
	case "xms_sub_fct":
		return &c.subFacets
	case "xms_par_app_azp":
		return &c.agentParent
	default:
		return nil
	}
}

const (
	maxMembers = 200     // of the claims; Entra's tokens have about 40
	maxKept    = 4 << 10 // bytes of a claim that is handed on
)

var errMembers = errors.New("more than 200 members")

// decode reads the claims. The error means that doc is not a JSON object of the form package strict wants, or a very
// large one; what is wrong with single claims is found when they are asked for.
func (c *claims) decode(doc []byte, keep keepList) error {
	return strict.Object(doc, func(name string, value jsontext.Value) error {
		if c.members++; c.members > maxMembers {
			return errMembers
		}
		lower := fold(name)
		if known := c.field(name); known != nil {
			known.read(value)
		} else if lower != name && c.field(lower) != nil {
			c.variant = true
		}
		switch kept, wanted := keep[lower]; {
		case !wanted:
		case kept == name:
			c.keep(name, value)
		default:
			c.variant = true
		}
		return nil
	})
}

func (c *claims) keep(name string, value jsontext.Value) {
	content, ok := scalar(value)
	if !ok {
		return
	}
	if name == "tid" || name == "oid" || name == "azp" || name == "appid" {
		if id, ok := guid(content); ok {
			content = id
		}
	}
	if len(content) > maxKept || strings.ContainsFunc(content, unicode.IsControl) {
		c.unfit = true
		return
	}
	if c.kept == nil {
		c.kept = map[string]string{}
	}
	c.kept[name] = content
}

// scalar returns a string as it is, a number or boolean as JSON writes it.
func scalar(value jsontext.Value) (string, bool) {
	kind := value.Kind()
	if kind == jsontext.KindNumber || kind == jsontext.KindTrue || kind == jsontext.KindFalse {
		return string(value), true
	}
	return strict.Text(value)
}

// keepList maps the folded names of claims to be kept to their exact names.
type keepList map[string]string

func newKeepList(names []string) (keepList, error) {
	var faults []error
	kept := make(keepList, len(names))
	for _, name := range names {
		lower := fold(name)
		other, twice := kept[lower]
		switch {
		case !isWord(name) || !isASCII(name):
			faults = append(faults, wrong("KeepClaims", fmt.Errorf("%q is not a claim name of ASCII characters without spaces", name)))
		case twice && other != name:
			faults = append(faults, wrong("KeepClaims", fmt.Errorf("%q and %q differ only in case", other, name)))
		case lower != name && new(claims).field(lower) != nil:
			faults = append(faults, wrong("KeepClaims", fmt.Errorf("%q differs only in case from %q", name, lower)))
		}
		kept[lower] = name
	}
	return kept, errors.Join(faults...)
}

func isASCII(name string) bool {
	for i := range len(name) {
		if name[i] > '~' || name[i] < '!' {
			return false
		}
	}
	return true
}
