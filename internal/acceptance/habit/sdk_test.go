package habit_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/database"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// everySDK is who signs with keys. Go's SDK cannot load secp256k1.
var everySDK = []struct {
	name string
	habits
	keys []string
}{
	{"go", goSDK, []string{publickey.P256, publickey.Ed25519, publickey.RSA}},
	{"python with httpx 0.27", pythonSDK(pythonOld), []string{publickey.P256, publickey.Secp256k1, publickey.RSA}},
	{"python with httpx 0.28", pythonSDK(compact), []string{publickey.Ed25519, publickey.Secp256k1}},
	{"python in wide UTF-8", pythonSDK(pythonWide), []string{publickey.P256}},
	{"typescript of 2023", oldTypeScript, []string{publickey.P256, publickey.Secp256k1}},
}

func TestEverySDKsHabits(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		h := start(t, countersigntest.Database(url))
		for _, s := range everySDK {
			keys := s.keys
			if !strings.HasPrefix(url, "sqlite") { // no database sees the type of a key
				keys = keys[:1]
			}
			for _, key := range keys {
				t.Run(s.name+"/"+key, func(t *testing.T) {
					story(t, h.elsewhere(t), s.habits, "ada", key)
				})
			}
		}
	})
}

// Python signs "" for {}, and sends {}: the two are the same, and the same as nothing, in
// both directions, wherever an action is spent.
func TestEmptyPayloads(t *testing.T) {
	t.Parallel()
	h := start(t)
	ada := h.join(t, pythonSDK(compact), "ada", publickey.P256)
	ada.logIn(t)
	for _, signed := range []string{"", "{}", " { } "} {
		for _, sent := range []string{"", "{}", "{ }\n"} {
			action := ada.signs(t, "PUT", "/things/7", signed)
			ada.call(t, "POST", "/countersign/actions/consume", object{{"userAction", action}, {"httpMethod", "PUT"},
				{"httpPath", "/things/7"}, {"payload", sent}}, "").into(t, nil)
			ada.sendAs(t, "POST", "/auth/users", []byte(sent), ada.signs(t, "POST", "/auth/users", signed)).
				refused(t, "signed "+signed+", sent "+sent, 400, "member_missing")
		}
	}
}
