package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/template"
	"time"
)

// defaultBody is what a gateway gets unless another template is set.
const defaultBody = `{"to":{{json .To}},"text":{{json .Body}}}`

const gatewayTime = 20 * time.Second

// Gateway hands text messages to a provider by HTTP. It implements Texter.
type Gateway struct {
	url    string
	header http.Header
	body   *template.Template
	client *http.Client
}

// NewGateway makes a gateway that POSTs to address. body is a text/template of
// JSON over .To, .Body and .ID, with a function json that quotes; empty for
// {"to": …, "text": …}. header is one header, "Authorization: Bearer …", or
// empty. Errors do not quote the address or the header.
func NewGateway(address, header, body string) (*Gateway, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("notify: not an address of a gateway (https://…)")
	}
	g := &Gateway{url: address, header: http.Header{}, client: &http.Client{
		Timeout: gatewayTime,
		// A redirection would turn the POST into a GET, to which a page may well answer
		// 200, or take the number elsewhere: it is an address that was set wrongly.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if header != "" {
		name, value, ok := strings.Cut(header, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, errors.New("notify: the gateway's header is not NAME: VALUE")
		}
		g.header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if body == "" {
		body = defaultBody
	}
	g.body, err = template.New("body").Option("missingkey=error").Funcs(template.FuncMap{"json": quote}).Parse(body)
	if err != nil {
		return nil, fmt.Errorf("notify: the gateway's template: %w", err)
	}
	var try bytes.Buffer
	if err := g.body.Execute(&try, Text{ID: "1", To: "+390000000", Body: `"`}); err != nil || !json.Valid(try.Bytes()) {
		return nil, errors.New("notify: the gateway's template does not make JSON")
	}
	return g, nil
}

func quote(s string) (string, error) {
	b, err := json.Marshal(s)
	return string(b), err
}

// Text implements Texter.
func (g *Gateway) Text(ctx context.Context, t Text) error {
	var body bytes.Buffer
	if err := g.body.Execute(&body, t); err != nil {
		return fmt.Errorf("notify: gateway: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url, &body)
	if err != nil {
		return errors.New("notify: gateway: the request cannot be made")
	}
	req.Header = g.header.Clone()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", t.ID)
	res, err := g.client.Do(req)
	if err != nil {
		// The error quotes the address, which may hold a key.
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return fmt.Errorf("notify: gateway: %w", err)
	}
	defer res.Body.Close() //nolint:errcheck // nothing was written
	const answer = 64 << 10
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, answer)) // so that the connection can be used again
	if res.StatusCode < http.StatusOK || res.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("notify: gateway: status %d", res.StatusCode)
	}
	return nil
}
