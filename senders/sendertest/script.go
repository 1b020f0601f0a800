package sendertest

import (
	"fmt"
	"strconv"
	"strings"
)

// script says what a peer does at the phases that are not to go as usual.
type script map[string][]action

// action is one thing to do: send a line, or one of the verbs.
type action struct {
	verb  string // "say", "drip", "close", "hang"
	line  string
	times int
}

var smtpPhases = []string{"greeting", "ehlo", "helo", "starttls", "auth", "mail", "rcpt", "data", "body", "dot", "rset", "noop", "quit"}

// parseScript reads lines of the form "phase: action" or, for the nth time the phase is met on a connection, "phase n: action".
// Several lines for one phase are done in order. Actions:
//
//	550 5.1.1 no such user    this line; in Go quotes for bytes that do not print
//	drip 250 ok               this line, a byte a second (for synctest bubbles)
//	repeat 10000 250-X-LINE   this line so many times
//	close                     end the connection
//	hang                      do nothing more, and read nothing more
//
// Empty lines and lines that begin with # are skipped.
func parseScript(text string) (script, error) {
	s := script{}
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		phase, what, ok := strings.Cut(line, ":")
		name, _, _ := strings.Cut(phase, " ")
		if !ok || !isPhase(name) {
			return nil, fmt.Errorf("script line %d: want \"phase: action\", phase one of %q", n+1, smtpPhases)
		}
		a, err := parseAction(strings.TrimSpace(what))
		if err != nil {
			return nil, fmt.Errorf("script line %d: %w", n+1, err)
		}
		s[phase] = append(s[phase], a)
	}
	return s, nil
}

func isPhase(name string) bool {
	for _, p := range smtpPhases {
		if p == name {
			return true
		}
	}
	return false
}

func parseAction(what string) (action, error) {
	verb, rest, _ := strings.Cut(what, " ")
	switch verb {
	case "close", "hang":
		return action{verb: verb}, nil
	case "drip":
		line, err := literal(rest)
		return action{verb: "drip", line: line}, err
	case "repeat":
		count, line, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(count)
		if err != nil {
			return action{}, fmt.Errorf("repeat wants a number: %w", err)
		}
		return action{verb: "say", line: line, times: n}, nil
	}
	line, err := literal(what)
	return action{verb: "say", line: line, times: 1}, err
}

func literal(s string) (string, error) {
	if strings.HasPrefix(s, `"`) {
		return strconv.Unquote(s)
	}
	return s, nil
}

// at returns what to do when phase is met for the nth time, n from 1.
func (s script) at(phase string, n int) ([]action, bool) {
	if a, ok := s[fmt.Sprintf("%s %d", phase, n)]; ok {
		return a, true
	}
	a, ok := s[phase]
	return a, ok
}
