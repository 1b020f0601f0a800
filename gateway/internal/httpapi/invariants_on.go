//go:build invariants

package httpapi

const invariants = true
