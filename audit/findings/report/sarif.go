package report

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/hybridapps/tandem/audit/findings"
)

// What of SARIF 2.1.0 is written (OASIS, 27 March 2020).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool              sarifTool         `json:"tool"`
		AutomationDetails sarifAutomation   `json:"automationDetails"`
		Invocations       []sarifInvocation `json:"invocations"`
		ColumnKind        string            `json:"columnKind"`
		Results           []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifAutomation struct {
		ID string `json:"id"`
	}
	sarifDriver struct {
		Name            string      `json:"name"`
		SemanticVersion string      `json:"semanticVersion,omitempty"`
		Version         string      `json:"version"`
		Rules           []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID                   string       `json:"id"`
		ShortDescription     sarifText    `json:"shortDescription"`
		FullDescription      sarifText    `json:"fullDescription"`
		DefaultConfiguration sarifConfig  `json:"defaultConfiguration"`
		Properties           sarifRuleTag `json:"properties"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifRuleTag struct {
		Tags             []string `json:"tags"`
		SecuritySeverity string   `json:"security-severity"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		ExecutionSuccessful        bool        `json:"executionSuccessful"`
		EndTimeUTC                 string      `json:"endTimeUtc"`
		ToolExecutionNotifications []sarifNote `json:"toolExecutionNotifications,omitempty"`
	}
	// sarifNote is a rule that was skipped.
	sarifNote struct {
		Level          string        `json:"level"`
		Message        sarifText     `json:"message"`
		AssociatedRule sarifRuleName `json:"associatedRule"`
	}
	sarifRuleName struct {
		ID string `json:"id"`
	}
	sarifResult struct {
		RuleID              string             `json:"ruleId"`
		RuleIndex           int                `json:"ruleIndex"`
		Level               string             `json:"level"`
		Kind                string             `json:"kind"`
		Message             sarifText          `json:"message"`
		Locations           []sarifLocation    `json:"locations"`
		Fingerprints        map[string]string  `json:"fingerprints"`
		PartialFingerprints map[string]string  `json:"partialFingerprints"`
		BaselineState       string             `json:"baselineState"`
		Suppressions        []sarifSuppression `json:"suppressions"`
		Properties          map[string]any     `json:"properties"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPhysical  `json:"physicalLocation"`
		LogicalLocations []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		ArtifactLocation struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region struct {
			StartLine int `json:"startLine"`
		} `json:"region"`
	}
	sarifLogical struct {
		Name               string `json:"name"`
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Status        string `json:"status"`
		Justification string `json:"justification"`
	}
)

// fingerprint names how our fingerprints are made.
const fingerprint = "tandem/v1"

// levels and scores are what SARIF and those who read it call our severities.
var (
	levels = map[findings.Severity]string{findings.High: "error", findings.Medium: "warning", findings.Low: "note", findings.Info: "note"}
	scores = map[findings.Severity]string{findings.High: "8.0", findings.Medium: "5.0", findings.Low: "2.0", findings.Info: "0.0"}
)

// SARIF is the report for those who gather the findings of many programs. All rules are
// declared, also those that found nothing: what is not declared is never closed there.
func (r *Report) SARIF() ([]byte, error) {
	run := sarifRun{
		Tool:              sarifTool{sarifDriver{Name: "Tandem audit", Version: r.Version, Rules: []sarifRule{}}},
		AutomationDetails: sarifAutomation{"tandem-audit/" + r.Instance},
		Invocations:       []sarifInvocation{{ExecutionSuccessful: true, EndTimeUTC: r.At.Format(time.RFC3339)}},
		ColumnKind:        "utf16CodeUnits",
		Results:           []sarifResult{},
	}
	at := map[string]int{}
	for i := range r.rules {
		rule := &r.rules[i]
		at[rule.ID] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: rule.ID, ShortDescription: sarifText{rule.Title}, FullDescription: sarifText{rule.Title + ". " + rule.Why},
			DefaultConfiguration: sarifConfig{levels[rule.Severity]},
			Properties:           sarifRuleTag{[]string{"security", "identity"}, scores[rule.Severity]},
		})
	}
	for _, s := range r.Skipped {
		run.Invocations[0].ToolExecutionNotifications = append(run.Invocations[0].ToolExecutionNotifications, sarifNote{
			"note", sarifText{s.Rule + " was skipped: " + s.Why}, sarifRuleName{s.Rule},
		})
	}
	for i := range r.Findings {
		result := r.Findings[i].sarif()
		result.RuleIndex = at[result.RuleID]
		run.Results = append(run.Results, result)
	}
	text, err := json.MarshalIndent(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}, "", "  ")
	return append(text, '\n'), err
}

func (f *Finding) sarif() sarifResult {
	x := sarifResult{
		RuleID: f.Rule, Level: levels[f.severity], Kind: "fail", Message: sarifText{f.words()},
		Fingerprints: map[string]string{fingerprint: f.ID}, PartialFingerprints: map[string]string{fingerprint: f.ID},
		BaselineState: "unchanged", Suppressions: []sarifSuppression{},
		Properties: map[string]any{"evidence": f.Evidence, "mend": f.Mend, "first_seen": f.FirstSeen},
	}
	if f.isNew {
		x.BaselineState = "new"
	}
	if a := f.Accepted; a != nil {
		x.Suppressions = append(x.Suppressions, sarifSuppression{
			"external", "accepted", a.Reason + " (accepted by " + a.By + " until " + a.Until.Format(time.DateOnly) + ")",
		})
	}
	// A relative path, as the readers know files alone: one with a scheme is refused.
	location := sarifLocation{LogicalLocations: []sarifLogical{{f.Subject.Name, f.Subject.Kind + "s/" + f.Subject.Name, "resource"}}}
	location.PhysicalLocation.ArtifactLocation.URI = f.path()
	location.PhysicalLocation.Region.StartLine = 1
	x.Locations = []sarifLocation{location}
	return x
}

// words are the finding in one line.
func (f *Finding) words() string {
	var s strings.Builder
	s.WriteString(f.Subject.Name + ": " + f.Title + ".")
	for i := range f.Evidence {
		s.WriteString(" " + f.Evidence[i].Name + ": " + f.Evidence[i].Text() + ";")
	}
	return strings.TrimSuffix(s.String(), ";")
}

// path is the subject as a relative path of which each part is plain.
func (f *Finding) path() string {
	escape := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/@", r) {
			return r
		}
		return '-'
	}
	return f.Subject.Kind + "s/" + strings.Trim(strings.Map(escape, f.Subject.Name), "/.")
}
