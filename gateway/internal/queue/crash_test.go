package queue

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestCrash_WhatWasAcknowledgedIsThere takes the disk as a loss of power would leave it, at every write operation of a whole
// history, with none, half and all of what was not synced. // README, P2 and P3
func TestCrash_WhatWasAcknowledgedIsThere(t *testing.T) {
	disk := vfs.NewCrashableMem()
	h := &history{acks: newAcks()}
	rng := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	ops := 0
	first, every := sample(t, 8)
	h.fs = errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		ops++
		if ops%every != first {
			return nil
		}
		for _, percent := range []int{0, 50, 100} {
			acked := h.acks.clone() // before the clone: what is acknowledged meanwhile is more than we ask for
			clone := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
			if err := acked.verify(clone); err != nil {
				t.Errorf("crash at operation %d (%v %s), %d %% of unsynced data kept: %v", ops, op.Kind, op.Path, percent, err)
			}
		}
		return nil
	}))
	if err := h.play(); err != nil {
		t.Fatal(err)
	}
	if ops < 150 {
		t.Errorf("only %d operations", ops)
	}
	t.Logf("crashed three ways at %d operations; %d batches", ops/every, len(h.acks.batches))
}

// The environment variables that make the test binary play histories with failing disks; see TestFail.
const (
	failFrom = "QUEUE_TEST_FAIL_FROM"
	failStep = "QUEUE_TEST_FAIL_STEP"
)

// sample is what a test of many points tries of them: every step-th from first on. With -short those are few, and other ones each time.
func sample(t *testing.T, short int) (first, step int) {
	t.Helper()
	if !testing.Short() {
		return 0, 1
	}
	first = rand.IntN(short)
	t.Logf("every %dth point from %d on; without -short all of them", short, first)
	return first, short
}

// TestFail_EveryOperationInTurn plays the history with operation 1, 2, 3... of the disk failing, until one passes without a failure.
// Each time the queue must end with a clean error and its Trouble told, or the process must end with a text that says why; and what was
// acknowledged is there afterwards. Since Pebble ends the process on some failures, the histories are played by child processes.
func TestFail_EveryOperationInTurn(t *testing.T) {
	lived, stopped := 0, 0
	from, step := sample(t, 5)
	for done := false; !done; {
		lines, stderr := failingChild(t, from, step)
		for _, line := range lines {
			word, rest, _ := strings.Cut(line, " ")
			switch word {
			case "ok":
				lived++
				from += step
			case "bad":
				t.Errorf("operation %d: %s", from, rest)
				from += step
			case "done":
				done = true
			}
		}
		if !done {
			if !strings.Contains(stderr, "queue: ") || !strings.Contains(stderr, "injected error") {
				t.Errorf("operation %d ended the process without saying why:\n%.2000s", from, stderr)
			}
			stopped++
			from += step
		}
	}
	t.Logf("the process lived on after %d failures and ended at %d", lived, stopped)
	if lived < 100/step {
		t.Errorf("only %d operations failed", lived)
	}
}

// failingChild plays histories in a child process, every step-th operation from one on, and returns what it reports.
func failingChild(t *testing.T, from, step int) (lines []string, stderr string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), failFrom+"="+strconv.Itoa(from), failStep+"="+strconv.Itoa(step))
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(strings.NewReader(out.String()))
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	return lines, errs.String()
}

// playFailing is the child's part: one line a history.
func playFailing(from, step int) {
	for n := from; ; n += step {
		fired, err := failAt(n)
		switch {
		case err != nil:
			fmt.Println("bad", strings.ReplaceAll(err.Error(), "\n", " | "))
		case !fired:
			fmt.Println("done")
			return
		default:
			fmt.Println("ok")
		}
	}
}

// failAt plays a history whose disk fails its nth operation, and verifies what is left: what the process's end would leave, and what
// a loss of power would.
func failAt(n int) (fired bool, err error) {
	disk := vfs.NewCrashableMem()
	injector := errorfs.OnIndex(int32(n))
	h := &history{fs: errorfs.Wrap(disk, injector), acks: newAcks()}
	played := h.play()
	fired = injector.Index.Load() < 0
	if played == nil && fired && h.q.store.failed() != nil {
		return fired, errors.New("the store has failed and nobody was told")
	}
	if played != nil && !strings.Contains(played.Error(), "injected error") {
		return fired, fmt.Errorf("unclear error: %w", played)
	}
	acked := h.acks.clone()
	for _, percent := range []int{0, 100} {
		clone := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(1, 2))})
		if err := acked.verify(clone); err != nil {
			return fired, fmt.Errorf("after %v, %d %% of unsynced data kept: %w", played, percent, err)
		}
	}
	return fired, nil
}
