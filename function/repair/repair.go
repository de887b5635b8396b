// Package repair writes the SQL that leads from one state of a database to
// another, and says what it cannot write.
//
// Atlas's library compares what it knows: schemas, tables with their columns,
// keys, indexes and checks, and enums. Around it stand guards, so that nothing
// that it gets wrong or passes over is planned or passed over in silence; and
// Left compares two snapshots of everything, for what it does not know at all.
// All of it is values from values: the states come from databases that somebody
// else has read.
package repair

import (
	"context"
	"fmt"
	"slices"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/postgres"
	"ariga.io/atlas/sql/schema"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Options of a plan.
type Options struct {
	// Name of the file that the plan becomes.
	Name string
	// Silent says that the desired state is in a language (HCL) that cannot say
	// everything: what it cannot say stays as it is.
	Silent bool
	// Concurrently builds and drops indexes of existing tables without
	// stopping writes; the file then runs outside a transaction.
	Concurrently bool
	// Place says where in the desired state a table, or one of its parts, is
	// described; nil, and a line of 0, where that is not known.
	Place func(table, part string) (file string, line int)
}

// TxNone is the directive of a file that runs outside a transaction.
const TxNone = "-- atlas:txmode none"

// Tables plans the way from one realm to another, both as a server of one
// version described them; schemas that only the first has stay out of it. The plan is nil where there is nothing to do. Where
// one of the findings is an error, the plan is nil and what is wrong is in the
// findings; the error is for a library that refuses without saying why in a way
// that this package knows. Both realms are changed by it.
func Tables(from, to *schema.Realm, o Options) (*migrate.Plan, []migration.Finding, error) {
	g := &guard{Options: o}
	from = common(from, to)
	g.before(from, to)
	changes, err := postgres.DefaultDiff.RealmDiff(from, to, schema.DiffNormalized())
	if err != nil {
		return nil, g.findings, fmt.Errorf("compare the two states: %w", err)
	}
	changes = g.guarded(from, to, changes)
	if g.failed() || len(changes) == 0 && len(g.own) == 0 {
		return nil, g.findings, nil
	}
	plan := &migrate.Plan{Name: o.Name}
	if len(changes) > 0 {
		if plan, err = postgres.DefaultPlan.PlanChanges(context.Background(), o.Name, changes); err != nil {
			return nil, g.findings, fmt.Errorf("plan the changes: %w", err)
		}
	}
	g.insert(plan)
	if g.concurrent {
		plan.AddDirectiveOnce(TxNone)
	}
	if len(plan.Changes) == 0 {
		return nil, g.findings, nil
	}
	return plan, g.findings, nil
}

// File is the file that a plan becomes, as atlas migrate diff writes it.
func File(plan *migrate.Plan, version string) (name, text string, err error) {
	p := *plan
	p.Version = version
	file, err := migrate.DefaultFormatter.FormatFile(&p)
	if err != nil {
		return "", "", fmt.Errorf("write the file: %w", err)
	}
	return file.Name(), string(file.Bytes()), nil
}

// common returns from without the schemas that to does not speak of: a schema
// that is not described is not one to be dropped.
func common(from, to *schema.Realm) *schema.Realm {
	kept := *from
	kept.Schemas = slices.DeleteFunc(slices.Clone(from.Schemas), func(s *schema.Schema) bool {
		_, ok := to.Schema(s.Name)
		return !ok
	})
	return &kept
}

// Ignored tells of a schema that the desired state does not speak of.
func Ignored(name string) migration.Finding {
	return migration.Finding{Code: SchemaIgnored, Severity: migration.Warning,
		Summary: fmt.Sprintf("the schema %s is not in the desired state: it was left as it is, with all that is in it", name),
		Fix:     fmt.Sprintf("Describe it, or, to drop it, write by hand: DROP SCHEMA %s CASCADE;", quoted(name))}
}

func (g *guard) failed() bool {
	return slices.ContainsFunc(g.findings, func(f migration.Finding) bool { return f.Severity == migration.Error })
}
