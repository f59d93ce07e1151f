package saga

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"reflect"
	"sort"
	"strings"
	"sync"
	"time"

	"saga.engine/sdk/sagapb"
)

// Outcome is what is known of a step's effect.
type Outcome string

// What an undo can be told of its step.
const (
	OutcomeCompleted Outcome = "completed"
	OutcomeNoEffect  Outcome = "no_effect"
	OutcomeUnknown   Outcome = "unknown"
)

// Undo is what an undo activity receives. It may be called for a step that never happened (Outcome is unknown): it must
// accept "nothing there".
type Undo[In, Out any] struct {
	// Input is what the step received.
	Input In
	// Output is what the step returned; nil unless Outcome is completed.
	Output *Out
	// Outcome is what is known of the step.
	Outcome Outcome
	// IdempotencyKey of the step (the undo's own is in its Info).
	IdempotencyKey string
	// Data is what the step's activity prepared by SetUndoData, or what an operator gave instead.
	Data Value
}

// Info is what an activity knows about its attempt.
type Info struct {
	Namespace, WorkflowID, WorkflowType string
	SagaID                              []byte
	ActivityType, StepID, TaskQueue     string
	// Attempt counts from 1.
	Attempt uint32
	// IdempotencyKey is the same over all attempts: give it to the systems you call.
	IdempotencyKey string
	IsUndo         bool
	// IsProbe: the task asks whether a step of unknown outcome happened; return true or false.
	IsProbe     bool
	Traceparent string
	// HeartbeatDetails is what the last heartbeat of an earlier attempt said.
	HeartbeatDetails Value

	run *run
}

type infoKey struct{}

// InfoOf is what the activity that runs in a context knows about its attempt. It panics elsewhere.
func InfoOf(ctx context.Context) *Info {
	info, ok := ctx.Value(infoKey{}).(*Info)
	if !ok {
		panic("saga: InfoOf outside an activity")
	}
	return info
}

// Heartbeat says that the attempt is alive and how far it is; the next attempt gets the last details (nil = none). Cheap to
// call often: it is sent at most a few times in a heartbeat time-out.
func Heartbeat(ctx context.Context, details any) { InfoOf(ctx).run.heartbeat(details) }

// SetUndoData keeps what the undo of this step will need beside input and output.
func SetUndoData(ctx context.Context, value any) {
	run := InfoOf(ctx).run
	run.mu.Lock()
	defer run.mu.Unlock()
	run.undoData, run.hasUndoData = value, true
}

// WorkerOptions says what a worker serves.
type WorkerOptions struct {
	// TaskQueues to serve; at least one.
	TaskQueues []string
	// MaxConcurrent is how many activities run at the same time. 0 = 20; at most 4,096.
	MaxConcurrent int
	// Identity is who this is, for people. Empty = `user@host/pid`.
	Identity string
	// DrainTimeout is how long running activities get after Stop before their contexts are cancelled. 0 = 30 s.
	DrainTimeout time.Duration
	// Log gets warnings. nil = the log package.
	Log func(format string, arguments ...any)
}

type activity func(ctx context.Context, task *sagapb.ActivityTask, v values) (any, error)

// Worker serves activities until it is stopped. Every task gets one report, which is kept until the server has acknowledged
// it and sent again over a new stream if need be. A lost stream is opened again with backoff; activities go on meanwhile.
type Worker struct {
	client     *Client
	options    WorkerOptions
	activities map[string]activity

	mu            sync.Mutex
	runs          map[string]*run
	reports       map[string]*sagapb.WorkerItem
	outgoing      []*sagapb.WorkerItem
	changed       chan struct{} // closed and replaced when something has changed
	stopping      bool
	serving       bool
	tokensRefused bool
}

// NewWorker makes a worker; Register gives it activities, Run serves them.
func NewWorker(client *Client, options WorkerOptions) (*Worker, error) {
	if options.MaxConcurrent == 0 {
		options.MaxConcurrent = 20
	}
	if options.DrainTimeout == 0 {
		options.DrainTimeout = 30 * time.Second
	}
	if options.Identity == "" {
		options.Identity = identity()
	}
	if options.Log == nil {
		options.Log = func(format string, arguments ...any) { log.Printf("saga worker: "+format, arguments...) }
	}
	if len(options.TaskQueues) == 0 || options.MaxConcurrent < len(options.TaskQueues) || options.MaxConcurrent > 4_096 {
		return nil, errors.New("saga: give at least one task queue, and MaxConcurrent from their number to 4096")
	}
	return &Worker{
		client: client, options: options, activities: map[string]activity{}, runs: map[string]*run{},
		reports: map[string]*sagapb.WorkerItem{}, changed: make(chan struct{}),
	}, nil
}

// Register serves an activity under the name that workflows call it by. Before Run.
//
// The context is cancelled when the attempt should stop; an activity that then returns the context's error is reported as
// cancelled.
func Register[In, Out any](w *Worker, name string, function func(context.Context, In) (Out, error)) {
	w.activities[name] = func(ctx context.Context, task *sagapb.ActivityTask, v values) (any, error) {
		var input In
		if err := v.decode(task.GetInput(), &input); err != nil {
			return nil, unreadable(err)
		}
		return function(ctx, input)
	}
}

// RegisterUndo serves an activity that undoes a step whose input is an In and whose output an Out. Before Run.
func RegisterUndo[In, Out any](w *Worker, name string, function func(context.Context, Undo[In, Out]) error) {
	RegisterUndoWithResult(w, name, func(ctx context.Context, undo Undo[In, Out]) (any, error) {
		return nil, function(ctx, undo)
	})
}

// RegisterUndoWithResult is RegisterUndo for an undo that returns something, for the history.
func RegisterUndoWithResult[In, Out, Result any](w *Worker, name string, function func(context.Context, Undo[In, Out]) (Result, error)) {
	w.activities[name] = func(ctx context.Context, task *sagapb.ActivityTask, v values) (any, error) {
		told := task.GetUndo()
		undo := Undo[In, Out]{
			Outcome: outcomes[told.GetOutcome()], IdempotencyKey: told.GetStepKey(), Data: Value{told.GetData(), v},
		}
		if err := v.decode(task.GetInput(), &undo.Input); err != nil {
			return nil, unreadable(err)
		}
		if told.GetOutput() != nil {
			undo.Output = new(Out)
			if err := v.decode(told.GetOutput(), undo.Output); err != nil {
				return nil, unreadable(err)
			}
		}
		return function(ctx, undo)
	}
}

var outcomes = map[sagapb.StepOutcome]Outcome{
	sagapb.StepOutcome_STEP_OUTCOME_UNSPECIFIED: OutcomeUnknown,
	sagapb.StepOutcome_STEP_OUTCOME_COMPLETED:   OutcomeCompleted,
	sagapb.StepOutcome_STEP_OUTCOME_NO_EFFECT:   OutcomeNoEffect,
	sagapb.StepOutcome_STEP_OUTCOME_UNKNOWN:     OutcomeUnknown,
}

func unreadable(err error) error {
	return NoEffect(&Error{Kind: sagapb.ErrorKind_ERROR_KIND_CODEC, Message: "the input cannot be read: " + err.Error()})
}

// Stop begins to drain: no new task, running ones finish and are acknowledged, then Run returns.
func (w *Worker) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopping = true
	w.wakeLocked()
}

// Serving says whether a stream is open.
func (w *Worker) Serving() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.serving
}

func (w *Worker) wakeLocked() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// until waits for a condition, which it checks under the lock; false if the context ended first.
func (w *Worker) until(ctx context.Context, condition func() bool) bool {
	for {
		w.mu.Lock()
		met, changed := condition(), w.changed
		w.mu.Unlock()
		if met {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (w *Worker) idleLocked() bool     { return len(w.runs) == 0 && len(w.reports) == 0 }
func (w *Worker) finishedLocked() bool { return w.stopping && w.idleLocked() }

// Run serves until Stop, or until the context ends (which drops what runs; Stop is the graceful way). The error is a
// *StatusError if the server refuses the worker for good (credentials, names), or the context's.
func (w *Worker) Run(ctx context.Context) error {
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, run := range w.runs {
			run.cancel()
		}
	}()
	first := backoff{next: 200 * time.Millisecond, most: 10 * time.Second}
	for pause := first; ; {
		brought, err := w.serve(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if brought {
			pause = first
		}
		var status *StatusError
		switch {
		case err == nil:
		case errors.As(err, &status):
			if strings.Contains(status.Message, "running_task_tokens") && !w.tokensRefused {
				// One has expired: its report will be refused by itself, the rest goes on.
				w.tokensRefused = true
				continue
			}
			switch status.Code {
			case sagapb.StatusCode_STATUS_CODE_UNAUTHENTICATED, sagapb.StatusCode_STATUS_CODE_PERMISSION_DENIED,
				sagapb.StatusCode_STATUS_CODE_INVALID_ARGUMENT, sagapb.StatusCode_STATUS_CODE_UNIMPLEMENTED:
				return err
			}
			w.options.Log("stream ended: %v", err)
		case errors.Is(err, ErrConnectionLost):
			w.options.Log("stream lost: %v", err)
		default:
			return err
		}
		limited, cancel := context.WithTimeout(ctx, pause.take())
		finished := w.until(limited, w.finishedLocked)
		cancel()
		if finished {
			return nil
		}
	}
}

// serve is one stream to its end; true if it brought anything.
func (w *Worker) serve(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := w.client.Workers.Work(ctx, w.opening())
	if err != nil {
		return false, err
	}
	defer stream.Cancel()
	w.mu.Lock()
	// Reports that are not acknowledged go out again; fresh ones still in the queue are among them.
	w.outgoing = w.outgoing[:0]
	for _, report := range w.reports {
		w.outgoing = append(w.outgoing, report)
	}
	w.serving = true
	w.wakeLocked()
	w.mu.Unlock()
	var helpers sync.WaitGroup
	helpers.Add(2)
	go func() { defer helpers.Done(); w.send(ctx, stream) }()
	go func() { defer helpers.Done(); w.drain(ctx, stream) }()
	defer func() {
		w.mu.Lock()
		w.serving = false
		w.mu.Unlock()
		cancel()
		helpers.Wait()
	}()
	brought := false
	for {
		item, err := stream.Receive(ctx)
		if errors.Is(err, io.EOF) {
			return brought, nil
		}
		if err != nil {
			return brought, err
		}
		brought = true
		w.tokensRefused = false
		w.handle(ctx, item, stream)
	}
}

func (w *Worker) opening() *sagapb.WorkerItem {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := map[string]bool{}
	for token := range w.runs {
		known[token] = true
	}
	for token := range w.reports {
		known[token] = true
	}
	open := &sagapb.WorkOpen{Identity: w.options.Identity, TaskQueues: w.options.TaskQueues}
	for name := range w.activities {
		open.ActivityTypes = append(open.ActivityTypes, name)
	}
	sort.Strings(open.ActivityTypes)
	if !w.tokensRefused {
		for token := range known {
			if len(open.RunningTaskTokens) < 4_096 {
				open.RunningTaskTokens = append(open.RunningTaskTokens, []byte(token))
			}
		}
	}
	free := w.options.MaxConcurrent - len(known)
	if w.stopping || free < 0 {
		free = 0
	}
	// One pool of places for all queues, split so that each has at least one if there are enough.
	for i, queue := range w.options.TaskQueues {
		places := free / len(w.options.TaskQueues)
		if i < free%len(w.options.TaskQueues) {
			places++
		}
		if places > 0 {
			open.Slots = append(open.Slots, &sagapb.Slots{TaskQueue: queue, AddActivities: uint32(places)})
		}
	}
	return &sagapb.WorkerItem{Item: &sagapb.WorkerItem_Open{Open: open}}
}

type workStream = DuplexStream[*sagapb.WorkerItem, *sagapb.ServerItem]

// send sends what is in the queue; the receiving side sees how the stream ends.
func (w *Worker) send(ctx context.Context, stream *workStream) {
	for w.until(ctx, func() bool { return len(w.outgoing) > 0 }) {
		w.mu.Lock()
		items := w.outgoing
		w.outgoing = nil
		w.mu.Unlock()
		for _, item := range items {
			if stream.Send(ctx, item) != nil {
				return
			}
		}
	}
}

func (w *Worker) drain(ctx context.Context, stream *workStream) {
	if !w.until(ctx, func() bool { return w.stopping }) {
		return
	}
	w.mu.Lock()
	running := uint32(len(w.runs))
	w.mu.Unlock()
	_ = stream.Send(ctx, &sagapb.WorkerItem{Item: &sagapb.WorkerItem_Drained{Drained: &sagapb.Drained{Running: running}}})
	limited, cancel := context.WithTimeout(ctx, w.options.DrainTimeout)
	defer cancel()
	if !w.until(limited, w.idleLocked) && ctx.Err() == nil {
		w.mu.Lock()
		w.options.Log("%d activities still run; they are asked to stop", len(w.runs))
		for _, run := range w.runs {
			run.requestCancel()
		}
		w.mu.Unlock()
	}
	w.end(ctx, stream)
}

// end ends the stream when nothing runs.
func (w *Worker) end(ctx context.Context, stream *workStream) {
	if !w.until(ctx, w.idleLocked) {
		return
	}
	_ = stream.Send(ctx, &sagapb.WorkerItem{Item: &sagapb.WorkerItem_Drained{Drained: &sagapb.Drained{}}})
	_ = stream.End()
}

func (w *Worker) handle(ctx context.Context, item *sagapb.ServerItem, stream *workStream) {
	switch item := item.Item.(type) {
	case *sagapb.ServerItem_ActivityTask:
		w.begin(item.ActivityTask)
	case *sagapb.ServerItem_CancelActivity:
		w.requestCancel(item.CancelActivity.TaskToken)
	case *sagapb.ServerItem_HeartbeatAnswer:
		if item.HeartbeatAnswer.CancelRequested || !item.HeartbeatAnswer.Current {
			w.requestCancel(item.HeartbeatAnswer.TaskToken)
		}
	case *sagapb.ServerItem_Ack:
		w.mu.Lock()
		delete(w.reports, string(item.Ack.TaskToken))
		w.wakeLocked()
		w.mu.Unlock()
		switch item.Ack.Result {
		case sagapb.AckResult_ACK_RESULT_REFUSED:
			w.options.Log("a report was refused: %s", item.Ack.GetError().GetMessage())
		case sagapb.AckResult_ACK_RESULT_LATE_EFFECT:
			w.options.Log("a report came after the undo of its step; the server deals with it")
		}
	case *sagapb.ServerItem_Drain:
		go w.end(ctx, stream)
	}
}

func (w *Worker) requestCancel(token []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if run := w.runs[string(token)]; run != nil {
		run.requestCancel()
	}
}

func (w *Worker) begin(task *sagapb.ActivityTask) {
	w.mu.Lock()
	defer w.mu.Unlock()
	token := string(task.TaskToken)
	if w.runs[token] != nil || w.reports[token] != nil {
		return // It runs here, or has run: the report is on its way.
	}
	made := &run{worker: w, task: task, values: w.client.config.values, gap: time.Second}
	if limit := time.Duration(task.GetTimeouts().GetHeartbeatUs()) * time.Microsecond; limit > 0 && limit/4 < made.gap {
		made.gap = limit / 4
	}
	// Not derived from the stream's context: activities outlive streams.
	made.ctx, made.cancel = context.WithCancel(context.Background())
	w.runs[token] = made
	go func() {
		report := made.report()
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.runs, token)
		w.reports[token] = report
		w.outgoing = append(w.outgoing, report)
		w.wakeLocked()
	}()
}

// say sends something that is not worth repeating; nothing happens without a stream.
func (w *Worker) say(item *sagapb.WorkerItem) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.serving {
		w.outgoing = append(w.outgoing, item)
		w.wakeLocked()
	}
}

// run is one attempt that runs here.
type run struct {
	worker *Worker
	task   *sagapb.ActivityTask
	values values
	gap    time.Duration
	ctx    context.Context
	cancel context.CancelFunc

	mu              sync.Mutex
	cancelRequested bool
	ended           bool
	undoData        any
	hasUndoData     bool
	details         any
	lastBeat        time.Time
	beating         bool
}

func (r *run) requestCancel() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cancelRequested = true
	r.cancel()
}

func (r *run) heartbeat(details any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.details = details
	if r.ended || r.beating {
		return
	}
	r.beating = true
	time.AfterFunc(time.Until(r.lastBeat.Add(r.gap)), r.beat)
}

func (r *run) beat() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.beating = false
	if r.ended {
		return
	}
	r.lastBeat = time.Now()
	item := &sagapb.Heartbeat{TaskToken: r.task.TaskToken}
	if r.details != nil {
		var err error
		if item.Details, err = r.values.encode(r.details); err != nil {
			r.worker.options.Log("heartbeat details of %s are left out: %v", r.task.ActivityType, err)
			item.Details = nil
		}
	}
	r.worker.say(&sagapb.WorkerItem{Item: &sagapb.WorkerItem_Heartbeat{Heartbeat: item}})
}

type ended struct {
	output any
	err    error
}

// report runs the activity and says what came of it.
func (r *run) report() *sagapb.WorkerItem {
	defer func() {
		r.mu.Lock()
		r.ended = true
		r.mu.Unlock()
		r.cancel()
	}()
	done := make(chan ended, 1)
	go func() {
		output, err := r.execute()
		done <- ended{output, err}
	}()
	// The server's own clock decides; this one ends what would hold a place for ever.
	var late <-chan time.Time
	limit := time.Duration(r.task.GetTimeouts().GetStartToCloseUs()) * time.Microsecond
	if limit > 0 {
		timer := time.NewTimer(limit + time.Second)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case result := <-done:
		if result.err == nil {
			completed, err := r.completed(result.output)
			if err == nil {
				return completed
			}
			result.err = err
		}
		return r.failure(result.err)
	case <-late:
		r.cancel()
		message := fmt.Sprintf("the attempt ran longer than %v", limit)
		return r.failure(&Error{Kind: sagapb.ErrorKind_ERROR_KIND_TIMEOUT, Message: message})
	}
}

func (r *run) execute() (output any, err error) {
	function := r.worker.activities[r.task.ActivityType]
	if function == nil {
		return nil, NoEffect(&Error{
			Kind: sagapb.ErrorKind_ERROR_KIND_CONFIGURATION, Message: "this worker does not serve " + r.task.ActivityType, NonRetryable: true,
		})
	}
	defer func() {
		if thrown := recover(); thrown != nil {
			err = fmt.Errorf("panic: %v", thrown)
		}
	}()
	t := r.task
	info := &Info{
		Namespace: t.Namespace, WorkflowID: t.WorkflowId, WorkflowType: t.WorkflowType, SagaID: t.SagaId,
		ActivityType: t.ActivityType, StepID: t.StepId, TaskQueue: t.TaskQueue, Attempt: t.Attempt,
		IdempotencyKey: t.IdempotencyKey, IsUndo: t.IsUndo, IsProbe: t.IsProbe, Traceparent: t.Traceparent,
		HeartbeatDetails: Value{t.HeartbeatDetails, r.values}, run: r,
	}
	return function(context.WithValue(r.ctx, infoKey{}, info), t, r.values)
}

func (r *run) completed(output any) (*sagapb.WorkerItem, error) {
	made := &sagapb.ActivityCompleted{TaskToken: r.task.TaskToken}
	var err error
	if made.Output, err = r.values.encode(output); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hasUndoData {
		if made.UndoData, err = r.values.encode(r.undoData); err != nil {
			return nil, err
		}
	}
	return &sagapb.WorkerItem{Item: &sagapb.WorkerItem_ActivityCompleted{ActivityCompleted: made}}, nil
}

func (r *run) failure(err error) *sagapb.WorkerItem {
	var none noEffect
	isNone := errors.As(err, &none)
	r.mu.Lock()
	asked := r.cancelRequested
	r.mu.Unlock()
	if asked && errors.Is(err, context.Canceled) {
		made := &sagapb.ActivityCanceled{TaskToken: r.task.TaskToken, Effect: sagapb.Effect_EFFECT_UNKNOWN}
		if isNone {
			made.Effect = sagapb.Effect_EFFECT_NONE
		}
		return &sagapb.WorkerItem{Item: &sagapb.WorkerItem_ActivityCanceled{ActivityCanceled: made}}
	}
	effect := sagapb.Effect_EFFECT_UNKNOWN
	var known *Error
	if errors.As(err, &known) {
		if known.Kind == sagapb.ErrorKind_ERROR_KIND_VALIDATION || known.Kind == sagapb.ErrorKind_ERROR_KIND_DOMAIN {
			effect = sagapb.Effect_EFFECT_UNSPECIFIED // follows from the kind
		}
	} else {
		name := strings.TrimPrefix(reflect.TypeOf(err).String(), "*")
		known = &Error{Code: name, Message: err.Error()}
	}
	if isNone {
		effect = sagapb.Effect_EFFECT_NONE
	}
	message, problem := known.message(r.values)
	if problem != nil {
		plain := *known
		plain.Details = nil
		plain.Message = fmt.Sprintf("%s (its details are left out: %v)", known.Message, problem)
		message, _ = plain.message(r.values)
	}
	made := &sagapb.ActivityFailed{TaskToken: r.task.TaskToken, Error: message, Effect: effect}
	return &sagapb.WorkerItem{Item: &sagapb.WorkerItem_ActivityFailed{ActivityFailed: made}}
}
