package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// keyPair serves a certificate from files and reads them again once they change, so
// that renewing one needs no restart.
type keyPair struct {
	cert, key string

	mu      sync.Mutex
	current *tls.Certificate
	changed time.Time // modification time of the certificate in use
	looked  time.Time
}

// lookEvery is how often the files are looked at.
const lookEvery = time.Second

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
	p.current, p.changed, p.looked = &c, info.ModTime(), time.Now()
	return nil
}

// certificate returns the pair in use. A new one that cannot be read, half written
// perhaps, leaves the old one in use until the next look.
func (p *keyPair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.looked) > lookEvery {
		p.looked = now
		if info, err := os.Stat(p.cert); err == nil && !info.ModTime().Equal(p.changed) {
			p.read()
		}
	}
	return p.current, nil
}
