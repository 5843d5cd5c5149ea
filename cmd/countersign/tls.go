package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// keyPair serves a certificate from files and reads them again when they change, so that a renewal
// needs no restart.
type keyPair struct {
	cert, key string

	mu      sync.Mutex
	current *tls.Certificate
	changed time.Time // modification time of the certificate in use
	checked time.Time
}

// checkEvery is how often the files are checked.
const checkEvery = time.Second

func newKeyPair(cert, key string) (*keyPair, error) {
	p := &keyPair{cert: cert, key: key}
	if err := p.read(); err != nil {
		return nil, fmt.Errorf("the TLS certificate or key cannot be used: %w", err)
	}
	return p, nil
}

func (p *keyPair) read() error {
	info, err := os.Stat(p.cert)
	if err != nil {
		return err
	}
	c, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return err
	}
	p.current, p.changed, p.checked = &c, info.ModTime(), time.Now()
	return nil
}

// certificate returns the pair in use. If the new files cannot be read, perhaps because they are half
// written, the old pair stays in use until the next check.
func (p *keyPair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.checked) > checkEvery {
		p.checked = now
		if info, err := os.Stat(p.cert); err == nil && !info.ModTime().Equal(p.changed) {
			p.read()
		}
	}
	return p.current, nil
}
