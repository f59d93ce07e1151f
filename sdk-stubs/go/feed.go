package saga

import (
	"context"
	"errors"
	"io"
	"time"

	"saga.engine/sdk/sagapb"
)

// SubscribeOptions says what of the feed is wanted, and from where.
type SubscribeOptions struct {
	// Position of an earlier item: goes on after it. nil = from now, or from the beginning.
	Position []byte
	// FromBeginning: without a position, from the oldest event there is.
	FromBeginning bool
	// EventTypes are the codes of the events that are wanted. nil = all. At most 64.
	EventTypes []uint32
	// WorkflowTypes whose events are wanted. nil = all. At most 32.
	WorkflowTypes []string
	// OnPosition, if not nil, is called with where the feed is while nothing comes that is wanted: at its beginning, and now and
	// then. As good a place to go on from as the Position of an item; whoever keeps it does not read again what was not wanted, and
	// loses nothing that comes before the first item. Never while an item that came before it is with each.
	OnPosition func(position []byte)
}

// Subscribe calls each with every item of the feed of committed events: some events of one saga or aggregate, each event at least
// once, in the order of the commits for each saga. It goes on until each returns an error, which is then its own, or the context ends. A lost connection is made
// again, and the feed goes on after the last item for which each has returned nil; without a connection for 30 s it gives up. The
// Position of an item, kept with what was done about it, is where another Subscribe goes on.
func (c *Client) Subscribe(ctx context.Context, wanted SubscribeOptions, each func(*sagapb.SubscriptionItem) error, options ...CallOption) error {
	request := &sagapb.SubscribeRequest{
		Position: wanted.Position, FromBeginning: wanted.FromBeginning,
		EventTypes: wanted.EventTypes, WorkflowTypes: wanted.WorkflowTypes,
	}
	var failing time.Time
	for pause := (backoff{next: 100 * time.Millisecond, most: 5 * time.Second}); ; {
		stream, err := c.Events.Subscribe(ctx, request, options...)
		for err == nil {
			var item *sagapb.SubscriptionItem
			if item, err = stream.Receive(ctx); err != nil {
				break
			}
			pause.next, failing = 100*time.Millisecond, time.Time{}
			// Without events it only says how far the feed is.
			if len(item.Events) > 0 {
				if err := each(item); err != nil {
					stream.Cancel()
					return err
				}
			}
			request.Position = item.Position
			if len(item.Events) == 0 && wanted.OnPosition != nil {
				wanted.OnPosition(item.Position)
			}
		}
		if stream != nil {
			stream.Cancel()
		}
		if errors.Is(err, io.EOF) {
			err = lost("the server ended the subscription")
		}
		if ctx.Err() != nil {
			return contextError(ctx, methodEventsSubscribe)
		}
		if failing.IsZero() {
			failing = time.Now()
		}
		wait := pause.take()
		var status *StatusError
		busy := errors.As(err, &status) && (status.Code == sagapb.StatusCode_STATUS_CODE_UNAVAILABLE ||
			status.Code == sagapb.StatusCode_STATUS_CODE_RESOURCE_EXHAUSTED)
		if c.isClosed() || !(busy || errors.Is(err, ErrConnectionLost)) || time.Since(failing) > defaultTimeout {
			return err
		}
		if busy && wait < status.RetryAfter {
			wait = status.RetryAfter
		}
		if sleep(ctx, wait) != nil {
			return contextError(ctx, methodEventsSubscribe)
		}
	}
}

// ExportHistory calls each with everything of a run, in parts, for ImportHistory of another server; an error from each ends it.
// A lost connection ends it as well: begin again.
func (c *Client) ExportHistory(ctx context.Context, workflowID string, each func(*sagapb.HistoryChunk) error, options ...CallOption) error {
	request := &sagapb.ExportHistoryRequest{Workflow: reference(workflowID, options)}
	stream, err := c.Workflows.ExportHistory(ctx, request, options...)
	if err != nil {
		return err
	}
	defer stream.Cancel()
	for {
		chunk, err := stream.Receive(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = each(chunk)
		}
		if err != nil {
			return err
		}
	}
}

// ImportHistory stores an exported run, or nothing of it; next gives its parts until it returns io.EOF. Durable when it returns.
// After an ErrConnectionLost do it again: a run that is there with the same events is a success. ALREADY_EXISTS means that it is
// there with other or fewer events.
func (c *Client) ImportHistory(ctx context.Context, next func() (*sagapb.HistoryChunk, error), options ...CallOption) (*sagapb.ImportHistoryResponse, error) {
	first, err := next()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("saga: there is no chunk to import")
	}
	if err != nil {
		return nil, err
	}
	// The first travels with the call itself.
	stream, err := c.Workflows.ImportHistory(ctx, &sagapb.ImportHistoryRequest{Chunk: first}, options...)
	if err != nil {
		return nil, err
	}
	defer stream.Cancel()
	for {
		chunk, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = stream.Send(ctx, &sagapb.ImportHistoryRequest{Chunk: chunk})
		}
		if err != nil {
			return nil, err
		}
	}
	answer, err := stream.Finish(ctx)
	if errors.Is(err, io.EOF) {
		err = lost("Workflows.ImportHistory: the server ended the call without an answer")
	}
	return answer, err
}
