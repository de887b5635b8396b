package amazon

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// What PostgreSQL answers to a wrong password or an unknown user, and to
// whoever else may not log in, PAM among them, which checks the tokens of IAM.
const (
	invalidPassword      = "28P01"
	invalidAuthorization = "28000"
)

// Refused is told why a session with a Login did not begin. It says whether
// another Login is worth a try: the secret, read once more, holds something else
// by now, since it was rotated. If not, it tells in the failure what to do, as
// far as that is a matter of AWS.
func (s *Source) Refused(ctx context.Context, f *migration.Failure) (again bool) {
	if s.take(ctx) != nil {
		return false
	}
	defer s.leave()
	byIAM := s.database.Auth == ByIAM
	switch {
	case f.SQLState == "":
		s.explainRoots(f)
	case byIAM && (f.SQLState == invalidPassword || f.SQLState == invalidAuthorization):
		s.explainIAM(f)
	case !byIAM && f.SQLState == invalidPassword && s.secret != nil:
		return s.rotated(ctx, f)
	}
	return false
}

// rotated reads the secret once more.
func (s *Source) rotated(ctx context.Context, f *migration.Failure) bool {
	before := *s.secret
	if err := s.readSecret(ctx); err != nil {
		f.Next = "Reading the secret once more, for it may have been rotated, failed: " + spoken(err)
		return false
	}
	if !s.secret.equal(before) {
		return true
	}
	s.explainPassword(f)
	return false
}

func (s *Source) explainPassword(f *migration.Failure) {
	arn := s.database.SecretARN
	f.Next = fmt.Sprintf("The secret %s was read once more and still holds the password that the server refuses. If it is being rotated right now, try again in a minute. Else rotate it (aws secretsmanager rotate-secret --secret-id %s), or give the user and the secret the same password.", arn, arn)
	if u := s.database.User; u != "" && s.secret.user != "" && u != s.secret.user {
		f.Next = fmt.Sprintf("DB_USER is %s, and the password in the secret %s is that of %s: leave DB_USER empty, or name the secret of %s.", u, arn, s.secret.user, u)
	}
}

func (s *Source) explainIAM(f *migration.Failure) {
	cluster := s.database.Cluster
	if cluster == "" {
		cluster = "CLUSTER-RESOURCE-ID"
	}
	f.Next = fmt.Sprintf("Check that the cluster has IAM authentication on, that the user may log in that way (GRANT rds_iam TO %q), and that the function's role may rds-db:connect to arn:aws:rds-db:%s:ACCOUNT:dbuser:%s/%s.",
		s.database.User, s.region(), cluster, s.database.User)
}

// explainRoots tells where the root of the server's certificate is to be had.
func (s *Source) explainRoots(f *migration.Failure) {
	var unknown x509.UnknownAuthorityError
	if !errors.As(f.Cause, &unknown) {
		return
	}
	region := regionOf(s.host())
	switch {
	case s.database.Roots != nil:
		f.Next = "None of the certificates in DB_ROOT_CERTIFICATES has signed the server's: put in the one that has, or leave it empty for those of Amazon RDS."
	case region == "":
		f.Next = "The roots of Amazon RDS are trusted, and none of them has signed the server's certificate. If this server is not one of Amazon RDS, give its root in DB_ROOT_CERTIFICATES."
	case !bytes.Contains(rootsPEM, []byte("Amazon RDS "+region+" Root CA")):
		f.Next = fmt.Sprintf("The roots of Amazon RDS for %s are not among those that the function carries: give one in DB_ROOT_CERTIFICATES (https://truststore.pki.rds.amazonaws.com/%s/%s-bundle.pem has them), as text or as the path of a file in a layer.", region, region, region)
	}
}

// host is where the last login was for, as far as it is known.
func (s *Source) host() string {
	if s.database.Host == "" && s.secret != nil {
		return s.secret.host
	}
	return s.database.Host
}
