package saga

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"saga.engine/sdk/sagapb"
)

const (
	defaultTimeout        = 30 * time.Second
	defaultConnectTimeout = 10 * time.Second
)

type config struct {
	address        string
	tls            *tls.Config
	insecure       bool
	token          string
	namespace      string
	connectTimeout time.Duration
	values         values
	err            error
}

// Option says how to connect.
type Option func(*config)

// WithCAFile trusts the certificates in a PEM file instead of those of the system.
func WithCAFile(path string) Option {
	return func(c *config) {
		pem, err := os.ReadFile(path)
		pool := x509.NewCertPool()
		if err == nil && !pool.AppendCertsFromPEM(pem) {
			err = fmt.Errorf("saga: no certificate in %s", path)
		}
		c.tls.RootCAs = pool
		c.fail(err)
	}
}

// WithCAs trusts these certificates instead of those of the system.
func WithCAs(pool *x509.CertPool) Option { return func(c *config) { c.tls.RootCAs = pool } }

// WithCertificate shows the certificate in a PEM file, with the key in another.
func WithCertificate(certificateFile, keyFile string) Option {
	return func(c *config) {
		certificate, err := tls.LoadX509KeyPair(certificateFile, keyFile)
		c.tls.Certificates = []tls.Certificate{certificate}
		c.fail(err)
	}
}

// WithServerName says what name the server's certificate must carry, if it is not the host that is dialled.
func WithServerName(name string) Option { return func(c *config) { c.tls.ServerName = name } }

// WithToken shows an access token, `<key id>.<secret>`.
func WithToken(token string) Option { return func(c *config) { c.token = token } }

// WithNamespace chooses what workflow ids are unique in.
func WithNamespace(name string) Option { return func(c *config) { c.namespace = name } }

// WithConnectTimeout limits the time until the server's welcome. Default 10 s.
func WithConnectTimeout(limit time.Duration) Option {
	return func(c *config) { c.connectTimeout = limit }
}

// WithCodec applies a codec to every payload; the place for encryption.
func WithCodec(codec Codec) Option { return func(c *config) { c.values.codec = codec } }

// WithInsecure speaks plain text. The server must allow it, and the address must be loopback.
func WithInsecure() Option { return func(c *config) { c.insecure = true } }

func (c *config) fail(err error) {
	if c.err == nil && err != nil {
		c.err = err
	}
}

// Client makes the calls of one namespace over one connection, which is made again when it is lost. A call that the
// connection took with it is repeated until its deadline, with the same request id: the server does nothing twice.
type Client struct {
	// Workflows and the others are the generated stubs of every call; the client's own methods are the same with Go values in
	// place of payloads.
	Workflows    WorkflowsService
	Compensation CompensationService
	Definitions  DefinitionsService
	Schedules    SchedulesService
	Events       EventsService
	Workers      WorkersService
	Admin        AdminService

	config  config
	dialing chan struct{} // one at a time

	mu       sync.Mutex
	current  *connection
	draining []*connection
	closed   bool
}

// Dial connects over TLS 1.3 and waits for the server's welcome. The error is an ErrConnectionLost if the server cannot be
// reached or trusted, a StatusError if it refuses the hello.
func Dial(ctx context.Context, address string, options ...Option) (*Client, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("saga: %w", err)
	}
	made := config{
		address: address, connectTimeout: defaultConnectTimeout,
		tls: &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{alpn}, ServerName: host},
	}
	for _, option := range options {
		option(&made)
	}
	if made.err != nil {
		return nil, made.err
	}
	if ip := net.ParseIP(host); made.insecure && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, errors.New("saga: plain text is for loopback only; give a CA instead")
	}
	c := &Client{config: made, dialing: make(chan struct{}, 1)}
	c.Workflows, c.Compensation, c.Definitions = WorkflowsService{c}, CompensationService{c}, DefinitionsService{c}
	c.Schedules, c.Events, c.Workers, c.Admin = SchedulesService{c}, EventsService{c}, WorkersService{c}, AdminService{c}
	if _, err := c.connection(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// Close closes the connection; what is under way is lost.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, old := range append(c.draining, c.current) {
		if old != nil {
			old.lose(lost("closed here"))
		}
	}
	return nil
}

// ServerVersion is the name and version of the server, as of the last welcome.
func (c *Client) ServerVersion() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return ""
	}
	return c.current.welcome.GetServerVersion()
}

func (c *Client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// usable is the connection if it is usable; retire moves one that is not out of the way.
func (c *Client) usable() (*connection, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, lost("the client is closed")
	}
	if c.current == nil {
		return nil, nil
	}
	gone, goingAway, full := c.current.state()
	if gone == nil && !goingAway {
		if full {
			message := "too many calls in flight on this connection"
			return nil, &StatusError{Code: sagapb.StatusCode_STATUS_CODE_RESOURCE_EXHAUSTED, Message: message}
		}
		return c.current, nil
	}
	if gone == nil {
		// Its running calls finish there.
		c.draining = append(c.draining, c.current)
	}
	c.current = nil
	kept := c.draining[:0]
	for _, old := range c.draining {
		if gone, _, _ := old.state(); gone == nil {
			kept = append(kept, old)
		}
	}
	c.draining = kept
	return nil, nil
}

// connection is the connection, made again if need be.
func (c *Client) connection(ctx context.Context) (*connection, error) {
	if found, err := c.usable(); found != nil || err != nil {
		return found, err
	}
	select {
	case c.dialing <- struct{}{}:
		defer func() { <-c.dialing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if found, err := c.usable(); found != nil || err != nil {
		return found, err
	}
	limited, cancel := context.WithTimeout(ctx, c.config.connectTimeout)
	defer cancel()
	made, err := dial(limited, &c.config)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		made.lose(lost("closed here"))
		return nil, lost("the client is closed")
	}
	c.current = made
	return made, nil
}

// CallOption is what holds for one call beside its context.
type CallOption func(*call)

type call struct {
	requestID string
	sagaID    []byte
	signalID  string
	updateID  string
	reason    string
	pageSize  uint32
}

// RequestID is the caller's own id of a change: a repeat with the same id does nothing twice. Default: a new one.
func RequestID(id string) CallOption { return func(c *call) { c.requestID = id } }

// Run names one run of a workflow id, by its 16 bytes. Default: the open one, else the latest.
func Run(sagaID []byte) CallOption { return func(c *call) { c.sagaID = sagaID } }

// SignalID: the same signal id twice is one signal. Default: the request id.
func SignalID(id string) CallOption { return func(c *call) { c.signalID = id } }

// UpdateID: the same update id twice is one update. Default: the request id.
func UpdateID(id string) CallOption { return func(c *call) { c.updateID = id } }

// Reason is kept with what the call changes, for people.
func Reason(text string) CallOption { return func(c *call) { c.reason = text } }

// PageSize is how many entries a list fetches at once. Default 100.
func PageSize(entries uint32) CallOption { return func(c *call) { c.pageSize = entries } }

func gather(options []CallOption) call {
	var made call
	for _, option := range options {
		option(&made)
	}
	return made
}

func newID() string {
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		panic(err) // the system has no randomness: nothing works
	}
	return hex.EncodeToString(random[:])
}

// prepare writes the header of a request; field 1 of every request is one.
func prepare(request proto.Message, method *Method, requestID string) *sagapb.RequestHeader {
	reflected := request.ProtoReflect()
	field := reflected.Descriptor().Fields().ByNumber(1)
	header, _ := reflected.Mutable(field).Message().Interface().(*sagapb.RequestHeader)
	if method.Mutates {
		if requestID != "" {
			header.RequestId = requestID
		} else if header.RequestId == "" {
			header.RequestId = newID()
		}
	}
	reflected.Set(field, protoreflect.ValueOfMessage(header.ProtoReflect()))
	return header
}

// invoke makes one call until its deadline: repeated over new connections, with one request id. Without a deadline in the
// context it has 30 s.
func invoke[Res proto.Message](ctx context.Context, c *Client, method *Method, request proto.Message, options []CallOption) (Res, error) {
	var none Res
	if _, ok := ctx.Deadline(); !ok {
		limited, cancel := context.WithTimeout(ctx, defaultTimeout)
		defer cancel()
		ctx = limited
	}
	deadline, _ := ctx.Deadline()
	// A copy, so that the caller's message can be used again.
	request = proto.Clone(request)
	header := prepare(request, method, gather(options).requestID)
	pause := backoff{next: 100 * time.Millisecond, most: 5 * time.Second}
	for {
		answer, err := attempt(ctx, c, method, request, header, deadline)
		if err == nil {
			if typed, ok := answer.(Res); ok {
				return typed, nil
			}
			return none, lost("%s: the server ended the call without an answer", method.Name)
		}
		wait := pause.take()
		var status *StatusError
		switch {
		case ctx.Err() != nil:
			return none, contextError(ctx, method)
		case errors.As(err, &status) && (status.Code == sagapb.StatusCode_STATUS_CODE_UNAVAILABLE ||
			status.Code == sagapb.StatusCode_STATUS_CODE_RESOURCE_EXHAUSTED):
			if wait < status.RetryAfter {
				wait = status.RetryAfter
			}
		case errors.Is(err, ErrConnectionLost) && !c.isClosed():
		default:
			return none, err
		}
		if time.Now().Add(wait).After(deadline) {
			return none, err
		}
		if sleep(ctx, wait) != nil {
			return none, contextError(ctx, method)
		}
	}
}

func attempt(
	ctx context.Context, c *Client, method *Method, request proto.Message, header *sagapb.RequestHeader, deadline time.Time,
) (proto.Message, error) {
	connected, err := c.connection(ctx)
	if err != nil {
		return nil, err
	}
	header.DeadlineMs = 1
	if left := time.Until(deadline).Milliseconds(); left > 1 {
		header.DeadlineMs = min(uint64(left), 86_400_000)
	}
	s, err := connected.open(method, request)
	if err != nil {
		return nil, err
	}
	defer s.cancel("the caller has given up")
	return s.receive(ctx)
}

func (c *Client) openStream(ctx context.Context, method *Method, first proto.Message, options []CallOption) (*stream, error) {
	connected, err := c.connection(ctx)
	if err != nil {
		return nil, err
	}
	first = proto.Clone(first)
	prepare(first, method, gather(options).requestID)
	return connected.open(method, first)
}

func receiveAs[Res proto.Message](ctx context.Context, s *stream) (Res, error) {
	var none Res
	message, err := s.receive(ctx)
	if err != nil {
		return none, err
	}
	if message == nil {
		return none, io.EOF
	}
	typed, ok := message.(Res)
	if !ok {
		return none, fmt.Errorf("saga: a %T", message)
	}
	return typed, nil
}

// backoff doubles, each pause shortened at random by up to half.
type backoff struct{ next, most time.Duration }

func (b *backoff) take() time.Duration {
	pause := b.next
	if share, err := rand.Int(rand.Reader, big.NewInt(int64(pause/2)+1)); err == nil {
		pause -= time.Duration(share.Int64())
	}
	b.next *= 2
	if b.next > b.most {
		b.next = b.most
	}
	return pause
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
