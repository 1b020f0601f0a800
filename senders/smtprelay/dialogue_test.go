package smtprelay_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heed/senders"
	"heed/senders/sendertest"
	"heed/senders/smtprelay"
)

// TestRelay_Dialogues plays testdata/dialogues: what a peer says, and what becomes of the message. RFC 5321 §4.2.
func TestRelay_Dialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogues/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d dialogues, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { playDialogue(t, file) })
	}
}

func playDialogue(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	script, want, ok := strings.Cut(string(text), "want ")
	if !ok {
		t.Fatal("no line that begins with want")
	}
	peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{Script: script})
	relay := newRelay(t, smtprelay.Options{Addr: peer.Addr})
	defer relay.Close()
	k := &calls{}
	result, err := relay.Send(t.Context(), k.message("ann@example.org"))
	if got := outcome(t, result, err); got != strings.TrimSpace(want) {
		t.Errorf("got %q, want %q (%v)", got, strings.TrimSpace(want), err)
	}
	k.check(t)
}

// outcome is one line: "accepted ID", or the error's class and code.
func outcome(t *testing.T, result senders.Result, err error) string {
	t.Helper()
	words, line := result.Detail, strings.TrimSpace("accepted "+result.ProviderID)
	if err != nil {
		e, ok := senders.AsError(err)
		if !ok {
			t.Fatalf("%v is no *senders.Error", err)
		}
		words, line = e.Error(), e.Class.String()+" "+e.Code
	}
	if strings.Contains(strings.ToLower(words), "ann") || strings.ContainsAny(words, "\r\n\x00") {
		t.Errorf("detail %q", words)
	}
	return line
}

// calls counts Begin and its end.
type calls struct{ begun, ended int }

func (k *calls) message(to string) *senders.Message {
	return &senders.Message{From: "news@example.com", To: to, Body: []byte(mail), Begin: sendertest.Watch(func() (func(), error) {
		k.begun++
		return func() { k.ended++ }, nil
	})}
}

func (k *calls) check(t *testing.T) {
	t.Helper()
	if k.begun > 1 || k.begun != k.ended {
		t.Errorf("Begin called %d times, end %d times", k.begun, k.ended)
	}
}
