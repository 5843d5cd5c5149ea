package webauthn

import (
	"strings"
	"testing"
)

// required are the required members of client data.
const required = `"type":"webauthn.create","challenge":"` + testChallenge + `","origin":"` + testOrigin + `"`

// toleratedClientData are the ways to write required that are accepted.
var toleratedClientData = map[string]string{
	"no crossOrigin":        `{` + required + `}`,
	"crossOrigin false":     `{` + required + `,"crossOrigin":false}`,
	"byte order mark":       "\ufeff{" + required + `}`,
	"space around":          " \r\n\t{" + required + "} \r\n\t",
	"space inside":          `{ "origin" : "` + testOrigin + `" , "challenge":"` + testChallenge + `","type":"webauthn.create"}`,
	"escaped":               `{"typ\u0065":"webauthn\u002ecreate","challenge":"` + testChallenge + `","origin":"https:\/\/console.example.org"}`,
	"token binding":         `{` + required + `,"tokenBinding":{"status":"supported"}}`,
	"token binding, id":     `{` + required + `,"tokenBinding":{"id":"AAEC","status":"present"}}`,
	"token binding, none":   `{` + required + `,"tokenBinding":{"status":"not-supported","later":[{}]}}`,
	"Android's members":     `{` + required + `,"androidPackageName":"org.example","other_keys_can_be_added_here":"do not compare clientDataJSON against a template. See https://goo.gl/yabPex"}`,
	"members of any type":   `{` + required + `,"a":null,"b":[1,{"c":2.5e-3}],"d":{"type":"x"},"e":"é😀"}`,
	"names like ours":       `{` + required + `,"types":1,"top":2,"cross_origin":true}`,
	"deep in other members": `{` + required + `,"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
}

// malformedClientData is refused in every ceremony.
var malformedClientData = map[string]string{
	"empty":                     ``,
	"only space":                ` `,
	"only a byte order mark":    "\ufeff",
	"null":                      `null`,
	"a string":                  `"{}"`,
	"an array":                  `[{` + required + `}]`,
	"cut short":                 `{` + required,
	"no members":                `{}`,
	"no type":                   `{"challenge":"` + testChallenge + `","origin":"` + testOrigin + `"}`,
	"no challenge":              `{"type":"webauthn.create","origin":"` + testOrigin + `"}`,
	"no origin":                 `{"type":"webauthn.create","challenge":"` + testChallenge + `"}`,
	"two objects":               `{` + required + `}{` + required + `}`,
	"something after":           `{` + required + `}x`,
	"a NUL after":               `{` + required + "}\x00",
	"a comma after":             `{` + required + `},`,
	"trailing comma":            `{` + required + `,}`,
	"comment":                   `{` + required + `/**/}`,
	"two byte order marks":      "\ufeff\ufeff{" + required + `}`,
	"byte order mark of UTF-16": "\xff\xfe{" + required + `}`,
	"UTF-16":                    "{\x00\"\x00t\x00",
	"invalid UTF-8":             `{` + required + ",\"x\":\"\xff\"}",
	"invalid UTF-8 in origin":   `{"type":"webauthn.create","challenge":"` + testChallenge + `","origin":"` + testOrigin + "\x80\"}",
	"overlong UTF-8":            `{` + required + ",\"x\":\"\xc0\xaf\"}",
	"lone surrogate":            `{` + required + `,"x":"\ud800"}`,
	"control character":         `{` + required + ",\"x\":\"\n\"}",

	"type twice":            `{` + required + `,"type":"webauthn.create"}`,
	"origin twice":          `{"origin":"https://evil.example",` + required + `}`,
	"challenge twice":       `{` + required + `,"challenge":"x"}`,
	"origin twice, escaped": `{` + required + `,"\u006frigin":"` + testOrigin + `"}`,
	"crossOrigin twice":     `{` + required + `,"crossOrigin":false,"crossOrigin":true}`,
	"an unknown name twice": `{` + required + `,"x":1,"x":2}`,
	"a nested name twice":   `{` + required + `,"x":{"y":1,"y":2}}`,
	"Type":                  `{` + required + `,"Type":"webauthn.get"}`,
	"ORIGIN":                `{` + required + `,"ORIGIN":"https://evil.example"}`,
	"Challenge alone":       `{"type":"webauthn.create","Challenge":"` + testChallenge + `","origin":"` + testOrigin + `"}`,
	"crossorigin":           `{` + required + `,"crossorigin":true}`,
	"crossOrigin with ſ":    `{` + required + `,"croſſOrigin":true}`,
	"TopOrigin":             `{` + required + `,"TopOrigin":"https://top.example"}`,

	"type a number":          `{"type":1,"challenge":"` + testChallenge + `","origin":"` + testOrigin + `"}`,
	"type null":              `{"type":null,"challenge":"` + testChallenge + `","origin":"` + testOrigin + `"}`,
	"type an array":          `{"type":["webauthn.create"],"challenge":"` + testChallenge + `","origin":"` + testOrigin + `"}`,
	"challenge an object":    `{"type":"webauthn.create","challenge":{},"origin":"` + testOrigin + `"}`,
	"challenge true":         `{"type":"webauthn.create","challenge":true,"origin":"` + testOrigin + `"}`,
	"origin an array":        `{"type":"webauthn.create","challenge":"` + testChallenge + `","origin":["` + testOrigin + `"]}`,
	"origin null":            `{"type":"webauthn.create","challenge":"` + testChallenge + `","origin":null}`,
	"crossOrigin null":       `{` + required + `,"crossOrigin":null}`,
	"crossOrigin a string":   `{` + required + `,"crossOrigin":"false"}`,
	"crossOrigin a number":   `{` + required + `,"crossOrigin":0}`,
	"tokenBinding null":      `{` + required + `,"tokenBinding":null}`,
	"tokenBinding a string":  `{` + required + `,"tokenBinding":"supported"}`,
	"tokenBinding a number":  `{` + required + `,"tokenBinding":1}`,
	"tokenBinding a boolean": `{` + required + `,"tokenBinding":true}`,
	"tokenBinding an array":  `{` + required + `,"tokenBinding":[{"status":"supported"}]}`,
	"tokenBinding empty":     `{` + required + `,"tokenBinding":{}}`,
	"token status unknown":   `{` + required + `,"tokenBinding":{"status":"absent"}}`,
	"token status empty":     `{` + required + `,"tokenBinding":{"status":""}}`,
	"token status, letters":  `{` + required + `,"tokenBinding":{"status":"Supported"}}`,
	"token status a number":  `{` + required + `,"tokenBinding":{"status":1}}`,
	"token status null":      `{` + required + `,"tokenBinding":{"status":null}}`,
	"token status twice":     `{` + required + `,"tokenBinding":{"status":"absent","status":"supported"}}`,
	"token id a number":      `{` + required + `,"tokenBinding":{"status":"present","id":1}}`,
	"tokenbinding":           `{` + required + `,"tokenbinding":{"status":"supported"}}`,
	"topOrigin null":         `{` + required + `,"topOrigin":null}`,
	"topOrigin a boolean":    `{` + required + `,"topOrigin":false}`,
	"base64url, not decoded": twice(`{` + required + `}`),
}

func TestClientDataTolerated(t *testing.T) {
	for name, text := range toleratedClientData {
		t.Run(name, func(t *testing.T) {
			c := newCeremony()
			c.clientData = text
			c.accepted(t)
			a := newAnswer()
			a.clientData = strings.ReplaceAll(text, "create", "get")
			a.accepted(t)
		})
	}
}

func TestClientDataRefused(t *testing.T) {
	for name, text := range malformedClientData {
		t.Run(name, func(t *testing.T) {
			c := newCeremony()
			c.clientData = text
			c.refused(t, CodeClientDataMalformed)
			a := newAnswer()
			a.clientData = strings.ReplaceAll(text, "create", "get")
			a.refused(t, CodeClientDataMalformed)
		})
	}
}

// TestClientDataEveryPrefix cuts client data short at every byte.
func TestClientDataEveryPrefix(t *testing.T) {
	whole := newCeremony().clientData
	for n := range len(whole) {
		if _, err := parseClientData([]byte(whole[:n])); err == nil {
			t.Errorf("accepted %q", whole[:n])
		}
	}
}
