package devdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// startTimeout is how long a server may take to accept connections. A kept directory
// may have to recover first.
const startTimeout = time.Minute

// noSocket is how PostgreSQL says in its log that the port was taken.
const noSocket = "could not create any TCP/IP sockets"

// launched is a server that this process started.
type launched struct {
	home     home
	bin      binaries
	port     int
	proc     *process
	certFile string
	closed   bool
}

// launch finds or fetches PostgreSQL, prepares a directory and starts a server in it.
func launch(ctx context.Context, o Options) (*Server, error) {
	who := serverAccount()
	c, err := openCache(ctx, o.Cache, who)
	if err != nil {
		return nil, err
	}
	bin, ok := installed(ctx, o.Major, who)
	if !ok {
		if bin, err = c.fetch(ctx, o); err != nil {
			return nil, err
		}
	}
	h, err := newHome(ctx, o, c, bin)
	if err != nil {
		return nil, fmt.Errorf("prepare a dev server of PostgreSQL %s: %w", bin.version, err)
	}
	l := &launched{home: h, bin: bin}
	s := &Server{run: l}
	if err := l.first(ctx, o); err != nil {
		l.close()
		return nil, err
	}
	if s.base, err = l.url(o); err == nil {
		err = s.ask(ctx)
	}
	if err != nil {
		l.close()
		return nil, fmt.Errorf("dev server of PostgreSQL %s: %w", bin.version, err)
	}
	return s, nil
}

// first starts the server for the first time. A free port can be taken by another before
// the server has it: then it tries the next.
func (l *launched) first(ctx context.Context, o Options) error {
	socketDir := l.home.dir
	if len(socketDir) > 80 {
		socketDir = "" // the path of a socket may have 107 bytes, on some systems 103
	}
	if o.Settings["ssl"] == "on" && o.Settings["ssl_cert_file"] == "" {
		if err := l.home.makeCertificate(); err != nil {
			return fmt.Errorf("make a certificate: %w", err)
		}
		l.certFile = l.home.path(dataDir, certName)
	}
	for try := 1; ; try++ {
		l.port = o.Port
		if l.port == 0 {
			var err error
			if l.port, err = freePort(); err != nil {
				return err
			}
		}
		if err := l.home.configure(o, l.port, socketDir); err != nil {
			return err
		}
		err := l.again(ctx)
		if err == nil || o.Port != 0 || try == 10 || !strings.Contains(err.Error(), noSocket) {
			return err
		}
	}
}

// again starts the server with the configuration that it has and waits until it is
// ready. An error carries the end of the server's log; then nothing runs.
func (l *launched) again(ctx context.Context) error {
	log, err := os.OpenFile(l.home.path(logFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	info, err := log.Stat()
	if err != nil {
		return err
	}
	sig, remove := immediate, l.home.dir
	if l.home.keep {
		sig, remove = fast, ""
	}
	l.proc, err = l.home.who.startProcess(l.home.dir, log, sig, remove, filepath.Join(l.bin.dir, "postgres"), "-D", l.home.path(dataDir))
	if err == nil {
		err = l.ready(ctx)
	}
	if err != nil {
		return fmt.Errorf("start %s/postgres in %s: %w\n%s", l.bin.dir, l.home.dir, err, indent(l.home.logTail(info.Size(), 15)))
	}
	return nil
}

// ready waits until the postmaster writes that it accepts connections.
func (l *launched) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("not ready after %v", startTimeout))
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-l.proc.exited:
			return errors.New("it ended at once")
		case <-ctx.Done():
			l.proc.stop(immediate)
			return context.Cause(ctx)
		case <-tick.C:
			// Line 1 is the process, for the file may be a dead server's; line 8 its state.
			pid, _ := os.ReadFile(l.home.path(dataDir, "postmaster.pid"))
			lines := bytes.Split(pid, []byte("\n"))
			if len(lines) >= 8 && string(lines[0]) == strconv.Itoa(l.proc.pid()) && string(bytes.TrimSpace(lines[7])) == "ready" {
				return nil
			}
		}
	}
}

func (l *launched) url(o Options) (url.URL, error) {
	password, err := os.ReadFile(l.home.path(passwordFile))
	if err != nil {
		return url.URL{}, err
	}
	// Said outright, so that a client does not ask for TLS first where there is none.
	sslmode := "disable"
	if o.Settings["ssl"] == "on" {
		sslmode = "require"
	}
	return url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword("postgres", string(password)),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(l.port)),
		Path:     "/postgres",
		RawQuery: "sslmode=" + sslmode,
	}, nil
}

func (l *launched) close() error {
	if l.closed {
		return nil
	}
	l.closed = true
	if l.home.keep {
		if l.proc != nil {
			l.proc.stop(fast)
		}
		return nil
	}
	if l.proc != nil {
		l.proc.stop(immediate)
	}
	return os.RemoveAll(l.home.dir)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
