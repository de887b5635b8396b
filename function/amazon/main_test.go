package amazon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// What any test here has heard of, and what the SDK writes of its own accord,
// holds no secret. Every secret of these tests begins with marked.
func TestMain(m *testing.M) {
	stderr := os.Stderr
	out, in, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	os.Stderr = in
	written := make(chan []byte)
	go func() {
		var all bytes.Buffer
		_, _ = io.Copy(io.MultiWriter(&all, stderr), out)
		written <- all.Bytes()
	}()
	status := m.Run()
	in.Close()
	heard.WriteString(string(<-written))
	if strings.Contains(heard.String(), marked) {
		fmt.Fprintf(stderr, "a secret was told:\n%s\n", heard.String())
		status = 1
	}
	os.Exit(status)
}

var (
	hearing sync.Mutex
	heard   strings.Builder
)

// hear prints what a test was told in all the ways in which it could be.
func hear(all ...any) {
	hearing.Lock()
	defer hearing.Unlock()
	for _, a := range all {
		fmt.Fprintf(&heard, "%v\n%+v\n%#v\n", a, a, a)
		if err, ok := a.(error); ok {
			for ; err != nil; err = errors.Unwrap(err) {
				fmt.Fprintf(&heard, "%v\n%+v\n%#v\n", err, err, err)
			}
		}
		text, _ := json.Marshal(a)
		heard.Write(append(text, '\n'))
	}
}

// failed is the failure that err has to be.
func failed(t *testing.T, err error) *migration.Failure {
	t.Helper()
	hear(err)
	f, ok := err.(*migration.Failure)
	if !ok {
		t.Fatalf("want a failure, got %T: %v", err, err)
	}
	return f
}

// read is a failure as it is read.
func read(f *migration.Failure) string { return f.Error() + "\n" + f.Next }
