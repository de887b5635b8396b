package authoring

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/postgres"
	"ariga.io/atlas/sql/schema"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
	"github.com/alquimistaai/aurora-migrator/function/repair"
)

// A state is a schema that stands in a dev database, and everything that it
// holds.
type state struct {
	url      string
	snapshot catalog.Snapshot
}

// current runs the directory on a fresh database.
func (a *Authoring) current(ctx context.Context, d *dev, dir *directory) (*state, *migration.Failure) {
	url, err := d.fresh(ctx)
	if err != nil {
		return nil, failure(err, "")
	}
	if f := a.run(ctx, url, dir); f != nil {
		return nil, f
	}
	return looked(ctx, url)
}

// run applies what is pending of a directory to the database at url. Nothing is
// pending in a directory without files, and that is no failure.
func (a *Authoring) run(ctx context.Context, url string, dir *directory) *migration.Failure {
	if len(dir.dir.Files) == 0 {
		return nil
	}
	return unapplied(a.Apply(ctx, url, dir.files()))
}

// unapplied is why an apply on a dev database did not apply, nil where it did.
func unapplied(r migration.Result) *migration.Failure {
	switch {
	case r.Outcome == migration.Applied || r.Outcome == migration.NothingToDo:
		return nil
	case r.Failure != nil:
		f := *r.Failure
		f.State, f.Next = "", "" // of a database that is gone by then
		return &f
	case r.Refusal != nil:
		f := &migration.Failure{Message: r.Refusal.Summary}
		for _, fault := range r.Findings {
			f.Message += fmt.Sprintf("; %s: %s", fault.Place(), fault.Summary)
		}
		return f
	}
	return &migration.Failure{Message: fmt.Sprintf("it ended as %s", r.Outcome)}
}

func looked(ctx context.Context, url string) (*state, *migration.Failure) {
	snapshot, err := look(ctx, url)
	if err != nil {
		return nil, failure(err, "")
	}
	return &state{url, snapshot}, nil
}

// wanted builds the desired state in a fresh database. What HCL refers to and
// cannot say (a function in a default, a type of an extension) comes from the
// directory, as with Atlas.
func (a *Authoring) wanted(ctx context.Context, d *dev, want *desired, dir *directory) (*state, *migration.Failure) {
	url, err := d.fresh(ctx)
	if err != nil {
		return nil, failure(err, "")
	}
	if !want.isHCL {
		if f := a.runSQL(ctx, url, want); f != nil {
			return nil, f
		}
		return looked(ctx, url)
	}
	f := buildHCL(ctx, url, want)
	if f != nil && isUndefined(f.SQLState) && len(dir.dir.Files) > 0 {
		if url, err = d.fresh(ctx); err != nil {
			return nil, failure(err, "")
		}
		if a.run(ctx, url, dir) != nil {
			return nil, f // the directory does not run; current tells why
		}
		f = rebuildHCL(ctx, url, want)
	}
	if f != nil {
		return nil, f
	}
	return looked(ctx, url)
}

// isUndefined: something that is not there was referred to.
func isUndefined(state string) bool {
	return slices.Contains([]string{"42704", "42883", "42P01", "3F000"}, state)
}

// runSQL runs the files of a desired state of SQL, in order of their names.
func (a *Authoring) runSQL(ctx context.Context, url string, want *desired) *migration.Failure {
	full := *want
	full.sources = slices.DeleteFunc(slices.Clone(want.sources), func(s source) bool {
		stmts, err := migration.Split(s.text)
		return err == nil && len(stmts) == 0
	})
	files, names, err := full.numbered()
	if err != nil {
		return failure(err, "")
	}
	f := unapplied(a.Apply(ctx, url, files))
	if f != nil && names[f.File] != "" {
		f.File = names[f.File]
	}
	return f
}

// buildHCL makes what HCL describes in the database at url.
func buildHCL(ctx context.Context, url string, want *desired) *migration.Failure {
	conn, done, err := devdb.OpenSQL(ctx, url)
	if err != nil {
		return failure(err, "")
	}
	defer done()
	plan, err := postgres.DefaultPlan.PlanChanges(ctx, "desired", additions(want.hcl.realm))
	if err != nil {
		return failure(fmt.Errorf("plan what the HCL describes: %w", err), "")
	}
	return execute(ctx, conn, plan.Changes, want)
}

// additions are the changes that make all of a realm.
func additions(r *schema.Realm) (changes []schema.Change) {
	for _, s := range r.Schemas {
		changes = append(changes, &schema.AddSchema{S: s, Extra: []schema.Clause{&schema.IfNotExists{}}})
		for _, o := range s.Objects {
			changes = append(changes, &schema.AddObject{O: o})
		}
		for _, t := range s.Tables {
			changes = append(changes, &schema.AddTable{T: t})
		}
	}
	return changes
}

// batch is how many statements are sent at once. They are one transaction, and
// each holds its locks until the end of it.
const batch = 200

// execute runs statements, many in a round trip; where one fails, its batch is
// run again one by one, to learn which.
func execute(ctx context.Context, conn *sql.Conn, changes []*migrate.Change, want *desired) *migration.Failure {
	for some := range slices.Chunk(changes, batch) {
		var all strings.Builder
		for _, c := range some {
			all.WriteString(c.Cmd + ";\n")
		}
		if _, err := conn.ExecContext(ctx, all.String()); err == nil {
			continue
		}
		for _, c := range some {
			if _, err := conn.ExecContext(ctx, c.Cmd); err != nil {
				return unbuilt(err, c, want)
			}
		}
	}
	return nil
}

// unbuilt says which thing of a description the server refused.
func unbuilt(err error, c *migrate.Change, want *desired) *migration.Failure {
	f := failure(err, "Mend the desired state: this is what PostgreSQL was told to make of it:\n"+migration.Mask(c.Cmd))
	f.SQLState = sqlState(err)
	f.Message = strings.TrimSuffix(f.Message, " (SQLSTATE "+f.SQLState+")")
	switch source := c.Source.(type) {
	case *schema.AddTable:
		f.File, f.Line = want.place(source.T.Schema.Name+"."+source.T.Name, "")
	case *schema.AddObject:
		if e, ok := source.O.(*schema.EnumType); ok {
			f.File, f.Line = want.place(e.Schema.Name+"."+e.T, "")
		}
	}
	return f
}

// rebuildHCL is buildHCL in a database where the directory has run: what HCL can
// say is dropped before, what it cannot say stays.
func rebuildHCL(ctx context.Context, url string, want *desired) *migration.Failure {
	snapshot, err := look(ctx, url)
	if err != nil {
		return failure(err, "")
	}
	conn, done, err := devdb.OpenSQL(ctx, url)
	if err != nil {
		return failure(err, "")
	}
	defer done()
	var drops []*migrate.Change
	for _, kind := range []string{"table", "enum"} {
		for _, o := range repair.In(snapshot, want.spokenOf(nil)) {
			if o.Kind == kind {
				what := map[string]string{"table": "TABLE", "enum": "TYPE"}[kind]
				drops = append(drops, &migrate.Change{Cmd: fmt.Sprintf("DROP %s IF EXISTS %s CASCADE", what, o.Name)})
			}
		}
	}
	if f := execute(ctx, conn, drops, want); f != nil {
		return f
	}
	return buildHCL(ctx, url, want)
}

// few is up to how many tables all of them are read, as Atlas does it. Above
// that only those that differ are.
const few = 200

// realm has Atlas's inspector read the named schemas of the database at url; of
// many tables only those that are in named.
func realm(ctx context.Context, url string, schemas []string, named map[string][]string, all bool) (*schema.Realm, error) {
	if len(schemas) == 0 {
		return schema.NewRealm(), nil
	}
	conn, done, err := devdb.OpenSQL(ctx, url)
	if err != nil {
		return nil, err
	}
	defer done()
	driver, err := postgres.Open(conn)
	if err != nil {
		return nil, err
	}
	if all {
		return driver.InspectRealm(ctx, &schema.InspectRealmOption{Schemas: schemas})
	}
	r := schema.NewRealm()
	for _, name := range schemas {
		o := &schema.InspectOptions{Tables: named[name]}
		if len(o.Tables) == 0 {
			o.Mode = schema.InspectSchemas | schema.InspectTypes
		}
		s, err := driver.InspectSchema(ctx, name, o)
		if schema.IsNotExistError(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		r.AddSchemas(s)
	}
	return r, nil
}
