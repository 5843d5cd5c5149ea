package countersigntest

import (
	"fmt"
	"os"
	"testing"
)

// Example stands in for a test in runnable examples, which have none:
//
//	t := countersigntest.NewExample()
//	defer t.End()
//	srv := countersigntest.Start(t)
//
// It knows what this package asks of a test and no more. A failure panics.
type Example struct {
	testing.TB // nil: only for the method that nobody else can have
	ends       []func()
}

// NewExample returns a stand-in. End must be called.
func NewExample() *Example { return &Example{} }

// End does what was registered with Cleanup, last things first.
func (e *Example) End() {
	for i := len(e.ends) - 1; i >= 0; i-- {
		e.ends[i]()
	}
	e.ends = nil
}

// Cleanup registers what End does.
func (e *Example) Cleanup(f func()) { e.ends = append(e.ends, f) }

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
