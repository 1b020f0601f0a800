package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"mime"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	defaultLimit = 1_000
	maxLimit     = 10_000
	pageMessages = 50
)

// routes shows a store on mux.
func (s *store) routes(mux *http.ServeMux, title string) {
	mux.HandleFunc("GET /messages", s.serveMessages)
	mux.HandleFunc("DELETE /messages", func(w http.ResponseWriter, _ *http.Request) {
		s.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { s.servePage(w, title) })
}

func (s *store) serveMessages(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Has("to") {
		answer(w, http.StatusOK, s.find(query.Get("to")))
		return
	}
	after, limit, err := position(query)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer(w, http.StatusOK, s.list(after, limit))
}

// find is lenient to a "+" that was not escaped in a URL and arrives as a space.
func (s *store) find(to string) []Message {
	found := s.to(to)
	if len(found) == 0 && strings.Contains(to, " ") {
		found = s.to(strings.ReplaceAll(to, " ", "+"))
	}
	return found
}

func position(query url.Values) (after uint64, limit int, err error) {
	limit = defaultLimit
	if v := query.Get("after"); v != "" {
		if after, err = strconv.ParseUint(v, 10, 64); err != nil {
			return 0, 0, errors.New("after: want a position, as given by next")
		}
	}
	if v := query.Get("limit"); v != "" {
		if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > maxLimit {
			return 0, 0, errors.New("limit: want 1 to 10000")
		}
	}
	return after, limit, nil
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // a client that went away is no fault of ours
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title>
<style>body{font:15px sans-serif;margin:2em;max-width:60em}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3em .8em .3em 0;border-bottom:1px solid #ddd;vertical-align:top}pre{white-space:pre-wrap;overflow-wrap:anywhere}</style>
</head><body><h1>{{.Title}}</h1><p>{{.Count}} kept; the newest first.</p>
<table><tr><th>Received</th><th>From</th><th>To</th><th>Message</th></tr>
{{range .Rows}}<tr><td>{{.ReceivedAt.Format "15:04:05.000"}}</td><td>{{.From}}</td><td>{{.To}}</td><td><details><summary>{{.Summary}}</summary><pre>{{.Text}}</pre></details></td></tr>
{{end}}</table></body></html>
`))

type row struct {
	Message
	Summary, Text string
}

func (s *store) servePage(w http.ResponseWriter, title string) {
	messages, count := s.newest(pageMessages)
	rows := make([]row, len(messages))
	for i, m := range messages {
		rows[i] = row{m, summary(m.Raw), clip(string(m.Raw), 16<<10)}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	pageTemplate.Execute(w, struct {
		Title string
		Count int
		Rows  []row
	}{title, count, rows})
}

// summary is a mail's subject, or the first words of a text.
func summary(raw []byte) string {
	text := string(raw)
	if m, err := mail.ReadMessage(strings.NewReader(text)); err == nil && m.Header.Get("Subject") != "" {
		text = m.Header.Get("Subject")
		if decoded, err := new(mime.WordDecoder).DecodeHeader(text); err == nil {
			text = decoded
		}
	}
	return clip(text, 80)
}

// clip shortens s to n bytes, and cleans what is no UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}

// serveHTTP serves h on l until ctx ends.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	})
	err := server.Serve(l)
	if stop() {
		return err // it ended by itself
	}
	<-stopped
	return nil
}
