package pipeline_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// signing lets a pipeline ask for signatures, and returns what makes them.
func signing(t testing.TB, p *pipeline.Pipeline) func(digest string, expires migration.Expiry, accept ...string) migration.Approval {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := migration.NewPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	p.Settings.Approval, p.Settings.ApprovalKeys = migration.BySignature, []migration.PublicKey{public}
	return func(digest string, expires migration.Expiry, accept ...string) migration.Approval {
		t.Helper()
		d, err := migration.ParseDigest(digest)
		if err != nil {
			t.Fatal(err)
		}
		text, err := migration.ApprovalText(d, expires, accept)
		if err != nil {
			t.Fatal(err)
		}
		der, err := ecdsa.SignASN1(rand.Reader, key, migration.ApprovalHash(text))
		if err != nil {
			t.Fatal(err)
		}
		if der, err = migration.LowS(der); err != nil {
			t.Fatal(err)
		}
		return migration.Approval{Accept: accept, Expires: expires, Signatures: []migration.Signature{{Key: public.ID, DER: der}}}
	}
}

// blocked says why a request was, and that nothing was done.
func blocked(t testing.TB, r migration.Result, reason migration.Reason) {
	t.Helper()
	want(t, r, migration.Blocked)
	if r.Refusal.Reason != reason {
		t.Fatalf("blocked by %s, want %s: %s", r.Refusal.Reason, reason, told(r))
	}
}

const longAgo = migration.Expiry("2026-01-01T00:00:00Z")

// An approval that is over does not let a plan begin. One that has begun is not
// stopped by it half way: it was let in in time. That it was signed is asked
// each time.
func TestApply_approvalExpiresOnTheWay(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE SCHEMA other; CREATE TABLE other.divisor (n int); INSERT INTO other.divisor VALUES (0)")
	p := on(t, db.URL, dir(t, "001_one.sql", "CREATE TABLE one (n int);\n", "002_two.sql", "INSERT INTO one SELECT 1 / n FROM other.divisor;\n"))
	sign := signing(t, p)
	want(t, do(t, p, pipeline.Request{Action: migration.ActionBaseline, Version: "000"}), migration.Planned)
	adoption := do(t, p, pipeline.Request{Action: migration.ActionBaseline, Version: "000"}).Plan.Digest.String()
	soon := migration.ExpiryAt(time.Now().Add(time.Hour))
	blocked(t, do(t, p, pipeline.Request{Action: migration.ActionBaseline, Version: "000", Plan: adoption}), migration.NotSigned)
	want(t, do(t, p, pipeline.Request{Action: migration.ActionBaseline, Version: "000", Plan: adoption, Approval: sign(adoption, soon)}), migration.Baselined)

	digest := planned(t, p)
	apply := func(a migration.Approval) migration.Result {
		return do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest, Approval: a})
	}
	blocked(t, apply(migration.Approval{}), migration.NotSigned)
	blocked(t, apply(sign(digest, longAgo)), migration.ApprovalExpired)
	blocked(t, apply(sign(adoption, soon)), migration.SignatureFaulty)
	blocked(t, apply(sign(digest, soon, "DS102@002_two.sql:1")), migration.AcceptsUnknown)
	if n := db.Query(t, "SELECT count(*) FROM pg_class WHERE relname = 'one'"); n != "0" {
		t.Fatal("something ran")
	}
	r := apply(sign(digest, soon))
	want(t, r, migration.Failed)
	if r.Version != "001" {
		t.Fatalf("it came to %s: %s", r.Version, told(r))
	}
	blocked(t, apply(migration.Approval{}), migration.NotSigned)
	db.Exec(t, "UPDATE other.divisor SET n = 1")
	want(t, apply(sign(digest, longAgo)), migration.Applied)
	want(t, apply(sign(digest, longAgo)), migration.Applied) // told from the history
	if n := db.Query(t, "SELECT count(*) FROM one"); n != "1" {
		t.Errorf("%s rows", n)
	}
}

// What an approval accepts has to be found, whatever the mode.
func TestApply_acceptsWhatIsNotFound(t *testing.T) {
	db := pgtest.New(t)
	p := on(t, db.URL, dir(t, "001_one.sql", "CREATE TABLE one (n int);\n"))
	digest := planned(t, p)
	request := pipeline.Request{Action: migration.ActionApply, Plan: digest, Approval: migration.Approval{Accept: []string{"DS102@001_one.sql:1"}}}
	blocked(t, do(t, p, request), migration.AcceptsUnknown)
	p.Settings.Approval = migration.NoApproval
	request.Plan = ""
	blocked(t, do(t, p, request), migration.AcceptsUnknown)
	request.Approval = migration.Approval{Expires: longAgo}
	blocked(t, do(t, p, request), migration.ApprovalExpired)
	request.Approval = migration.Approval{}
	want(t, do(t, p, request), migration.Applied)
}
