// Package client is the Go client of Countersign: the calls of the wire contract that
// this server answers, with its errors as they travel. It depends on package api
// alone.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
)

// Client calls one server. The zero HTTP client is replaced by one with a timeout of
// 30 seconds. It is safe for concurrent use.
type Client struct {
	BaseURL string // "https://sign.example.org": an origin, without path
	HTTP    *http.Client
}

// Error is a refusal as the server told it.
type Error struct {
	api.ErrorDetail
	RetryAfter time.Duration // with status 429 and 503, if the server said so
}

func (e *Error) Error() string {
	return fmt.Sprintf("%d %s: %s (reference %s)", e.Status, e.Code, e.Message, e.ID)
}

// InitRegistration presents a registration code and returns the challenge to sign.
func (c *Client) InitRegistration(ctx context.Context, in api.InitRegistrationRequest) (out api.RegistrationChallenge, err error) {
	return out, c.call(ctx, http.MethodPost, "/auth/registration/init", "", in, &out)
}

// Register completes a registration; token is the challenge's
// temporaryAuthenticationToken. When an answer is lost, sending the same call again is
// safe and gives the same answer.
func (c *Client) Register(ctx context.Context, token string, in api.RegistrationRequest) (out api.RegistrationResult, err error) {
	return out, c.call(ctx, http.MethodPost, "/auth/registration", token, in, &out)
}

// ResendRegistrationCode replaces a user's registration code and mails the new one.
// The answer tells nothing of whether there is such a user.
func (c *Client) ResendRegistrationCode(ctx context.Context, in api.ResendRegistrationCodeRequest) (out api.Message, err error) {
	return out, c.call(ctx, http.MethodPut, "/auth/registration/code", "", in, &out)
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 4 << 20

func (c *Client) call(ctx context.Context, method, path, token string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.BaseURL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := c.http().Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return refusal(res, answer)
	}
	return json.Unmarshal(answer, out)
}

func refusal(res *http.Response, answer []byte) error {
	var body api.ErrorBody
	if err := json.Unmarshal(answer, &body); err != nil {
		return fmt.Errorf("the server answered %s without the error envelope", res.Status)
	}
	e := &Error{ErrorDetail: body.Error}
	e.Status = res.StatusCode
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	return e
}

var defaultHTTP = &http.Client{Timeout: 30 * time.Second}

func (c *Client) http() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return defaultHTTP
}
