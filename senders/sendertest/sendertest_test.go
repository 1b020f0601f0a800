package sendertest

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

func TestScript_FaultsAreNamed(t *testing.T) {
	check := func(script, want string) {
		t.Helper()
		if _, err := parseScript(script); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", script, err, want)
		}
	}
	check("rcpt", "line 1")
	check("# fine\n\nhello: 250 ok", "line 3")
	check("rcpt: repeat many 250 ok", "number")
	check(`rcpt: "250 unfinished`, "invalid syntax")
}

// TestPeer_FollowsItsScript: text in, text out.
func TestPeer_FollowsItsScript(t *testing.T) {
	peer := NewSMTPPeer(t, SMTPOptions{Script: `
greeting: 220-two
greeting: 220 lines
mail 2: 421 4.3.2 enough
rcpt: "550 \x00"
rset: close`})
	conn, err := net.Dial("tcp", peer.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	check := func(say string, want ...string) {
		t.Helper()
		if say != "" {
			io.WriteString(conn, say+"\r\n")
		}
		for _, line := range want {
			if got, err := in.ReadString('\n'); got != line+"\r\n" {
				t.Fatalf("%s: got %q, %v, want %q", say, got, err, line)
			}
		}
	}
	check("", "220-two", "220 lines")
	check("MAIL FROM:<a@b> SIZE=1", "250 2.1.0 ok")
	check("RCPT TO:<c@d>", "550 \x00")
	check("DATA", "354 go ahead")
	check("..dot\r\nx\r\n.", "250 2.0.0 ok: queued as PEER1")
	check("MAIL FROM:<a@b>", "421 4.3.2 enough")
	check("HELLO", "502 5.5.1 what?")
	check("RSET")
	if _, err := in.ReadByte(); err != io.EOF {
		t.Errorf("after close: %v", err)
	}
	mails := peer.Mails()
	if len(mails) != 1 || mails[0].From != "<a@b> SIZE=1" || mails[0].To != "<c@d>" || string(mails[0].Body) != ".dot\r\nx\r\n" {
		t.Errorf("%q", mails)
	}
	if n := len(peer.Took()); n != 1 {
		t.Errorf("took %d", n)
	}
}
