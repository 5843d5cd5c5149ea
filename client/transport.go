package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
)

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 4 << 20

// call is one request.
type call struct {
	method, path string
	token        string // bearer; "" sends none
	userAction   string // "" sends none
	body         []byte // nil sends none
}

// ask makes a call whose body is the JSON of in, and returns the answer.
func ask[Out any](ctx context.Context, c *Client, r call, in any) (out Out, err error) {
	if r.body, err = encode(in); err != nil {
		return out, err
	}
	err = c.do(ctx, r, &out)
	return out, err
}

// encode returns the body of a request; nil for nil.
func encode(in any) ([]byte, error) {
	if in == nil {
		return nil, nil
	}
	return json.Marshal(in)
}

func (c *Client) do(ctx context.Context, r call, out any) error {
	req, err := c.request(ctx, r)
	if err != nil {
		return err
	}
	res, err := c.http().Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return err
	}
	if len(answer) > maxAnswer {
		return unexpected(res, fmt.Sprintf("more than %d bytes", maxAnswer))
	}
	if res.StatusCode != http.StatusOK {
		return refusal(res, answer)
	}
	return decode(res, answer, out)
}

// decode reads a successful answer. A json.RawMessage takes it byte for byte, because a
// receipt must not change.
func decode(res *http.Response, answer []byte, out any) error {
	if !json.Valid(answer) {
		return unexpected(res, "not JSON")
	}
	if out == nil {
		return nil
	}
	if raw, ok := out.(*json.RawMessage); ok {
		*raw = answer
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("client: the server's answer does not fit %T: %w", out, err)
	}
	return nil
}

func (c *Client) request(ctx context.Context, r call) (*http.Request, error) {
	base, err := url.Parse(c.BaseURL)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, errors.New("client: BaseURL must be an origin such as https://sign.example.org")
	}
	// Any other path could name another host, which would get the token.
	if !strings.HasPrefix(r.path, "/") || strings.Contains(r.path, "#") {
		return nil, fmt.Errorf("client: %q is not a path: it must begin with a slash and have no fragment", r.path)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, strings.TrimSuffix(c.BaseURL, "/")+r.path, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	if r.userAction != "" {
		req.Header.Set(api.HeaderUserAction, r.userAction)
	}
	return req, nil
}

func refusal(res *http.Response, answer []byte) error {
	var body api.ErrorBody
	if err := json.Unmarshal(answer, &body); err != nil || body.Error.Code == "" {
		return unexpected(res, "not an error of Countersign")
	}
	e := &Error{ErrorDetail: body.Error}
	e.Status = res.StatusCode
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	return e
}

func unexpected(res *http.Response, what string) error {
	return &Error{ErrorDetail: api.ErrorDetail{Status: res.StatusCode, Code: CodeUnexpected,
		Message: "the answer was " + what + "; is BaseURL the URL of Countersign?"}}
}

// segment returns an identifier as one segment of a path. It refuses one that would lead to
// another path.
func segment(id string) (string, error) {
	if id == "" || id == "." || id == ".." {
		return "", fmt.Errorf("client: %q is not an identifier", id)
	}
	return url.PathEscape(id), nil
}

var defaultHTTP = &http.Client{Timeout: 30 * time.Second}

// http returns the caller's client without redirects: net/http would send a signed action,
// and with some statuses the body, to any server that the answer names.
func (c *Client) http() *http.Client {
	h := *defaultHTTP
	if c.HTTP != nil {
		h = *c.HTTP
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &h
}
