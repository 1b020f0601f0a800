package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Back-pressure comes before the disk is full, and opt-outs are taken all the same.
func TestDisk_NearlyFullRefusesMailAndTakesOptOuts(t *testing.T) {
	g := startGateway(t, t.TempDir(), writeSettings(t, "intake: {min_free_disk: 1000000 GiB}"))
	code, err := g.call("POST", "/v1/messages", g.Keys["all"], "application/json",
		strings.NewReader(`{"channel":"email","class":"marketing","topic":"weekly","from":"news@shop.example","subject":"One","text":"Hello.","to":"a@disk.example"}`), nil)
	if code != http.StatusServiceUnavailable || !strings.Contains(err.Error(), "no_room") {
		t.Errorf("a message on a full disk: %d %v", code, err)
	}
	code, err = g.call("POST", "/v1/suppressions/imports?format=sendgrid", g.Keys["all"], "text/csv", strings.NewReader("email\na@disk.example\n"), nil)
	if code != http.StatusServiceUnavailable || !strings.Contains(err.Error(), "no_room") {
		t.Errorf("an import on a full disk: %d %v", code, err)
	}
	g.optOut(t, "b@disk.example")
}

// A disk that is really full ends the gateway with a clear message. What was acknowledged before is there once there is room again (P1, P2).
func TestDisk_FullLosesNothingThatWasAcknowledged(t *testing.T) {
	data := smallDisk(t)
	peer := startInbox(t)
	nowhere := writeSettings(t, "email:", relayTo(freeAddress(t)), "intake: {min_free_disk: 0 B}")
	g, err := launch(data, nowhere)
	if err != nil {
		t.Fatal(err)
	}
	var accepted, left []string
	padding := strings.Repeat("x", 2000)
	for n := 0; n < 2000; n++ {
		var recipients []recipient
		for i := range 50 {
			recipients = append(recipients, recipient{To: fmt.Sprintf("d%d-%d@disk.example", n, i), Vars: map[string]string{"first_name": padding}})
		}
		if _, err := g.stream(g.Keys["marketing"], campaignMail(), recipients); err != nil {
			break // the disk is full, and nothing was promised about these
		}
		for _, p := range recipients {
			accepted = append(accepted, p.To)
		}
		gone := fmt.Sprintf("out%d@disk.example", n)
		body := fmt.Sprintf(`{"channel":"email","address":%q,"reason":"unsubscribe_all"}`, gone)
		if _, err := g.call("POST", "/v1/suppressions", g.Keys["all"], "application/json", strings.NewReader(body), nil); err == nil {
			left = append(left, gone)
		}
	}
	select {
	case err := <-g.done:
		g.done <- err
	case <-time.After(10 * time.Second): // a disk may also be full for one store and not yet for the other
		g.kill()
	}
	t.Logf("%d recipients and %d opt-outs were acknowledged before the disk was full", len(accepted), len(left))
	if text := g.log.String(); !strings.Contains(text, "no space left") {
		t.Errorf("the log does not tell that the disk is full:\n%s", text)
	}
	if out, err := exec.Command("mount", "-o", "remount,size=1g", data).CombinedOutput(); err != nil {
		t.Fatalf("make room: %v %s", err, out)
	}
	g = startGateway(t, data, writeSettings(t, "email:", relayTo(peer.smtp), signing(t), "intake: {min_free_disk: 0 B}"))
	g.awaitEmpty(t)
	arrived := map[string]bool{}
	for _, m := range everything(t, peer.http) {
		arrived[m.To] = true
	}
	lost := count(accepted, func(to string) bool { return !arrived[to] })
	freed := count(left, func(to string) bool { return g.sendOne(t, to, "marketing") != "suppressedunsubscribe_all" })
	if lost+freed > 0 || len(accepted) == 0 {
		t.Errorf("%d accepted recipients lost, %d opt-outs lost", lost, freed)
	}
}

// smallDisk mounts a file system that is soon full.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "heed-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=48m", "heed", dir).CombinedOutput(); err != nil {
		skip(t, fmt.Sprintf("cannot mount a small disk here: %v %s", err, out))
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	return dir
}
