package ops

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func get(t *testing.T, m *Metrics, health Health, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(m, health).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body)
}

func TestReadyzTellsItsReasons(t *testing.T) {
	sick := func() ([]string, []string) { return []string{"queue: store cannot write"}, nil }
	well := func() ([]string, []string) { return nil, []string{"email: connection refused"} }
	check := func(health Health, path string, status int, part string) {
		t.Helper()
		if got, body := get(t, NewMetrics(), health, path); got != status || !strings.Contains(body, part) {
			t.Errorf("%s: %d %s", path, got, body)
		}
	}
	check(well, "/readyz", 200, `"reasons":[]`)
	check(well, "/readyz", 200, "connection refused") // a route that is down keeps nobody from accepting or unsubscribing
	check(sick, "/readyz", 503, "queue: store cannot write")
	check(sick, "/healthz", 503, "not ready")
	check(sick, "/livez", 200, "ok") // a sick process is still alive: no supervisor should kill it for a full disk
}

func TestMetricsShowWhatWasCounted(t *testing.T) {
	m := NewMetrics()
	m.Result("email", "marketing", "sent")
	m.Request("createBatch", 202, time.Millisecond)
	m.OptOut("one_click", 300*time.Microsecond)
	m.Trouble("email")
	m.Gauge("heed_queue_recipients", "Waiting.", func() float64 { return 7 })
	_, body := get(t, m, func() ([]string, []string) { return nil, nil }, "/metrics")
	for _, line := range []string{
		`heed_results_total{class="marketing",lane="email",state="sent"} 1`,
		`heed_requests_total{operation="createBatch",status="202"} 1`,
		`heed_optout_effective_seconds_count{way="one_click"} 1`,
		`heed_trouble_total{where="email"} 1`,
		`heed_queue_recipients 7`,
	} {
		if !strings.Contains(body, line) {
			t.Errorf("no line %s", line)
		}
	}
}
