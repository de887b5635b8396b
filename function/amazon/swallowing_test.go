//go:build unix

package amazon

import (
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// The trouble that users of functions in a VPC meet first, and of which nobody
// tells them: packets that are dropped.
func TestLogin_whereTheEndpointSwallowsPackets(t *testing.T) {
	address := pgtest.Deaf(t)
	f := soon(t, "http://"+address)
	if want := "the secret " + arn + " cannot be read: " + address + " does not answer: no TCP connection within 6"; !strings.HasPrefix(f.Message, want) {
		t.Errorf("got  %s\nwant %s", f.Message, want)
	}
	want := "A private subnet reaches Secrets Manager only through an interface endpoint (CreateSecretsEndpoint makes one) or a NAT gateway. If there is one, its security group has to let 443 in from the function's, and the function's has to let 443 out to it."
	if f.Next != want {
		t.Errorf("got  %s\nwant %s", f.Next, want)
	}
}
