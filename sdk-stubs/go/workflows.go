package saga

import (
	"context"
	"errors"
	"io"
	"time"

	"saga.engine/sdk/sagapb"
)

// StartOptions defines a new run.
type StartOptions struct {
	// ID is the caller's own name of the saga, unique among open ones. 1-255 bytes.
	ID string
	// TaskQueue whose workers run the workflow code. Empty = `default`.
	TaskQueue string
	// Version of the code. 0 = the newest that a worker serves.
	Version uint32
	// ExecutionTimeout after which the run is undone and closes as timed out. 0 = never.
	ExecutionTimeout time.Duration
	// CancelGrace is how long the code has to close after a cancel. nil = 60 s.
	CancelGrace *time.Duration
	// NoAutoCompensate: a bad end does not undo by itself.
	NoAutoCompensate bool
	// ContinueOnUndoError: earlier undos go on when one has failed for good.
	ContinueOnUndoError bool
	// IDReuse says what happens if the id was used by a run that is closed. Default: ALLOW_IF_FAILED.
	IDReuse sagapb.IdReusePolicy
	// Memo is returned by Describe.
	Memo map[string]any
	// SearchAttributes are what List filters by; they never go through the codec.
	SearchAttributes map[string]any
}

// Handle is a saga that was started or found; its methods are those of the client, for this run.
type Handle struct {
	client *Client
	// WorkflowID and SagaID (16 bytes) name the run.
	WorkflowID string
	SagaID     []byte
	// AlreadyStarted: it was open before.
	AlreadyStarted bool
}

// Result waits for the end; see Client.Result.
func (h *Handle) Result(ctx context.Context, pointer any) error {
	return h.client.Result(ctx, h.WorkflowID, pointer, Run(h.SagaID))
}

// Signal sends a signal; see Client.Signal.
func (h *Handle) Signal(ctx context.Context, name string, value any, options ...CallOption) error {
	return h.client.Signal(ctx, h.WorkflowID, name, value, append(options, Run(h.SagaID))...)
}

// Cancel asks it to end; see Client.Cancel.
func (h *Handle) Cancel(ctx context.Context, reason string, options ...CallOption) error {
	return h.client.Cancel(ctx, h.WorkflowID, reason, append(options, Run(h.SagaID))...)
}

// Terminate stops it; see Client.Terminate.
func (h *Handle) Terminate(ctx context.Context, compensate bool, reason string, options ...CallOption) error {
	return h.client.Terminate(ctx, h.WorkflowID, compensate, reason, append(options, Run(h.SagaID))...)
}

// Describe tells everything about it; see Client.Describe.
func (h *Handle) Describe(ctx context.Context) (*sagapb.DescribeWorkflowResponse, error) {
	return h.client.Describe(ctx, h.WorkflowID, Run(h.SagaID))
}

// History gives its events; see Client.History.
func (h *Handle) History(ctx context.Context, each func(*sagapb.HistoryEvent) error) error {
	return h.client.History(ctx, h.WorkflowID, 0, each, Run(h.SagaID))
}

// FollowHistory gives its events as they come; see Client.FollowHistory.
func (h *Handle) FollowHistory(ctx context.Context, each func(*sagapb.HistoryEvent) error) error {
	return h.client.FollowHistory(ctx, h.WorkflowID, 0, each, Run(h.SagaID))
}

// Handle names a saga that was started elsewhere; without Run its open run, else its latest.
func (c *Client) Handle(workflowID string, options ...CallOption) *Handle {
	return &Handle{c, workflowID, gather(options).sagaID, true}
}

func (c *Client) startOptions(workflowType string, input any, options StartOptions) (*sagapb.StartOptions, error) {
	made := &sagapb.StartOptions{
		WorkflowId: options.ID, WorkflowType: workflowType, WorkflowVersion: options.Version, TaskQueue: options.TaskQueue,
		ExecutionTimeoutUs: options.ExecutionTimeout.Microseconds(), ContinueOnUndoError: options.ContinueOnUndoError,
		IdReusePolicy: options.IDReuse,
	}
	if options.CancelGrace != nil {
		made.XCancelGraceUs = &sagapb.StartOptions_CancelGraceUs{CancelGraceUs: options.CancelGrace.Microseconds()}
	}
	if options.NoAutoCompensate {
		made.XAutoCompensate = &sagapb.StartOptions_AutoCompensate{AutoCompensate: false}
	}
	var err error
	if made.Input, err = c.config.values.encode(input); err != nil {
		return nil, err
	}
	if made.Memo, err = named(c.config.values, options.Memo); err != nil {
		return nil, err
	}
	made.SearchAttributes, err = named(values{}, options.SearchAttributes)
	return made, err
}

func named(v values, entries map[string]any) ([]*sagapb.NamedPayload, error) {
	var made []*sagapb.NamedPayload
	for name, value := range entries {
		payload, err := v.encode(value)
		if err != nil {
			return nil, err
		}
		made = append(made, &sagapb.NamedPayload{Name: name, Payload: payload})
	}
	return made, nil
}

func reference(workflowID string, options []CallOption) *sagapb.WorkflowRef {
	return &sagapb.WorkflowRef{WorkflowId: workflowID, SagaId: gather(options).sagaID}
}

func undoReference(workflowID string, stepEventID uint64, options []CallOption) *sagapb.UndoRef {
	return &sagapb.UndoRef{Workflow: reference(workflowID, options), StepEventId: stepEventID}
}

// Start starts a saga, or finds the open one of that id (AlreadyStarted). It is durable when this returns.
func (c *Client) Start(ctx context.Context, workflowType string, input any, start StartOptions, options ...CallOption) (*Handle, error) {
	made, err := c.startOptions(workflowType, input, start)
	if err != nil {
		return nil, err
	}
	answer, err := c.Workflows.Start(ctx, &sagapb.StartWorkflowRequest{Options: made}, options...)
	if err != nil {
		return nil, err
	}
	return &Handle{c, start.ID, answer.SagaId, answer.AlreadyStarted}, nil
}

// SignalWithStart signals a saga and starts it first if it is not open, in one step.
func (c *Client) SignalWithStart(
	ctx context.Context, workflowType string, input any, start StartOptions, signal string, value any, options ...CallOption,
) (*Handle, error) {
	made, err := c.startOptions(workflowType, input, start)
	if err != nil {
		return nil, err
	}
	payload, err := c.config.values.encode(value)
	if err != nil {
		return nil, err
	}
	request := &sagapb.SignalWithStartWorkflowRequest{
		Options: made, SignalName: signal, SignalInput: payload, SignalId: gather(options).signalID,
	}
	answer, err := c.Workflows.SignalWithStart(ctx, request, options...)
	if err != nil {
		return nil, err
	}
	return &Handle{c, start.ID, answer.SagaId, answer.AlreadyStarted}, nil
}

// Signal sends a signal; it is durable when this returns. The same SignalID twice is one signal.
func (c *Client) Signal(ctx context.Context, workflowID, name string, value any, options ...CallOption) error {
	payload, err := c.config.values.encode(value)
	if err != nil {
		return err
	}
	request := &sagapb.SignalWorkflowRequest{
		Workflow: reference(workflowID, options), Name: name, Input: payload, SignalId: gather(options).signalID,
	}
	_, err = c.Workflows.Signal(ctx, request, options...)
	return err
}

// Query reads state through the saga's own handler into what a pointer points to.
func (c *Client) Query(ctx context.Context, workflowID, name string, value, pointer any, options ...CallOption) error {
	payload, err := c.config.values.encode(value)
	if err != nil {
		return err
	}
	request := &sagapb.QueryWorkflowRequest{Workflow: reference(workflowID, options), Name: name, Input: payload}
	answer, err := c.Workflows.Query(ctx, request, options...)
	if err != nil {
		return err
	}
	return c.config.values.decode(answer.Output, pointer)
}

// Update asks the code to do something and waits for its answer. The error is an *Error if it was refused or rolled back.
func (c *Client) Update(ctx context.Context, workflowID, name string, value, pointer any, options ...CallOption) error {
	payload, err := c.config.values.encode(value)
	if err != nil {
		return err
	}
	request := &sagapb.UpdateWorkflowRequest{
		Workflow: reference(workflowID, options), Name: name, Input: payload, UpdateId: gather(options).updateID,
	}
	answer, err := c.Workflows.Update(ctx, request, options...)
	if err != nil {
		return err
	}
	if answer.Error != nil {
		return errorFrom(answer.Error, c.config.values)
	}
	return c.config.values.decode(answer.Output, pointer)
}

// Cancel asks a saga to end: its code sees it, and its steps are undone. It returns when the request is durable.
func (c *Client) Cancel(ctx context.Context, workflowID, reason string, options ...CallOption) error {
	_, err := c.Workflows.Cancel(ctx, &sagapb.CancelWorkflowRequest{Workflow: reference(workflowID, options), Reason: reason}, options...)
	return err
}

// Terminate stops a saga from outside; with compensate its steps are undone first.
func (c *Client) Terminate(ctx context.Context, workflowID string, compensate bool, reason string, options ...CallOption) error {
	request := &sagapb.TerminateWorkflowRequest{Workflow: reference(workflowID, options), Reason: reason, Compensate: compensate}
	_, err := c.Workflows.Terminate(ctx, request, options...)
	return err
}

// Reset goes on from an earlier event in a new run; steps after it are undone first, unless undo says otherwise.
func (c *Client) Reset(ctx context.Context, workflowID string, eventID uint64, undo sagapb.ResetUndo, options ...CallOption) (*Handle, error) {
	request := &sagapb.ResetWorkflowRequest{
		Workflow: reference(workflowID, options), EventId: eventID, Undo: undo, Reason: gather(options).reason,
	}
	answer, err := c.Workflows.Reset(ctx, request, options...)
	if err != nil {
		return nil, err
	}
	return &Handle{c, workflowID, answer.SagaId, false}, nil
}

// Result waits for the end of a saga, and decodes what it returned into what a pointer points to (nil = not wanted). It
// waits as long as the context allows. The error is a *WorkflowError if the saga ended otherwise than by completing.
func (c *Client) Result(ctx context.Context, workflowID string, pointer any, options ...CallOption) error {
	pause := backoff{next: 200 * time.Millisecond, most: 5 * time.Second}
	for {
		limited, cancel := context.WithTimeout(ctx, time.Minute)
		request := &sagapb.GetWorkflowResultRequest{Workflow: reference(workflowID, options), FollowRuns: true}
		answer, err := c.Workflows.GetResult(limited, request, options...)
		cancel()
		if err == nil {
			return c.outcome(workflowID, answer, pointer)
		}
		if ctx.Err() != nil {
			return contextError(ctx, methodWorkflowsGetResult)
		}
		passed := errors.Is(err, context.DeadlineExceeded)
		if c.isClosed() || !(passed || errors.Is(err, ErrConnectionLost)) {
			return err
		}
		if !passed && sleep(ctx, pause.take()) != nil {
			return contextError(ctx, methodWorkflowsGetResult)
		}
	}
}

func (c *Client) outcome(workflowID string, answer *sagapb.GetWorkflowResultResponse, pointer any) error {
	if answer.Status == sagapb.WorkflowStatus_WORKFLOW_STATUS_COMPLETED {
		return c.config.values.decode(answer.Output, pointer)
	}
	ended := &WorkflowError{
		WorkflowID: workflowID, Status: answer.Status, Reason: answer.Reason, Compensation: compensation(answer.Compensation),
	}
	if answer.Error != nil {
		ended.Err = errorFrom(answer.Error, c.config.values)
	}
	return ended
}

// Describe tells everything about a saga: status, what it waits for, pending steps, undo log.
func (c *Client) Describe(ctx context.Context, workflowID string, options ...CallOption) (*sagapb.DescribeWorkflowResponse, error) {
	return c.Workflows.Describe(ctx, &sagapb.DescribeWorkflowRequest{Workflow: reference(workflowID, options)}, options...)
}

// List calls each with every run that matches, newest start first; an error from each ends it. nil = all runs.
func (c *Client) List(ctx context.Context, filter *sagapb.WorkflowFilter, each func(*sagapb.WorkflowInfo) error, options ...CallOption) error {
	request := &sagapb.ListWorkflowsRequest{Filter: filter, PageSize: gather(options).pageSize}
	for {
		page, err := c.Workflows.List(ctx, request, options...)
		if err != nil {
			return err
		}
		for _, info := range page.Workflows {
			if err := each(info); err != nil {
				return err
			}
		}
		if request.PageToken = page.NextPageToken; len(request.PageToken) == 0 {
			return nil
		}
	}
}

// Count counts the runs that match. nil = all runs.
func (c *Client) Count(ctx context.Context, filter *sagapb.WorkflowFilter, options ...CallOption) (uint64, error) {
	answer, err := c.Workflows.Count(ctx, &sagapb.CountWorkflowsRequest{Filter: filter}, options...)
	return answer.GetCount(), err
}

// History calls each with every event of a run from one on, oldest first; an error from each ends it.
func (c *Client) History(ctx context.Context, workflowID string, from uint64, each func(*sagapb.HistoryEvent) error, options ...CallOption) error {
	request := &sagapb.GetHistoryRequest{Workflow: reference(workflowID, options), FromEventId: from}
	for {
		page, err := c.Workflows.GetHistory(ctx, request, options...)
		if err != nil {
			return err
		}
		for _, event := range page.Events {
			if err := each(event); err != nil {
				return err
			}
		}
		if len(page.SagaId) > 0 {
			request.Workflow.SagaId = page.SagaId
		}
		if request.FromEventId = page.NextEventId; !page.More {
			return nil
		}
	}
}

// FollowHistory is History that goes on as the saga does, until it closes. A lost connection is made again and the events
// go on where they were.
func (c *Client) FollowHistory(ctx context.Context, workflowID string, from uint64, each func(*sagapb.HistoryEvent) error, options ...CallOption) error {
	request := &sagapb.FollowHistoryRequest{Workflow: reference(workflowID, options), FromEventId: from}
	var failing time.Time
	for pause := (backoff{next: 100 * time.Millisecond, most: 5 * time.Second}); ; {
		stream, err := c.Workflows.FollowHistory(ctx, request, options...)
		for err == nil {
			var item *sagapb.HistoryItem
			if item, err = stream.Receive(ctx); err != nil {
				break
			}
			pause.next, failing = 100*time.Millisecond, time.Time{}
			if len(item.SagaId) > 0 {
				request.Workflow.SagaId = item.SagaId
			}
			for _, event := range item.Events {
				request.FromEventId = event.EventId + 1
				if err = each(event); err != nil {
					stream.Cancel()
					return err
				}
			}
		}
		if stream != nil {
			stream.Cancel()
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if failing.IsZero() {
			failing = time.Now()
		}
		if c.isClosed() || !errors.Is(err, ErrConnectionLost) || time.Since(failing) > defaultTimeout {
			return err
		}
		if sleep(ctx, pause.take()) != nil {
			return contextError(ctx, methodWorkflowsFollowHistory)
		}
	}
}

// StateAt is the state of a run after an event.
func (c *Client) StateAt(ctx context.Context, workflowID string, eventID uint64, options ...CallOption) (*sagapb.DescribeWorkflowResponse, error) {
	request := &sagapb.StateAtRequest{Workflow: reference(workflowID, options), At: &sagapb.StateAtRequest_EventId{EventId: eventID}}
	answer, err := c.Workflows.StateAt(ctx, request, options...)
	return answer.GetState(), err
}

// Delete removes a closed run and its history.
func (c *Client) Delete(ctx context.Context, workflowID string, options ...CallOption) error {
	_, err := c.Workflows.Delete(ctx, &sagapb.DeleteWorkflowRequest{Workflow: reference(workflowID, options)}, options...)
	return err
}

// Pause stops handing out tasks of a run.
func (c *Client) Pause(ctx context.Context, workflowID, reason string, options ...CallOption) error {
	_, err := c.Workflows.Pause(ctx, &sagapb.PauseWorkflowRequest{Workflow: reference(workflowID, options), Reason: reason}, options...)
	return err
}

// Resume hands out tasks again.
func (c *Client) Resume(ctx context.Context, workflowID, reason string, options ...CallOption) error {
	_, err := c.Workflows.Resume(ctx, &sagapb.ResumeWorkflowRequest{Workflow: reference(workflowID, options), Reason: reason}, options...)
	return err
}

// Undos that need a person. stepEventID is the event that scheduled the step.

// ListBlocked calls each with every run that needs a person, longest blocked first; an error from each ends it.
func (c *Client) ListBlocked(ctx context.Context, each func(*sagapb.BlockedWorkflow) error, options ...CallOption) error {
	request := &sagapb.ListBlockedRequest{PageSize: gather(options).pageSize}
	for {
		page, err := c.Compensation.ListBlocked(ctx, request, options...)
		if err != nil {
			return err
		}
		for _, blocked := range page.Workflows {
			if err := each(blocked); err != nil {
				return err
			}
		}
		if request.PageToken = page.NextPageToken; len(request.PageToken) == 0 {
			return nil
		}
	}
}

// RetryUndo runs an undo once more.
func (c *Client) RetryUndo(ctx context.Context, workflowID string, stepEventID uint64, options ...CallOption) error {
	request := &sagapb.RetryUndoRequest{Undo: undoReference(workflowID, stepEventID, options), Reason: gather(options).reason}
	_, err := c.Compensation.Retry(ctx, request, options...)
	return err
}

// RetryUndoWithInput runs an undo once more; the value comes to it as Undo.Data.
func (c *Client) RetryUndoWithInput(ctx context.Context, workflowID string, stepEventID uint64, value any, options ...CallOption) error {
	payload, err := c.config.values.encode(value)
	if err != nil {
		return err
	}
	undo := undoReference(workflowID, stepEventID, options)
	request := &sagapb.RetryUndoWithInputRequest{Undo: undo, Input: payload, Reason: gather(options).reason}
	_, err = c.Compensation.RetryWithInput(ctx, request, options...)
	return err
}

// SkipUndo leaves an undo out.
func (c *Client) SkipUndo(ctx context.Context, workflowID string, stepEventID uint64, reason string, options ...CallOption) error {
	request := &sagapb.SkipUndoRequest{Undo: undoReference(workflowID, stepEventID, options), Reason: reason}
	_, err := c.Compensation.Skip(ctx, request, options...)
	return err
}

// ResolveUndo marks an undo as done by hand.
func (c *Client) ResolveUndo(ctx context.Context, workflowID string, stepEventID uint64, note string, options ...CallOption) error {
	request := &sagapb.ResolveUndoRequest{Undo: undoReference(workflowID, stepEventID, options), Note: note}
	_, err := c.Compensation.Resolve(ctx, request, options...)
	return err
}

// GiveUp gives the whole unwinding of a run up.
func (c *Client) GiveUp(ctx context.Context, workflowID, reason string, options ...CallOption) error {
	_, err := c.Compensation.GiveUp(ctx, &sagapb.GiveUpRequest{Workflow: reference(workflowID, options), Reason: reason}, options...)
	return err
}

// LateEffects calls each with every effect of a saga that was reported after its step's undo. Empty id = of all sagas.
func (c *Client) LateEffects(ctx context.Context, workflowID string, each func(*sagapb.LateEffect) error, options ...CallOption) error {
	request := &sagapb.ListLateEffectsRequest{PageSize: gather(options).pageSize}
	if workflowID != "" {
		request.Workflow = reference(workflowID, options)
	}
	for {
		page, err := c.Compensation.ListLateEffects(ctx, request, options...)
		if err != nil {
			return err
		}
		for _, late := range page.LateEffects {
			if err := each(late); err != nil {
				return err
			}
		}
		if request.PageToken = page.NextPageToken; len(request.PageToken) == 0 {
			return nil
		}
	}
}

// Health asks whether the server is alive; echo comes back. At most 65,536 bytes.
func (c *Client) Health(ctx context.Context, echo []byte) (*sagapb.HealthResponse, error) {
	return c.Admin.Health(ctx, &sagapb.HealthRequest{Echo: echo})
}
