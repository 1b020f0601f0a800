package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// info is what a gateway in development mode tells about itself.
type info struct {
	Public           string            `json:"public"`
	Private          string            `json:"private"`
	Inbox            string            `json:"inbox"`
	InboxSMTP        string            `json:"inbox_smtp"`
	SMS              string            `json:"sms"`
	SMTPIn           string            `json:"smtp_in"`
	Keys             map[string]string `json:"api_keys"`
	TwilioAuthToken  string            `json:"twilio_auth_token"`
	TwilioInboundURL string            `json:"twilio_inbound_url"`
}

// gateway is a running binary.
type gateway struct {
	info
	data string
	cmd  *exec.Cmd
	log  *logBuffer
	done chan error
}

// binary builds heed once for all tests; HEED_E2E_BINARY names one that is there already.
var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("HEED_E2E_BINARY"); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "heed-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "heed")
	out, err := exec.Command("go", "build", "-o", path, "heed/gateway").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// startGateway starts the binary in development mode on free ports and waits until it is ready. The test's end stops it.
func startGateway(t *testing.T, data, settings string) *gateway {
	t.Helper()
	g, err := launch(data, settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.stop(t) })
	return g
}

// launch starts the binary on a data folder, with the settings if there are any.
func launch(data, settings string) (*gateway, error) {
	bin, err := binary()
	if err != nil {
		return nil, err
	}
	infoFile := filepath.Join(data, "info.json")
	_ = os.Remove(infoFile)
	args := []string{"serve", "--dev", "--data", filepath.Join(data, "stores"), "--info", infoFile, "--port", "0"}
	if settings != "" {
		args = append(args, "--config", settings)
	}
	g := &gateway{data: data, cmd: exec.Command(bin, args...), log: &logBuffer{}, done: make(chan error, 1)}
	g.cmd.Stdout, g.cmd.Stderr = g.log, g.log
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { g.done <- g.cmd.Wait() }()
	return g, g.awaitReady(infoFile)
}

func (g *gateway) awaitReady(infoFile string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for {
		if text, err := os.ReadFile(infoFile); err == nil && json.Unmarshal(text, &g.info) == nil {
			return nil
		}
		select {
		case err := <-g.done:
			g.done <- err
			return fmt.Errorf("the gateway ended before it was ready: %w\n%s", err, g.log)
		case <-ctx.Done():
			return fmt.Errorf("the gateway is not ready after two minutes\n%s", g.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop asks the gateway to end and wants exit code 0.
func (g *gateway) stop(t *testing.T) {
	t.Helper()
	if g.cmd.Process.Signal(syscall.SIGTERM) != nil {
		return // it has ended, and the test knows
	}
	select {
	case err := <-g.done:
		g.done <- err
		if err != nil && !killed(err) {
			t.Errorf("the gateway did not stop well: %v\n%s", err, g.log)
		}
	case <-time.After(time.Minute):
		_ = g.cmd.Process.Kill()
		t.Errorf("the gateway did not stop within a minute\n%s", g.log)
	}
}

// kill ends the gateway as a power cut ends a process: at once.
func (g *gateway) kill() {
	_ = g.cmd.Process.Kill()
	err := <-g.done
	g.done <- err
}

func killed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// logBuffer keeps what the gateway prints, its newest megabyte.
type logBuffer struct {
	mu   sync.Mutex
	text []byte
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p...)
	if over := len(b.text) - 1<<20; over > 0 {
		b.text = b.text[over:]
	}
	return len(p), nil
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}

var _ io.Writer = (*logBuffer)(nil)

// writeSettings writes a settings file from lines.
func writeSettings(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "heed.yaml")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// relayTo is the settings' line for a relay on loopback; it stands below "email:".
func relayTo(address string) string { return fmt.Sprintf("  relay: {addr: %q, tls: none}", address) }
