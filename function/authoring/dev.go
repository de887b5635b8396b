package authoring

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
)

// A dev is a server for dev databases and those that were made on it. All databases of
// a server share its roles: where files make some, each database has a server to itself,
// as far as we may start them, and on one that was named the roles go in the end.
type dev struct {
	options devdb.Options
	server  *devdb.Server // the first
	roles   []string      // that the files make and the server did not have

	mu    sync.Mutex
	more  []*devdb.Server
	made  []string // databases on server
	taken bool     // one was asked for
}

// startDev has a server for files that make these roles.
func startDev(ctx context.Context, o devdb.Options, roles ...string) (*dev, error) {
	server, err := devdb.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	d := &dev{options: o, server: server}
	if len(roles) == 0 {
		return d, nil
	}
	if d.roles, err = server.RolesMissing(ctx, roles); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// makesRole finds the names in CREATE ROLE and its like, also in the body of a block.
// One too many, in a comment for example, costs a server more; on a named server it is
// dropped in the end where it was not there in the beginning and nothing needs it.
var makesRole = regexp.MustCompile(`(?i)\bcreate\s+(?:role|user|group)\s+("(?:[^"]|"")+"|[\p{L}_][\p{L}\d_$]*)`)

// rolesIn are the roles that statements make.
func rolesIn(text string) (names []string) {
	for _, m := range makesRole.FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(m[1])
		if quoted, ok := strings.CutPrefix(m[1], `"`); ok {
			name = strings.ReplaceAll(strings.TrimSuffix(quoted, `"`), `""`, `"`)
		}
		names = append(names, name)
	}
	return names
}

// next is the server for the next database.
func (d *dev) next(ctx context.Context) (*devdb.Server, error) {
	d.mu.Lock()
	first := !d.taken
	d.taken = true
	d.mu.Unlock()
	if first || len(d.roles) == 0 || d.server.Pid() == 0 {
		return d.server, nil
	}
	server, err := devdb.Start(ctx, d.options)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.more = append(d.more, server)
	return server, nil
}

// fresh makes an empty database and returns its URL, a secret.
func (d *dev) fresh(ctx context.Context) (string, error) {
	server, err := d.next(ctx)
	if err != nil {
		return "", err
	}
	u, err := server.CreateDatabase(ctx, "")
	if sqlState(err) == "42501" {
		return "", fmt.Errorf("the user of MIGRATE_DEV_URL may not create databases, and each state needs a fresh one: %w\n"+
			"    As a superuser: ALTER ROLE ... CREATEDB; or leave MIGRATE_DEV_URL empty, to have a server started", err)
	}
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if parsed, err := url.Parse(u); err == nil && server == d.server {
		d.made = append(d.made, parsed.Path[1:])
	}
	return u, nil
}

// close takes the databases away again, and the server if it was started here.
func (d *dev) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if d.server.Pid() == 0 { // else they go with it
		for _, name := range d.made {
			_ = d.server.DropDatabase(ctx, name) // a leftover dev database harms nobody
		}
		for _, name := range d.roles {
			_ = d.server.DropRole(ctx, name) // somebody else may need it by now
		}
	}
	for _, server := range append(d.more, d.server) {
		_ = server.Close()
	}
}

// look reads everything that the database at url holds.
func look(ctx context.Context, url string) (catalog.Snapshot, error) {
	config, err := postgres.ParseURL(url, "")
	if err != nil {
		return nil, err
	}
	session, err := postgres.Open(ctx, config, postgres.Options{Settings: migration.Settings{}.Defaults(), Name: "aurora-migrate dev"})
	if err != nil {
		return nil, err
	}
	defer session.Close()
	return session.Everything(ctx)
}

// sqlState is the SQLSTATE of an error of PostgreSQL, "" for any other.
func sqlState(err error) string {
	var pg interface{ SQLState() string }
	if errors.As(err, &pg) {
		return pg.SQLState()
	}
	return ""
}

// Dev makes a fresh, empty dev database, has it used, and takes it away again.
// The error is that of use, or says why there is no dev database.
func (a *Authoring) Dev(ctx context.Context, use func(ctx context.Context, url string) error) error {
	d, err := startDev(ctx, a.Server)
	if err != nil {
		return err
	}
	defer d.close()
	url, err := d.fresh(ctx)
	if err != nil {
		return err
	}
	return use(ctx, url)
}
