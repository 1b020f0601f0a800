package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"net/url"
	"strings"
	"testing"
	"time"
)

var client = &http.Client{
	Timeout:       2 * time.Minute,
	Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// answer is the 202 of a send call.
type answer struct {
	ID         string   `json:"id"`
	Accepted   int      `json:"accepted"`
	Suppressed int      `json:"suppressed"`
	Invalid    int      `json:"invalid"`
	Duplicate  int      `json:"duplicate"`
	Results    []result `json:"results"`
}

type result struct {
	Index  int    `json:"index"`
	To     string `json:"to"`
	Status string `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// call makes a request and decodes a JSON answer into out, which may be nil.
func (g *gateway) call(method, path, key, contentType string, body io.Reader, out any) (int, error) {
	req, err := http.NewRequest(method, g.Public+path, body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", contentType)
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && out != nil && res.StatusCode < 300 {
		err = json.Unmarshal(text, out)
	}
	if res.StatusCode >= 300 && err == nil {
		err = fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, text)
	}
	return res.StatusCode, err
}

// get reads JSON and wants success.
func (g *gateway) get(t *testing.T, path string, out any) {
	t.Helper()
	if _, err := g.call("GET", path, g.Keys["all"], "application/json", nil, out); err != nil {
		t.Fatal(err)
	}
}

// stream sends NDJSON: the shared part, then a recipient a line.
func (g *gateway) stream(key string, shared any, recipients []recipient) (answer, error) {
	reader, writer := io.Pipe()
	go func() {
		out := json.NewEncoder(writer)
		err := out.Encode(shared)
		for i := 0; err == nil && i < len(recipients); i++ {
			err = out.Encode(recipients[i])
		}
		writer.CloseWithError(err)
	}()
	var a answer
	_, err := g.call("POST", "/v1/batches", key, "application/x-ndjson", reader, &a)
	return a, err
}

type recipient struct {
	To        string            `json:"to"`
	Vars      map[string]string `json:"vars,omitempty"`
	ClientRef string            `json:"client_ref,omitempty"`
}

// counts asks a batch how far it is.
func (g *gateway) counts(key, id string) (map[string]int, error) {
	var b struct {
		Counts map[string]int `json:"counts"`
	}
	_, err := g.call("GET", "/v1/batches/"+id, key, "application/json", nil, &b)
	return b.Counts, err
}

// awaitFinal waits until nothing of a batch is queued or retrying, and returns its counts.
func (g *gateway) awaitFinal(t *testing.T, key, id string) map[string]int {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		c, err := g.counts(key, id)
		if err != nil {
			t.Fatal(err)
		}
		if c["queued"]+c["retrying"] == 0 {
			return c
		}
	}
	t.Fatalf("batch %s is not done after ten minutes\n%s", id, g.log)
	return nil
}

// captured is a mail or text as the receiving side saw it.
type captured struct {
	ID       string    `json:"id"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Began    time.Time `json:"began_at"`
	Received time.Time `json:"received_at"`
	Raw      string    `json:"raw"`
}

func (c captured) bytes() []byte {
	b, _ := base64.StdEncoding.DecodeString(c.Raw)
	return b
}

// header reads one field of a captured mail.
func (c captured) header(t *testing.T, name string) string {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(c.bytes()))
	if err != nil {
		t.Fatalf("captured mail: %v", err)
	}
	return m.Header.Get(name)
}

// oneClickURL is the https (here http) URI of List-Unsubscribe.
func (c captured) oneClickURL(t *testing.T) string {
	t.Helper()
	for field := range strings.SplitSeq(c.header(t, "List-Unsubscribe"), ",") {
		uri := strings.Trim(strings.TrimSpace(field), "<>")
		if strings.HasPrefix(uri, "http") {
			return uri
		}
	}
	t.Fatalf("no URI in List-Unsubscribe of %s", c.ID)
	return ""
}

// click does what a mailbox provider does when a person presses "unsubscribe" (RFC 8058 §3.2), and tells when the 200 was in.
func click(uri string) (time.Time, error) {
	res, err := client.PostForm(uri, url.Values{"List-Unsubscribe": {"One-Click"}})
	if err != nil {
		return time.Time{}, err
	}
	defer res.Body.Close()
	at := time.Now()
	if res.StatusCode != http.StatusOK {
		return at, fmt.Errorf("one-click: %s", res.Status)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return at, err
}

// fetch reads JSON from a receiving side.
func fetch(t *testing.T, uri string, out any) {
	t.Helper()
	res, err := client.Get(uri)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		t.Fatalf("%s: %v", uri, err)
	}
}
