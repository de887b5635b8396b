package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
)

// readApproval puts into the event what --accept and --signed say.
func (t *terminal) readApproval(ctx context.Context, o *options, e *event) error {
	for _, id := range o.accept {
		e.approved = append(e.approved, "--accept", id)
	}
	if o.signed == "" {
		if len(o.accept) > 0 {
			e.Approval, _ = json.Marshal(map[string][]string{"accept": o.accept})
		}
		return nil
	}
	if o.signed == "-" && o.plan == "-" {
		return usage("--plan and --signed are both to be read from stdin: give one of them as a file")
	}
	approval, text, err := t.readSigned(ctx, o.signed)
	if err != nil {
		return err
	}
	for _, id := range o.accept {
		if !slices.Contains(approval.Accept, id) {
			return usage("--accept %s is not among what %s accepts, and cannot be added to what was signed: give it to aurora-migrate approve", shown(id), shown(o.signed))
		}
	}
	e.Approval, e.approved = text, []string{"--signed", o.signed}
	return nil
}

// readSigned reads what approve wrote from a file, or from stdin for "-".
func (t *terminal) readSigned(ctx context.Context, file string) (migration.Approval, json.RawMessage, error) {
	from := shown(file)
	var text []byte
	var err error
	if file == "-" {
		from = "stdin"
		text, err = readAll(ctx, t.in)
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return migration.Approval{}, nil, usage("read the approval from %s: %w", from, reason(err))
	}
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))
	approval, err := pipeline.ParseApproval(text)
	if err != nil {
		return migration.Approval{}, nil, usage("the approval in %s: %w", from, err)
	}
	return approval, text, nil
}

// reason is what the system says of a file, without its name.
func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
