package pipeline_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// delayed listens on loopback and passes on what comes to address and back,
// each byte after oneWay. It delays and does not narrow: any number of packets
// may be under way at once, in order, as on a long line.
func delayed(t testing.TB, address string, oneWay time.Duration) (listens string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var under sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		under.Wait()
	})
	under.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", address)
			if err != nil {
				client.Close()
				continue
			}
			under.Go(func() { carry(server, client, oneWay) })
			under.Go(func() { carry(client, server, oneWay) })
		}
	})
	return l.Addr().String()
}

type packet struct {
	bytes []byte
	due   time.Time
}

// carry copies until one side ends, and then closes the other, so that its
// counterpart ends too.
func carry(to, from net.Conn, oneWay time.Duration) {
	under := make(chan packet, 4096)
	go func() {
		defer close(under)
		for {
			b := make([]byte, 64<<10)
			n, err := from.Read(b)
			if n > 0 {
				under <- packet{b[:n], time.Now().Add(oneWay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range under {
		pause(time.Until(p.due))
		if _, err := to.Write(p.bytes); err != nil {
			break
		}
	}
	to.Close()
	from.Close()
	for range under { // what is left goes nowhere
	}
}

// What a line carries comes whole, in order, after the delay, and as much of it
// as there is at once: n packets take one delay and not n.
func TestDelayed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, _ = io.Copy(c, c)
			c.Close()
		}
	}()
	const oneWay, packets = 20 * time.Millisecond, 50
	c, err := net.Dial("tcp", delayed(t, l.Addr().String(), oneWay))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	for i := range packets {
		if _, err := c.Write([]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Microsecond)
	}
	got := make([]byte, packets)
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	for i, b := range got {
		if int(b) != i {
			t.Fatalf("byte %d is %d", i, b)
		}
	}
	if took < 2*oneWay || took > packets*oneWay {
		t.Errorf("%d packets there and back took %s with %s each way", packets, took, oneWay)
	}
}
