package main

import (
	"encoding/base64"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/keyring"
)

type keyCommands struct {
	List   keyList   `cmd:"" help:"List the keys that sign tokens and receipts."`
	Rotate keyRotate `cmd:"" help:"Create a new signing key. Nobody is logged out; what earlier keys signed stays valid."`
}

type keyRow struct {
	KeyID       string `json:"kid"`
	X           string `json:"x"`
	Signs       bool   `json:"signs"`
	DateCreated string `json:"dateCreated"`
}

func keyRows(ring *keyring.Ring, now time.Time) []keyRow {
	all, current := ring.SigningKeys(), ring.SigningKey(now).ID
	return rows(all, func(k keyring.SigningKey) keyRow {
		return keyRow{k.ID, base64.RawURLEncoding.EncodeToString(k.Public()), k.ID == current, api.Time(k.CreatedAt)}
	})
}
