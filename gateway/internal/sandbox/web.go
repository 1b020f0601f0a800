package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	defaultLimit = 1_000
	maxLimit     = 10_000
)

// routes shows a store to programs on mux.
func (s *store) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /messages", s.serveMessages)
	mux.HandleFunc("DELETE /messages", func(w http.ResponseWriter, _ *http.Request) {
		s.clear()
		w.WriteHeader(http.StatusNoContent)
	})
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
