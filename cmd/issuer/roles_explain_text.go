package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/screen"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// explained is an explanation, and what a person should know beside it.
type explained struct {
	issuer.Explanation
	Cure  string   `json:"cure,omitempty"`
	Notes []string `json:"notes,omitempty"`

	queried bool // a query of the operator's gives the roles
	policed bool // a policy has the last word
}

// write shows it to a person: the outcome first, then why, then what the token would say.
func (e explained) write(w io.Writer) error {
	var out bytes.Buffer
	style := screen.Red
	switch {
	case e.Granted:
		style = screen.Green
	case e.Open:
		style = screen.Yellow
	}
	to := screen.Of(w).Onto(&out)
	fmt.Fprintf(to, "%s\n\n", to.In(style, e.outcome()))
	e.facts(&out)
	if len(e.Roles) > 0 {
		fmt.Fprintln(&out)
		e.roles(to)
	}
	if len(e.Session) > 0 {
		fmt.Fprintln(&out)
		e.session(to)
	}
	if e.Token != nil {
		if err := e.claims(&out); err != nil {
			return err
		}
	}
	for i, note := range e.Notes {
		if i == 0 {
			fmt.Fprintln(&out)
		}
		fmt.Fprintf(&out, "note: %s\n", cell(note))
	}
	_, err := out.WriteTo(w)
	return err
}

// outcome is the line that tells it all.
func (e explained) outcome() string {
	switch {
	case e.Unjudged:
		return fmt.Sprintf("not judged (%s): %s", e.Reason, cell(e.Finding))
	case e.Open:
		return fmt.Sprintf("not known (%s without the caller's groups): which groups the caller is in was not said", e.Reason)
	case !e.Granted:
		return fmt.Sprintf("refused (%s): %s", e.Reason, cell(e.Finding))
	}
	var names []string
	for _, role := range e.Roles {
		if role.InToken {
			names = append(names, cell(role.Role))
		}
	}
	text := "granted: " + strings.Join(names, ", ")
	if e.Caller.GroupsUnknown {
		text += ", and whatever the caller's groups give"
	}
	return text
}

// facts are what the outcome rests on, one a line.
func (e explained) facts(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, text string) { fmt.Fprintf(table, "%s\t%s\n", name, text) }
	if e.Cure != "" {
		line("what to do", cell(e.Cure))
	}
	if e.Caller.Tenant == "" {
		line("caller", "not known: no token of theirs was accepted")
	} else {
		line("caller", e.who())
		line("groups", e.groups())
		line("app roles", cell(cmp.Or(strings.Join(e.Caller.AppRoles, ", "), "none")))
	}
	for _, b := range e.Blocks {
		line("block", blockLine(b))
	}
	if e.Policy != nil {
		line("policy", policyLine(*e.Policy))
	}
	if e.DefaultBy != "" {
		line("default", cell(e.Roles[0].Role+": "+e.DefaultBy))
	}
	if e.Token != nil {
		line("ends", timeOrDash(e.Token.Expires)+", by "+cell(e.Token.EndsBy))
		line("size", fmt.Sprintf("%d bytes of at most %d", e.Token.Bytes, issuer.MaxToken))
	}
	_ = table.Flush() // to a buffer
}

func (e explained) who() string {
	c := e.Caller
	text := fmt.Sprintf("%s %s", c.Kind, c.ObjectID)
	if c.Kind == idp.KindApp {
		text = fmt.Sprintf("%s %s", c.Kind, c.Client)
	}
	if c.Guest {
		text += " (a guest)"
	}
	text += " in tenant " + c.Tenant
	if c.Kind == idp.KindUser && c.Client != "" {
		text += ", by the client " + c.Client
	}
	return cell(text)
}

func (e explained) groups() string {
	list := cmp.Or(strings.Join(e.Caller.Groups, ", "), "none")
	switch {
	case e.Caller.GroupsUnknown || e.Caller.GroupsAsked && e.Unjudged && len(e.Caller.Groups) == 0:
		return "not known"
	case e.Caller.GroupsAsked && e.policed:
		return cell(list + " (by Microsoft Graph)")
	case e.Caller.GroupsAsked:
		return cell(list + " (of those that grants name, by Microsoft Graph)")
	default:
		return cell(list)
	}
}

func policyLine(p issuer.ExplainedPolicy) string {
	text := "refuses"
	if p.Allowed {
		text = "allows"
	}
	if len(p.Withheld) > 0 && p.Allowed {
		text += ", without " + strings.Join(p.Withheld, ", ")
	}
	if len(p.Added) > 0 {
		text += ", with " + strings.Join(p.Added, ", ")
	}
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	return cell(text)
}

func blockLine(b issuer.ExplainedBlock) string {
	text := b.Principal
	switch {
	case !b.InForce:
		text += ", over since " + timeOrDash(b.Until)
	case b.Until.IsZero():
		text += ", without end"
	default:
		text += ", until " + timeOrDash(b.Until)
	}
	if b.Reason != "" {
		text += ": " + b.Reason
	}
	return cell(text)
}

// roles shows each role, and each grant that speaks of it, the one that has the say first.
func (e explained) roles(w io.Writer) {
	table := screen.NewTable(w, true)
	fmt.Fprintln(table, "ROLE\tHELD\tGRANTED TO\tPRIORITY\tSTANDING\tREASON")
	for _, role := range e.Roles {
		name, held := cell(role.Role), e.held(role)
		for _, g := range role.Grants {
			fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\n", name, held, cell(g.Principal), g.Priority, e.standing(g), cellOrDash(g.Reason))
			name, held = "", ""
		}
		if len(role.Grants) == 0 && e.queried {
			fmt.Fprintf(table, "%s\t%s\t-\t-\tthe query does not give it\t-\n", name, held)
		} else if len(role.Grants) == 0 {
			fmt.Fprintf(table, "%s\t%s\t-\t-\tno grant of it in this tenant\t-\n", name, held)
		}
	}
	_ = table.Flush() // to a buffer
}

func (e explained) held(role issuer.ExplainedRole) string {
	switch {
	case e.Granted && role.Default:
		return "yes, the default"
	case e.Granted && role.Held && !role.InToken:
		return "yes, left out"
	case role.Held:
		return "yes"
	case e.Caller.GroupsUnknown && slices.ContainsFunc(role.Grants, issuer.ExplainedGrant.ToOtherGroup):
		return "not known"
	default:
		return "no"
	}
}

// standing says what a grant does for the caller.
func (e explained) standing(g issuer.ExplainedGrant) string {
	kind, _, _ := strings.Cut(g.Principal, " ")
	switch g.Standing {
	case issuer.NotYet:
		return "begins " + timeOrDash(g.From)
	case issuer.Over:
		return "ended " + timeOrDash(g.Until)
	case issuer.Narrowed:
		return "in force, and not asked for by scope"
	case issuer.Withheld:
		return "in force, and the policy takes it away"
	case issuer.InForce:
		if !g.Until.IsZero() {
			return "in force until " + timeOrDash(g.Until)
		}
		return "in force"
	case issuer.NotMember:
	}
	switch {
	case kind == string(rolestore.KindGroup) && e.Caller.GroupsUnknown:
		return "not known: is the caller in this group?"
	case kind == string(rolestore.KindGroup):
		return "the caller is not in this group"
	case kind == string(rolestore.KindAppRole):
		return "the caller has no such app role"
	default:
		return "somebody else"
	}
}

// session shows which value each variable has, and over which others.
func (e explained) session(w io.Writer) {
	table := screen.NewTable(w, true)
	fmt.Fprintln(table, "SESSION VARIABLE\tVALUE\tFROM\tOVERRULED")
	for _, v := range e.Session {
		var others []string
		for _, other := range v.Overruled {
			others = append(others, shownValue(other.Value)+" ("+other.From+")")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", cell(v.Name), cell(shownValue(v.Value)), cell(v.From), cellOrDash(strings.Join(others, "; ")))
	}
	_ = table.Flush() // to a buffer
}

// shownValue is a value as a cell of a table: one of no text can still be seen.
func shownValue(v rolestore.Value) string { return cmp.Or(valueText(v), `""`) }

// claims shows what the token would say.
func (e explained) claims(w io.Writer) error {
	claims := e.Token.Claims.Clone()
	if err := claims.Indent(jsontext.WithIndent("  ")); err != nil {
		return fmt.Errorf("show the claims: %w", err)
	}
	_, err := fmt.Fprintf(w, "\nthe token would say:\n%s\n", jsonText(claims))
	return err
}
