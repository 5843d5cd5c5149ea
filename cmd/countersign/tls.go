package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// tlsFlags name the files of the certificate.
type tlsFlags struct {
	TLSCert string `name:"tls-cert" help:"File with the certificate chain, PEM. The server reads it again when it changes." placeholder:"FILE"`
	TLSKey  string `name:"tls-key" help:"File with the private key, PEM." placeholder:"FILE"`
}

func (f tlsFlags) check() error {
	if (f.TLSCert == "") != (f.TLSKey == "") {
		return misuse("--tls-cert and --tls-key go together; give both or neither")
	}
	return nil
}

// keyPair serves a certificate from files and reads them again, so that renewing one needs
// no restart.
type keyPair struct {
	files   tlsFlags
	log     *slog.Logger
	current atomic.Pointer[tls.Certificate]

	mu        sync.Mutex
	cert, key []byte // contents of the files in use
	failed    string // why the files cannot be used, as of the look before
	logged    string // the failure that the log has
}

// lookEvery is how often the files are read. They are compared by their content: a renewed
// pair may have any time stamp.
const lookEvery = time.Second

func newKeyPair(files tlsFlags, log *slog.Logger) (*keyPair, error) {
	p := &keyPair{files: files, log: log}
	if _, err := p.read(); err != nil {
		return nil, err
	}
	return p, nil
}

// loadPair reads a certificate and its key. An error says in a sentence what to do.
func loadPair(files tlsFlags) (pair tls.Certificate, cert, key []byte, err error) {
	if cert, err = os.ReadFile(files.TLSCert); err == nil {
		key, err = os.ReadFile(files.TLSKey)
	}
	if err == nil {
		pair, err = tls.X509KeyPair(cert, key)
	}
	if err != nil {
		return pair, nil, nil, fmt.Errorf("the TLS certificate %s and key %s cannot be used: %w", files.TLSCert, files.TLSKey, err)
	}
	return pair, cert, key, nil
}

// read puts the files to use, unless they are in use already.
func (p *keyPair) read() (changed bool, err error) {
	pair, cert, key, err := loadPair(p.files)
	if err != nil || bytes.Equal(cert, p.cert) && bytes.Equal(key, p.key) {
		return false, err
	}
	p.cert, p.key = cert, key
	p.current.Store(&pair)
	return true, nil
}

// look reads the files again. A pair that cannot be used leaves the one before in use. That is
// logged once for each reason, and only if it lasts to the next look or asked is set: while a
// renewal writes one file after the other, they do not fit for a moment.
func (p *keyPair) look(asked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	changed, err := p.read()
	if err == nil {
		if p.failed, p.logged = "", ""; changed {
			p.log.Info("a changed TLS certificate is in use", "file", p.files.TLSCert, "validUntil", p.current.Load().Leaf.NotAfter)
		} else if asked {
			p.log.Info("the TLS certificate and key have not changed", "file", p.files.TLSCert)
		}
		return
	}
	reason := err.Error()
	if p.logged != reason && (asked || p.failed == reason) {
		p.log.Error("a changed TLS certificate is not used; the one before stays in use", "error", reason)
		p.logged = reason
	}
	p.failed = reason
}

// watch looks until ctx ends.
func (p *keyPair) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.look(false)
		}
	}
}

// certificate returns the pair in use.
func (p *keyPair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return p.current.Load(), nil
}

// examineTLS is what doctor says of the files.
func examineTLS(files tlsFlags, host string, now time.Time) []finding {
	const check = "TLS certificate"
	if files.TLSCert == "" && files.TLSKey == "" {
		return nil
	}
	err := files.check()
	var pair tls.Certificate
	if err == nil {
		pair, _, _, err = loadPair(files)
	}
	if err == nil && now.After(pair.Leaf.NotAfter) {
		err = errors.New("it expired on " + pair.Leaf.NotAfter.UTC().Format(time.DateTime) + " UTC; renew it")
	}
	if err != nil {
		return []finding{{check, problem, sentence(err)}}
	}
	switch until := "valid until " + pair.Leaf.NotAfter.UTC().Format(time.DateTime) + " UTC"; {
	case now.Before(pair.Leaf.NotBefore):
		return []finding{{check, warning, "it is not valid before " + pair.Leaf.NotBefore.UTC().Format(time.DateTime) + " UTC; check the clock"}}
	case host != "" && pair.Leaf.VerifyHostname(host) != nil:
		return []finding{{check, warning, "it is not for " + host + ", the host of the public URL; " + until}}
	case pair.Leaf.NotAfter.Sub(now) < 7*24*time.Hour:
		return []finding{{check, warning, until + "; renew it"}}
	default:
		return []finding{{check, ok, until}}
	}
}
