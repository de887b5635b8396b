package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// start runs the command until stop is called, and returns what it printed.
func start(t *testing.T, what, input string, served any) (stop func()) {
	t.Helper()
	in, given := io.Pipe()
	read, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(t.Context(), []string{what}, in, out)
		out.CloseWithError(io.ErrUnexpectedEOF)
		ended <- err
	}()
	go io.WriteString(given, input)
	if err := json.NewDecoder(read).Decode(served); err != nil {
		t.Fatalf("%s: %v, %v", what, err, <-ended)
	}
	return func() {
		t.Helper()
		given.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// The server speaks TLS with the certificate that it hands out, and is gone
// when standard input is.
func TestRun_database(t *testing.T) {
	var a address
	stop := start(t, "database", "", &a)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(a.Certificate)) {
		t.Fatalf("no certificate in %+v", a)
	}
	place := net.JoinHostPort("127.0.0.1", strconv.Itoa(a.Port))
	c, err := net.Dial("tcp", place)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer := make([]byte, 1)
	c.Write([]byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}) // SSLRequest; a failure shows in the answer
	if _, err := io.ReadFull(c, answer); err != nil || answer[0] != 'S' {
		t.Fatalf("asked for TLS, got %q, %v", answer, err)
	}
	if err := tls.Client(c, &tls.Config{ServerName: a.Host, RootCAs: roots, NextProtos: []string{"postgresql"}}).Handshake(); err != nil {
		t.Error(err)
	}
	if a.Name != "app" || a.User == "" || a.Password == "" {
		t.Errorf("address without its parts: %q %q", a.Name, a.User)
	}
	stop()
	if c, err := net.Dial("tcp", place); err == nil {
		c.Close()
		t.Error("it is still there")
	}
}

// The function has the environment it was given, and its log goes to the file.
func TestRun_function(t *testing.T) {
	dir := t.TempDir()
	f := deployed{Name: "echo", Bootstrap: filepath.Join(dir, "bootstrap"), Environment: map[string]string{"ECHO_INIT": ""},
		Timeout: 5, MemoryMB: 256, Log: filepath.Join(dir, "log")}
	cmd := exec.Command("go", "build", "-o", f.Bootstrap, "../../amazon/lambdatest/testdata/echo")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	described, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var s served
	stop := start(t, "function", string(described), &s)
	r, err := http.Post(s.Endpoint+"/2015-03-31/functions/echo/invocations", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK || r.Header.Get("X-Amz-Function-Error") != "" {
		t.Errorf("%s, %s", r.Status, r.Header.Get("X-Amz-Function-Error"))
	}
	stop()
	if _, err := http.Get(s.Endpoint); err == nil {
		t.Error("it is still there")
	}
	if log, err := os.ReadFile(f.Log); err != nil || !bytes.Contains(log, []byte("REPORT RequestId")) {
		t.Errorf("log: %v\n%s", err, log)
	}
}

func TestRun_wrong(t *testing.T) {
	for want, args := range map[string][]string{
		`want "database" or "function"`:              nil,
		`"datenbank": want "database" or "function"`: {"datenbank"},
		"which function: EOF":                        {"function"},
	} {
		if err := run(t.Context(), args, strings.NewReader(""), io.Discard); err == nil || err.Error() != want {
			t.Errorf("%v: got %v, want %s", args, err, want)
		}
	}
}
