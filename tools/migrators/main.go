// Command migrators runs the migrations of a directory with the tool that they
// were written for: the tests of conversion compare with what it leaves behind.
//
//	migrators goose|golang-migrate|dbmate DIRECTORY URL
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/amacneil/dbmate/v2/pkg/dbmate"
	_ "github.com/amacneil/dbmate/v2/pkg/driver/postgres"
	"github.com/golang-migrate/migrate/v4"
	_ "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	_ "github.com/golang-migrate/migrate/v4/source/file"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: migrators goose|golang-migrate|dbmate DIRECTORY URL")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, tool, dir, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	switch tool {
	case "goose":
		return gooseUp(ctx, dir, address)
	case "golang-migrate":
		return golangMigrateUp(dir, *u)
	case "dbmate":
		db := dbmate.New(u)
		db.MigrationsDir, db.AutoDumpSchema, db.Log = []string{dir}, false, io.Discard
		return db.Migrate()
	}
	return fmt.Errorf("unknown tool %q", tool)
}

func gooseUp(ctx context.Context, dir, address string) error {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return err
	}
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectPostgres, db, os.DirFS(dir))
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

func golangMigrateUp(dir string, u url.URL) (err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	u.Scheme = "pgx5"
	m, err := migrate.New("file://"+filepath.ToSlash(dir), u.String())
	if err != nil {
		return err
	}
	defer func() {
		source, database := m.Close()
		err = errors.Join(err, source, database)
	}()
	return m.Up()
}
