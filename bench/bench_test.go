package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// stand is a gateway that accepts everybody, or nobody.
func stand(t *testing.T, status int) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var seen atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b struct{ Recipients []struct{ To string } }
		text, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(text, &b); err != nil {
			t.Errorf("body is no JSON: %v", err)
		}
		seen.Add(int64(len(b.Recipients)))
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]int{"accepted": len(b.Recipients)})
	}))
	t.Cleanup(s.Close)
	return s, &seen
}

func TestAccept_CountsWhatWasAccepted(t *testing.T) {
	s, seen := stand(t, http.StatusAccepted)
	r, err := accept(context.Background(), options{url: s.URL, key: "k", clients: 2, batch: 10, duration: 50 * time.Millisecond})
	if err != nil || int64(r.recipients) != seen.Load() || r.recipients == 0 {
		t.Fatalf("reported %d, the target saw %d, %v", r.recipients, seen.Load(), err)
	}
	if !strings.Contains(r.String(), "closed loop") {
		t.Errorf("the report does not say what loop made it: %s", r)
	}
}

func TestAccept_ARefusalEndsTheRun(t *testing.T) {
	s, _ := stand(t, http.StatusServiceUnavailable)
	if _, err := accept(context.Background(), options{url: s.URL, key: "k", clients: 1, batch: 1, duration: time.Minute}); err == nil {
		t.Fatal("a refused call was counted")
	}
}

func TestParse_RefusesOtherPeoplesMachines(t *testing.T) {
	for _, target := range []string{"http://192.0.2.1", "http://example.com", "http://0.0.0.0:1"} {
		if _, err := parse([]string{"--key", "k", "--url", target}); err == nil {
			t.Errorf("%s was taken for a target", target)
		}
	}
	if _, err := parse([]string{"--key", "k", "--url", "http://[::1]:8080"}); err != nil {
		t.Errorf("loopback was refused: %v", err)
	}
}
