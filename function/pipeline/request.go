package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A Request is the event: what a caller asks for, whichever door it came by.
type Request struct {
	Action    migration.Action
	Plan      string             // the digest, as it was handed in; it may be malformed, then it names no plan
	Marks     []catalog.Mark     // what the plan touched, where the plan report was handed in instead of its digest
	To        string             // stop at this version; repeated at apply as planned
	Version   string             // of baseline
	Approval  migration.Approval // without the digest and the marks, which are Plan and Marks
	Directory map[string]string  // name to text: files of a branch, for a planner
	Brief     bool               // an answer under 100 KB
}

// event is the wire form of a Request, with the fields of every action.
type event struct {
	Action    string            `json:"action"`
	Plan      json.RawMessage   `json:"plan"`
	To        string            `json:"to"`
	Version   string            `json:"version"`
	Approval  json.RawMessage   `json:"approval"`
	Directory map[string]string `json:"directory"`
	Brief     bool              `json:"brief"`
}

// Every field is here, so that one which stands where it does not belong is
// told from a typo.
var (
	eventFields     = []string{"action", "plan", "to", "version", "approval", "directory", "brief"}
	approvalFields  = []string{"accept", "expires", "signatures", "digest"}
	signatureFields = []string{"key", "signature"}
)

// fields are those that an action knows beside action and brief.
var fields = map[migration.Action][]string{
	migration.ActionStatus:   {},
	migration.ActionPlan:     {"to", "directory"},
	migration.ActionApply:    {"plan", "to", "approval"},
	migration.ActionBaseline: {"version", "plan", "approval"},
	migration.ActionVerify:   {},
	migration.ActionDoctor:   {},
}

var actions = []string{"status", "plan", "apply", "verify", "baseline", "doctor"}

// ParseRequest reads an event. What it does not understand it refuses by name,
// with the nearest name that it knows: a field with a typo, or one that stands
// there twice, must not be a field left out. The error is for the caller to read.
func ParseRequest(data []byte) (Request, error) {
	var e event
	given, err := object(unquoted(data), "the event", eventFields, &e)
	if err != nil {
		return Request{}, err
	}
	if e.Action == "" {
		return Request{}, fmt.Errorf(`the event has no "action": want one of %s`, strings.Join(actions, ", "))
	}
	known, ok := fields[migration.Action(e.Action)]
	if !ok {
		return Request{}, fmt.Errorf("unknown action %q%s: want one of %s", e.Action, nearest(e.Action, actions), strings.Join(actions, ", "))
	}
	for _, name := range given {
		if name != "action" && name != "brief" && !slices.Contains(known, name) {
			return Request{}, fmt.Errorf("the action %s has no field %q: it knows %s", e.Action, name, strings.Join(append(slices.Clone(known), "brief"), ", "))
		}
	}
	r := Request{Action: migration.Action(e.Action), To: e.To, Version: e.Version, Directory: e.Directory, Brief: e.Brief}
	if r.Action == migration.ActionBaseline && r.Version == "" {
		return Request{}, errors.New(`the action baseline needs a "version": the last one whose changes the database already has`)
	}
	if r.Directory != nil && len(r.Directory) == 0 {
		return Request{}, errors.New(`"directory" is empty: want an object of file name to text, atlas.sum among them`)
	}
	if r.Approval, err = readApproval(e.Approval); err != nil {
		return Request{}, err
	}
	if err := r.readPlan(e.Plan); err != nil {
		return Request{}, err
	}
	return r, nil
}

// unquoted takes an event out of a JSON string. SAM's client prints a report
// with every quote escaped, and sends what is no JSON as a string: so an event
// that was copied from the screen comes as a string, its quotes still escaped.
func unquoted(data []byte) []byte {
	var text string
	if json.Unmarshal(data, &text) != nil || !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return data
	}
	if strings.HasPrefix(strings.TrimSpace(text), `{\"`) {
		text = strings.ReplaceAll(text, `\"`, `"`)
	}
	return []byte(text)
}

func absent(raw json.RawMessage) bool { return len(raw) == 0 || bytes.Equal(raw, []byte("null")) }

// readPlan takes "plan" as a digest or as the report that plan printed, which
// says beside its digest up to which version it was made. A report that there is
// nothing to do names no plan.
func (r *Request) readPlan(raw json.RawMessage) error {
	if absent(raw) {
		return nil
	}
	if err := json.Unmarshal(raw, &r.Plan); err == nil {
		if r.Plan = strings.TrimSpace(r.Plan); r.Plan == "" {
			return errors.New(`"plan" is empty: want the digest that plan printed, or leave the field out`)
		}
		return nil
	}
	var report struct {
		Outcome migration.Outcome `json:"outcome"`
		Plan    *struct {
			Digest  string         `json:"digest"`
			To      string         `json:"to"`
			Touched []catalog.Mark `json:"touched"`
		} `json:"plan"`
	}
	err := json.Unmarshal(raw, &report)
	switch {
	case err == nil && report.Plan != nil && strings.TrimSpace(report.Plan.Digest) != "":
		r.Plan, r.Marks = strings.TrimSpace(report.Plan.Digest), report.Plan.Touched
		if r.To == "" && r.Action == migration.ActionApply {
			r.To = report.Plan.To
		}
		return nil
	case err == nil && report.Plan == nil && report.Outcome == migration.NothingToDo:
		return nil
	}
	return errors.New(`"plan" is neither a digest (a string) nor the report that plan printed (an object with "plan", and in it "digest")`)
}

// object reads a JSON object of the known fields into a value and returns the
// names of those that were given, in their order. said names it in the error.
func object(data []byte, said string, known []string, into any) ([]string, error) {
	var all map[string]json.RawMessage
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, fmt.Errorf(`%s is empty: want a JSON object such as {"action":"plan"}`, said)
	}
	if err := json.Unmarshal(data, &all); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf(`%s is not JSON (byte %d: %v): want an object such as {"action":"plan"}`, said, syntax.Offset, syntax)
		}
		return nil, fmt.Errorf(`%s is not a JSON object: want one such as {%q: ...}`, said, known[0])
	}
	if all == nil {
		return nil, fmt.Errorf(`%s is null: want a JSON object such as {"action":"plan"}`, said)
	}
	given := names(data)
	for i, name := range given {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("unknown field %q%s: known here are %s", name, nearest(name, known), strings.Join(known, ", "))
		}
		if slices.Contains(given[:i], name) {
			return nil, fmt.Errorf("the field %q stands twice in %s: want it once", name, strings.TrimPrefix(said, "the "))
		}
	}
	if err := json.Unmarshal(data, into); err != nil {
		return nil, describe(err)
	}
	return given, nil
}

// names are those of the fields of a JSON object, as often as they stand there.
func names(data []byte) (given []string) {
	d := json.NewDecoder(bytes.NewReader(data))
	var value json.RawMessage
	for token, err := d.Token(); err == nil; token, err = d.Token() {
		if name, ok := token.(string); ok {
			given = append(given, name)
			_ = d.Decode(&value) // what is no JSON has been refused before
		}
	}
	return given
}

// describe turns what encoding/json says into what a caller can act on.
func describe(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("the field %q is a JSON %s: want %s", wrong.Field, wrong.Value, wanted(wrong.Type.String()))
	}
	return fmt.Errorf("the event cannot be read: %w", err)
}

func wanted(goType string) string {
	switch {
	case goType == "bool":
		return "true or false"
	case goType == "string":
		return "a string"
	case goType == "[]json.RawMessage":
		return "an array of objects"
	case strings.HasPrefix(goType, "[]"):
		return "an array of strings"
	}
	return "an object"
}

// nearest is ` (did you mean "x"?)` for the nearest candidate, or nothing
// where none is near.
func nearest(name string, candidates []string) string {
	best, distance := "", 1+max(2, len(name)/3)
	for _, c := range candidates {
		if d := levenshtein.Distance(strings.ToLower(name), strings.ToLower(c), nil); d < distance {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}
