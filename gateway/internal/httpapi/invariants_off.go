//go:build !invariants

package httpapi

const invariants = false // see memory.release
