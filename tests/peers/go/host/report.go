package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// report prints the outcome of each check as one line of JSON, as soon as it is known: after a hang
// or a crash the last line tells how far the host came.
type report struct {
	skip   map[string]bool
	failed bool
}

type line struct {
	Check  string `json:"check"`
	Passed bool   `json:"passed"`
	Detail string `json:"detail"`
}

// check runs one check, unless it is among those to skip, and tells whether it passed.
func (r *report) check(name string, run func() (string, error)) bool {
	if r.skip[name] {
		return true
	}
	detail, err := run()
	if err != nil {
		r.failed = true
		detail = err.Error()
	}
	// Encoding strings and booleans to standard output cannot fail in a way that could be told.
	_ = json.NewEncoder(os.Stdout).Encode(line{name, err == nil, detail})
	return err == nil
}

// recorder keeps what is written to it, for reading while others write.
type recorder struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.buffer.Write(p)
}

func (r *recorder) String() string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.buffer.String()
}

// await waits until a line of the recording holds all of the words, and returns that line.
func (r *recorder) await(words ...string) (string, error) {
	deadline := time.Now().Add(5 * time.Second)
	for time.Now().Before(deadline) {
	lines:
		for _, line := range strings.Split(r.String(), "\n") {
			for _, word := range words {
				if !strings.Contains(line, word) {
					continue lines
				}
			}
			return line, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return "", fmt.Errorf("no line with %q within 5 s", words)
}
