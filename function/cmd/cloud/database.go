package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"

	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
)

// address says how to reach a database, as its superuser.
type address struct {
	Host        string `json:"host"` // the one that the certificate is for
	Port        int    `json:"port"`
	Name        string `json:"name"`
	User        string `json:"user"`
	Password    string `json:"password"`
	Certificate string `json:"certificate"` // PEM
}

func database(ctx context.Context, in io.Reader, out io.Writer) (err error) {
	server, err := devdb.Start(ctx, devdb.Options{Settings: map[string]string{"ssl": "on"}, Progress: os.Stderr})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	made, err := server.CreateDatabase(ctx, "app")
	if err != nil {
		return err
	}
	a, err := newAddress(made, server.CertFile())
	if err != nil {
		return err
	}
	return ready(ctx, in, out, a)
}

func newAddress(made, certificate string) (address, error) {
	u, err := url.Parse(made)
	if err != nil {
		return address{}, fmt.Errorf("address of the database: %w", err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		return address{}, fmt.Errorf("address of the database: %w", err)
	}
	pem, err := os.ReadFile(certificate)
	if err != nil {
		return address{}, err
	}
	password, _ := u.User.Password()
	return address{Host: "localhost", Port: port, Name: "app", User: u.User.Username(), Password: password, Certificate: string(pem)}, nil
}
