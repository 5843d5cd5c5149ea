package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// limitTime is how long each of the machine's own limits is measured.
const limitTime = time.Second

// verificationsPerSecond counts ES256 verifications on this process's one core.
func verificationsPerSecond() (float64, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return 0, err
	}
	digest := sha256.Sum256([]byte("countersign"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		return 0, err
	}
	n, begun := 0, time.Now()
	for time.Since(begun) < limitTime {
		for range 100 {
			if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
				return 0, errors.New("a signature just made does not verify")
			}
			n++
		}
	}
	return float64(n) / time.Since(begun).Seconds(), nil
}

// syncsPerSecond counts appends of one SQLite page that reach the disk one by one: what
// bounds durable writes that share nothing.
func syncsPerSecond(dir string) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := make([]byte, 4096)
	n, begun := 0, time.Now()
	for time.Since(begun) < limitTime {
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		n++
	}
	return float64(n) / time.Since(begun).Seconds(), nil
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}
