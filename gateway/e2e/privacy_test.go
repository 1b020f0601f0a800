package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heed/senders/sendertest"
)

// canary is a local part that no other text holds.
const canary = "canary7q3x"

// P6: addresses appear in no URL, log line, metric or error, and nowhere in the suppression list's files, whatever goes wrong on the way.
func TestPrivacy_AddressesStayOutOfLogsMetricsErrorsAndTheList(t *testing.T) {
	relay := talkativeRelay(t)
	peer := startInbox(t)
	g := startGateway(t, t.TempDir(), writeSettings(t, "log: {level: debug}", "email:", relayTo(relay), "retry: {least: 10ms, first: 20ms, max: 20ms, tries: 3}"))
	h := startGateway(t, t.TempDir(), writeSettings(t, "log: {level: debug}", "email:", relayTo(peer.smtp)))

	for i := range 3 {
		g.sendOne(t, fmt.Sprintf("%s%d@privacy.example", canary, i), "marketing") // refused by name
	}
	g.awaitEmpty(t)
	h.sendOne(t, canary+"@privacy.example", "marketing")
	h.awaitEmpty(t)
	uri := everything(t, peer.http)[0].oneClickURL(t)
	if strings.Contains(uri, canary) {
		t.Errorf("the address is in the link: %s", uri)
	}
	if _, err := click(uri); err != nil {
		t.Fatal(err)
	}
	h.optOut(t, canary+"+tag@gmail.com")
	bad := []string{
		`{"channel":"email","address":"` + canary + `@@broken","reason":"unsubscribe_all"}`,
		`{"channel":"email","address":"` + canary + `@x.example","reason":"nonsense"}`,
		`{"channel":"email","address":"` + canary + `@x.example"`,
	}
	for _, body := range bad {
		code, err := h.call("POST", "/v1/suppressions", h.Keys["all"], "application/json", strings.NewReader(body), nil)
		if code/100 != 4 || strings.Contains(err.Error(), canary) {
			t.Errorf("the refusal %d repeats the address: %v", code, err)
		}
	}

	for _, running := range []*gateway{g, h} {
		metrics, err := client.Get(running.Private + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(readAll(t, metrics), canary) {
			t.Error("an address is in the metrics")
		}
		ready, err := client.Get(running.Private + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(readAll(t, ready), canary) {
			t.Error("an address is in /readyz")
		}
		running.stop(t)
		if strings.Contains(running.log.String(), canary) {
			t.Errorf("an address is in the log:\n%s", running.log)
		}
	}
	searchFiles(t, filepath.Join(h.data, "stores", "list"))
}

// searchFiles looks for the canary in every file of a folder.
func searchFiles(t *testing.T, dir string) {
	t.Helper()
	var files int
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(canary)) {
			t.Errorf("an address is in %s", path)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files searched, %v", files, err)
	}
}

// talkativeRelay refuses every recipient and repeats the address in its words, as many servers do.
func talkativeRelay(t *testing.T) string {
	t.Helper()
	return sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{Script: `
		rcpt: 451 4.2.0 <` + canary + `0@privacy.example>: mailbox of ` + canary + ` is busy
		rcpt 2: 550 5.1.1 <` + canary + `0@privacy.example>: no such user ` + canary + `
		rcpt 3: 421 4.3.2 come back later, ` + canary + `0@privacy.example
		rcpt 3: close
	`}).Addr
}
