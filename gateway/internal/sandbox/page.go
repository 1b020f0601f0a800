package sandbox

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/mail"
	"strings"
)

//go:embed list.html message.html sandbox.css
var files embed.FS

var pages = template.Must(template.ParseFS(files, "*.html"))

// pagePolicy has a page load nothing but our style. A mail's HTML is in a frame of its own that inherits it: no script runs, nothing is
// fetched, only its styles and the pictures inside it are shown.
const pagePolicy = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pageMessages is how many messages the list shows.
const pageMessages = 50

// gallery shows a store to people.
type gallery struct {
	store *store
	title string
	head  func(raw []byte) string // one line that says what a message is about
	read  func(raw []byte) letter
	find  func(id string) (Message, bool)
}

func (g gallery) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", g.list)
	mux.HandleFunc("GET /messages/{id}", g.message)
	mux.HandleFunc("GET /sandbox.css", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "sandbox.css") })
}

type row struct {
	Message
	Summary string
}

func (g gallery) list(w http.ResponseWriter, _ *http.Request) {
	messages, count := g.store.newest(pageMessages)
	rows := make([]row, len(messages))
	for i, m := range messages {
		rows[i] = g.row(m)
	}
	show(w, http.StatusOK, "list", struct {
		Title string
		Count int
		Rows  []row
	}{g.title, count, rows})
}

func (g gallery) message(w http.ResponseWriter, r *http.Request) {
	m, ok := g.find(r.PathValue("id"))
	if !ok {
		show(w, http.StatusNotFound, "gone", nil)
		return
	}
	show(w, http.StatusOK, "message", struct {
		row
		Letter letter
		Source string
		Size   int
	}{g.row(m), g.read(m.Raw), readText(m.Raw).Text, len(m.Raw)})
}

func (g gallery) row(m Message) row {
	head := g.head(m.Raw)
	m.From, m.To = clip(m.From, maxField), clip(m.To, maxField)
	return row{m, head}
}

func show(w http.ResponseWriter, status int, name string, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	pages.ExecuteTemplate(w, name, data) // a client that went away is no fault of ours
}

// maxHead is how much of a mail is searched for its subject.
const maxHead = 64 << 10

// subject is a mail's subject; of what is no mail the first words.
func subject(raw []byte) string {
	raw = raw[:min(len(raw), maxHead)]
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return firstWords(raw)
	}
	if s := decodeField(m.Header.Get("Subject")); strings.TrimSpace(s) != "" {
		return s
	}
	return "(no subject)"
}

// firstWords is how a text begins.
func firstWords(raw []byte) string { return clip(string(raw[:min(len(raw), 81)]), 80) }

// clip shortens s to n bytes, and cleans what is no UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}
