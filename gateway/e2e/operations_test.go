package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// heed runs a command of the binary and returns its exit code and what it printed.
func heed(t *testing.T, args ...string) (int, string) {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(bin, args...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, string(out)
}

// sendOne sends one marketing mail and returns the status in the answer.
func (g *gateway) sendOne(t *testing.T, to, class string) string {
	t.Helper()
	body := fmt.Sprintf(`{"channel":"email","class":%q,"topic":"weekly","from":"News <news@shop.example>","subject":"One","text":"Hello.","to":%q}`, class, to)
	var a struct{ Status, Code string }
	if _, err := g.call("POST", "/v1/messages", g.Keys["all"], "application/json", strings.NewReader(body), &a); err != nil {
		t.Fatal(err)
	}
	return a.Status + a.Code
}

func (g *gateway) optOut(t *testing.T, address string) {
	t.Helper()
	body := fmt.Sprintf(`{"channel":"email","address":%q,"reason":"unsubscribe_all"}`, address)
	if _, err := g.call("POST", "/v1/suppressions", g.Keys["all"], "application/json", strings.NewReader(body), nil); err != nil {
		t.Fatal(err)
	}
}

// Two processes on one folder would each believe their own memory.
func TestOperations_SecondProcessOnTheSameDataIsRefused(t *testing.T) {
	g := startGateway(t, t.TempDir(), "")
	code, out := heed(t, "serve", "--dev", "--data", filepath.Join(g.data, "stores"), "--port", "0")
	if code != 3 || !strings.Contains(out, "another process") {
		t.Errorf("exit %d: %s", code, out)
	}
	if got := g.sendOne(t, "still@works.example", "marketing"); got != "accepted" {
		t.Errorf("the first process was disturbed: %s", got)
	}
}

// P2: what was accepted stays on disk while its route is down, over a stop, and leaves once there is a route.
func TestOperations_AcceptedMailOutlivesAStopWithoutARoute(t *testing.T) {
	data, peer := t.TempDir(), startInbox(t)
	g, err := launch(data, writeSettings(t, "email:", relayTo(freeAddress(t))))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if got := g.sendOne(t, fmt.Sprintf("later%d@stop.example", i), "marketing"); got != "accepted" {
			t.Fatal(got)
		}
	}
	g.stop(t)
	if !strings.Contains(g.log.String(), "5 messages stay queued") {
		t.Errorf("the stop does not tell what stays:\n%s", g.log)
	}
	g = startGateway(t, data, writeSettings(t, "email:", relayTo(peer.smtp)))
	g.awaitEmpty(t)
	if got := everything(t, peer.http); len(got) != 5 {
		t.Errorf("%d of 5 arrived", len(got))
	}
}

// P5: a filter file with flipped bits, cut short or gone is noticed, and never reads as "not suppressed".
func TestOperations_DamagedFilterFileNeverFreesAnybody(t *testing.T) {
	data := t.TempDir()
	damage := []func(path string, b []byte) error{
		func(path string, b []byte) error { b[len(b)/2] ^= 0xff; return os.WriteFile(path, b, 0o600) },
		func(path string, b []byte) error { clear(b[64:]); return os.WriteFile(path, b, 0o600) },
		func(path string, b []byte) error { return os.WriteFile(path, b[:len(b)/3], 0o600) },
		func(path string, _ []byte) error { return os.Remove(path) },
	}
	for i, spoil := range damage {
		g, err := launch(data, "")
		if err != nil {
			t.Fatal(err)
		}
		g.optOut(t, fmt.Sprintf("gone%d@filter.example", i))
		g.stop(t)
		path := filepath.Join(data, "stores", "list", "filter")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := spoil(path, b); err != nil {
			t.Fatal(err)
		}
		g, err = launch(data, "")
		if err != nil {
			t.Fatal(err)
		}
		for j := range i + 1 {
			if got := g.sendOne(t, fmt.Sprintf("gone%d@filter.example", j), "marketing"); got != "suppressedunsubscribe_all" {
				t.Errorf("damage %d freed somebody: %s", i, got)
			}
		}
		g.stop(t)
	}
}

// Damage to the store itself is told, and the gateway does not start on it: it would forget opt-outs.
func TestOperations_DamagedStoreIsRefused(t *testing.T) {
	data := t.TempDir()
	g, err := launch(data, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		g.optOut(t, fmt.Sprintf("gone%d@store.example", i))
	}
	g.kill() // so that the opt-outs are in the log alone
	logs, err := filepath.Glob(filepath.Join(data, "stores", "list", "rows", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no log: %v", err)
	}
	b, err := os.ReadFile(logs[len(logs)-1])
	if err != nil {
		t.Fatal(err)
	}
	b[200] ^= 0xff // in the midst of what was acknowledged, not in a torn end
	if err := os.WriteFile(logs[len(logs)-1], b, 0o600); err != nil {
		t.Fatal(err)
	}
	g, err = launch(data, "")
	if err == nil {
		g.stop(t)
		t.Fatal("the gateway started on a damaged list")
	}
	if !strings.Contains(err.Error(), "list") {
		t.Errorf("the refusal does not name the list: %v", err)
	}
}

// The secret of the keys is kept outside of the store; without it every opt-out would read as "not suppressed".
func TestOperations_LostSecretIsRefused(t *testing.T) {
	data := t.TempDir()
	g, err := launch(data, "")
	if err != nil {
		t.Fatal(err)
	}
	g.stop(t)
	if err := os.Remove(filepath.Join(data, "stores", "secrets", "suppression.key")); err != nil {
		t.Fatal(err)
	}
	code, out := heed(t, "serve", "--dev", "--data", filepath.Join(data, "stores"), "--port", "0")
	if code != 3 || !strings.Contains(out, "bring the secret back") {
		t.Errorf("exit %d: %s", code, out)
	}
}

// files is what lies below a folder: names and contents.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			all[path] = ""
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return all
}

// P5, P2: a store that is gone is a loss, not a first start; what is left of it stays as it is, and the folder put back is all it takes.
func TestOperations_LostStoreIsRefused(t *testing.T) {
	data := t.TempDir()
	g, err := launch(data, "")
	if err != nil {
		t.Fatal(err)
	}
	g.optOut(t, "gone@lost.example")
	g.stop(t)
	stores := filepath.Join(data, "stores")
	check := func(store, pattern, advice string) {
		t.Helper()
		lost, err := filepath.Glob(filepath.Join(stores, pattern))
		if err != nil || len(lost) != 1 {
			t.Fatalf("%s: %q, %v", pattern, lost, err)
		}
		aside := filepath.Join(data, "aside")
		if err := os.Rename(lost[0], aside); err != nil {
			t.Fatal(err)
		}
		before := files(t, filepath.Join(stores, store))
		code, out := heed(t, "serve", "--dev", "--data", stores, "--port", "0")
		if code != 3 || !strings.Contains(out, advice) {
			t.Errorf("without %s: exit %d: %s", pattern, code, out)
		}
		if after := files(t, filepath.Join(stores, store)); !maps.Equal(before, after) {
			t.Errorf("without %s: what was left was changed", pattern)
		}
		if err := os.Rename(aside, lost[0]); err != nil {
			t.Fatal(err)
		}
	}
	check("list", "list", "move both")
	check("list", "list/rows", "move both")
	check("list", "list/rows/marker.manifest*", "bring back a copy")
	check("queue", "queue", "move both")
	check("queue", "queue/marker.manifest*", "bring back a copy")
	g = startGateway(t, data, "")
	if got := g.sendOne(t, "gone@lost.example", "marketing"); got != "suppressedunsubscribe_all" {
		t.Errorf("after all was put back: %s", got)
	}
}

// RFC 8058 §1, and link scanners: nothing that is fetched changes anything, however often.
func TestOptOut_GetAndHeadChangeNothing(t *testing.T) {
	peer := startInbox(t)
	g := startGateway(t, t.TempDir(), writeSettings(t, "email:", relayTo(peer.smtp)))
	g.sendOne(t, "scanned@links.example", "marketing")
	g.awaitEmpty(t)
	uri := everything(t, peer.http)[0].oneClickURL(t)
	page := strings.Replace(uri, "/u/", "/p/", 1)
	for range 20 {
		for _, link := range []string{uri, page} {
			for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
				req, err := http.NewRequest(method, link, nil)
				if err != nil {
					t.Fatal(err)
				}
				res, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
			}
		}
	}
	if got := g.sendOne(t, "scanned@links.example", "marketing"); got != "accepted" {
		t.Fatalf("a scanner opted somebody out: %s", got)
	}
	if _, err := click(uri); err != nil {
		t.Fatal(err)
	}
	if got := g.sendOne(t, "scanned@links.example", "marketing"); got != "suppressedunsubscribe_topic" {
		t.Fatalf("after the click: %s", got)
	}
}

var mailto = regexp.MustCompile(`<mailto:([^>]+)>`)

// RFC 2369 §3.2: the mailto: form in List-Unsubscribe works, and 250 means that it is in force.
func TestOptOut_ByMail(t *testing.T) {
	peer := startInbox(t)
	g := startGateway(t, t.TempDir(), writeSettings(t, "email:", relayTo(peer.smtp)))
	g.sendOne(t, "writes@mail.example", "marketing")
	g.awaitEmpty(t)
	mailbox := mailto.FindStringSubmatch(everything(t, peer.http)[0].header(t, "List-Unsubscribe"))
	if mailbox == nil {
		t.Fatal("no mailto: in List-Unsubscribe")
	}
	body := []byte("From: x@mail.example\r\nSubject: unsubscribe\r\n\r\nplease\r\n")
	if err := smtp.SendMail(g.SMTPIn, nil, "x@mail.example", []string{mailbox[1]}, body); err != nil {
		t.Fatal(err)
	}
	if got := g.sendOne(t, "writes@mail.example", "marketing"); got != "suppressedunsubscribe_topic" {
		t.Errorf("after the mail: %s", got)
	}
	if got := g.sendOne(t, "writes@mail.example", "transactional"); got != "accepted" {
		t.Errorf("a receipt was held back: %s", got)
	}
}

// An idempotency key outlives the process: the same call again is the same answer, not a second batch.
func TestOperations_IdempotencyOutlivesTheProcess(t *testing.T) {
	data, peer := t.TempDir(), startInbox(t)
	settings := writeSettings(t, "email:", relayTo(peer.smtp))
	var ids []string
	for range 2 {
		g, err := launch(data, settings)
		if err != nil {
			t.Fatal(err)
		}
		body := `{"channel":"email","class":"marketing","topic":"weekly","from":"news@shop.example","subject":"Once","text":"Hello.","recipients":[{"to":"once@idem.example"}]}`
		req, err := http.NewRequest("POST", g.Public+"/v1/batches", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+g.Keys["all"])
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", "campaign-1")
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var a answer
		if err := json.Unmarshal([]byte(readAll(t, res)), &a); err != nil || res.StatusCode != http.StatusAccepted {
			t.Fatalf("%s %v", res.Status, err)
		}
		ids = append(ids, a.ID)
		g.awaitEmpty(t)
		g.kill()
	}
	if ids[0] != ids[1] || len(everything(t, peer.http)) != 1 {
		t.Errorf("batches %v, %d mails", ids, len(everything(t, peer.http)))
	}
}

func TestCommandLine_TellsWhatIsWrong(t *testing.T) {
	bad := writeSettings(t, "data: x", "queue:", "  reslut_delay: 1s")
	check := func(want int, part string, args ...string) {
		t.Helper()
		if code, out := heed(t, args...); code != want || !strings.Contains(out, part) {
			t.Errorf("%v: exit %d, want %d with %q: %s", args, code, want, part, out)
		}
	}
	check(0, `"version"`, "version", "--json")
	check(0, "well", "check-config", "../../configs/heed.yaml")
	check(1, "reslut_delay", "check-config", bad)
	check(1, "no such file", "check-config", "nowhere.yaml")
	check(0, "heed version", "--version")
	check(3, "no data folder", "keys", "list", "--data", filepath.Join(t.TempDir(), "nowhere"))
	check(3, "no list to export", "suppress", "export", "--data", filepath.Join(t.TempDir(), "nowhere"))
	check(2, "unknown command", "serv")
	check(2, "unknown flag", "serve", "--prot", "1")
	check(3, "reslut_delay", "serve", "--config", bad)
}

// A second signal ends the process at once, and what was accepted is on disk either way.
func TestOperations_SecondSignalEndsAtOnce(t *testing.T) {
	g, err := launch(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
	}
	err = <-g.done
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Errorf("ended with %v: %s", err, g.log)
	}
	if bytes.Contains([]byte(g.log.String()), []byte("panic")) {
		t.Errorf("it panicked: %s", g.log)
	}
}
