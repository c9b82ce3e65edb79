// Package policy decides what a worker may run. The decisions are pure; File keeps up with the file that they follow.
package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/endpoint"
	"github.com/dpaflow/dpaflow/runbook"
)

// Policy is what a worker may run. The zero value allows everything.
type Policy struct {
	frozen     string
	restricted bool // something is listed, so that nothing else is allowed
	plans      patterns
	models     patterns
	paths      patterns
	secrets    []secret
}

// secret says which plans and models may be given the secrets of a name.
type secret struct {
	name          string
	plans, models patterns
}

// Frozen is the reason why no trigger may be sent for now, but those that undo or finish what has begun. It is empty
// where they may.
func (p Policy) Frozen() string { return p.frozen }

// Check returns everything of a trigger that is not allowed.
func (p Policy) Check(t activities.PolicyTrigger) (findings runbook.Faults) {
	if !p.restricted {
		return nil
	}
	refuse := func(path, what string) {
		findings = append(findings, runbook.Fault{Path: path, Problem: what + " is not allowed by the policy of this worker; ask who keeps its DPA_POLICY_FILE"})
	}
	if t.PlanID != "" && !p.plans.match(t.PlanID) {
		refuse("planId", fmt.Sprintf("plan %q", t.PlanID))
	}
	if t.ModelID != "" && !p.models.match(t.ModelID) {
		refuse("modelId", fmt.Sprintf("model %q", t.ModelID))
	}
	if t.ExecutePath != "" && !p.allowsPath(t) {
		refuse("executePath", fmt.Sprintf("the path %q", t.ExecutePath))
	}
	for _, used := range t.Secrets {
		if !p.allowsSecret(used.Name, t) {
			refuse(used.Path, fmt.Sprintf("the secret %q for %s", used.Name, t))
		}
	}
	return findings
}

// allowsPath compares what becomes of the path when the model's id is put in. A path that is encoded may be read as another
// one behind a wildcard, so that only "*" and the very same path allow it.
func (p Policy) allowsPath(t activities.PolicyTrigger) bool {
	asked := endpoint.ExecutePath(t.ExecutePath, t.ModelID)
	return slices.ContainsFunc(p.paths, func(pattern string) bool {
		pattern = endpoint.ExecutePath(pattern, t.ModelID)
		return pattern == asked || pattern == "*" || !strings.Contains(asked, "%") && patterns{pattern}.match(asked)
	})
}

func (p Policy) allowsSecret(name string, t activities.PolicyTrigger) bool {
	return slices.ContainsFunc(p.secrets, func(s secret) bool {
		return patterns{s.name}.match(name) && (t.PlanID != "" && s.plans.match(t.PlanID) || t.ModelID != "" && s.models.match(t.ModelID))
	})
}

// patterns are as those of path.Match; "*" alone is everything.
type patterns []string

func (p patterns) match(value string) bool {
	return slices.ContainsFunc(p, func(pattern string) bool {
		matched, _ := path.Match(pattern, value) // the error is one of the pattern, which Parse has refused
		return matched || pattern == "*"
	})
}

// check refuses what is no pattern.
func (p patterns) check() error {
	for _, pattern := range p {
		if _, err := path.Match(pattern, ""); err != nil || strings.TrimSpace(pattern) != pattern || pattern == "" {
			return fmt.Errorf("%q must be an id, or a pattern such as \"dr-*\"", pattern)
		}
	}
	return nil
}
