package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestPostfix_AsRelay plays a campaign through Debian's Postfix: what Heed hands off is accepted by an independent server, passed on, and arrives once.
func TestPostfix_AsRelay(t *testing.T) {
	peer := startInbox(t)
	relay := startPostfix(t, peer.smtp)
	g := startGateway(t, t.TempDir(), writeSettings(t, "email:", relayTo(relay), signing(t), "intake: {min_free_disk: 0 B}"))
	n := 2000
	if testing.Short() {
		n = 300
	}
	var everybody, leavers []recipient
	for i := range n {
		p := recipient{To: fmt.Sprintf("pf%05d@postfix.example", i)}
		if everybody = append(everybody, p); i%20 == 0 {
			leavers = append(leavers, p)
		}
	}
	links := map[string]string{}
	g.campaignThrough(t, peer, "Welcome", leavers)
	for _, m := range everything(t, peer.http) {
		links[m.To] = m.oneClickURL(t)
	}

	done := make(chan struct{})
	left := map[string]time.Time{}
	go func() {
		defer close(done)
		for address, uri := range links {
			at, err := click(uri)
			if err != nil {
				t.Error(err)
			}
			left[address] = at
		}
	}()
	a := g.campaignThrough(t, peer, "Campaign", everybody)
	<-done

	arrived := map[string]int{}
	var late int
	for _, m := range everything(t, peer.http) {
		if m.header(t, "Subject") != "Campaign" {
			continue
		}
		arrived[m.To]++
		if at, out := left[m.To]; out && reachedPostfix(t, m).After(at) {
			late++
		}
	}
	var lost, twice int
	for _, p := range everybody {
		if _, out := left[p.To]; !out && arrived[p.To] == 0 {
			lost++
		}
		if arrived[p.To] > 1 {
			twice++
		}
	}
	t.Logf("through Postfix: %d accepted, %d arrived, %d lost, %d twice, %d handed off after the opt-out's 200", a.Accepted, len(arrived), lost, twice, late)
	if lost+twice+late > 0 || len(arrived) == 0 {
		t.Error("a promise is broken")
	}
}

// campaignThrough sends a campaign and waits until all that was sent has come out at the other end of the relay.
func (g *gateway) campaignThrough(t *testing.T, peer *inbox, subject string, recipients []recipient) answer {
	t.Helper()
	before := len(everything(t, peer.http))
	m := campaignMail()
	m["subject"], m["text"], m["html"] = subject, "All is new.\r\n.\r\nA dot on a line of its own, and 例え.", ""
	a, err := g.stream(g.Keys["marketing"], m, recipients)
	if err != nil {
		t.Fatal(err)
	}
	final := g.awaitFinal(t, g.Keys["all"], a.ID)
	for deadline := time.Now().Add(3 * time.Minute); len(everything(t, peer.http)) < before+final["sent"]; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("of %v only %d came out of Postfix within three minutes", final, len(everything(t, peer.http))-before)
		}
	}
	return a
}

// reachedPostfix reads when Postfix took the message, to the second: the date of its Received field.
func reachedPostfix(t *testing.T, m captured) time.Time {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(m.bytes()))
	if err != nil {
		t.Fatal(err)
	}
	field := msg.Header.Get("Received")
	at, err := mail.ParseDate(field[bytes.LastIndexByte([]byte(field), ';')+1:])
	if err != nil {
		t.Fatalf("Received: %q: %v", field, err)
	}
	return at
}

// startPostfix runs an instance of its own on loopback that relays everything to next.
func startPostfix(t *testing.T, next string) string {
	t.Helper()
	bin := "/usr/sbin/postfix"
	if _, err := os.Stat(bin); err != nil || os.Getuid() != 0 {
		skip(t, "Postfix is not installed, or we are not root (make peers installs it)")
	}
	dir, err := os.MkdirTemp("", "heed-postfix-") // owned by several users: not below a test's private folder
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	listen := freeAddress(t)
	writePostfix(t, dir, listen, next)
	if out, err := exec.Command(bin, "-c", dir, "start").CombinedOutput(); err != nil {
		t.Fatalf("start Postfix: %v\n%s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command(bin, "-c", dir, "abort").Run() })
	awaitListening(t, listen)
	return listen
}

func writePostfix(t *testing.T, dir, listen, next string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(next)
	main := fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/spool
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.heed.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
relayhost = [%[2]s]:%[3]s
smtp_tls_security_level = none
smtp_host_lookup = native
maillog_file = %[1]s/maillog
maillog_file_prefixes = %[1]s
`, dir, host, port)
	master := listen + ` inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`
	for name, text := range map[string]string{"main.cf": main, "master.cf": master} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "spool"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("chown", "postfix", filepath.Join(dir, "data")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
