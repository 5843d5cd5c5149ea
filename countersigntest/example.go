package countersigntest

import (
	"fmt"
	"os"
	"slices"
	"testing"
)

// Example is a testing.TB for runnable examples, which have none:
//
//	t := countersigntest.NewExample()
//	defer t.End()
//	srv := countersigntest.Start(t)
//
// It has only the methods that this package calls. A failure panics.
type Example struct {
	testing.TB // nil: for its unexported method
	cleanups   []func()
}

// NewExample returns an Example. Call End when the example ends.
func NewExample() *Example { return &Example{} }

// End calls the functions that were registered with Cleanup, the last one first.
func (e *Example) End() {
	for _, f := range slices.Backward(e.cleanups) {
		f()
	}
	e.cleanups = nil
}

// Cleanup registers a function for End to call.
func (e *Example) Cleanup(f func()) { e.cleanups = append(e.cleanups, f) }

// TempDir makes a folder that End removes.
func (e *Example) TempDir() string {
	dir, err := os.MkdirTemp("", "countersign-example-")
	if err != nil {
		panic(err)
	}
	e.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Helper does nothing.
func (e *Example) Helper() {}

// Fatal panics.
func (e *Example) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// Fatalf panics.
func (e *Example) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Error panics.
func (e *Example) Error(args ...any) { panic(fmt.Sprint(args...)) }

// Errorf panics.
func (e *Example) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
