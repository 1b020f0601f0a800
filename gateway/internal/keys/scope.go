package keys

import (
	"fmt"
	"strings"
)

// Scope is one permission, as a bit; a set of them is their sum.
type Scope uint16

// The scopes, as in the API reference.
const (
	SendMarketing Scope = 1 << iota
	SendTransactional
	SendService
	SendMandatory
	SuppressRead
	SuppressWrite
	Read
	Admin
	All = 1<<iota - 1
)

// scopeNames are in the order of the bits.
var scopeNames = [...]string{
	"send:marketing", "send:transactional", "send:service", "send:mandatory",
	"suppress:read", "suppress:write", "read", "admin",
}

// ParseScopes reads a set such as "send:marketing,suppress:read", or "all". At least one scope must be named.
// Errors: ErrInvalid, naming the part that is no scope.
func ParseScopes(s string) (Scope, error) {
	if s == "all" {
		return All, nil
	}
	var set Scope
	for name := range strings.SplitSeq(s, ",") {
		bit, err := parseScope(strings.TrimSpace(name))
		if err != nil {
			return 0, err
		}
		set |= bit
	}
	return set, nil
}

func parseScope(name string) (Scope, error) {
	for i, known := range scopeNames {
		if name == known {
			return 1 << i, nil
		}
	}
	return 0, fmt.Errorf("%w: %q is no scope; use %s, or all", ErrInvalid, name, strings.Join(scopeNames[:], ", "))
}

// String is the set as ParseScopes reads it; "" for the empty set.
func (s Scope) String() string {
	if s == All {
		return "all"
	}
	var names []string
	for i, name := range scopeNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}
