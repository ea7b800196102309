package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/audit"
	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/screen"
)

// writeAudit prints records: one JSON object a line, or a table for people.
func (p *program) writeAudit(records []audit.Record, asJSON, header bool) error {
	if !asJSON {
		return writeAuditTable(p.stdout, records, header)
	}
	for _, r := range records {
		line, err := json.Marshal(r, json.Deterministic(true))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(p.stdout, jsonText(line)); err != nil {
			return err
		}
	}
	return nil
}

func writeAuditTable(w io.Writer, records []audit.Record, header bool) error {
	table := screen.NewTable(w, header)
	if header {
		fmt.Fprintln(table, "AT\tWHAT\tWHO\tCAME OF IT\tBY")
	}
	for _, r := range records {
		what, who, result, by := changeCells(r)
		if r.Kind == audit.KindExchange {
			what, who, result, by = exchangeCells(r)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.At.Format(time.DateTime), cell(what), cellOrDash(who), cell(result), cellOrDash(by))
	}
	return table.Flush()
}

func exchangeCells(r audit.Record) (what, who, result, by string) {
	what, who = r.Door, r.Caller+" "+r.ObjectID
	if r.Caller == "app" {
		who = "app " + r.ClientID
	}
	result = r.Reason
	if r.Outcome == audit.Granted {
		result = strings.Join(r.Roles, " ")
	}
	if r.Repeats > 0 {
		result += fmt.Sprintf(" (and %d times again)", r.Repeats)
	}
	return what, who, result, strings.Join(r.Grants, ", ")
}

func changeCells(r audit.Record) (what, who, result, by string) {
	return r.Kind, r.Actor, describeDetails(r), r.Login
}

// maxNamed is how many settings a line names. The first record holds all there are.
const maxNamed = 4

// describeDetails says in a line what was changed.
func describeDetails(r audit.Record) string {
	before, _ := r.Details["before"].(map[string]any)
	after, _ := r.Details["after"].(map[string]any)
	switch r.Kind {
	case audit.KindSettings:
		names, _ := r.Details["changed"].([]any)
		if len(names) > maxNamed {
			return fmt.Sprintf("changed: %d settings", len(names))
		}
		return fmt.Sprintf("changed: %v", names)
	case audit.KindKeys:
		return changed("generation", before, after)
	}
	entry := after
	if entry == nil {
		entry = before
	}
	if fields, are := entry["fields"].([]any); are {
		return fmt.Sprintf("%v fields of %v: %v", verbOf(before, after), entry["role"], fields)
	}
	return fmt.Sprintf("%v %v: %s %v %v", verbOf(before, after), r.Details["of"], text(entry["principal_kind"]), text(entry["principal"]), text(entry["role"]))
}

func verbOf(before, after map[string]any) string {
	switch {
	case before == nil:
		return "added"
	case after == nil:
		return "removed"
	}
	return "changed"
}

// changed names an entry by one of its members, and the others that differ.
func changed(name string, before, after map[string]any) string {
	if before == nil || after == nil {
		entry := after
		if entry == nil {
			entry = before
		}
		return fmt.Sprintf("%s %s %v", verbOf(before, after), name, entry[name])
	}
	var members []string
	for member, value := range after {
		if was, had := before[member]; !had || fmt.Sprint(was) != fmt.Sprint(value) {
			members = append(members, fmt.Sprintf("%s %v", member, value))
		}
	}
	slices.Sort(members)
	return fmt.Sprintf("changed %s %v: %s", name, after[name], strings.Join(members, ", "))
}

// text is a member that may not be there.
func text(member any) string {
	if member == nil {
		return ""
	}
	return fmt.Sprint(member)
}
