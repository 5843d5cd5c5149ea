package acceptance_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// memory returns the resident memory of a process in MiB.
func memory(t testing.TB, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	kb, err := strconv.Atoi(regexp.MustCompile(`VmRSS:\s+(\d+)`).FindStringSubmatch(string(status))[1])
	must(t, err)
	return kb / 1024
}

// Nine thousand half request headers, from one address and from nine, are answered by closing
// connections, and everybody else by answers.
func TestHalfHeadersHoldLittleMemory(t *testing.T) {
	// Not parallel: it measures.
	for _, c := range []struct {
		addresses, most int // MiB
	}{{1, 400}, {9, 1000}} {
		t.Run(fmt.Sprint(c.addresses, " addresses"), func(t *testing.T) {
			h := &installation{T: t, database: "sqlite:" + t.TempDir() + "/countersign.db"}
			n := h.serve()
			before := memory(t, n.PID())
			l := underLoad(t, n.URL)
			text := "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + strings.Repeat("a", 60_000)
			var open []net.Conn
			var mu sync.Mutex
			defer func() {
				for _, c := range open {
					c.Close()
				}
			}()
			most := before
			stop := make(chan struct{})
			var watcher sync.WaitGroup
			watcher.Go(func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(20 * time.Millisecond):
						most = max(most, memory(t, n.PID()))
					}
				}
			})
			together(9, func(i int) {
				d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%c.addresses))}}
				for range 1000 {
					c, err := d.Dial("tcp", "127.0.0.1:"+n.port)
					if err != nil {
						continue
					}
					c.SetDeadline(time.Now().Add(2 * time.Second))
					io.WriteString(c, text)
					mu.Lock()
					open = append(open, c)
					mu.Unlock()
				}
			})
			close(stop)
			watcher.Wait()
			res, err := (&http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}}).Get(n.URL + "/healthz")
			must(t, err)
			res.Body.Close()
			l.end()
			t.Logf("%d half headers from %d addresses: %d MiB before, %d MiB at most; %d requests beside them were answered, %d were not",
				len(open), c.addresses, before, most, l.answered.Load(), l.failed.Load())
			if most > c.most {
				t.Errorf("the server held %d MiB", most)
			}
			if len(open) < 8000 || l.answered.Load() == 0 || l.failed.Load() > 0 {
				t.Errorf("%d connections; %d requests were answered, %d were not", len(open), l.answered.Load(), l.failed.Load())
			}
		})
	}
}
