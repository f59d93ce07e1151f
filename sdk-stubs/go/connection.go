package saga

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"saga.engine/sdk/sagapb"
)

const (
	alpn         = "saga/1"
	pingAfter    = 20 * time.Second
	closeAfter   = 60 * time.Second
	outboxLimit  = 256 << 10
	goodbyeLimit = time.Second
)

// Method is one method of a service, as the frame header and the stubs know it.
type Method struct {
	// Number in the frame header.
	Number uint16
	// Name is `Service.Name`.
	Name string
	// ClientStreaming: the client sends items.
	ClientStreaming bool
	// ServerStreaming: the server sends items instead of one response.
	ServerStreaming bool
	// Mutates: the call changes something, so that its request id counts.
	Mutates     bool
	newResponse func() proto.Message
}

// connection has said HELLO and was welcomed. Its outbox is written by one goroutine, so that nobody who reads ever waits for a
// peer that does not.
type connection struct {
	socket  net.Conn
	values  values
	welcome *sagapb.Welcome

	maxFrame   uint32
	maxMessage uint32

	mu           sync.Mutex
	room         *sync.Cond // the outbox has room, or the connection is lost
	outbox       []byte
	pending      chan struct{} // has a token while the outbox is not empty
	streams      map[uint32]*stream
	lastStream   uint32
	goingAway    *sagapb.GoAway
	err          error
	done         chan struct{}
	lastSent     time.Time
	lastReceived time.Time
}

func dial(ctx context.Context, config *config) (*connection, error) {
	dialer := net.Dialer{}
	socket, err := dialer.DialContext(ctx, "tcp", config.address)
	if err != nil {
		return nil, lost("%v", err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = socket.SetDeadline(deadline)
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-ctx.Done():
			// Ends what the handshake waits for.
			_ = socket.SetDeadline(time.Unix(1, 0))
		case <-stop:
		}
	}()
	if !config.insecure {
		secure := tls.Client(socket, config.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = socket.Close()
			return nil, lost("%s: %v", config.address, err)
		}
		if secure.ConnectionState().NegotiatedProtocol != alpn {
			_ = socket.Close()
			return nil, lost("%s does not speak %s", config.address, alpn)
		}
		socket = secure
	}
	c := &connection{
		socket: socket, values: config.values, maxFrame: defaultMaxFrame, maxMessage: defaultMaxMessage,
		pending: make(chan struct{}, 1), streams: map[uint32]*stream{}, done: make(chan struct{}),
	}
	c.room = sync.NewCond(&c.mu)
	reader := bufio.NewReaderSize(socket, 64<<10)
	if err := c.hello(reader, config); err != nil {
		_ = socket.Close()
		if ctx.Err() != nil && errors.Is(err, ErrConnectionLost) {
			return nil, lost("%s: no welcome in time", config.address)
		}
		return nil, err
	}
	_ = socket.SetDeadline(time.Time{})
	c.lastSent, c.lastReceived = time.Now(), time.Now()
	go c.read(reader)
	go c.write()
	go c.keepAlive()
	return c, nil
}

func (c *connection) hello(reader *bufio.Reader, config *config) error {
	body, err := proto.Marshal(&sagapb.Hello{
		SdkName: "go", SdkVersion: Version, Namespace: config.namespace, Token: config.token, Identity: identity(),
	})
	if err != nil {
		return err
	}
	if _, err := c.socket.Write(appendFrame(nil, kindHello, 0, body, 0, false)); err != nil {
		return lost("%v", err)
	}
	// In TLS 1.3 a refused client certificate shows only here, on the first read.
	first, err := readFrame(reader, defaultMaxFrame)
	if err != nil {
		return lost("during the hello: %v", err)
	}
	switch first.kind {
	case kindWelcome:
		c.welcome = &sagapb.Welcome{}
		if err := proto.Unmarshal(first.body, c.welcome); err != nil {
			return lost("the server sent %v", err)
		}
	case kindError:
		status := &sagapb.Status{}
		if err := proto.Unmarshal(first.body, status); err != nil {
			return lost("the server sent %v", err)
		}
		return statusError(status, c.values)
	default:
		return lost("frame kind %d instead of WELCOME", first.kind)
	}
	if c.welcome.MaxFrame > frameOverhead {
		c.maxFrame = c.welcome.MaxFrame
	}
	if c.welcome.MaxMessage > 0 {
		c.maxMessage = c.welcome.MaxMessage
	}
	return nil
}

func identity() string {
	user := os.Getenv("USER")
	if user == "" {
		user = "go"
	}
	host, _ := os.Hostname()
	return cut(fmt.Sprintf("%s@%s/%d", user, host, os.Getpid()), 255)
}

// state says why no call can be opened here: nil = it can. goingAway is not an error of the calls under way.
func (c *connection) state() (lost error, goingAway, full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	most := c.welcome.GetMaxStreams()
	return c.err, c.goingAway != nil, most > 0 && len(c.streams) >= int(most)
}

// Sending

// put adds frames to the outbox; without force it waits for room.
func (c *connection) put(data []byte, force bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.putLocked(data, force)
}

func (c *connection) putLocked(data []byte, force bool) error {
	for !force && len(c.outbox) > outboxLimit && c.err == nil {
		c.room.Wait()
	}
	if c.err != nil {
		return c.err
	}
	c.outbox = append(c.outbox, data...)
	select {
	case c.pending <- struct{}{}:
	default:
	}
	return nil
}

func (c *connection) write() {
	var spare []byte
	for {
		select {
		case <-c.pending:
		case <-c.done:
			return
		}
		c.mu.Lock()
		data := c.outbox
		c.outbox = spare[:0]
		c.lastSent = time.Now()
		c.room.Broadcast()
		c.mu.Unlock()
		if _, err := c.socket.Write(data); err != nil {
			c.lose(lost("%v", err))
			return
		}
		if cap(data) <= 2*outboxLimit {
			spare = data
		} else {
			spare = nil
		}
	}
}

// send sends a message frame by frame, so that others get their turn between the parts of a large one.
func (c *connection) send(k kind, stream uint32, body []byte, method uint16) error {
	size := int(c.maxFrame) - frameOverhead
	for {
		part, more := body, len(body) > size
		if more {
			part = body[:size]
		}
		if err := c.put(appendFrame(nil, k, stream, part, method, more), false); err != nil {
			return err
		}
		if !more {
			return nil
		}
		body = body[size:]
	}
}

// open opens a call or stream with its first message.
func (c *connection) open(method *Method, first proto.Message) (*stream, error) {
	body, err := proto.Marshal(first)
	if err != nil {
		return nil, err
	}
	if len(body) > int(c.maxMessage) {
		return nil, &StatusError{
			Code: sagapb.StatusCode_STATUS_CODE_INVALID_ARGUMENT, Message: fmt.Sprintf("a message is at most %d bytes", c.maxMessage),
		}
	}
	size := int(c.maxFrame) - frameOverhead
	head := body[:min(len(body), size)]
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, &connectionLost{c.err.Error(), true}
	}
	if c.goingAway != nil {
		return nil, &connectionLost{"the server drains: " + c.goingAway.Reason, true}
	}
	c.lastStream++
	s := &stream{
		c: c, id: c.lastStream, method: method, changed: make(chan struct{}), sent: make(chan struct{}),
		endedByUs: !method.ClientStreaming, sendItems: windowItems, sendBytes: windowBytes,
	}
	if c.welcome.GetInitialItems() > 0 && c.welcome.GetInitialBytes() > 0 {
		s.sendItems, s.sendBytes = int64(c.welcome.InitialItems), int64(c.welcome.InitialBytes)
	}
	c.streams[s.id] = s
	// The first frame leaves before any later stream's: ids must increase on the wire.
	if err := c.putLocked(appendFrame(nil, kindRequest, s.id, head, method.Number, len(body) > size), true); err != nil {
		return nil, err
	}
	if len(body) <= size {
		close(s.sent)
		return s, nil
	}
	go func() {
		defer close(s.sent)
		_ = c.send(kindRequest, s.id, body[size:], method.Number)
	}()
	return s, nil
}

// Receiving

func (c *connection) read(reader *bufio.Reader) {
	limit := c.maxFrame
	if limit < defaultMaxFrame {
		limit = defaultMaxFrame
	}
	for {
		f, err := readFrame(reader, limit)
		if err != nil {
			c.lose(lost("%v", err))
			return
		}
		if err := c.dispatch(f); err != nil {
			c.lose(lost("the server sent %v", err))
			return
		}
	}
}

func (c *connection) dispatch(f frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastReceived = time.Now()
	if f.stream != 0 {
		if s := c.streams[f.stream]; s != nil {
			return s.take(f)
		}
		if f.stream > c.lastStream {
			return fmt.Errorf("a frame for stream %d, never opened", f.stream)
		}
		return nil
	}
	switch f.kind {
	case kindPing:
		return c.putLocked(appendFrame(nil, kindPong, 0, f.body, 0, false), true)
	case kindGoAway:
		message := &sagapb.GoAway{}
		if err := proto.Unmarshal(f.body, message); err != nil {
			return err
		}
		c.goingAway = message
		for id, s := range c.streams {
			if id > message.LastStreamId {
				delete(c.streams, id)
				s.closeLocked(&connectionLost{"the server drains: " + message.Reason, true})
			}
		}
		c.closeIfDrainedLocked()
	case kindError:
		status := &sagapb.Status{}
		if err := proto.Unmarshal(f.body, status); err != nil {
			return err
		}
		return statusError(status, c.values)
	}
	return nil
}

func (c *connection) closeIfDrainedLocked() {
	if c.goingAway != nil && len(c.streams) == 0 {
		c.loseLocked(lost("drained"))
	}
}

func (c *connection) lose(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loseLocked(err)
}

func (c *connection) loseLocked(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	for _, s := range c.streams {
		s.closeLocked(err)
	}
	c.streams = map[uint32]*stream{}
	c.room.Broadcast()
	close(c.done)
	left := c.outbox
	c.outbox = nil
	go func() {
		// What was said last (a CANCEL, say) still leaves, if the peer takes it.
		_ = c.socket.SetDeadline(time.Now().Add(goodbyeLimit))
		if len(left) > 0 {
			_, _ = c.socket.Write(left)
		}
		_ = c.socket.Close()
	}()
}

func (c *connection) keepAlive() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-c.done:
			return
		case now := <-ticker.C:
			c.mu.Lock()
			if now.Sub(c.lastReceived) >= closeAfter {
				c.loseLocked(lost("the server was silent for too long"))
			} else if now.Sub(c.lastSent) >= pingAfter {
				_ = c.putLocked(appendFrame(nil, kindPing, 0, []byte("saga-go1"), 0, false), true)
			}
			c.mu.Unlock()
		}
	}
}

// stream is a call or stream. Its fields are guarded by its connection.
type stream struct {
	c      *connection
	id     uint32
	method *Method

	assembler     assembler
	inbox         []received
	changed       chan struct{} // closed and replaced when something has changed
	sent          chan struct{} // closed when the first message is written
	sending       sync.Mutex    // one message at a time
	err           error
	endedByPeer   bool
	endedByUs     bool
	sendItems     int64
	sendBytes     int64
	consumedItems uint32
	consumedBytes uint32
}

type received struct {
	message proto.Message
	size    int
}

func (s *stream) wakeLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *stream) closeLocked(err error) {
	if s.err == nil {
		s.err = err
	}
	s.wakeLocked()
}

func (s *stream) forgetLocked() {
	if s.c.streams[s.id] == s {
		delete(s.c.streams, s.id)
		s.c.closeIfDrainedLocked()
	}
}

// take handles a frame of this stream; the connection is locked.
func (s *stream) take(f frame) error {
	switch f.kind {
	case kindCredit:
		if len(f.body) != 8 {
			return errors.New("a CREDIT that has not 8 bytes")
		}
		s.sendItems += int64(binary.BigEndian.Uint32(f.body))
		s.sendBytes += int64(binary.BigEndian.Uint32(f.body[4:]))
		s.wakeLocked()
		return nil
	case kindEnd:
		s.endedByPeer = true
		if s.endedByUs {
			s.forgetLocked()
		}
		s.wakeLocked()
		return nil
	case kindCancel:
		message := &sagapb.StreamCancel{}
		if err := proto.Unmarshal(f.body, message); err != nil {
			return err
		}
		s.forgetLocked()
		s.closeLocked(&StatusError{Code: sagapb.StatusCode_STATUS_CODE_CANCELLED, Message: message.Reason})
		return nil
	}
	body, whole, err := s.assembler.add(f, s.c.maxMessage)
	if err != nil || !whole {
		return err
	}
	if f.kind == kindError {
		status := &sagapb.Status{}
		if err := proto.Unmarshal(body, status); err != nil {
			return err
		}
		s.forgetLocked()
		s.closeLocked(statusError(status, s.c.values))
		return nil
	}
	// After items a RESPONSE says nothing but that there are no more.
	if f.kind != kindResponse || !s.method.ServerStreaming {
		message := s.method.newResponse()
		if err := proto.Unmarshal(body, message); err != nil {
			return err
		}
		s.inbox = append(s.inbox, received{message, len(body)})
	}
	if f.kind == kindResponse {
		s.endedByPeer, s.endedByUs = true, true
		s.forgetLocked()
	}
	s.wakeLocked()
	return nil
}

// receive gives the next message, nil after the last.
func (s *stream) receive(ctx context.Context) (proto.Message, error) {
	for {
		s.c.mu.Lock()
		if len(s.inbox) > 0 {
			next := s.inbox[0]
			s.inbox = s.inbox[1:]
			s.consumeLocked(next.size)
			s.c.mu.Unlock()
			return next.message, nil
		}
		err, ended, changed := s.err, s.endedByPeer, s.changed
		s.c.mu.Unlock()
		if err != nil || ended {
			return nil, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, contextError(ctx, s.method)
		}
	}
}

// consumeLocked grants the window again in halves.
func (s *stream) consumeLocked(size int) {
	if !s.method.ServerStreaming || s.endedByPeer || s.err != nil {
		return
	}
	s.consumedItems++
	s.consumedBytes += uint32(size)
	if s.consumedItems >= windowItems/2 || s.consumedBytes >= windowBytes/2 {
		body := binary.BigEndian.AppendUint32(nil, s.consumedItems)
		body = binary.BigEndian.AppendUint32(body, s.consumedBytes)
		_ = s.c.putLocked(appendFrame(nil, kindCredit, s.id, body, 0, false), true)
		s.consumedItems, s.consumedBytes = 0, 0
	}
}

// send sends an item; it waits while the peer's window is full.
func (s *stream) send(ctx context.Context, item proto.Message) error {
	body, err := proto.Marshal(item)
	if err != nil {
		return err
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	<-s.sent
	for {
		s.c.mu.Lock()
		err, ended, changed := s.err, s.endedByUs, s.changed
		ready := s.sendItems > 0 && s.sendBytes > 0
		if err == nil && !ended && ready {
			s.sendItems--
			s.sendBytes -= int64(len(body))
		}
		s.c.mu.Unlock()
		if err != nil {
			return err
		}
		if ended {
			return errors.New("saga: the stream is half-closed")
		}
		if ready {
			return s.c.send(kindItem, s.id, body, 0)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return contextError(ctx, s.method)
		}
	}
}

// end half-closes: no further item from this side.
func (s *stream) end() error {
	s.sending.Lock()
	defer s.sending.Unlock()
	<-s.sent
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.endedByUs || s.err != nil {
		return nil
	}
	s.endedByUs = true
	err := s.c.putLocked(appendFrame(nil, kindEnd, s.id, nil, 0, false), true)
	if s.endedByPeer {
		s.forgetLocked()
	}
	return err
}

// cancel ends both directions; it never undoes what the call has changed. Nothing happens if the stream has ended.
func (s *stream) cancel(reason string) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.c.streams[s.id] == s {
		body, _ := proto.Marshal(&sagapb.StreamCancel{Reason: reason})
		said := appendFrame(nil, kindCancel, s.id, body, 0, false)
		select {
		case <-s.sent:
			_ = s.c.putLocked(said, true)
		default:
			// Half a message would be the end of the connection: the rest of it leaves first.
			go func() {
				<-s.sent
				_ = s.c.put(said, true)
			}()
		}
		s.forgetLocked()
	}
	s.closeLocked(&StatusError{Code: sagapb.StatusCode_STATUS_CODE_CANCELLED, Message: reason})
}

func contextError(ctx context.Context, method *Method) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		message := method.Name + " was not answered in time"
		return &StatusError{Code: sagapb.StatusCode_STATUS_CODE_DEADLINE_EXCEEDED, Message: message}
	}
	return fmt.Errorf("saga: %s: %w", method.Name, ctx.Err())
}

// ServerStream is messages from the server, in order.
type ServerStream[Res proto.Message] struct{ s *stream }

// Receive gives the next message. The error is io.EOF after the last.
func (t *ServerStream[Res]) Receive(ctx context.Context) (Res, error) {
	return receiveAs[Res](ctx, t.s)
}

// Cancel ends the stream.
func (t *ServerStream[Res]) Cancel() { t.s.cancel("no longer wanted") }

// ClientStream is messages to the server, and one answer.
type ClientStream[Req, Res proto.Message] struct{ s *stream }

// Send sends a message; it waits while the server's window is full.
func (t *ClientStream[Req, Res]) Send(ctx context.Context, item Req) error {
	return t.s.send(ctx, item)
}

// Finish says that no more messages come, and waits for the answer.
func (t *ClientStream[Req, Res]) Finish(ctx context.Context) (Res, error) {
	if err := t.s.end(); err != nil {
		var none Res
		return none, err
	}
	return receiveAs[Res](ctx, t.s)
}

// Cancel ends the stream.
func (t *ClientStream[Req, Res]) Cancel() { t.s.cancel("no longer wanted") }

// DuplexStream is messages both ways.
type DuplexStream[Req, Res proto.Message] struct{ s *stream }

// Send sends a message; it waits while the server's window is full.
func (t *DuplexStream[Req, Res]) Send(ctx context.Context, item Req) error {
	return t.s.send(ctx, item)
}

// End says that no more messages come from here.
func (t *DuplexStream[Req, Res]) End() error { return t.s.end() }

// Receive gives the next message. The error is io.EOF after the last.
func (t *DuplexStream[Req, Res]) Receive(ctx context.Context) (Res, error) {
	return receiveAs[Res](ctx, t.s)
}

// Cancel ends the stream.
func (t *DuplexStream[Req, Res]) Cancel() { t.s.cancel("no longer wanted") }
