package authoring

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
)

// A dev is a server for dev databases and those that were made on it.
type dev struct {
	server *devdb.Server
	mu     sync.Mutex
	made   []string
}

func startDev(ctx context.Context, o devdb.Options) (*dev, error) {
	server, err := devdb.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	return &dev{server: server}, nil
}

// fresh makes an empty database and returns its URL, a secret.
func (d *dev) fresh(ctx context.Context) (string, error) {
	u, err := d.server.CreateDatabase(ctx, "")
	if sqlState(err) == "42501" {
		return "", fmt.Errorf("the user of MIGRATE_DEV_URL may not create databases, and each state needs a fresh one: %w\n"+
			"    As a superuser: ALTER ROLE ... CREATEDB; or leave MIGRATE_DEV_URL empty, to have a server started", err)
	}
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if parsed, err := url.Parse(u); err == nil {
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
	}
	_ = d.server.Close()
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
