package main

import (
	"context"

	"github.com/alquimistaai/aurora-migrator/function/amazon"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
)

// credentialsOf makes p log in as c says.
func credentialsOf(c config, p *pipeline.Pipeline) {
	p.Connect, p.Credentials = c.connect, "DATABASE_URL"
	if c.source != nil {
		p.Refused, p.Credentials = c.source.Refused, c.source.String()
	}
}

// connect says where the database is and who we are there, for one session. The
// error is a *migration.Failure.
func (c config) connect(ctx context.Context) (postgres.Config, error) {
	if c.source == nil {
		return c.database, nil
	}
	l, err := c.source.Login(ctx)
	if err != nil {
		return postgres.Config{}, err
	}
	return parts(l, c.Cluster)
}

func parts(l amazon.Login, cluster string) (postgres.Config, error) {
	return postgres.NewConfig(postgres.Parts{
		Host: l.Host, Port: l.Port, Database: l.Database, User: l.User, Password: l.Password.Reveal(), TLS: l.TLS, Cluster: cluster,
	})
}
