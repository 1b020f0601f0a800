package filter

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of a large page on amd64 and on arm64 with 4 KiB pages.
const hugePage = 2 << 20

// adviseHugePages asks for large pages behind the bits, before they are first touched: with 4 KiB pages nearly every
// probe of a large filter also misses the TLB. Only advice: a refusal changes speed, not answers.
func adviseHugePages(words []uint64) {
	if len(words)*8 < 2*hugePage {
		return
	}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(words)*8)
	page := uintptr(unix.Getpagesize())
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(bytes))) % page
	_ = unix.Madvise(bytes[skip:], unix.MADV_HUGEPAGE)
}
