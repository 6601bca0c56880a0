package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"sportello/internal/testenv"
)

// asCommand, in the environment, makes the test binary the command itself:
// for what only a process of its own can show.
const asCommand = "SPORTELLO_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	redis.SetLogger(&logging.VoidLogger{}) // as main does
	os.Exit(testenv.Main(m))
}

// patience is how long a test waits for a start or a stop.
const patience = time.Minute

// counter is a command that serves, in this process.
type counter struct {
	running
	out    *text
	ready  chan running
	stop   context.CancelFunc
	result chan error
}

// start runs a serving command and waits until it answers.
func start(t *testing.T, vars map[string]string, args ...string) *counter {
	t.Helper()
	c := begin(t, vars, args...)
	c.await(t)
	return c
}

// begin runs a serving command and does not wait.
func begin(t *testing.T, vars map[string]string, args ...string) *counter {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &counter{out: newText(), ready: make(chan running, 1), stop: cancel, result: make(chan error, 1)}
	env := &environment{vars: vars, out: c.out, errOut: io.MultiWriter(c.out, t.Output()), ready: func(r running) { c.ready <- r }}
	go func() { c.result <- dispatch(ctx, env, args) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-c.result:
			if err != nil {
				t.Errorf("the counter's stop: %v", err)
			}
		case <-time.After(patience):
			t.Error("the counter does not stop")
		}
	})
	return c
}

// await waits until the counter listens.
func (c *counter) await(t *testing.T) {
	t.Helper()
	select {
	case c.running = <-c.ready:
	case err := <-c.result:
		c.result <- err
		t.Fatalf("ended at start: %v", err)
	case <-time.After(patience):
		t.Fatalf("does not start:\n%s", c.out)
	}
}

// end stops the counter and gives what it returned.
func (c *counter) end(t *testing.T) error {
	t.Helper()
	c.stop()
	select {
	case err := <-c.result:
		c.result <- err // for the clean-up
		return err
	case <-time.After(patience):
		t.Fatal("the counter does not stop")
		return nil
	}
}

// get asks the counter itself, whatever its public address is.
func (c *counter) get(t *testing.T, client *http.Client, scheme, path string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("%s://%s%s", scheme, c.Listening, path), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // nothing was written
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(data)
}

// text keeps what was written and tells who waits for a part of it.
type text struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{}
}

func newText() *text { return &text{changed: make(chan struct{})} }

// Write implements io.Writer.
func (x *text) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	close(x.changed)
	x.changed = make(chan struct{})
	return x.buf.Write(p)
}

// String gives all that was written.
func (x *text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.buf.String()
}

// waitFor waits until part has been written.
func (x *text) waitFor(t *testing.T, part string) {
	t.Helper()
	limit := time.After(patience)
	for {
		x.mu.Lock()
		there, changed := strings.Contains(x.buf.String(), part), x.changed
		x.mu.Unlock()
		if there {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("%q was never written:\n%s", part, x)
		}
	}
}

// shortDir is a folder whose path leaves room for a socket's.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sp") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
