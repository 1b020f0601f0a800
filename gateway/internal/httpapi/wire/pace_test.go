package wire

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"heed/gateway/internal/httpapi/problem"
)

func TestPace_SlowestClientIsServedAndADrippingOneIsNot(t *testing.T) {
	run := func(perSecond int, total time.Duration) (served bool) {
		p := newPace()
		for range total / time.Second {
			if p = p.next(time.Second, perSecond); p.budget <= 0 {
				return false
			}
		}
		return true
	}
	if !run(minRate, 24*time.Hour) {
		t.Error("a client at the slowest rate was cut off")
	}
	if run(1, patience+2*time.Second) {
		t.Error("a client that sends a byte a second was served")
	}
	if newPace().next(0, 1<<30).budget != patience {
		t.Error("patience can be saved up")
	}
}

// dripping gives a byte a second, as a slowloris does.
type dripping struct{}

func (dripping) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	p[0] = '{'
	return 1, nil
}

func TestSlowBody_IsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		w := incoming{from: dripping{}, conn: &Conn{Conn: near}, length: -1, pace: newPace()}
		began := time.Now()
		_, err := io.Copy(io.Discard, &w)
		p, ok := err.(*problem.Problem)
		if took := time.Since(began); !ok || p.Code != "request_timeout" || took > patience+2*time.Second {
			t.Fatalf("%v after %v", err, took)
		}
	})
}
