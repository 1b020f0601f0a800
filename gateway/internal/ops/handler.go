// Package ops is what operators look at: metrics, health and profiles, served by net/http on the private listener. It knows nothing of the other
// parts: app hands it functions. Safe for concurrent use.
package ops

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Health tells what is wrong: reasons keep the gateway from doing its work at all ("queue: no space left"), notes do not, such as a route that is
// down, whose messages wait. Both are for operators.
type Health func() (reasons, notes []string)

// Handler serves /metrics, /livez, /readyz (/healthz is the same) and /debug/pprof/. Whoever reaches it sees the process's insides: listen on loopback.
func Handler(m *Metrics, health Health) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil, nil) })
	for _, path := range []string{"/readyz", "/healthz"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			reasons, notes := health()
			answer(w, reasons, notes)
		})
	}
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

func answer(w http.ResponseWriter, reasons, notes []string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	status := "ok"
	if len(reasons) > 0 {
		status = "not ready"
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "reasons": append([]string{}, reasons...), "notes": append([]string{}, notes...)})
}
