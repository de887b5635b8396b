//go:build unix

package amazon

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The trouble that users of functions in a VPC meet first, and of which nobody
// tells them: packets that are dropped.
func TestLogin_whereTheEndpointSwallowsPackets(t *testing.T) {
	address := unanswering(t)
	f := soon(t, "http://"+address)
	if want := "the secret " + arn + " cannot be read: " + address + " does not answer: no TCP connection within 6"; !strings.HasPrefix(f.Message, want) {
		t.Errorf("got  %s\nwant %s", f.Message, want)
	}
	want := "A private subnet reaches Secrets Manager only through an interface endpoint (CreateSecretsEndpoint makes one) or a NAT gateway. If there is one, its security group has to let 443 in from the function's, and the function's has to let 443 out to it."
	if f.Next != want {
		t.Errorf("got  %s\nwant %s", f.Next, want)
	}
}

// unanswering is an address of this machine at which a handshake of TCP never
// ends, as where a security group drops the packets: nobody accepts there, and
// the queue of those who wait is full.
func unanswering(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 16 { // fill the queue
		c, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Skip("the queue of this system has no end")
	return ""
}
