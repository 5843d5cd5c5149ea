package authenticator

import "github.com/go-json-experiment/json/jsontext"

// clientDataJSON writes client data like a browser: these members in this order (WebAuthn L3
// §5.8.1.1).
func clientDataJSON(kind, challenge string, o Options) []byte {
	if o.DoubleEncodeChallenge {
		challenge = encode([]byte(challenge))
	}
	b := make([]byte, 0, 192)
	b = append(b, `{"type":`...)
	b = appendText(b, kind)
	b = append(b, `,"challenge":`...)
	b = appendText(b, challenge)
	b = append(b, `,"origin":`...)
	b = appendText(b, o.Origin)
	if o.CrossOrigin {
		b = append(b, `,"crossOrigin":true`...)
	} else {
		b = append(b, `,"crossOrigin":false`...)
	}
	if o.TopOrigin != "" {
		b = append(b, `,"topOrigin":`...)
		b = appendText(b, o.TopOrigin)
	}
	return append(b, '}')
}

// appendText writes a JSON string. It replaces invalid UTF-8.
func appendText(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}
