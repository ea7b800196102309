package rulestest

import (
	"encoding/json"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

var promql = parser.NewParser(parser.Options{})

// alerts are the rules of the file, by name.
func alerts(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.ParseFile("../alerts.yaml", false, model.LegacyValidation, promql, slog.Default())
	for _, err := range errs {
		t.Fatal(err)
	}
	all := map[string]rulefmt.Rule{}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			if _, twice := all[rule.Alert]; twice || rule.Alert == "" {
				t.Errorf("the alert %q is there twice, or it is none", rule.Alert)
			}
			all[rule.Alert] = rule
		}
	}
	return all
}

// expressions are those of the alerts and of the dashboard's panels, by where they stand.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, rule := range alerts(t) {
		all[name] = rule.Expr
	}
	text, err := os.ReadFile("../../grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, panel := range dashboard.Panels {
		if panel.Type != "row" && len(panel.Targets) == 0 {
			t.Errorf("the panel %q asks for nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			all["panel "+panel.Title+" "+target.RefID] = strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
		}
	}
	return all
}

// documented are the labels of each metric that docs/observability.md lists, as series have them.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(issuer_[a-z_]+)(?:\\{([a-z_,]+)\\})?` \\| (counter|gauge|histogram) \\|").FindAllStringSubmatch(string(text), -1) {
		own := append(strings.FieldsFunc(row[2], func(r rune) bool { return r == ',' }), "job", "instance")
		if row[3] == "histogram" {
			all[row[1]+"_bucket"] = append(own, "le")
			continue
		}
		all[row[1]] = own
	}
	return all
}

// foreign are metrics that Prometheus and its client library make.
var foreign = regexp.MustCompile(`^(up|go_goroutines|process_(cpu_seconds_total|open_fds|resident_memory_bytes))$`)

func TestEveryMetricAndLabelIsInTheDocument(t *testing.T) {
	t.Parallel()
	known, selectors := documented(t), 0
	for where, text := range expressions(t) {
		expr, err := promql.ParseExpr(text)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		labelled := map[string]bool{}
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			if selector, is := node.(*parser.VectorSelector); is {
				selectors++
				judgeSelector(t, where, selector, known, labelled)
			}
			return nil
		})
		for _, name := range grouping(expr) {
			if !labelled[name] {
				t.Errorf("%s: no metric of it has the label %s", where, name)
			}
		}
	}
	if selectors < 60 || len(known) < 30 {
		t.Errorf("only %d selectors and %d metrics were found", selectors, len(known))
	}
}

// judgeSelector wants a metric and labels that are known, and notes in labelled what the metric has.
func judgeSelector(t *testing.T, where string, selector *parser.VectorSelector, known map[string][]string, labelled map[string]bool) {
	t.Helper()
	own, there := known[selector.Name]
	if foreign.MatchString(selector.Name) {
		own, there = []string{"job", "instance"}, true
	}
	if !there {
		t.Errorf("%s: docs/observability.md has no %s", where, selector.Name)
	}
	job := false
	for _, name := range own {
		labelled[name] = true
	}
	for _, m := range selector.LabelMatchers {
		job = job || m.Name == "job"
		if m.Name != labels.MetricName && !labelled[m.Name] {
			t.Errorf("%s: %s has no label %s", where, selector.Name, m.Name)
		}
	}
	if !job {
		t.Errorf("%s: %s is not narrowed to the issuer's job", where, selector.Name)
	}
}

// grouping are the labels that an expression groups or matches by.
func grouping(expr parser.Expr) []string {
	var all []string
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.AggregateExpr:
			all = append(all, n.Grouping...)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				all = append(all, n.VectorMatching.MatchingLabels...)
			}
		}
		return nil
	})
	return all
}

func TestEveryAlertSaysHowBadItIsAndWhereToLook(t *testing.T) {
	t.Parallel()
	const page = "https://github.com/hasura-issuer/hasura-issuer/blob/main/docs/runbook.md#"
	runbook, err := os.ReadFile("../../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	all, described := alerts(t), map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^### (\w+)$`).FindAllStringSubmatch(string(runbook), -1) {
		described[m[1]] = true
		if _, there := all[m[1]]; !there {
			t.Errorf("the runbook describes %s, which is no alert", m[1])
		}
	}
	for name, rule := range all {
		if rule.Labels["severity"] != "critical" && rule.Labels["severity"] != "warning" {
			t.Errorf("%s is %q", name, rule.Labels["severity"])
		}
		if got := rule.Annotations["runbook_url"]; got != page+strings.ToLower(name) || !described[name] {
			t.Errorf("%s leads to %q, which the runbook has: %v", name, got, described[name])
		}
		whole := name == "IssuerAbsent" || name == "IssuerKeySetNotFetched" // about no replica by itself
		if strings.Contains(rule.Annotations["summary"], "$labels.instance") == whole {
			t.Errorf("%s names no replica, or one that there is not: %q", name, rule.Annotations["summary"])
		}
	}
}
