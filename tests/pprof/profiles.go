// SPDX-License-Identifier: Apache-2.0

// What Go's own runtime/pprof writes: profiles.go DIRECTORY makes one of each kind there.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

var kept [][]byte

//go:noinline
func spin(until time.Time) (n int) {
	for time.Now().Before(until) {
		for i := 0; i < 1000; i++ {
			n += mix(n, i)
		}
	}
	return n
}

// Inlined into its caller: a location with several lines.
func mix(a, b int) int {
	return a*31 ^ b
}

//go:noinline
func allocate(depth int) {
	if depth > 0 {
		allocate(depth - 1)
		return
	}
	for i := 0; i < 64; i++ {
		kept = append(kept, make([]byte, 1<<12))
	}
}

// Two goroutines that want the same lock, one of which has it until the other one waits.
func contend() {
	var lock sync.Mutex
	var done sync.WaitGroup
	for i := 0; i < 50; i++ {
		lock.Lock()
		done.Add(1)
		waits := make(chan bool)
		go func() {
			close(waits)
			lock.Lock()
			lock.Unlock()
			done.Done()
		}()
		<-waits
		time.Sleep(time.Millisecond)
		lock.Unlock()
		done.Wait()
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func create(directory, name string) *os.File {
	file, err := os.Create(filepath.Join(directory, name+".pb.gz"))
	check(err)
	return file
}

func main() {
	directory := os.Args[1]
	runtime.MemProfileRate = 1
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)

	file := create(directory, "cpu")
	check(pprof.StartCPUProfile(file))
	// Labels are a part of the format.
	pprof.Do(context.Background(), pprof.Labels("request", "ä;b"), func(context.Context) {
		spin(time.Now().Add(500 * time.Millisecond))
	})
	pprof.StopCPUProfile()
	check(file.Close())

	allocate(20)
	contend()
	for _, name := range []string{"heap", "allocs", "mutex", "block", "goroutine", "threadcreate"} {
		file := create(directory, name)
		check(pprof.Lookup(name).WriteTo(file, 0))
		check(file.Close())
	}
	fmt.Fprintln(os.Stderr, len(kept))
}
