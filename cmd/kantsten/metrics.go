package main

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/store"
)

// metrics are the numbers to watch. Labels come from small fixed sets: route
// patterns, kinds and outcomes, never from what a caller sends.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	jobs     *prometheus.HistogramVec
	photos   *prometheus.HistogramVec
	waited   prometheus.Histogram
	writes   prometheus.Histogram
}

func newMetrics() *metrics {
	times := []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "kantsten", Name: name, Help: help, Buckets: times,
		}, labels)
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: histogram("request_seconds", "Time to answer requests.", "method", "route", "status"),
		jobs:     histogram("job_seconds", "Time that attempts at jobs took; kind push is Web Push.", "kind", "outcome"),
		photos:   histogram("photo_seconds", "Time to make photos safe.", "format", "result"),
		waited: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "kantsten", Name: "photo_wait_seconds", Help: "Time that photos waited for memory.", Buckets: times,
		}),
		writes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "kantsten", Name: "write_seconds",
			Help: "Time that write transactions took; on SQLite, so long nobody else can write.", Buckets: times,
		}),
	}
	m.registry.MustRegister(m.requests, m.jobs, m.photos, m.waited, m.writes,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) request(method, route string, status, _ int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

func (m *metrics) job(kind string, outcome job.Outcome, took time.Duration) {
	m.jobs.WithLabelValues(kind, string(outcome)).Observe(took.Seconds())
}

func (m *metrics) photo(o photo.Observation) {
	m.photos.WithLabelValues(o.Format, o.Result).Observe(o.Took.Seconds())
	m.waited.Observe(o.Waited.Seconds())
}

func (m *metrics) write(w store.Write) { m.writes.Observe(w.Held.Seconds()) }

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
