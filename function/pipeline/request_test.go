package pipeline_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
)

func TestParseRequest(t *testing.T) {
	type r = pipeline.Request
	report := `{"screen":["a"],"ok":true,"outcome":"planned","plan":{"digest":" p1_x\n","parts":{},"touched":[{"kind":"table","name":"a.b","fingerprint":"f"}]},"next":"n"}`
	for event, want := range map[string]r{
		`{"action":"status"}`:                                                    {Action: migration.ActionStatus},
		" \n{\"action\":\"status\",\"brief\":true}\n":                            {Action: migration.ActionStatus, Brief: true},
		`{"brief":false,"action":"plan","to":"017"}`:                             {Action: migration.ActionPlan, To: "017"},
		`{"action":"plan","directory":{"1_a.sql":"SELECT '\u00e9';"}}`:           {Action: migration.ActionPlan, Directory: map[string]string{"1_a.sql": "SELECT 'é';"}},
		`{"action":"apply"}`:                                                     {Action: migration.ActionApply},
		`{"action":"apply","plan":null,"to":null,"approval":null}`:               {Action: migration.ActionApply},
		`{"action":"apply","plan":"p1_x"}`:                                       {Action: migration.ActionApply, Plan: "p1_x"},
		`{"action":"apply","plan":" p1_x\n"}`:                                    {Action: migration.ActionApply, Plan: "p1_x"},
		`{"action":"apply","plan":"not a digest"}`:                               {Action: migration.ActionApply, Plan: "not a digest"},
		`{"action":"apply","plan":` + report + `}`:                               {Action: migration.ActionApply, Plan: "p1_x", Marks: []catalog.Mark{{Kind: "table", Name: "a.b", Fingerprint: "f"}}},
		`{"action":"apply","plan":{"plan":{"digest":"p1_x"}}}`:                   {Action: migration.ActionApply, Plan: "p1_x"},
		`{"action":"apply","plan":{"plan":{"digest":"p1_x","to":"1"}}}`:          {Action: migration.ActionApply, Plan: "p1_x", To: "1"},
		`{"action":"apply","to":"2","plan":{"plan":{"digest":"p1_x","to":"1"}}}`: {Action: migration.ActionApply, Plan: "p1_x", To: "2"},
		`"{\"action\":\"status\"}"`:                                              {Action: migration.ActionStatus},
		`"{\\\"action\\\":\\\"status\\\"}"`:                                      {Action: migration.ActionStatus},
		`{"action":"apply","plan":{"outcome":"nothing_to_do"}}`:                  {Action: migration.ActionApply},
		`{"action":"apply","approval":{}}`:                                       {Action: migration.ActionApply},
		`{"action":"apply","approval":{"accept":["DS102@1.sql:2"]}}`:             {Action: migration.ActionApply, Approval: migration.Approval{Accept: []string{"DS102@1.sql:2"}}},
		`{"action":"apply","approval":{"accept":[],"expires":"2026-11-25T18:00:00+01:00","signatures":[{"key":"k","signature":"AAE="}],"digest":" p1_x"}}`: {Action: migration.ActionApply, Approval: migration.Approval{
			For: "p1_x", Expires: "2026-11-25T18:00:00+01:00", Signatures: []migration.Signature{{Key: "k", DER: []byte{0, 1}}}}},
		`{"action":"baseline","version":"016","approval":{"accept":["a"]}}`:   {Action: migration.ActionBaseline, Version: "016", Approval: migration.Approval{Accept: []string{"a"}}},
		`{"action":"baseline","version":"016"}`:                               {Action: migration.ActionBaseline, Version: "016"},
		`{"action":"baseline","version":"016","plan":"p1_x","to":null}`:       {},
		`{"action":"baseline","plan":"p1_x","version":"016"}`:                 {Action: migration.ActionBaseline, Version: "016", Plan: "p1_x"},
		"{\"action\":\"plan\",\"to\":\"" + strings.Repeat("9", 1<<20) + "\"}": {Action: migration.ActionPlan, To: strings.Repeat("9", 1<<20)},
	} {
		got, err := pipeline.ParseRequest([]byte(event))
		if want.Action == "" {
			if err == nil {
				t.Errorf("%.200s is read as %+v", event, got)
			}
			continue
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%.200s: %v (-want +got):\n%.500s", event, err, diff)
		}
	}
}

// What is not understood is refused by its name, never passed over.
func TestParseRequest_refuses(t *testing.T) {
	const (
		actions = "want one of status, plan, apply, verify, baseline, doctor"
		knows   = "known here are action, plan, to, version, approval, directory, brief"
		neither = `"plan" is neither a digest (a string) nor the report that plan printed (an object with "plan", and in it "digest")`
	)
	for event, want := range map[string]string{
		``:                             `the event is empty: want a JSON object such as {"action":"plan"}`,
		" \n\t":                        `the event is empty: want a JSON object such as {"action":"plan"}`,
		`null`:                         `the event is null: want a JSON object such as {"action":"plan"}`,
		`[]`:                           `the event is not a JSON object: want one such as {"action": ...}`,
		`"plan"`:                       `the event is not a JSON object: want one such as {"action": ...}`,
		`7`:                            `the event is not a JSON object: want one such as {"action": ...}`,
		`{"action":"plan"`:             `the event is not JSON (byte 16: unexpected end of JSON input): want an object such as {"action":"plan"}`,
		`{'action':'plan'}`:            `the event is not JSON (byte 2: invalid character '\'' looking for beginning of object key string): want an object such as {"action":"plan"}`,
		`{"action":"plan"} {}`:         `the event is not JSON (byte 19: invalid character '{' after top-level value): want an object such as {"action":"plan"}`,
		"\ufeff{}":                     `the event is not JSON (byte 1: invalid character 'ï' looking for beginning of value): want an object such as {"action":"plan"}`,
		`{}`:                           `the event has no "action": ` + actions,
		`{"action":""}`:                `the event has no "action": ` + actions,
		`{"action":null}`:              `the event has no "action": ` + actions,
		`{"action":"aply"}`:            `unknown action "aply" (did you mean "apply"?): ` + actions,
		`{"action":"Apply"}`:           `unknown action "Apply" (did you mean "apply"?): ` + actions,
		`{"action":"apply "}`:          `unknown action "apply " (did you mean "apply"?): ` + actions,
		`{"action":"drop-all-tables"}`: `unknown action "drop-all-tables": ` + actions,
		`{"action":7}`:                 `the field "action" is a JSON number: want a string`,
		`{"action":["plan"]}`:          `the field "action" is a JSON array: want a string`,

		`{"action":"plan","plann":"x"}`:                              `unknown field "plann" (did you mean "plan"?): ` + knows,
		`{"action":"plan","To":"1"}`:                                 `unknown field "To" (did you mean "to"?): ` + knows,
		`{"Action":"plan"}`:                                          `unknown field "Action" (did you mean "action"?): ` + knows,
		`{"Action":"plan","action":"apply"}`:                         `unknown field "Action" (did you mean "action"?): ` + knows,
		`{"action":"plan","password":"hunter2"}`:                     `unknown field "password": ` + knows,
		`{"action":"plan","a\"b":1}`:                                 `unknown field "a\"b": ` + knows,
		`{"action":"plan","":1}`:                                     `unknown field "" (did you mean "to"?): ` + knows,
		`{"zz":1,"yy":2}`:                                            `unknown field "zz" (did you mean "to"?): ` + knows,
		`{"action":"plan","action":"apply"}`:                         `the field "action" stands twice in event: want it once`,
		`{"action":"apply","plan":"a","plan":"b"}`:                   `the field "plan" stands twice in event: want it once`,
		`{"action":"apply","approval":{"accept":[],"accept":["a"]}}`: `the field "accept" stands twice in "approval": want it once`,

		`{"action":"status","to":"1"}`:                 `the action status has no field "to": it knows brief`,
		`{"action":"status","plan":null}`:              `the action status has no field "plan": it knows brief`,
		`{"action":"plan","version":"1"}`:              `the action plan has no field "version": it knows to, directory, brief`,
		`{"action":"apply","directory":{"a":"b"}}`:     `the action apply has no field "directory": it knows plan, to, approval, brief`,
		`{"action":"baseline","version":"1","to":"1"}`: `the action baseline has no field "to": it knows version, plan, approval, brief`,
		`{"action":"baseline"}`:                        `the action baseline needs a "version": the last one whose changes the database already has`,
		`{"action":"baseline","version":""}`:           `the action baseline needs a "version": the last one whose changes the database already has`,

		`{"action":"plan","to":17}`:                                                       `the field "to" is a JSON number: want a string`,
		`{"action":"plan","to":{}}`:                                                       `the field "to" is a JSON object: want a string`,
		`{"action":"plan","brief":"yes"}`:                                                 `the field "brief" is a JSON string: want true or false`,
		`{"action":"plan","brief":1}`:                                                     `the field "brief" is a JSON number: want true or false`,
		`{"action":"plan","directory":"x"}`:                                               `the field "directory" is a JSON string: want an object`,
		`{"action":"plan","directory":[]}`:                                                `the field "directory" is a JSON array: want an object`,
		`{"action":"plan","directory":{"1.sql":7}}`:                                       `the field "directory" is a JSON number: want a string`,
		`{"action":"plan","directory":{}}`:                                                `"directory" is empty: want an object of file name to text, atlas.sum among them`,
		`{"action":"apply","approval":"x"}`:                                               `"approval" is not a JSON object: want one such as {"accept": ...}`,
		`{"action":"apply","approval":{"acept":["x"]}}`:                                   `unknown field "acept" (did you mean "accept"?): known here are accept, expires, signatures, digest`,
		`{"action":"apply","plan":"x","approval":{"plan":1}}`:                             `unknown field "plan": known here are accept, expires, signatures, digest`,
		`{"action":"apply","approval":{"Accept":["x"]}}`:                                  `unknown field "Accept" (did you mean "accept"?): known here are accept, expires, signatures, digest`,
		`{"action":"apply","approval":{"accept":"x"}}`:                                    `the field "accept" is a JSON string: want an array of strings`,
		`{"action":"apply","approval":{"accept":[7]}}`:                                    `the field "accept" is a JSON number: want a string`,
		`{"action":"apply","approval":{"accept":[""]}}`:                                   `"accept" holds an empty ID: want the IDs of findings, as plan prints them`,
		`{"action":"apply","approval":{"expires":"tomorrow"}}`:                            `"expires" is "tomorrow": want a moment as RFC 3339 has it, with its zone, such as 2026-11-25T18:00:00Z`,
		`{"action":"apply","approval":{"expires":""}}`:                                    `"expires" is "": want a moment as RFC 3339 has it, with its zone, such as 2026-11-25T18:00:00Z`,
		`{"action":"apply","approval":{"expires":7}}`:                                     `the field "expires" is a JSON number: want a string`,
		`{"action":"apply","approval":{"signatures":"x"}}`:                                `the field "signatures" is a JSON string: want an array of objects`,
		`{"action":"apply","approval":{"signatures":["x"]}}`:                              `an entry of "signatures" is not a JSON object: want one such as {"key": ...}`,
		`{"action":"apply","approval":{"signatures":[{"kez":"x"}]}}`:                      `unknown field "kez" (did you mean "key"?): known here are key, signature`,
		`{"action":"apply","approval":{"signatures":[{"key":"x"}]}}`:                      `an entry of "signatures" lacks its "key" or its "signature": want both`,
		`{"action":"apply","approval":{"signatures":[{"key":"x","signature":"A"}]}}`:      `the "signature" of the key "x" is not base64: want it as approve prints it`,
		`{"action":"apply","approval":{"signatures":[{"key":"x","signature":"AAF="}]}}`:   `the "signature" of the key "x" is not base64: want it as approve prints it`,
		`{"action":"apply","approval":{"signatures":[{"key":"x","signature":"AA\nE="}]}}`: `the "signature" of the key "x" is not base64: want it as approve prints it`,
		`{"action":"apply","approval":{"accept":[null]}}`:                                 `"accept" holds an empty ID: want the IDs of findings, as plan prints them`,

		`{"action":"apply","plan":""}`:                                  `"plan" is empty: want the digest that plan printed, or leave the field out`,
		`{"action":"apply","plan":" \n"}`:                               `"plan" is empty: want the digest that plan printed, or leave the field out`,
		`{"action":"apply","plan":7}`:                                   neither,
		`{"action":"apply","plan":false}`:                               neither,
		`{"action":"apply","plan":["p1_x"]}`:                            neither,
		`{"action":"apply","plan":{}}`:                                  neither,
		`{"action":"apply","plan":{"plan":null}}`:                       neither,
		`{"action":"apply","plan":{"plan":{}}}`:                         neither,
		`{"action":"apply","plan":{"plan":{"digest":" "}}}`:             neither,
		`{"action":"apply","plan":{"plan":{"digest":7}}}`:               neither,
		`{"action":"apply","plan":{"plan":"p1_x"}}`:                     neither,
		`{"action":"apply","plan":{"digest":"p1_x"}}`:                   neither,
		`{"action":"apply","plan":{"outcome":"blocked"}}`:               neither,
		`{"action":"apply","plan":{"plan":{"digest":"x","touched":7}}}`: neither,
	} {
		r, err := pipeline.ParseRequest([]byte(event))
		if err == nil || err.Error() != want {
			t.Errorf("%s\nsays %v\nwant %s", event, err, want)
		}
		if diff := cmp.Diff(pipeline.Request{}, r); diff != "" {
			t.Errorf("%s: an error and a request:\n%s", event, diff)
		}
	}
	deep := `{"action":"plan","to":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`
	if _, err := pipeline.ParseRequest([]byte(deep)); err == nil || !strings.Contains(err.Error(), "exceeded max depth") {
		t.Errorf("100,000 arrays in one another: %v", err)
	}
	// Which of two faults is named does not change from one time to the next.
	for range 50 {
		if _, err := pipeline.ParseRequest([]byte(`{"action":"status","to":"1","version":"1","plan":"x"}`)); err.Error() != `the action status has no field "to": it knows brief` {
			t.Fatal(err)
		}
	}
}

// written is the event that a request came from.
func written(t testing.TB, r pipeline.Request) []byte {
	t.Helper()
	event := map[string]any{"action": r.Action}
	put := func(name string, there bool, value any) {
		if there {
			event[name] = value
		}
	}
	put("to", r.To != "", r.To)
	put("version", r.Version != "", r.Version)
	put("directory", r.Directory != nil, r.Directory)
	put("brief", r.Brief, true)
	put("approval", !cmp.Equal(r.Approval, migration.Approval{}), json.RawMessage(pipeline.FormatApproval(r.Approval)))
	put("plan", r.Plan != "", r.Plan)
	put("plan", r.Marks != nil, map[string]any{"plan": map[string]any{"digest": r.Plan, "touched": r.Marks}})
	data, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// FuzzParseRequest: no event makes it panic, an error says something and comes
// alone, and what was understood is written as an event that is understood alike.
func FuzzParseRequest(f *testing.F) {
	for _, s := range []string{
		`{"action":"status","brief":true}`, `{"action":"plan","to":"017","directory":{"a":"b"}}`, `{"action":"apply","plan":"p1_x","approval":{"accept":["a"]}}`,
		`{"action":"apply","approval":{"digest":"p1_x","expires":"2026-11-25T18:00:00.5+01:00","signatures":[{"key":"k","signature":"MEUC"}]}}`,
		`{"action":"apply","plan":{"plan":{"digest":"x","touched":[{"kind":"table"}]}}}`, `{"action":"baseline","version":"1"}`, `{"action":"plan","action":"apply"}`,
		`null`, `[]`, ``, `{"action":"apply","plan":"\ud800"}`, `{"Action":"plan"}`, `{"action":"plan","":{}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		r, err := pipeline.ParseRequest(event)
		if err != nil {
			if err.Error() == "" || !cmp.Equal(r, pipeline.Request{}) {
				t.Fatalf("%q: %q beside %+v", event, err, r)
			}
			return
		}
		again, err := pipeline.ParseRequest(written(t, r))
		if diff := cmp.Diff(r, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%q is read as %+v and then %v:\n%s", event, r, err, diff)
		}
		if !bytes.Contains(event, []byte(`"`)) || !json.Valid(event) {
			t.Fatalf("%q is accepted", event)
		}
	})
}

func ExampleParseRequest() {
	_, err := pipeline.ParseRequest([]byte(`{"action":"apply","paln":"p1_..."}`))
	fmt.Println(err)
	// Output: unknown field "paln" (did you mean "plan"?): known here are action, plan, to, version, approval, directory, brief
}
