package ops

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are the gateway's own numbers. Labels come from closed sets only: never an address, an id or a domain (P6). Safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	results  *prometheus.CounterVec
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	optouts  *prometheus.HistogramVec
	trouble  *prometheus.CounterVec
}

// NewMetrics registers the metrics, and the Go runtime's and the process's beside them.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "heed_results_total", Help: "Results of dispatch, by lane, class and state (retrying ones are tries, not messages).",
		}, []string{"lane", "class", "state"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "heed_requests_total", Help: "Requests to the public listener, by operation and status.",
		}, []string{"operation", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "heed_request_seconds", Help: "Time from a request's arrival to its answer.", NativeHistogramBucketFactor: 1.1,
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 18),
		}, []string{"operation"}),
		optouts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "heed_optout_effective_seconds", Help: "Time from the receipt of an opt-out until it is durable and in force.", NativeHistogramBucketFactor: 1.1,
			Buckets: prometheus.ExponentialBuckets(0.00005, 2, 18),
		}, []string{"way"}),
		trouble: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "heed_trouble_total", Help: "Faults of routes and stores, by where they showed.",
		}, []string{"where"}),
	}
	m.registry.MustRegister(m.results, m.requests, m.seconds, m.optouts, m.trouble,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Gauge registers a number that is read when asked for.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Result counts a recorded result.
func (m *Metrics) Result(lane, class, state string) {
	m.results.WithLabelValues(lane, class, state).Inc()
}

// Request counts an answered request. operation comes from the route table.
func (m *Metrics) Request(operation string, status int, took time.Duration) {
	m.requests.WithLabelValues(operation, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(operation).Observe(took.Seconds())
}

// OptOut observes how long an opt-out took to be in force. way comes from a closed set ("one_click", "page", "mail", "sms").
func (m *Metrics) OptOut(way string, took time.Duration) {
	m.optouts.WithLabelValues(way).Observe(took.Seconds())
}

// Trouble counts a fault of a route ("email", "sms") or a store ("queue", "list").
func (m *Metrics) Trouble(where string) { m.trouble.WithLabelValues(where).Inc() }
