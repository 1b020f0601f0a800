//go:build !linux

package filter

func adviseHugePages([]uint64) {}
