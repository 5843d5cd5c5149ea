package client

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sync"
	"time"

	"github.com/countersign/countersign/api"
)

// TwoFactors answers with two credentials of one user, for an organisation that requires a second factor.
type TwoFactors struct {
	First, Second Signer
}

// Sign answers with the first factor.
func (f TwoFactors) Sign(ctx context.Context, c api.SigningChallenge) (api.CredentialAssertion, error) {
	return f.First.Sign(ctx, c)
}

// Password is a signer that logs its user in with a password. It signs no action.
type Password string

// Sign answers with the password.
func (p Password) Sign(ctx context.Context, _ api.SigningChallenge) (api.CredentialAssertion, error) {
	return api.CredentialAssertion{Kind: api.KindPassword, Password: string(p)}, ctx.Err()
}

// Credential answers a challenge for a credential of kind Password.
func (p Password) Credential() api.CredentialAttestation {
	return api.CredentialAttestation{CredentialKind: api.KindPassword, CredentialInfo: api.CredentialAttestationInfo{Password: string(p)}}
}

// Format hides the password, so that no verb of fmt prints it.
func (p Password) Format(f fmt.State, _ rune) { io.WriteString(f, "a password") }

// OneTimeCodes makes one-time codes as an app on a phone does (RFC 6238). It is the second signer of
// TwoFactors, and safe for concurrent use. The server accepts each code once, so Sign waits for the next one
// if it has answered with those that are valid now: up to 30 seconds.
type OneTimeCodes struct {
	secret []byte

	mu   sync.Mutex
	last int64 // step whose code was used
}

// NewOneTimeCodes reads the otpauth:// address of a challenge.
func NewOneTimeCodes(otpURL string) (*OneTimeCodes, error) {
	u, err := url.Parse(otpURL)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" {
		return nil, errors.New("client: one-time codes are made from an address that begins with otpauth://totp/")
	}
	q := u.Query()
	for name, want := range map[string]string{"algorithm": "SHA1", "digits": "6", "period": "30"} {
		if got := q.Get(name); got != "" && got != want {
			return nil, fmt.Errorf("client: one-time codes with the %s %q are not known", name, got)
		}
	}
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(q.Get("secret"))
	if err != nil || len(secret) == 0 {
		return nil, errors.New("client: the address of the one-time codes has no secret in base32")
	}
	return &OneTimeCodes{secret: secret}, nil
}

const otpPeriod = 30 // seconds

// Code returns a code that was not used before. It waits if there is none yet.
func (o *OneTimeCodes) Code(ctx context.Context) (string, error) {
	o.mu.Lock()
	step := max(time.Now().Unix()/otpPeriod, o.last+1)
	o.last = step
	o.mu.Unlock()
	// The server accepts the code of the next step as well: its clock may be ahead.
	wait := time.NewTimer(time.Until(time.Unix((step-1)*otpPeriod, 0)))
	defer wait.Stop()
	select {
	case <-wait.C:
		return o.at(step), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (o *OneTimeCodes) at(step int64) string {
	h := hmac.New(sha1.New, o.secret)
	binary.Write(h, binary.BigEndian, step)
	sum := h.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[19]&0xf:]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%1_000_000)
}

// Sign answers with a code.
func (o *OneTimeCodes) Sign(ctx context.Context, _ api.SigningChallenge) (api.CredentialAssertion, error) {
	code, err := o.Code(ctx)
	return api.CredentialAssertion{Kind: api.KindTotp, OtpCode: code}, err
}

// Credential answers a challenge for a credential of kind Totp with the first code.
func (o *OneTimeCodes) Credential(ctx context.Context) (api.CredentialAttestation, error) {
	code, err := o.Code(ctx)
	return api.CredentialAttestation{CredentialKind: api.KindTotp, CredentialInfo: api.CredentialAttestationInfo{OtpCode: code}}, err
}

// Format hides the secret, so that no verb of fmt prints it.
func (o *OneTimeCodes) Format(f fmt.State, _ rune) { io.WriteString(f, "one-time codes") }
