package wire

import (
	"io"
	"sync"

	"heed/gateway/internal/httpapi/problem"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const zstdWindow = 8 << 20 // RFC 8878 §3.1.1.1.2 asks decoders to support this much

// Decompressors are reused: their windows are megabytes.
var (
	gzips = sync.Pool{New: func() any { return new(gzip.Reader) }}
	zstds = sync.Pool{New: func() any {
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderMaxMemory(1<<40)) // a stream's size is not its memory
		if err != nil {
			panic(err) // the options are constants
		}
		return z
	}}
)

// decoder is a decompressor of a pool.
type decoder interface {
	io.Reader
	Reset(io.Reader) error
}

// plain tells whether a Content-Encoding leaves the body as it is.
func plain(coding string) bool { return coding == "" || coding == "identity" }

// borrow takes a decompressor out of its pool. Multiple codings are refused: nobody needs them but an attacker.
func borrow(coding string) (d decoder, giveBack func(), err error) {
	switch coding {
	case "gzip", "x-gzip":
		z := gzips.Get().(*gzip.Reader)
		return z, func() { gzips.Put(z) }, nil
	case "zstd":
		z := zstds.Get().(*zstd.Decoder)
		return z, func() { z.Reset(nil); zstds.Put(z) }, nil
	}
	return nil, nil, problem.New("unsupported_media_type", "Content-Encoding may be gzip, zstd or left out.")
}
