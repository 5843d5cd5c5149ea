package cache_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign/countersign/internal/cache"
)

// loads reports whether Get has to load key, and loads value then.
func loads(t *testing.T, c *cache.Cache[int], key string, value int) bool {
	t.Helper()
	loaded := false
	got, err := c.Get(key, func() (int, error) { loaded = true; return value, nil })
	if err != nil || got != value {
		t.Errorf("%s: %d, %v, want %d", key, got, err, value)
	}
	return loaded
}

func TestAValueIsLoadedOnce(t *testing.T) {
	c := cache.New[int](4, 0)
	if !loads(t, c, "one", 1) || loads(t, c, "one", 1) {
		t.Error("the value is not loaded exactly once")
	}
	c.Put("two", 2)
	if loads(t, c, "two", 2) {
		t.Error("a value that was put is loaded")
	}
}

func TestAFailureIsNotRemembered(t *testing.T) {
	c := cache.New[int](4, 0)
	failure := errors.New("unreadable")
	if got, err := c.Get("one", func() (int, error) { return 7, failure }); got != 7 || !errors.Is(err, failure) {
		t.Errorf("%d, %v", got, err)
	}
	if !loads(t, c, "one", 1) {
		t.Error("a failure is remembered")
	}
}

// A value that is read stays. Of the others two generations stay at most.
func TestTheSizeIsBounded(t *testing.T) {
	const size = 8
	c := cache.New[int](size, 0)
	c.Put("read", 0)
	for i := range 10 * size {
		c.Put(strconv.Itoa(i), i)
		if loads(t, c, "read", 0) {
			t.Fatalf("after %d others, a value that is read is forgotten", i+1)
		}
	}
	remembered := 0
	for i := range 10 * size {
		_, err := c.Get(strconv.Itoa(i), func() (int, error) { return 0, errors.New("not remembered") })
		if err == nil {
			remembered++
		}
	}
	if remembered < size-1 || remembered >= 2*size {
		t.Errorf("%d of %d are remembered, with generations of %d", remembered, 10*size, size)
	}
}

// Neither a read nor a new generation makes a value live longer.
func TestLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New[int](1, time.Second)
		c.Put("put", 1)
		for range 3 {
			time.Sleep(time.Second / 4)
			if loads(t, c, "put", 1) {
				t.Fatal("the value is forgotten too early")
			}
		}
		time.Sleep(time.Second / 4)
		if !loads(t, c, "put", 1) {
			t.Error("the value outlives its lifetime")
		}
		if _, err := c.Get("slow", func() (int, error) { time.Sleep(time.Second); return 1, nil }); err != nil {
			t.Fatal(err)
		}
		if !loads(t, c, "slow", 2) {
			t.Error("the lifetime begins after the load")
		}
		c.Put("put", 1)
		time.Sleep(time.Second / 2)
		c.Put("another", 2)
		if loads(t, c, "put", 1) { // moves it to the young generation
			t.Error("the value is forgotten with its generation")
		}
		time.Sleep(time.Second / 2)
		if !loads(t, c, "put", 1) {
			t.Error("a new generation makes the value live longer")
		}
	})
}

func TestClear(t *testing.T) {
	c := cache.New[int](1, 0)
	c.Put("old", 1)
	c.Put("young", 2)
	c.Clear()
	for key, value := range map[string]int{"old": 3, "young": 4} {
		if !loads(t, c, key, value) {
			t.Errorf("%s is remembered", key)
		}
	}
	if got, err := c.Get("slow", func() (int, error) { c.Clear(); return 1, nil }); err != nil || got != 1 {
		t.Errorf("%d, %v", got, err)
	}
	if !loads(t, c, "slow", 2) {
		t.Error("a value that was loading during Clear is remembered")
	}
}

// For the race detector.
func TestManyAtOnce(t *testing.T) {
	c := cache.New[int](4, time.Microsecond)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 200 {
				n := (i + j) % 11
				if got, err := c.Get(strconv.Itoa(n), func() (int, error) { return n, nil }); err != nil || got != n {
					t.Errorf("%d: %d, %v", n, got, err)
				}
				switch {
				case j%50 == 0:
					c.Clear()
				case j%7 == 0:
					c.Put(strconv.Itoa(n), n)
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkGet(b *testing.B) {
	for name, lifetime := range map[string]time.Duration{"remembered": 0, "for a time": time.Hour} {
		b.Run(name, func(b *testing.B) {
			c := cache.New[[4]string](64, lifetime)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Get("key", func() (v [4]string, err error) { return v, nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
