//go:build !invariants

package wire

const invariants = false // see Memory.Release
