package devdb

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

type served struct {
	URL, Dir string
	Keep     bool
}

// childServe starts a server, tells where it is, waits for its input to end, and ends
// without closing the server.
func childServe() error {
	o := Options{Dir: os.Getenv("SERVE_DIR")}
	s, err := Start(context.Background(), o)
	if err != nil {
		return err
	}
	if os.Getenv("SERVE_LINGER") != "" {
		if err := s.Linger(time.Second); err != nil {
			return err
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(served{s.URL(""), s.run.home.dir, s.run.home.keep}); err != nil {
		return err
	}
	io.Copy(io.Discard, os.Stdin)
	if os.Getenv("SERVE_PANIC") != "" {
		panic("as asked")
	}
	os.Exit(0)
	return nil
}

func accepts(t *testing.T, url string) bool {
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return false
	}
	c.Close(context.Background())
	return true
}

// A process may end in any way without closing its server: the server ends too, and a
// temporary one leaves no files.
func TestServer_endsWithItsProcess(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  []string
		kill bool
	}{
		{"killed", nil, true},
		{"exited", nil, false},
		{"panicked", []string{"SERVE_PANIC=1"}, false},
		{"killed, the directory kept", []string{"SERVE_DIR=" + openDir(t) + "/kept"}, true},
		{"killed, to linger", []string{"SERVE_LINGER=1"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd, in, out := child(t, "serve", tt.env...)
			var s served
			if err := json.NewDecoder(out).Decode(&s); err != nil {
				t.Fatalf("the child did not start a server: %v", err)
			}
			c, err := pgx.Connect(t.Context(), s.URL) // a session does not hold it up
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(context.Background())
			if tt.kill {
				cmd.Process.Kill()
			} else {
				in.Close()
			}
			cmd.Wait()
			if fmt.Sprint(tt.env) == "[SERVE_LINGER=1]" && !accepts(t, s.URL) {
				t.Error("the server did not linger")
			}
			eventually(t, "the server is gone", func() bool { return !accepts(t, s.URL) })
			if s.Keep {
				eventually(t, "the kept server is shut down", func() bool { return gone(s.Dir + "/data/postmaster.pid") })
			} else {
				eventually(t, "the directory is gone", func() bool { return gone(s.Dir) })
			}
		})
	}
}
