//go:build invariants

package wire

const invariants = true
